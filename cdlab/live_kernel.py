"""
The kernel in real time: the same actors, the same interface, and the outside world.

In go a main coroutine and, from other threads, coroutines (`submit`) and functions
(`call_soon_threadsafe`); out come results. Actors still run one at a time, in the thread that calls
`run`; only what they `offload` runs beside them. Called by the runner on the kind substrate and by
the release manager in the cluster.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from heapq import heappop
from queue import SimpleQueue
from time import monotonic_ns, time
from typing import Any, TypeVar

from cdlab.kernel import Actor, Cancelled, Event, Kernel

T = TypeVar("T")


class Offload(Event):
    """The end of a call in a thread."""


class LiveKernel(Kernel):
    """
    Runs actors in real time.

    Deadlines that are 20 ms apart, and what causes each other, happen in the order they have under
    virtual time, where no offload is involved. Nothing is promised about closer deadlines.

    `Stalled` is raised when the run's deadline has passed and no actor is ready. Without a deadline
    it is raised as well as soon as nobody but daemons sleeps, no offload is under way and nothing
    has come in from other threads: they alone do not keep a run alive. Who waits for them for as
    long as it takes runs with `deadline_seconds=math.inf`.
    """

    _grace_us = 10_000_000

    def __init__(self, *, tie_seed: int | None = None, threads: int = 32) -> None:
        super().__init__(tie_seed=tie_seed)
        self._origin_ns = monotonic_ns()
        self._arrival = threading.Condition()
        self._inbox: deque[tuple[Callable[[], object], Callable[[], object]]] = deque()
        self._offloads = 0  # under way, those whose actor was cancelled included
        self._thread_limit = threads
        self._threads = _Threads(threads)
        self._waits_for_outside = False

    @property
    def now_us(self) -> int:
        """Microseconds since the kernel was made. They go on while an actor runs."""
        self._now_us = (monotonic_ns() - self._origin_ns) // 1000
        return self._now_us

    def timestamp(self) -> float:
        """Seconds since 1970 by the machine's clock, which may jump."""
        return time()

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        """Wait at least that long, counted from now and not from when this actor was resumed."""
        self._now_us = self.now_us
        return super().sleep(seconds)

    async def offload(self, function: Callable[[], T], *, what: str) -> T:
        """
        Call a function that blocks in a thread, and return or raise what it does.

        A thread cannot be cancelled. When this actor is, a call that has not begun never will, and
        one that has begun runs on to its own time limit with its result dropped: whether it
        happened is not known. Calls beyond the number of threads queue up.
        """
        ended = Offload(self, what)
        future: Future[T] = Future()

        def end() -> None:
            self._offloads -= 1
            ended.set()

        self._offloads += 1
        future.add_done_callback(lambda _: self._hand_in(end, end))
        self._threads.call(function, future)
        try:
            await ended.wait()
        except Cancelled:
            future.cancel()
            raise
        return future.result()

    async def settle(self, seconds: float) -> None:
        """Wait, at most that long, for the calls of cancelled actors that still run in threads."""
        until = self.now() + seconds
        while self._offloads and self.now() < until:
            await self.sleep(0.02)

    def submit(
        self, coroutine: Coroutine[Any, Any, T], *, name: str, context: object = None
    ) -> Future[T]:
        """
        Run a coroutine as an actor, from any thread; the future gets its result or its exception.

        Cancelling the future cancels the actor. What is submitted before a run begins with it, in
        order; what is left over when a run ends is cancelled.
        """
        future: Future[T] = Future()

        def settle(actor: Actor) -> None:
            if isinstance(actor._error, Cancelled):
                future.cancel()
            elif future.set_running_or_notify_cancel() and actor._error is not None:
                future.set_exception(actor._error)
            elif not future.cancelled():
                future.set_result(actor._result)

        def cancel_actor(actor: Actor) -> None:
            if future.cancelled():
                self.call_soon_threadsafe(actor.cancel)

        def start() -> None:
            actor = self.spawn(coroutine, name=name, context=context)
            actor.when_done = settle
            future.add_done_callback(lambda _: cancel_actor(actor))

        def refuse() -> None:
            coroutine.close()
            future.cancel()

        self._hand_in(start, refuse)
        return future

    def call_soon_threadsafe(self, function: Callable[[], object]) -> None:
        """
        Have `run` call a function, from any thread: in the order handed in, when no actor is ready.

        What it raises ends the run. It must not block. What is left over when a run ends is
        dropped; what comes in later waits for the next run.
        """
        self._hand_in(function, lambda: None)

    def _hand_in(self, function: Callable[[], object], refuse: Callable[[], object]) -> None:
        with self._arrival:
            self._inbox.append((function, refuse))
            self._arrival.notify()

    def run(
        self, main: Coroutine[Any, Any, T], *, name: str = "main", context: object = None,
        deadline_seconds: float | None = None,
    ) -> T:  # fmt: skip
        """Run as under virtual time. KeyboardInterrupt is raised again when all are cancelled."""
        self._waits_for_outside = deadline_seconds is not None
        try:
            return super().run(main, name=name, context=context, deadline_seconds=deadline_seconds)
        finally:
            self._threads.let_go()
            self._threads = _Threads(self._thread_limit)
            while self._inbox:
                _, refuse = self._inbox.popleft()
                refuse()

    def _advance(self, limit: int) -> Actor:
        """Wait until somebody is due or something comes in."""
        self.current = None
        while True:
            while self._inbox:
                function, _ = self._inbox.popleft()
                function()
            self._wake_those_due(min(self.now_us, limit))
            if self.ready:
                return self.ready.popleft()
            if self._now_us >= limit:
                raise self._stalled("the deadline has passed")
            is_idle = not self._sleepers or self._only_daemons_sleep()
            waits_for_outside = self._waits_for_outside and self._main is not None
            if is_idle and not (waits_for_outside or self._offloads or self._inbox):
                raise self._stalled("nobody can go on, and nothing comes in from outside")
            self._wait(min(self._due[0], limit) if self._due else limit)

    def _wake_those_due(self, now_us: int) -> None:
        while self._due and (self._due[0] <= now_us or not self._sleepers[self._due[0]]):
            self.ready.extend(self._sleepers.pop(heappop(self._due)))

    def _wait(self, until_us: int) -> None:
        seconds = min((until_us - self._now_us) / 1e6, threading.TIMEOUT_MAX)
        with self._arrival:
            if not self._inbox:
                self._arrival.wait(max(seconds, 0))


class _Threads:
    """
    Calls functions in at most `limit` threads, which it starts as they are needed.

    They are daemon threads, unlike those of concurrent.futures: after an interrupt the process ends
    at once, and not when the last blocked call does.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._started = 0
        self._idle = threading.Semaphore(0)
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()

    def call(self, function: Callable[[], Any], future: Future[Any]) -> None:
        self._calls.put((function, future))
        if not self._idle.acquire(blocking=False) and self._started < self._limit:
            self._started += 1
            work = (self._calls, self._idle)
            threading.Thread(target=_work, args=work, daemon=True, name="cdlab offload").start()

    def let_go(self) -> None:
        """End the threads as they become idle."""
        for _ in range(self._started):
            self._calls.put(None)


def _work(calls: SimpleQueue[Any], idle: threading.Semaphore) -> None:
    while (call := calls.get()) is not None:
        function, future = call
        if future.set_running_or_notify_cancel():
            try:
                result = function()
            except BaseException as error:  # raised again by who waits for the future
                future.set_exception(error)
            else:
                future.set_result(result)
        idle.release()
