"""
Tells receivers outside what happened, beside the release manager and never in its way.

In: everything that its process records. Out: notifications, in order to each receiver. They wait in
memory, a bounded number for each receiver; what is dropped or given up is counted and logged. None
is told again by the next process, so what waits when this one is killed is never told. Called by
`hosted_manager.py`.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Literal

from cdlab.dates import rfc3339
from cdlab.errors import Undelivered
from cdlab.history import Event
from cdlab.kernel import Actor, Kernel
from cdlab.manager.listening import QueueListener
from cdlab.manager.noticing import Noticing
from cdlab.model import Outcome
from cdlab.notifications import Notification, Receiver

MOST_WAITING = 1024
"""For each receiver; then the oldest goes. One commit may change some hundred workloads. A
notification has less than a kilobyte, but for the reason, of which people write at most 2000
characters."""
ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 1.0
"""It doubles: the last attempt begins half a minute after the first, and the next one's turn comes
before so many have gathered that any is dropped."""
HELD_SECONDS = 3.0
"""For so long a line is silent while a sync is at work: what it tells costs the same API server."""
HELD_LOOK_SECONDS = 0.1
Ended = Literal["delivered", "failed", "dropped"]
_log = logging.getLogger("cdlab.notifications")


class Notifier(QueueListener):
    """What one process of the manager tells the outside. It hears its recorder and its queue."""

    def __init__(self, kernel: Kernel, receivers: Sequence[Receiver], producer: str) -> None:
        self.kernel = kernel
        self.noticing = Noticing(producer, kernel.timestamp())
        self.counts: Counter[tuple[str, str, str]] = Counter()
        """(kind, what became of it, receiver) -> how many."""
        self._lines = [_Line(kernel, each, self._count, self._is_held) for each in receivers]
        self._actors: list[Actor] = []
        self._held_until = 0.0

    def start(self) -> None:
        """Begin to deliver."""
        for line in self._lines:
            name = f"tells {line.receiver.name}"
            self._actors.append(self.kernel.spawn(line.work(), name=name, daemon=True))

    def stop(self) -> None:
        """Deliver no more: what still waits is lost."""
        for actor in self._actors:
            actor.cancel()
        self._actors.clear()
        for line in self._lines:
            line.drop_all()

    @property
    def is_idle(self) -> bool:
        """Whether everything was delivered or given up."""
        return not any(line.is_busy or line.waiting for line in self._lines)

    def see(self, event: Event) -> None:
        """Look at what was just recorded. For the recorder, so it neither waits nor raises."""
        try:
            found = self.noticing.see(event, rfc3339(self.kernel.timestamp()))
        except Exception:  # it is in the middle of a release, which goes on whatever this is
            _log.exception("no notification could be made of event %d, %s", event.seq, event.kind)
            return
        if found is not None:
            for line in self._lines:
                line.put(found)

    def taken(self, what: str, waited_seconds: float) -> None:
        if what == "sync":
            self._held_until = self.kernel.now() + HELD_SECONDS

    def ended(self, what: str, outcome: Outcome) -> None:
        self._held_until = 0.0
        if what == "sync" and outcome.is_released:
            self.noticing.end_sync()

    def _is_held(self) -> bool:
        return self.kernel.now() < self._held_until

    def _count(self, notification: Notification, how: Ended, receiver: str, why: str) -> None:
        self.counts[notification.kind, how, receiver] += 1
        if how != "delivered":
            _log.warning("%s of %s, not told to %s: %s", how, notification.text, receiver, why)


class _Line:
    """One receiver, and what waits for it."""

    def __init__(
        self,
        kernel: Kernel,
        receiver: Receiver,
        ended: Callable[[Notification, Ended, str, str], None],
        is_held: Callable[[], bool],
    ) -> None:
        self.kernel, self.receiver = kernel, receiver
        self.waiting: deque[Notification] = deque()
        self.is_busy = False
        self._ended, self._is_held = ended, is_held
        self._arrived = kernel.signal(f"something to tell {receiver.name}")

    def put(self, notification: Notification) -> None:
        """Have it wait for its turn."""
        if len(self.waiting) >= MOST_WAITING:
            self._drop(f"{MOST_WAITING} newer ones wait")
        self.waiting.append(notification)
        self._arrived.notify_all()

    def drop_all(self) -> None:
        """Nothing is delivered any more."""
        while self.waiting:
            self._drop("the process ends")

    def _drop(self, why: str) -> None:
        self._ended(self.waiting.popleft(), "dropped", self.receiver.name, why)

    async def work(self) -> None:
        """Deliver one after the other."""
        while True:
            while not self.waiting:
                await self._arrived.wait()
            if self._is_held():
                await self.kernel.sleep(HELD_LOOK_SECONDS)
                continue
            notification = self.waiting.popleft()
            self.is_busy = True
            try:
                why = await self._trouble(notification)
            except Exception as error:  # a mistake of ours ends neither this line nor the manager
                _log.exception("%s", self.receiver.name)
                why = repr(error)
            self.is_busy = False
            how: Ended = "failed" if why else "delivered"
            self._ended(notification, how, self.receiver.name, why)

    async def _trouble(self, notification: Notification) -> str:
        """Why it was given up; empty when it was delivered."""
        pause = FIRST_PAUSE_SECONDS
        for is_last in (*[False] * (ATTEMPTS - 1), True):
            try:
                await self.receiver.take(notification)
            except Undelivered as error:
                if is_last or error.is_final:
                    return error.message
            else:
                return ""
            await self.kernel.sleep(pause)
            pause *= 2
        raise AssertionError("the last attempt returns")
