"""
Virtual time and concurrency: runs coroutines ("actors") one at a time, in the order they are due.

In goes a main coroutine, out comes its result. An actor gives way only where it has to wait: what
for is in `waiting.py`. Called by the runner, the substrates and the tests, while the architecture
pages see only ports. `live_kernel.py` is the same interface in real time. Not thread-safe.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Coroutine
from heapq import heappop, heappush
from itertools import repeat
from random import Random
from typing import Any, TypeVar

from cdlab.errors import Stalled
from cdlab.waiting import SUSPEND, Actor, Call, Cancelled, Event, Queue, Resource, Signal, running

__all__ = ["Actor", "Cancelled", "Event", "Kernel", "Queue", "Resource", "Signal"]

T = TypeVar("T")

NEVER = 2**62
"""In microseconds; not infinity, because comparing whole numbers with it would be slow."""

RESUMPTIONS_PER_INSTANT = 1_000_000
"""More than any model needs: beyond it actors wake each other in a circle, time stands still."""


class Kernel:
    """Runs actors in virtual time; at equal times in turn, or as drawn from a `tie_seed`."""

    _grace_us = 3_600_000_000  # for the finally blocks of those who are cancelled when a run ends

    def __init__(self, *, tie_seed: int | None = None) -> None:
        self.current: Actor | None = None
        self.ready: deque[Actor] = deque()  # to resume at this instant
        self._now_us = 0
        self._main: Actor | None = None
        self._actors: dict[Actor, None] = {}  # those that are not done, in the order of spawning
        self._sleepers: dict[int, list[Actor]] = {}  # due -> who sleeps, in the order they came
        self._due: list[int] = []  # the keys of _sleepers, as a heap
        self._ties = None if tie_seed is None else Random(tie_seed)

    @property
    def now_us(self) -> int:
        """Microseconds since the kernel was made."""
        return self._now_us

    def now(self) -> float:
        """Seconds since the kernel was made."""
        return self.now_us / 1_000_000

    def timestamp(self) -> float:
        """Seconds since 1970. In virtual time that is when the kernel was made."""
        return self.now()

    def spawn(
        self, coroutine: Coroutine[Any, Any, Any], *, name: str, context: object = None,
        daemon: bool = False,
    ) -> Actor:  # fmt: skip
        """
        Start an actor, which first runs when the current one waits.

        A run has stalled when all that could still happen is that daemons wake from a sleep: a
        daemon is somebody whose clock nobody depends on. Who waits to be asked, as the consumer
        of a queue, need not be one, for waiting keeps no run alive.
        """
        if context is None and self.current is not None:
            context = self.current.context
        actor = Actor(self, name, coroutine, context=context, daemon=daemon)
        self._actors[actor] = None
        self.ready.append(actor)
        return actor

    async def sleep(self, seconds: float) -> None:
        """Wait, rounded to whole microseconds. 0 gives way to those who are ready."""
        actor = self.current or running(self)
        us = round(seconds * 1_000_000)  # raises for NaN and infinity
        if us > 0:  # what follows is _wake_at, without the price of a call
            actor._sleep = due = self._now_us + us
            sleepers = self._sleepers
            if due in sleepers:
                sleepers[due].append(actor)
            else:
                sleepers[due] = [actor]
                heappush(self._due, due)
        elif seconds >= 0:
            self.ready.append(actor)
        else:
            raise ValueError(f"cannot sleep for {seconds} s")
        await SUSPEND

    def sleep_us(self, us: int) -> Coroutine[Any, Any, None]:
        """Wait for that many microseconds, exact for a hundred years."""
        return self.sleep(us / 1_000_000)

    def _wake_at(self, due: int, sleeper: Actor) -> None:
        sleeper._sleep = due
        if due in self._sleepers:
            self._sleepers[due].append(sleeper)
        else:
            self._sleepers[due] = [sleeper]
            heappush(self._due, due)

    def end_sleep(self, sleeper: Actor) -> bool:
        """Forget when it was due; return False when it does not sleep. For cancelling."""
        sleepers = self._sleepers.get(sleeper._sleep)
        if sleepers is None or sleeper not in sleepers:
            return False
        sleepers.remove(sleeper)
        return True

    def event(self, name: str) -> Event:
        """Something that happens once, to be waited for; the name is what a stall report says."""
        return Event(self, name)

    def signal(self, name: str) -> Signal:
        """Something that happens again and again."""
        return Signal(self, name)

    def queue(self, name: str) -> Queue:
        """Items that are put by some and taken by others, first in, first out."""
        return Queue(self, name)

    def resource(self, name: str, capacity: int) -> Resource:
        """Places that at most `capacity` actors hold at a time."""
        return Resource(self, name, capacity)

    async def timeout(self, coroutine: Coroutine[Any, Any, T], seconds: float, *, what: str) -> T:
        """
        Return the coroutine's result, or cancel it and raise TimeoutError when the time is over.

        It runs as an actor of its own, whose `finally` blocks are waited for, beyond the limit if
        need be. Ending exactly at the limit is late. Who cancels the caller cancels it too.
        """
        limit_us = self.now_us + max(round(seconds * 1_000_000), 1)
        parent = running(self)
        child = self.spawn(coroutine, name=f"{parent.name}: {what}", daemon=parent.daemon)
        alarm = Call(lambda _: child.cancel(), daemon=parent.daemon)
        self._wake_at(limit_us, alarm)
        try:
            return await child.join()  # type: ignore[no-any-return]
        except Cancelled as error:
            if not child.done:  # it is this actor that was cancelled
                child.cancel()
                await child.join()
            elif child.ended_with(error) and not self.end_sleep(alarm):
                raise TimeoutError(f"{what} took longer than {seconds} s") from None
            raise
        finally:
            self.end_sleep(alarm)

    async def offload(self, function: Callable[[], T], *, what: str) -> T:
        """Call a function that blocks: in virtual time at once, in real time in a thread."""
        return function()

    def run(
        self, main: Coroutine[Any, Any, T], *, name: str = "main", context: object = None,
        deadline_seconds: float | None = None,
    ) -> T:  # fmt: skip
        """
        Return main's result as soon as it is done, after cancelling all other actors.

        Raises what main raises, and what any other actor raises that nobody joins just then, with
        a note of who and when; Stalled when main cannot go on any more, or not by the deadline,
        or when an actor goes on after three cancellations.
        """
        if self.current is not None:
            raise RuntimeError("this kernel is running already")
        limit = NEVER
        if deadline_seconds is not None and deadline_seconds < math.inf:
            limit = self.now_us + round(deadline_seconds * 1_000_000)
        self._main = actor = self.spawn(main, name=name, context=context)
        failure: BaseException | None = None
        try:
            self._loop(limit)
        except BaseException as error:  # raised again when all are cancelled
            failure = error
        failure = self._cancel_all(failure)
        for leftover in (self.ready, self._actors, self._sleepers, self._due):
            leftover.clear()
        if failure is not None:
            raise failure
        return actor._result  # type: ignore[no-any-return]

    def _loop(self, limit: int) -> None:
        """Resume who is ready, advance time when nobody is; until main or every actor is done."""
        ready, ties, take = self.ready, self._ties, self.ready.popleft
        while self._actors:
            instant = self._now_us
            for _ in repeat(None, RESUMPTIONS_PER_INSTANT):
                if ties is not None and ready:
                    ready.rotate(-ties.randrange(len(ready)))
                self.current = actor = take() if ready else self._advance(limit)
                try:
                    if actor._resume(None) is not None:
                        raise TypeError("awaited something that belongs to another event loop")
                except StopIteration as stop:
                    self._end(actor, stop.value, None)
                    if actor is self._main or not self._actors:
                        return
                except BaseException as error:  # raised by _end, or by who joins
                    self._end(actor, None, error)
                    if not self._actors:
                        return
            if self._now_us == instant:
                raise self._stalled("actors wake each other without end, time stands still")
            if self._now_us > limit:  # only real time goes on while somebody is ready
                raise self._stalled("the deadline has passed")

    def _advance(self, limit: int) -> Actor:
        """Move on to when somebody is due; return the first, make the others ready."""
        self.current = None
        while self._due:
            due = heappop(self._due)
            sleepers = self._sleepers.pop(due)
            if not sleepers:  # all were cancelled
                continue
            is_late = due > limit
            if is_late or (sleepers[0].daemon and self._only_daemons_sleep(sleepers)):
                heappush(self._due, due)
                self._sleepers[due] = sleepers
                self._now_us = limit if is_late else self._now_us
                reason = "the deadline has passed" if is_late else "nothing but daemons can go on"
                raise self._stalled(reason)
            self._now_us = due
            if len(sleepers) > 1:
                if self._ties is not None:
                    self._ties.shuffle(sleepers)
                self.ready.extend(sleepers[1:])
            return sleepers[0]
        raise self._stalled("nobody can go on")

    def _only_daemons_sleep(self, *more: list[Actor]) -> bool:
        if self._main is None:  # the run is over: the finally blocks of daemons count too
            return False
        return all(each.daemon for them in (*more, *self._sleepers.values()) for each in them)

    def _stalled(self, reason: str) -> Stalled:
        due = {sleeper: due for due, them in self._sleepers.items() for sleeper in them}
        waiting = []
        for actor in self._actors:
            what = f"the end of its sleep at {due[actor] / 1e6:.6f} s" if actor in due else None
            waiting.append((actor.name + " (daemon)" * actor.daemon, what or actor.awaited()))
        return Stalled(waiting, reason=f"{reason}, at {self.now():.6f} s")

    def _end(self, actor: Actor, result: object, error: BaseException | None) -> None:
        del self._actors[actor]
        is_joined = actor.finish(result, error)
        is_main = actor is self._main
        if error is None or (isinstance(error, Cancelled) and not is_main):
            return
        if is_main or not is_joined or not isinstance(error, Exception):
            error.add_note(f"raised in actor {actor.name!r}, at {self.now():.6f} s")
            raise error

    def _cancel_all(self, failure: BaseException | None) -> BaseException | None:
        """Cancel whoever is left; return the first failure of the whole run, the rest as notes."""
        self._main = None
        for is_forced in (False, True, True):
            self.current = None
            for actor in tuple(self._actors):
                if is_forced or not actor._is_cancelled:
                    actor.interrupt()
            limit = self.now_us + self._grace_us
            while self._actors:
                try:
                    self._loop(limit)
                except Stalled:
                    break
                except BaseException as error:
                    failure = failure or error
                    if failure is not error:
                        failure.add_note(f"while the run ended: {error!r}")
                    if not isinstance(error, Exception):
                        break
        self.current = None
        if self._actors and failure is None:
            failure = self._stalled("cancelled three times, and still not done")
        return failure
