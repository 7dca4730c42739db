"""
The recorder of a process that works for a run elsewhere: its events go there as a stream.

In: what happens in this process. Out: numbered events, to whoever asks for those after a number.
It knows none of the run's intents, so it works on behalf of symbols, see `merging.py`. Called by
`hosted_manager.py`.
"""

from __future__ import annotations

from typing import Any

from cdlab.history import Event, History
from cdlab.kernel import Kernel
from cdlab.merging import ARTIFACT
from cdlab.model import Context
from cdlab.recording import Call, Recorder

KEPT = 20_000
"""Events: some hours of a manager with little to do, and more than a run is ever behind."""


class NewestEvents(History):
    """A history without its beginning: the process may stand for months, and nobody may read it."""

    def __init__(self, kept: int = KEPT) -> None:
        """Keeps at least *kept* events and at most twice as many; the numbers go on."""
        super().__init__()
        self.kept = kept
        self.first = 0
        """The number of the oldest that is there."""

    def append(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) > 2 * self.kept:
            del self._events[: self.kept]
            self.first += self.kept

    def __len__(self) -> int:
        return self.first + len(self._events)

    def __getitem__(self, seq: int) -> Event:
        return self._events[seq - self.first]


class StreamingRecorder(Recorder):
    """Records as ever; what it follows and did not see being made, it names."""

    def __init__(self, kernel: Kernel, kept: int = KEPT) -> None:
        self.newest = NewestEvents(kept)
        super().__init__(kernel, self.newest)
        self._news = kernel.signal("an event to stream")
        self._fetched = 0
        self._is_read = False

    def append(self, call: Call, began_us: int | None = None, **fields: Any) -> int:
        seq = super().append(call, began_us, **fields)
        self._news.notify_all()
        return seq

    def follow(self, artifact: str) -> None:
        if self.origin(artifact) is not None:
            super().follow(artifact)
        elif self.kernel.current:
            self.kernel.current.context = Context(f"{ARTIFACT}{artifact}")

    @property
    def is_fetched(self) -> bool:
        """Whether nobody reads the stream, or its reader has all of it."""
        return not self._is_read or self._fetched >= len(self.history)

    async def after(self, number: int, seconds: float) -> list[Event]:
        """
        The events from *number* on; waits up to so many seconds for the first of them.

        Who asks for those that are gone gets what is left.
        """
        self._is_read, self._fetched = True, max(self._fetched, number)
        until = self.kernel.now() + seconds
        while len(self.history) <= number and (left := until - self.kernel.now()) > 0:
            try:
                await self.kernel.timeout(self._news.wait(), left, what="an event to stream")
            except TimeoutError:
                break
        start = max(number, self.newest.first)
        return [self.history[each] for each in range(start, len(self.history))]
