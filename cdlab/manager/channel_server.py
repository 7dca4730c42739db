"""
The door of a hosted release manager: its questions over HTTP, and whether it is alive.

In: requests with the installation's token, JSON in their bodies. Out: JSON. `GET /healthz` needs no
token, `GET /events?after=N` is the stream for people with curl; the rest is `POST
/internal/v1/<path>`. Called by `in_cluster.py`. What answers is a coroutine on the kernel; each
connection waits for it in a thread of its own.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as Late
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cdlab.errors import CdlabError
from cdlab.manager.messages import PREFIX, Body

Answer = Callable[[str, Body], Coroutine[Any, Any, Body]]
Submit = Callable[[Coroutine[Any, Any, Body]], "Future[Body]"]

BODY_BYTES = 1 << 20
"""Largest body that is read; a rollback has some hundred."""
HEALTH_SECONDS = 2.0
ANSWER_SECONDS = 600.0
"""Longest time that a command may take: behind others, with boxes that do not answer."""
SILENCE_SECONDS = 60


class ChannelServer:
    """Listens on a port, in threads."""

    def __init__(self, port: int, token: str, answer: Answer, submit: Submit) -> None:
        """*submit* has the kernel run a coroutine; *port* 0 takes a free one."""
        handler = type("_Handler", (_Exchange,), {"door": self})
        self.token, self.answer, self.submit = token, answer, submit
        self._server = ThreadingHTTPServer(("", port), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        Thread(target=self._server.serve_forever, name="cdlab channel", daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class _Exchange(BaseHTTPRequestHandler):
    """One connection."""

    door: ChannelServer
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/healthz":
            self._answer("clock", {}, HEALTH_SECONDS)
        elif url.path == "/events" and self._is_allowed():
            self._answer("events", dict(parse_qsl(url.query)), ANSWER_SECONDS)
        elif url.path != "/events":
            self._send(404, {"error": "there is no such path"})

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        body = self._body()
        if body is None or not self._is_allowed():
            return
        if not path.startswith(PREFIX):
            self._send(404, {"error": "there is no such path"})
            return
        self._answer(path.removeprefix(PREFIX), body, ANSWER_SECONDS)

    def _is_allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self.door.token}".encode()):
            return True
        self._send(401, {"error": "the installation's token is needed"})
        return False

    def _body(self) -> Body | None:
        """The JSON of the request; None after an answer that says what is wrong with it."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_BYTES:
            self.close_connection = True
            self._send(413, {"error": f"the body is larger than {BODY_BYTES} bytes"})
            return None
        text = self.rfile.read(int(length))
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self._send(400, {"error": "the body is not a JSON object"})
            return None
        return body

    def _answer(self, path: str, body: Body, seconds: float) -> None:
        future = self.door.submit(self._asked(path, body))
        try:
            self._send(200, future.result(seconds))
        except (KeyError, TypeError, ValueError) as error:
            self._send(400, {"error": f"{type(error).__name__}: {error}"})
        except CdlabError as error:
            is_definite = getattr(error, "definite", True)
            self._send(503, {"error": error.message, "definite": is_definite})
        except (CancelledError, Late):
            self._send(503, {"error": "the release manager was stopped", "definite": False})

    async def _asked(self, path: str, body: Body) -> Body:
        return await self.door.answer(path, body)

    def _send(self, status: int, value: Body) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the recorder has what counts, and a poll every second says nothing."""
