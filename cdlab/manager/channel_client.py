"""
A channel to a hosted release manager over HTTP.

In: its address and the installation's token. Out: answers as plain values. Called by
`inside_manager.py`, which gets one from whoever installed the manager.
"""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import suppress
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from cdlab.errors import ManagerUnavailable
from cdlab.kernel import Kernel
from cdlab.manager.messages import PREFIX, Body

TIMEOUT_SECONDS = 120.0
"""For one answer. A rollback takes a tenth of a second, behind a queue of others some seconds."""
EVENTS_SECONDS = 20.0
"""For events, beyond which the other end is gone and did not say so."""
TRIES = 3
"""How often a command is sent, to the same process, while its answer is lost."""


class HttpChannel:
    """One address. Events have a connection of their own, which stays open."""

    def __init__(self, kernel: Kernel, url: str, token: str) -> None:
        self.kernel = kernel
        self.url = url
        self._address = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._events: http.client.HTTPConnection | None = None
        self._reading = Lock()
        self._producer = ""
        """Who answered last: a command is repeated to nobody else."""

    async def ask(self, path: str, body: Body) -> Body:
        answer = await self.kernel.offload(
            lambda: self._ask(path, body), what=f"the release manager's answer to {path}"
        )
        self._producer = str(answer.get("producer", self._producer))
        return answer

    def hang_up(self) -> None:
        connection = self._events
        if connection is not None and connection.sock is not None:
            with suppress(OSError, AttributeError):  # closed by its own thread meanwhile
                connection.sock.shutdown(socket.SHUT_RDWR)
        if self._reading.acquire(blocking=False):  # else who reads closes it
            try:
                if self._events is not None:
                    self._events.close()
                self._events = None
            finally:
                self._reading.release()

    def _ask(self, path: str, body: Body) -> Body:
        if path == "events":
            return self._read_events(body)
        for is_last in [False] * (TRIES - 1) + [True]:
            connection = self._connection(TIMEOUT_SECONDS)
            try:
                return self._exchange(connection, path, body)
            except ManagerUnavailable as error:
                if is_last or error.definite or not self._producer or "request" not in body:
                    raise
                body = {**body, "producer": self._producer}
            finally:
                connection.close()
        raise AssertionError("the last try returns or raises")

    def _read_events(self, body: Body) -> Body:
        with self._reading:
            if self._events is None:
                self._events = self._connection(EVENTS_SECONDS)
            try:
                return self._exchange(self._events, "events", body)
            except ManagerUnavailable:
                self._events.close()
                self._events = None
                raise

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        return http.client.HTTPConnection(host, port, timeout=seconds)

    def _exchange(self, connection: http.client.HTTPConnection, path: str, body: Body) -> Body:
        tried = f"asking the release manager at {self.url} for {path}"
        is_sent = False
        try:
            if connection.sock is None:
                connection.connect()
            is_sent = True
            connection.request("POST", PREFIX + path, json.dumps(body), self._headers)
            answer = connection.getresponse()
            value: dict[str, Any] = json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ManagerUnavailable(
                f"{tried}: {type(error).__name__}: {error}",
                help="cdlab manager logs",
                definite=not is_sent,
            ) from error
        if answer.status == 200:
            return value
        raise ManagerUnavailable(
            f"{tried}: {answer.status}: {value.get('error')}",
            definite=bool(value.get("definite", True)),
        )
