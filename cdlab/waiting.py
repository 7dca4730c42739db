"""
What actors wait for: each other, events, signals, queues, resources. And what an actor is.

Used through `kernel.py`, which makes all of these and decides who runs. An actor is in one of four
states: it runs (`scheduler.current`), is ready, sleeps (`_sleep`), or is among the waiters of
something (`_waits_for`). Cancelling takes it out of the last two at once, so that nobody is handed
an item or a slot who will not take it; what it had been handed but not yet taken goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Protocol


class Scheduler(Protocol):
    """What is needed of the kernel."""

    current: Actor | None
    ready: deque[Any]

    def end_sleep(self, sleeper: Actor) -> bool:
        """Forget when it was due; return False when it does not sleep."""


class Cancelled(BaseException):
    """Thrown into an actor that is cancelled, and into those who join it. Do not swallow it."""

    def __str__(self) -> str:
        return f"actor {self.args[0]!r} was cancelled"


def _awaitable(*yielded: None) -> Awaitable[None]:
    """Make what yields to the kernel through a tuple's iterator, which costs no Python frame."""
    return type("_Pause", (), {"__await__": staticmethod(partial(iter, yielded))})()  # type: ignore


SUSPEND, _GO_ON = _awaitable(None), _awaitable()


def running(kernel: Scheduler) -> Actor:
    """Return the actor that runs: nobody else can wait."""
    if kernel.current is None:
        raise RuntimeError("only an actor can wait: use Kernel.run or Kernel.spawn")
    return kernel.current


class Waitable:
    """What actors wait for, in the order in which they came. Its text is what `Stalled` says."""

    _waiters: Any  # a list where all are woken together, a deque where one at a time is

    def __init__(self, kernel: Scheduler, name: str) -> None:
        self.name = name
        self._kernel = kernel
        self._waiters = []

    def __str__(self) -> str:
        return f"{type(self).__name__.lower()} {self.name!r}"

    def _block(self) -> Awaitable[None]:
        actor = self._kernel.current or running(self._kernel)
        self._waiters.append(actor)
        actor._waits_for = self
        return SUSPEND

    def wake_all(self) -> None:
        """Make those who wait ready. For the kernel, and for what can be waited for."""
        for actor in self._waiters:
            actor._waits_for = None
        self._kernel.ready.extend(self._waiters)
        self._waiters.clear()

    def _wake_first(self) -> Actor:
        actor: Actor = self._waiters.popleft()
        actor._waits_for = None
        self._kernel.ready.append(actor)
        return actor

    def _take_back(self, handed: object) -> None:
        """Keep what was handed to an actor that was cancelled before it could run."""


class Actor(Waitable):
    """A running coroutine. `context` is its spawner's unless given, and may be replaced."""

    done = False
    when_done: Callable[[Actor], None] | None = None
    """Called in place of a join, for what waits outside the kernel."""
    _resume: Callable[[None], Any]
    _sleep = 0  # when it was due after its last sleep, in microseconds
    _waits_for: Waitable | None = None
    _handed_by: Waitable | None = None  # since it was woken, and until it runs
    _handed: Any = None
    _is_cancelled = False
    _result: Any = None
    _error: BaseException | None = None

    def __init__(
        self, kernel: Scheduler, name: str, coroutine: Coroutine[Any, Any, Any], *,
        context: Any, daemon: bool,
    ) -> None:  # fmt: skip
        self.name = name
        self.context = context
        self.daemon = daemon
        self._kernel = kernel
        self._waiters = []
        self._coroutine = coroutine
        self._resume = coroutine.send

    async def join(self) -> Any:
        """Wait for its end; return its result or raise what it raised (`Cancelled` too)."""
        if not self.done:
            await self._block()
        if self._error is not None:
            raise self._error
        return self._result

    def cancel(self) -> None:
        """
        Throw `Cancelled` where it waits, when those who are ready now have had their turn.

        Its `finally` blocks run, and may wait. Cancelling it again, or when it is done, does
        nothing. An actor that cancels itself ends in this call.
        """
        if not (self._is_cancelled or self.done):
            self.interrupt()

    def interrupt(self) -> None:
        """Cancel it even if it was cancelled before. For the end of a run."""
        kernel = self._kernel
        self._is_cancelled = True
        if kernel.current is self:
            raise Cancelled(self.name)
        self._resume = self._throw
        if self._waits_for is not None:
            self._waits_for._waiters.remove(self)
            self._waits_for = None
            kernel.ready.append(self)
        elif self._sleep and kernel.end_sleep(self):
            kernel.ready.append(self)
        elif self._handed_by is not None:
            giver, self._handed_by = self._handed_by, None
            giver._take_back(self._handed)
        elif self not in kernel.ready:  # the user's interrupt came between two steps of the loop
            kernel.ready.append(self)

    def finish(self, result: object, error: BaseException | None) -> bool:
        """Tell those who wait for its end; return whether there are any. For the kernel."""
        self.done, self._result, self._error = True, result, error
        is_joined = bool(self._waiters) or self.when_done is not None
        if self._waiters:
            self.wake_all()
        if self.when_done is not None:
            self.when_done(self)
        return is_joined

    def ended_with(self, error: BaseException) -> bool:
        """Tell whether it is this very error that ended it."""
        return self._error is error

    def awaited(self) -> str:
        """Return what it waits for if it does not sleep."""
        if self._waits_for is not None:
            return str(self._waits_for)
        return "its turn" if self in self._kernel.ready else "something foreign to the kernel"

    def _throw(self, _: None) -> Any:
        self._resume = self._coroutine.send
        return self._coroutine.throw(Cancelled(self.name))


class Call(Actor):
    """A function in an actor's place: instead of being resumed, it is called with None."""

    def __init__(self, function: Callable[[None], None], *, daemon: bool) -> None:
        self._resume = function
        self.daemon = daemon


class Event(Waitable):
    """Something that happens once, for any number of waiters."""

    def __init__(self, kernel: Scheduler, name: str) -> None:
        super().__init__(kernel, name)
        self.is_set = False
        self.value: Any = None

    def set(self, value: Any = None) -> None:
        """Wake all waiters. Only the first time counts, with its value."""
        if not self.is_set:
            self.is_set, self.value = True, value
            self.wake_all()

    async def wait(self) -> Any:
        """Return the value it was set to; at once when it is set already."""
        if not self.is_set:
            await self._block()
        return self.value


class Signal(Waitable):
    """Something that happens many times. Who does not wait just then misses it."""

    def notify_all(self) -> None:
        """Wake those who wait now."""
        self.wake_all()

    async def wait(self) -> None:
        """Wait for the next notification."""
        await self._block()


class Queue(Waitable):
    """Items, first in first out; `len` counts those that nobody has been handed."""

    def __init__(self, kernel: Scheduler, name: str) -> None:
        super().__init__(kernel, name)
        self._waiters = deque()
        self._items: deque[Any] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Any) -> None:
        """Hand the item to the first waiter, or keep it."""
        self._items.append(item)
        self._serve()

    def _serve(self) -> None:
        if self._waiters:
            actor = self._wake_first()
            actor._handed_by, actor._handed = self, self._items.popleft()

    def _take_back(self, handed: object) -> None:
        self._items.appendleft(handed)
        self._serve()

    async def get(self) -> Any:
        """Take the first item; wait for one when there is none."""
        if self._items:
            return self._items.popleft()
        await self._block()
        actor = running(self._kernel)
        item, actor._handed, actor._handed_by = actor._handed, None, None
        return item


class Resource(Waitable):
    """`capacity` slots, each for one `async with` at a time, first come first served."""

    def __init__(self, kernel: Scheduler, name: str, capacity: int) -> None:
        super().__init__(kernel, name)
        if capacity < 1:
            raise ValueError(f"resource {name!r} needs a capacity of at least 1, not {capacity}")
        self._waiters = deque()
        self.capacity = capacity
        self.in_use = 0

    @property
    def waiting(self) -> int:
        """How many actors wait for a slot."""
        return len(self._waiters)

    def __aenter__(self) -> Awaitable[None]:
        if self.in_use < self.capacity:
            self.in_use += 1
            return _GO_ON
        return self._wait()

    async def _wait(self) -> None:
        await self._block()
        running(self._kernel)._handed_by = None

    def __aexit__(self, *exception: object) -> Awaitable[None]:
        self._take_back(None)
        return _GO_ON

    def _take_back(self, handed: object) -> None:
        if self._waiters:  # the slot goes from hand to hand: nobody can push in
            self._wake_first()._handed_by = self
        else:
            self.in_use -= 1
