"""The virtual kernel: who runs when, time limits, and how a run ends."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from cdlab.errors import Stalled
from cdlab.kernel import Cancelled, Kernel

Log = list[tuple[float, str]]


class Lab:
    """A kernel, and a timeline that actors write."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.timeline: Log = []

    def note(self, what: str) -> None:
        self.timeline.append((self.kernel.now(), what))

    async def nap(self, name: str, seconds: float, times: int = 1) -> str:
        try:
            for _ in range(times):
                await self.kernel.sleep(seconds)
                self.note(name)
            return name
        except Cancelled:
            self.note(f"{name} cancelled")
            raise


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_actors_interleave_by_due_time(lab: Lab) -> None:
    """Whoever is due first runs first, whatever the order of spawning."""

    async def main() -> None:
        slow = lab.kernel.spawn(lab.nap("slow", 2.5, 2), name="slow")
        lab.kernel.spawn(lab.nap("fast", 1, 4), name="fast")
        await slow.join()

    lab.kernel.run(main())
    assert lab.timeline == [
        (1.0, "fast"), (2.0, "fast"), (2.5, "slow"), (3.0, "fast"), (4.0, "fast"), (5.0, "slow"),
    ]  # fmt: skip


def test_equal_due_times_run_first_in_first_out(lab: Lab) -> None:
    """Sleeps that end at one instant end in the order in which they began."""

    async def main() -> None:
        lab.kernel.spawn(lab.nap("began at 0", 3), name="a")
        lab.kernel.spawn(lab.nap("began at 0 too", 3), name="b")
        await lab.kernel.sleep(1)
        lab.kernel.spawn(lab.nap("began at 1", 2), name="c")
        await lab.kernel.sleep(2)
        lab.note("main, which began at 1 before c")
        await lab.kernel.sleep(0)

    lab.kernel.run(main())
    assert [what for _, what in lab.timeline] == [
        "began at 0", "began at 0 too", "main, which began at 1 before c", "began at 1",
    ]  # fmt: skip


def test_a_sleep_of_nothing_gives_way_without_time_passing(lab: Lab) -> None:
    """sleep(0) lets those who are ready go first."""

    async def main() -> None:
        lab.kernel.spawn(lab.nap("other", 0), name="other")
        await lab.kernel.sleep(0)
        lab.note("main")
        await lab.kernel.sleep_us(0)
        lab.note("main again")

    lab.kernel.run(main())
    assert lab.timeline == [(0.0, "main"), (0.0, "other"), (0.0, "main again")]


@pytest.mark.parametrize("seconds", [-1, -1e-9, math.nan, math.inf])
def test_a_sleep_refuses_what_is_no_time_span(lab: Lab, seconds: float) -> None:
    """Negative, infinite and undefined spans are mistakes of the model."""
    with pytest.raises((ValueError, OverflowError)):
        lab.kernel.run(lab.kernel.sleep(seconds))


def test_time_is_counted_in_whole_microseconds(lab: Lab) -> None:
    """Ten tenths are exactly one second, as they are not with floats."""
    lab.kernel.run(lab.nap("tenth", 0.1, 10))
    assert lab.kernel.now_us == 1_000_000
    lab.kernel.run(lab.kernel.sleep_us(10**15 + 1))
    assert lab.kernel.now_us == 10**15 + 1_000_001


def test_an_actor_that_dies_unjoined_ends_the_run_with_a_note(lab: Lab) -> None:
    """The note says who and when; the others are cancelled and clean up."""

    async def fail() -> None:
        await lab.kernel.sleep(3)
        raise LookupError("no such image")

    async def main() -> None:
        lab.kernel.spawn(fail(), name="builder")
        await lab.nap("main", 10)

    with pytest.raises(LookupError) as raised:
        lab.kernel.run(main())
    assert raised.value.__notes__ == ["raised in actor 'builder', at 3.000000 s"]
    assert lab.timeline == [(3.0, "main cancelled")]


def test_a_second_failure_while_a_run_ends_becomes_a_note(lab: Lab) -> None:
    """The first failure is the cause; what fails in a finally block after it is not lost."""

    async def messy() -> None:
        try:
            await lab.kernel.sleep(10)
        finally:
            raise OSError("disk full")

    async def main() -> None:
        lab.kernel.spawn(messy(), name="messy")
        await lab.kernel.sleep(1)
        raise LookupError("first")

    with pytest.raises(LookupError, match="first") as raised:
        lab.kernel.run(main())
    assert raised.value.__notes__[-1] == "while the run ended: OSError('disk full')"


def test_a_timeout_passes_on_what_ends_in_time(lab: Lab) -> None:
    """Result or error; and the alarm does not prolong the run."""

    async def fail() -> None:
        raise LookupError("in time")

    async def main() -> None:
        assert await lab.kernel.timeout(lab.nap("fast", 1), 5, what="nap") == "fast"
        with pytest.raises(LookupError):
            await lab.kernel.timeout(fail(), 5, what="failing")

    lab.kernel.run(main())
    assert lab.kernel.now() == 1


def test_a_timeout_cancels_what_takes_too_long(lab: Lab) -> None:
    """The caller learns what took too long; ending exactly at the limit is late."""

    async def main() -> None:
        for seconds in (9, 3):
            with pytest.raises(TimeoutError, match=r"rollout took longer than 3 s"):
                await lab.kernel.timeout(lab.nap("slow", seconds), 3, what="rollout")

    lab.kernel.run(main())
    assert lab.timeline == [(3.0, "slow cancelled"), (6.0, "slow cancelled")]


def test_cancelling_who_waits_with_a_timeout_cancels_what_it_waits_for(lab: Lab) -> None:
    """Nothing is left running behind the back of a cancelled actor."""

    async def main() -> None:
        timed = lab.kernel.timeout(lab.nap("inner", 9), 8, what="nap")
        outer = lab.kernel.spawn(timed, name="outer")
        await lab.kernel.sleep(1)
        outer.cancel()
        with pytest.raises(Cancelled):
            await outer.join()

    lab.kernel.run(main())
    assert lab.timeline == [(1.0, "inner cancelled")]


def test_a_context_is_inherited_and_can_be_replaced(lab: Lab) -> None:
    """Who is spawned acts for the same reason as who spawned it, unless told otherwise."""
    seen: list[object] = []

    async def look() -> None:
        assert lab.kernel.current is not None
        seen.append(lab.kernel.current.context)

    async def main() -> None:
        assert lab.kernel.current is not None
        await lab.kernel.spawn(look(), name="inherits").join()
        await lab.kernel.spawn(look(), name="own", context="own").join()
        lab.kernel.current.context = "replaced"
        await lab.kernel.timeout(look(), 1, what="look")

    lab.kernel.run(main(), context="given")
    assert seen == ["given", "own", "replaced"]


def test_offloaded_calls_happen_at_once_in_virtual_time(lab: Lab) -> None:
    """No thread, no waiting."""

    async def main() -> int:
        return await lab.kernel.offload(lambda: 42, what="answer")

    assert lab.kernel.run(main()) == 42


def test_only_actors_can_wait(lab: Lab) -> None:
    """Waiting outside of a run says what to do instead."""
    for wait in (lab.kernel.sleep(1), lab.kernel.event("e").wait()):
        with pytest.raises(RuntimeError, match="only an actor can wait"):
            wait.send(None)


def test_awaiting_something_of_asyncio_is_refused(lab: Lab) -> None:
    """A foreign awaitable would never come back."""

    async def main() -> None:
        loop: Any = asyncio.new_event_loop()
        try:
            await loop.create_future()
        finally:
            loop.close()

    with pytest.raises(TypeError, match="belongs to another event loop"):
        lab.kernel.run(main())


def test_a_kernel_does_not_run_within_its_own_run(lab: Lab) -> None:
    """The mistake is named at once."""

    async def main() -> None:
        inner = lab.nap("inner", 1)
        try:
            lab.kernel.run(inner)
        finally:
            inner.close()

    with pytest.raises(RuntimeError, match="running already"):
        lab.kernel.run(main())


def test_stalled_is_an_error_that_names_the_waiting(lab: Lab) -> None:
    """Whoever waits is named, with what it waits for."""

    async def main() -> None:
        lab.kernel.spawn(lab.kernel.queue("builds").get(), name="worker")
        await lab.kernel.event("rollout done").wait()

    with pytest.raises(Stalled, match="nobody can go on") as raised:
        lab.kernel.run(main())
    assert raised.value.waiting == (("main", "event 'rollout done'"), ("worker", "queue 'builds'"))


def test_a_livelock_is_a_stall(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actors that wake each other for ever at one instant are found out."""
    monkeypatch.setattr("cdlab.kernel.RESUMPTIONS_PER_INSTANT", 1000)

    async def main() -> None:
        while True:
            await lab.kernel.sleep(0)

    with pytest.raises(Stalled, match="time stands still"):
        lab.kernel.run(main())


def test_a_deadline_ends_a_run_that_would_go_on(lab: Lab) -> None:
    """What is due at the deadline still happens; it is counted from where the run began."""
    lab.kernel.run(lab.kernel.sleep(100))
    with pytest.raises(Stalled, match=r"the deadline has passed, at 103.500000 s") as raised:
        lab.kernel.run(lab.nap("main", 1.5, 99), deadline_seconds=3.5)
    assert raised.value.waiting == (("main", "the end of its sleep at 104.500000 s"),)
    assert lab.timeline == [(101.5, "main"), (103.0, "main"), (103.5, "main cancelled")]


def test_daemons_keep_no_run_alive(lab: Lab) -> None:
    """A sampler that ticks for ever does not hide that main waits in vain."""

    async def main() -> None:
        lab.kernel.spawn(lab.nap("tick", 1, 99), name="sampler", daemon=True)
        await lab.kernel.sleep(2.5)
        await lab.kernel.event("never").wait()

    with pytest.raises(Stalled, match=r"nothing but daemons can go on, at 2.500000 s") as raised:
        lab.kernel.run(main())
    assert raised.value.waiting == (
        ("main", "event 'never'"), ("sampler (daemon)", "the end of its sleep at 3.000000 s"),
    )  # fmt: skip


def test_a_daemon_that_is_ready_may_still_wake_others(lab: Lab) -> None:
    """Only a daemon's clock does not count: one that waits to be asked works."""
    asked, answered = lab.kernel.queue("asked"), lab.kernel.event("answered")

    async def serve() -> None:
        answered.set(await asked.get())

    async def main() -> None:
        lab.kernel.spawn(serve(), name="server", daemon=True)
        await lab.kernel.sleep(1)
        asked.put("question")
        assert await answered.wait() == "question"

    lab.kernel.run(main())


def test_what_is_left_when_main_is_done_is_cancelled_and_cleans_up(lab: Lab) -> None:
    """In the order of spawning, and with time for clean-up, daemon or not."""

    async def tidy(name: str, seconds: float) -> None:
        try:
            await lab.kernel.sleep(100)
        finally:
            await lab.kernel.sleep(seconds)
            lab.note(name)

    async def main() -> str:
        lab.kernel.spawn(tidy("slow", 2), name="slow", daemon=True)
        lab.kernel.spawn(tidy("fast", 1), name="fast")
        await lab.kernel.sleep(1)
        return "done"

    assert lab.kernel.run(main()) == "done"
    assert lab.timeline == [(2.0, "fast"), (3.0, "slow")]


def test_clean_up_that_waits_for_ever_is_cut_short(lab: Lab) -> None:
    """A finally block that waits in vain is cancelled again; the run does not hang."""

    async def stuck() -> None:
        try:
            await lab.kernel.sleep(100)
        finally:
            try:
                await lab.kernel.event("never").wait()
            finally:
                lab.note("gave up")

    async def main() -> None:
        lab.kernel.spawn(stuck(), name="stuck")
        await lab.kernel.sleep(1)

    lab.kernel.run(main())
    assert lab.timeline == [(1.0, "gave up")]


def test_an_actor_that_ignores_cancellation_is_reported(lab: Lab) -> None:
    """Three times is enough."""

    async def stubborn() -> None:
        for _ in range(3):
            try:
                await lab.kernel.event("never").wait()
            except Cancelled:
                lab.note("ignored")
        await lab.kernel.event("never").wait()

    async def main() -> None:
        lab.kernel.spawn(stubborn(), name="stubborn")
        await lab.kernel.sleep(1)

    with pytest.raises(Stalled, match="cancelled three times, and still not done"):
        lab.kernel.run(main())


def test_the_users_interrupt_is_raised_again_after_clean_up(lab: Lab) -> None:
    """Ctrl-C in the middle of an actor ends the run, even if somebody joins that actor."""

    async def interrupted() -> None:
        await lab.kernel.sleep(1)
        raise KeyboardInterrupt

    async def main() -> None:
        lab.kernel.spawn(lab.nap("other", 9), name="other")
        await lab.kernel.spawn(interrupted(), name="interrupted").join()

    with pytest.raises(KeyboardInterrupt):
        lab.kernel.run(main())
    assert lab.timeline == [(1.0, "other cancelled")]


def test_a_cancellation_at_the_instant_of_the_limit_is_not_taken_for_lateness(lab: Lab) -> None:
    """Who is cancelled ends cancelled, even if what it waited for has just run out of time."""

    async def main() -> None:
        inner = lab.nap("inner", 1)
        outer = lab.kernel.spawn(lab.kernel.timeout(inner, 1.5, what="nap"), name="outer")
        await lab.kernel.sleep(1)
        await lab.kernel.sleep(0)
        outer.cancel()
        with pytest.raises(Cancelled, match="'outer'"):
            await outer.join()

    lab.kernel.run(main())
    assert lab.timeline == [(1.0, "inner")]
