#!/bin/sh
# The page at /: this microservice's name, colour and version.
printf 'Content-Type: text/html\r\n\r\n'
cat <<PAGE
<!doctype html>
<html lang="en">
<title>users</title>
<body style="background: $(cat ../colour); font-family: sans-serif">
<h1>users</h1>
<p>version <b>$(cat ../version)</b></p>
</body>
</html>
PAGE
