"""
One HTTP request as the git server sees it: its body, its login, its answer.

In: a socket. Out: bodies (whole, or as a stream of blocks), the principal, JSON answers. Who calls
it: the routes in `server.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

BODY_BYTES = 1 << 20
"""Largest body of a hint or an administration request; a push may be of any size."""
Answer = tuple[int, Any]
"""Status and a value for JSON."""


class Refusal(Exception):
    """A request that ends with this status and sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Exchange(BaseHTTPRequestHandler):
    """One connection."""

    users_and_digests: ClassVar[dict[str, str]]
    """principal -> sha256 of its password, in hex. Passwords are random and long: no salt."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300
    """Seconds that a connection may stay silent."""
    body_is_read = False

    def blocks(self) -> Iterator[bytes]:
        """Yield the request's body, whether it has a length or comes in chunks."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while size := int(self.rfile.readline(32).split(b";")[0], 16):
                yield from self.exactly(size)
                self.rfile.readline(4)
            while self.rfile.readline(1024).strip():
                pass
        else:
            yield from self.exactly(int(self.headers.get("Content-Length") or 0))
        self.body_is_read = True

    def exactly(self, size: int) -> Iterator[bytes]:
        """Yield `size` bytes of the request, in blocks."""
        while size:
            block = self.rfile.read1(min(size, 1 << 16))
            if not block:
                raise ConnectionError("the client went away")
            size -= len(block)
            yield block

    def read_small(self) -> bytes:
        """Return the whole body. 413 above `BODY_BYTES`."""
        body = b""
        try:
            for block in self.blocks():
                body += block
                if len(body) > BODY_BYTES:
                    raise Refusal(413, f"the body is larger than {BODY_BYTES} bytes")
        except (OSError, ValueError) as error:
            raise Refusal(400, f"the body cannot be read: {error}") from error
        return body

    def read_json(self) -> Any:
        """Return the body as JSON. 400 where it is none."""
        try:
            return json.loads(self.read_small())
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"the body is not JSON: {error}") from error

    def require(self, principal: str | None = None) -> str:
        """Return who is logged in. 401 for nobody, 403 for anybody but `principal`."""
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            user, password = "", ""
        digest = hashlib.sha256(password.encode()).hexdigest()
        known = self.users_and_digests.get(user, "")
        if scheme.lower() != "basic" or not hmac.compare_digest(digest, known):
            raise Refusal(401, "a login is needed")
        if principal not in (None, user):
            raise Refusal(403, f'"{user}" may not do that, only "{principal}"')
        return user

    def send_json(self, status: int, value: Any) -> None:
        """Send a whole answer; what is left of a body makes the connection unusable."""
        has_body = (
            self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers
        )
        self.close_connection |= has_body and not self.body_is_read
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="cdlab"')
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
