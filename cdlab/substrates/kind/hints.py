"""
Waiting for what others do: woken by the hint hub, never trusting it.

In: the hub's hints, read by one thread, and a function that looks at the truth. Out: what that
function found. Who calls it: `git.py` waits for pushes with it, `registry.py` for tags.

A hint only says where to look. The truth is asked at once when one comes, and now and then without.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from cdlab.errors import RegistryUnavailable, RepositoryUnavailable

if TYPE_CHECKING:
    from cdlab.kernel import Signal
    from cdlab.live_kernel import LiveKernel

T = TypeVar("T")

LOOK_SECONDS = 2.0
"""What a wait costs when every hint is lost, where nobody says otherwise."""
POLL_SECONDS = 25
RECONNECT_SECONDS = 0.5
Hint = tuple[str, str]
"""(`git` or `registry`, repository as the server names it)."""


class Hints:
    """One thread that reads hints, and everybody who waits for one."""

    def __init__(
        self, kernel: LiveKernel, hub_url: str, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        """*look_seconds* is the longest time without a look at the truth."""
        self.kernel = kernel
        self._look_seconds = look_seconds
        self._address = urlsplit(hub_url)
        self._counts: Counter[Hint] = Counter()
        self._signals: dict[Hint, Signal] = {}
        self._is_stopped = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen. Hints from before are not told."""
        self._thread = threading.Thread(target=self._listen, name="cdlab hints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, in the middle of a poll too."""
        self._is_stopped.set()
        connection, thread = self._connection, self._thread
        # A poll that begins just now is interrupted by the next turn.
        while thread is not None and thread.is_alive():
            if connection is not None and connection.sock is not None:
                # It may be closed by its own thread in the meantime.
                with suppress(OSError, AttributeError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            thread.join(0.05)
            connection = self._connection

    async def until(self, hint: Hint, look: Callable[[], Awaitable[T | None]]) -> T:
        """
        Return what *look* finds as soon as it finds something.

        An outage of what is looked at is waited out: nobody can have seen a push there meanwhile.
        """
        what = f"{hint[0]} hint on {hint[1]}"
        signal = self._signals.setdefault(hint, self.kernel.signal(what))
        while True:
            count = self._counts[hint]
            try:
                found = await look()
            except (RepositoryUnavailable, RegistryUnavailable):
                found = None
            if found is not None:
                return found
            if self._counts[hint] == count:
                try:
                    await self.kernel.timeout(
                        signal.wait(), self._look_seconds, what=f"hint {hint}"
                    )
                except TimeoutError:
                    continue

    def _listen(self) -> None:
        number = -1
        while not self._is_stopped.is_set():
            self._connection = http.client.HTTPConnection(
                self._address.hostname or "", self._address.port, timeout=POLL_SECONDS + 10
            )
            try:
                while not self._is_stopped.is_set():
                    number = self._poll(self._connection, number)
            except (OSError, ValueError, http.client.HTTPException):
                self._is_stopped.wait(RECONNECT_SECONDS)
            finally:
                self._connection.close()

    def _poll(self, connection: http.client.HTTPConnection, number: int) -> int:
        seconds = 0 if number < 0 else POLL_SECONDS
        connection.request("GET", f"/after/{max(number, 0)}?timeout={seconds}")
        answer = json.loads(connection.getresponse().read())
        if number >= 0 and not self._is_stopped.is_set():
            hints = {(str(each["topic"]), str(each["repository"])): 0 for each in answer["hints"]}
            for hint in hints:
                self.kernel.call_soon_threadsafe(partial(self._tell, hint))
        return int(answer["next"])

    def _tell(self, hint: Hint) -> None:
        self._counts[hint] += 1
        if hint in self._signals:
            self._signals[hint].notify_all()
