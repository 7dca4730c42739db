#!/bin/sh
# The page at /: this microservice's colour and version, and what the other two answer.
version_of() {
  timeout 2 wget -q -O - "http://$1/version" || echo unavailable
}
printf 'Content-Type: text/html\r\n\r\n'
cat <<PAGE
<!doctype html>
<html lang="en">
<title>front-end</title>
<body style="background: $(cat ../colour); font-family: sans-serif">
<h1>front-end</h1>
<p>version <b>$(cat ../version)</b></p>
<p>users <b>$(version_of users)</b></p>
<p>orders <b>$(version_of orders)</b></p>
</body>
</html>
PAGE
