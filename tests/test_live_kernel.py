"""The kernel in real time: the same order as in virtual time, threads, and the outside."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import pytest

from cdlab.errors import Stalled
from cdlab.kernel import Cancelled, Kernel
from cdlab.live_kernel import LiveKernel


@pytest.fixture
def kernel() -> LiveKernel:
    return LiveKernel()


def block(seconds: float) -> None:
    """Keep a thread from going on, as a client's call or a computation does."""
    threading.Event().wait(seconds)


def from_outside(function: Callable[[], Any]) -> None:
    """Call a function in a thread of its own."""
    threading.Thread(target=function, daemon=True).start()


async def delivery(kernel: Kernel, timeline: list[str]) -> str:
    """Run a program that uses everything, with deadlines at least 20 ms apart."""
    builds, executors = kernel.queue("builds"), kernel.resource("executors", 1)
    pushed, changed = kernel.event("pushed"), kernel.signal("changed")

    async def worker(name: str) -> None:
        while True:
            build = await builds.get()
            async with executors:
                timeline.append(f"{name} builds {build}")
                await kernel.sleep(0.02)
            changed.notify_all()

    async def deployer() -> None:
        await pushed.wait()
        timeline.append("deployed")

    for name in "ab":
        kernel.spawn(worker(name), name=name)
    actor = kernel.spawn(deployer(), name="deployer")
    for build in range(3):
        builds.put(build)
    for _ in range(3):
        await changed.wait()
        timeline.append("changed")
    try:
        await kernel.timeout(kernel.event("never").wait(), 0.02, what="never")
    except TimeoutError as error:
        timeline.append(str(error))
    pushed.set()
    await actor.join()
    return await kernel.offload(lambda: "offloaded", what="call")


def test_one_program_happens_in_the_same_order_on_both_kernels(kernel: LiveKernel) -> None:
    """Deadlines 20 ms apart, and what causes each other, keep their order in real time."""
    virtual: list[str] = []
    live: list[str] = []
    on_virtual = Kernel()
    assert on_virtual.run(delivery(on_virtual, virtual)) == "offloaded"
    assert kernel.run(delivery(kernel, live)) == "offloaded"
    assert live == virtual
    assert len(live) == 8


def test_a_sleep_takes_at_least_as_long_as_it_says(kernel: LiveKernel) -> None:
    """Counted from the call: what an actor computed before it is not taken off."""

    async def main() -> float:
        block(0.01)
        begin = kernel.now()
        await kernel.sleep(0.02)
        return kernel.now() - begin

    assert kernel.run(main()) >= 0.02


def test_a_timestamp_is_the_time_of_the_machine(kernel: LiveKernel) -> None:
    """Others read it, and write their own; virtual time begins in 1970, whenever it is run."""
    before = time.time()
    assert before <= kernel.timestamp() <= time.time()
    virtual = Kernel()
    virtual.run(virtual.sleep(1.5))
    assert virtual.timestamp() == 1.5


def test_offloaded_calls_run_beside_the_actors(kernel: LiveKernel) -> None:
    """Two calls that wait for each other both end: neither blocks the kernel or the other."""
    meeting = threading.Barrier(2, timeout=5)

    async def meet() -> str:
        await kernel.offload(meeting.wait, what="meeting")
        assert kernel.current is not None
        return kernel.current.name

    async def main() -> list[str]:
        actors = [kernel.spawn(meet(), name=name) for name in "ab"]
        return [await actor.join() for actor in actors]

    assert kernel.run(main()) == ["a", "b"]


def test_what_an_offloaded_call_raises_is_raised_where_it_is_awaited(kernel: LiveKernel) -> None:
    """An adapter translates its client's errors as if it had called it directly."""

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await kernel.offload(lambda: 1 / 0, what="division")

    kernel.run(main())


def test_offloads_beyond_the_number_of_threads_queue_up() -> None:
    """With one thread, calls happen one after the other, in order."""
    kernel = LiveKernel(threads=1)
    done: list[int] = []

    async def call(number: int) -> None:
        await kernel.offload(lambda: done.append(number), what="call")

    async def main() -> None:
        for actor in [kernel.spawn(call(number), name="caller") for number in range(5)]:
            await actor.join()

    kernel.run(main())
    assert done == [0, 1, 2, 3, 4]


def test_a_cancelled_offload_is_dropped_and_one_not_begun_never_begins() -> None:
    """The call that runs goes on in its thread; the actor does not wait for it."""
    kernel = LiveKernel(threads=1)
    release, begun = threading.Event(), []

    async def main() -> None:
        with pytest.raises(TimeoutError, match="blocked call"):
            await kernel.timeout(
                kernel.offload(lambda: release.wait(5), what="wait"), 0.02, what="blocked call"
            )
        waiting = kernel.spawn(kernel.offload(lambda: begun.append(1), what="x"), name="waiting")
        await kernel.sleep(0)
        waiting.cancel()
        with pytest.raises(Cancelled):
            await waiting.join()
        release.set()
        await kernel.offload(lambda: None, what="the thread is free again")

    kernel.run(main(), deadline_seconds=2)
    assert begun == []


def test_submitted_coroutines_answer_a_future(kernel: LiveKernel) -> None:
    """Result or error goes to the thread that asked, and an error ends no run."""
    answers: list[object] = []

    async def answer() -> object:
        await kernel.sleep(0.001)
        assert kernel.current is not None
        return kernel.current.context

    async def fail() -> None:
        raise LookupError("no such workload")

    def client() -> None:
        answers.append(kernel.submit(answer(), name="request", context="operator").result(2))
        answers.append(kernel.submit(fail(), name="request").exception(2))
        kernel.call_soon_threadsafe(answered.set)

    answered = kernel.event("answered")

    async def main() -> None:
        from_outside(client)
        await answered.wait()

    kernel.run(main(), deadline_seconds=2)
    assert answers[0] == "operator"
    assert isinstance(answers[1], LookupError)


def test_cancelling_the_future_cancels_the_actor(kernel: LiveKernel) -> None:
    """A client that goes away takes its request along."""
    ended = kernel.event("ended")

    async def request() -> None:
        try:
            await kernel.event("never").wait()
        finally:
            ended.set()

    async def main() -> None:
        future = kernel.submit(request(), name="request")
        await kernel.sleep(0.001)
        from_outside(future.cancel)
        await ended.wait()

    kernel.run(main(), deadline_seconds=2)


def test_what_is_submitted_and_not_done_when_a_run_ends_is_cancelled(kernel: LiveKernel) -> None:
    """Nobody waits for ever for an answer that will not come."""
    begun = kernel.submit(kernel.event("never").wait(), name="begun")

    async def main() -> list[Any]:
        await kernel.sleep(0.001)
        return [kernel.submit(kernel.event("never").wait(), name="too late")]

    for future in [*kernel.run(main()), begun]:
        with pytest.raises(CancelledError):
            future.result(1)


def test_functions_from_other_threads_are_called_in_order(kernel: LiveKernel) -> None:
    """A watch thread's events arrive as they were handed over, in the kernel's thread."""
    queue = kernel.queue("events")

    def watch() -> None:
        for number in range(100):
            kernel.call_soon_threadsafe(lambda number=number: queue.put(number))

    async def main() -> list[int]:
        from_outside(watch)
        return [await queue.get() for _ in range(100)]

    assert kernel.run(main(), deadline_seconds=math.inf) == list(range(100))


def test_a_function_from_outside_that_raises_ends_the_run(kernel: LiveKernel) -> None:
    """Nothing is swallowed."""
    kernel.call_soon_threadsafe(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        kernel.run(kernel.sleep(1))


def test_without_a_deadline_waiting_for_nothing_is_a_stall(kernel: LiveKernel) -> None:
    """The same as in virtual time, once no offload is under way."""

    async def ticker() -> None:
        while True:
            await kernel.sleep(0.005)

    async def main() -> None:
        kernel.spawn(ticker(), name="ticker", daemon=True)
        await kernel.offload(lambda: block(0.02), what="call")
        await kernel.event("never").wait()

    with pytest.raises(Stalled, match="nothing comes in from outside") as raised:
        kernel.run(main())
    assert raised.value.waiting[0] == ("main", "event 'never'")
    assert kernel.now() >= 0.02


def test_with_a_deadline_it_waits_for_the_outside_until_then(kernel: LiveKernel) -> None:
    """Someone may still hand something in."""
    with pytest.raises(Stalled, match="the deadline has passed"):
        kernel.run(kernel.event("never").wait(), deadline_seconds=0.03)
    assert 0.03 <= kernel.now() < 1


def test_an_interrupt_cancels_all_actors_and_is_raised_again(kernel: LiveKernel) -> None:
    """Ctrl-C while everybody waits: finally blocks run before the run ends."""
    timeline: list[str] = []

    async def main() -> None:
        try:
            kernel.call_soon_threadsafe(interrupt)
            await kernel.sleep(5)
        finally:
            await kernel.sleep(0.001)
            timeline.append("cleaned up")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kernel.run(main())
    assert timeline == ["cleaned up"]


def test_a_real_interrupt_ends_the_wait(kernel: LiveKernel) -> None:
    """The signal arrives in the thread that waits."""
    here = threading.get_ident()

    def press() -> None:
        block(0.02)
        signal.pthread_kill(here, signal.SIGINT)

    async def main() -> None:
        from_outside(press)
        await kernel.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        kernel.run(main())
    assert kernel.now() < 1


def test_actors_that_never_rest_do_not_outrun_the_deadline(
    kernel: LiveKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline is looked at even if somebody is always ready."""
    monkeypatch.setattr("cdlab.kernel.RESUMPTIONS_PER_INSTANT", 100)

    async def main() -> None:
        while True:
            await kernel.sleep(0)

    with pytest.raises(Stalled, match="the deadline has passed"):
        kernel.run(main(), deadline_seconds=0.01)


def test_settling_waits_for_the_calls_of_those_who_were_cancelled(kernel: LiveKernel) -> None:
    """Their threads go on; who removes what they make has to come after them."""
    may_end, has_ended = threading.Event(), threading.Event()

    def call() -> None:
        may_end.wait(5)
        has_ended.set()

    async def main() -> bool:
        caller = kernel.spawn(kernel.offload(call, what="a slow call"), name="caller")
        await kernel.sleep(0.02)
        caller.cancel()
        await kernel.settle(0.02)
        assert not has_ended.is_set(), "no longer than it was told"
        may_end.set()
        await kernel.settle(5)
        return has_ended.is_set()

    assert kernel.run(main(), deadline_seconds=10)
