# PID 1 of the container. busybox httpd in its place would ignore SIGTERM, and each pod would wait
# out its grace period. The shell ends at once, and everything else in the container with it.
trap 'exit 0' TERM INT
httpd -f -p "${PORT:-8080}" -h www &
wait $!
