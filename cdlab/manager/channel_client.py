"""
A channel to a hosted release manager over HTTP.

In: its address and the installation's token. Out: answers as plain values. Called by
`inside_manager.py`, which gets one from whoever installed the manager.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import suppress
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from cdlab.errors import ManagerUnavailable
from cdlab.kernel import Kernel
from cdlab.manager.messages import PREFIX, Body

TRY_SECONDS = 5.0
"""For one try. What goes to a pod that is just ending may be swallowed, so nobody waits long; a
command that takes longer is asked for again by its id, and its answer waited for."""
ANSWER_SECONDS = 120.0
"""For the answer to a command: behind others, with boxes that do not answer."""
LOST_SECONDS = 15.0
"""For one whose connection was lost: so long a new process may take to say that it is another."""
EVENTS_SECONDS = 10.0
"""For events, beyond which the other end is gone and did not say so."""
PAUSE_SECONDS = 0.2


class _Refused(ManagerUnavailable):
    """It answered, and the answer is that it did not do it or cannot say."""


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
        deadline = time.monotonic() + ANSWER_SECONDS
        is_perhaps_done = False
        while True:
            try:
                return self._try(path, body)
            except _Refused:
                raise
            except ManagerUnavailable as error:
                if not self._producer or "request" not in body:
                    raise
                if error.definite and not is_perhaps_done:
                    raise
                is_perhaps_done = True
                if not isinstance(error.__cause__, TimeoutError):
                    deadline = min(deadline, time.monotonic() + LOST_SECONDS)
                if time.monotonic() > deadline:
                    error.definite = False
                    raise
            body = {**body, "producer": self._producer}
            time.sleep(PAUSE_SECONDS)

    def _try(self, path: str, body: Body) -> Body:
        connection = self._connection(TRY_SECONDS)
        try:
            return self._exchange(connection, path, body)
        finally:
            connection.close()

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
        raise _Refused(
            f"{tried}: {answer.status}: {value.get('error')}",
            definite=bool(value.get("definite", True)),
        )
