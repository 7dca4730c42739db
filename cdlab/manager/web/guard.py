"""
What every request passes before anything looks at it, and what every answer carries.

Three things a browser can be tricked into are refused here: a foreign name in `Host` (DNS
rebinding), a foreign `Origin` on what changes something, and bodies that are too large or never
end. Called by `app.py`, around everything else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
LARGEST_BODY = 64 * 1024
"""Bytes. A message has 2000 characters, so 64 KiB are plenty."""
BODY_SECONDS = 10.0
"""A sender that is slower than that is not worth a connection."""
HEALTH = "/healthz"
"""Asked by Kubernetes under the pod's address: the only path that any host name may ask for."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that, browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer. Nothing inline, nothing from elsewhere, in nobody's frame."""


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, error: str, help: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.help = help


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = LOCAL_HOSTS | {each.lower() for each in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it at once."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer[name] = value
                is_static = scope["path"].startswith("/static/")
                answer["Cache-Control"] = "no-cache" if is_static else "no-store"
            await send(message)

        try:
            self._check(scope, headers)
            body = await _body(headers, receive)
        except Refused as refused:
            problem = {"error": refused.error, "help": refused.help}
            answer = JSONResponse(problem, refused.status, {"Connection": "close"})
            await answer(scope, receive, with_headers)
            return
        await self._app(scope, _replayed(body, receive), with_headers)

    def _check(self, scope: Scope, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if scope["path"] == HEALTH:
            return
        if len(hosts) != 1 or not (found := re.fullmatch(r"([^:]+|\[[^]]+\])(?::\d+)?", hosts[0])):
            raise Refused(400, "the request names no host, or several")
        if found[1].lower() not in self._hosts:
            raise Refused(421, "this host name is not served here", "--allowed-host NAME")
        if scope["method"] not in SAFE:
            self._check_origin(headers, hosts[0])

    def _check_origin(self, headers: Headers, host: str) -> None:
        """Programs send no `Origin`, browsers do; ours is the host that was asked."""
        for origin in headers.getlist("origin"):
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or parts.netloc.lower() != host.lower():
                raise Refused(403, "the request comes from another site")
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Refused(403, "the request comes from another site")


async def _body(headers: Headers, receive: Receive) -> bytes:
    """The whole body. What has no or a wrong length is counted while it comes in."""
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refused(400, "the length of the body is not a number")
    too_large = Refused(413, f"the body is larger than {LARGEST_BODY // 1024} KiB")
    if int(length) > LARGEST_BODY:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Refused(400, "the request ended before its body did")
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Refused(408, f"the body did not come in within {BODY_SECONDS:g} s") from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Hand out the body that was read already, then whatever comes."""
    is_read = False

    async def again() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
