"""
One history out of what several processes recorded.

In: the history of a run, and batches of events that another process, a *producer*, streams, each
numbered by it from 0. Out: the history with each of them once, its causes before it, and at last in
the order of time. Pure. Called by `inside_manager.py`.

A producer knows no intent of the run. It works on behalf of a *symbol*, what it could see: the
artifact that it found, the request that it was sent, that it was started. Whoever merges knows
what those stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cdlab.history import Event, History
from cdlab.model import Context

ARTIFACT, REQUEST, START = "artifact:", "request:", "start:"
"""What a symbol begins with. A revision or an image reference follows, the id of a request, or the
name of the producer that was started."""


def is_symbol(intent: str) -> bool:
    """Whether an intent stands for another one, which the run knows."""
    return intent.startswith((ARTIFACT, REQUEST, START))


class ClockOffset:
    """
    What to add to a producer's time to get ours, from the round trip that took the shortest.

    Both clocks run equally fast, which they do for as long as a run lasts. The error is at most
    half of that round trip.
    """

    def __init__(self) -> None:
        self.us = 0
        self._shortest: int | None = None

    def observe(self, sent_us: int, theirs_us: int, received_us: int) -> None:
        """A question left and its answer came by our clock; between them they looked at theirs."""
        took = received_us - sent_us
        if self._shortest is None or took < self._shortest:
            self._shortest, self.us = took, sent_us + took // 2 - theirs_us


class Merging:
    """Adds what producers stream to a history."""

    def __init__(self, history: History, meaning: Callable[[str], Context | None]) -> None:
        """*meaning* is what a symbol stands for; None if this run has nothing to do with it."""
        self.history = history
        self.meaning = meaning
        self._numbers: dict[str, list[int]] = {}
        """Producer -> the number in the history of each of its events."""
        self._early: dict[str, dict[int, Event]] = {}
        """Events that came before others of their producer."""

    def seen(self, producer: str) -> int:
        """How many of its events are in the history: the number of the one that comes next."""
        return len(self._numbers.get(producer, ()))

    def take(
        self, producer: str, events: Iterable[Event], *, offset_us: int, now_us: int
    ) -> list[Event]:
        """
        Append what is new, in the producer's order, and return it as it stands in the history.

        Batches may overlap, come twice or in any order; what comes too early waits. A time is never
        in the future, nor before the event's causes or the producer's earlier events.
        """
        numbers = self._numbers.setdefault(producer, [])
        early = self._early.setdefault(producer, {})
        early.update((each.seq, each) for each in events if each.seq >= len(numbers))
        taken = []
        while len(numbers) in early:
            event = self._ours(early.pop(len(numbers)), numbers, offset_us, now_us)
            self.history.append(event)
            numbers.append(event.seq)
            taken.append(event)
        return taken

    def _ours(self, event: Event, numbers: list[int], offset_us: int, now_us: int) -> Event:
        causes = tuple(numbers[each] for each in event.causes if each < len(numbers))
        intent = event.intent
        if is_symbol(intent):
            context = self.meaning(intent)
            intent = context.intent if context else ""
            if context and not causes:
                causes = context.causes
        causes = tuple(each for each in causes if self.history[each].intent == intent)
        before = [self.history[each].t_us for each in (*causes, *numbers[-1:])]
        t_us = max([min(event.t_us + offset_us, now_us), *before, 0])
        began_us = min(t_us, max(event.began_us + offset_us, 0))
        return event._replace(
            seq=len(self.history), t_us=t_us, began_us=began_us, intent=intent, causes=causes
        )


def in_order_of_time(history: History) -> History:
    """
    The same events in the order of time, numbered anew; those of one moment stay as they are.

    A history that one process wrote is in that order already. In a merged one an event stands where
    it arrived, which is later than it happened.
    """
    events = sorted(history, key=lambda each: (each.t_us, each.seq))
    numbers = {event.seq: number for number, event in enumerate(events)}
    return History(
        event._replace(seq=number, causes=tuple(numbers[each] for each in event.causes))
        for number, event in enumerate(events)
    )
