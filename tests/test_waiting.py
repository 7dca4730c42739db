"""What actors wait for, in virtual time, and how they are cancelled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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


def test_an_event_wakes_all_waiters_with_its_first_value(lab: Lab) -> None:
    """An event happens once; who comes later does not wait."""
    event = lab.kernel.event("pushed")

    async def waiter(name: str) -> None:
        lab.note(f"{name} {await event.wait()}")

    async def main() -> None:
        lab.kernel.spawn(waiter("a"), name="a")
        lab.kernel.spawn(waiter("b"), name="b")
        await lab.kernel.sleep(1)
        event.set("first")
        event.set("second")
        await lab.kernel.sleep(1)
        await waiter("late")

    lab.kernel.run(main())
    assert event.is_set
    assert lab.timeline == [(1.0, "a first"), (1.0, "b first"), (2.0, "late first")]


def test_a_signal_is_missed_by_those_who_do_not_wait(lab: Lab) -> None:
    """A signal can come many times, and wakes only those who wait then."""
    signal = lab.kernel.signal("changed")

    async def watcher() -> None:
        while True:
            await signal.wait()
            lab.note("seen")
            await lab.kernel.sleep(1.5)

    async def main() -> None:
        lab.kernel.spawn(watcher(), name="watcher")
        for _ in range(4):
            await lab.kernel.sleep(1)
            signal.notify_all()
        await lab.kernel.sleep(0)

    lab.kernel.run(main())
    assert lab.timeline == [(1.0, "seen"), (3.0, "seen")]


def test_a_queue_serves_items_and_waiters_in_order(lab: Lab) -> None:
    """First item to first waiter; nobody who comes later pushes in."""
    queue = lab.kernel.queue("builds")

    async def worker(name: str) -> None:
        lab.note(f"{name} {await queue.get()}")

    async def main() -> None:
        lab.kernel.spawn(worker("a"), name="a")
        lab.kernel.spawn(worker("b"), name="b")
        await lab.kernel.sleep(1)
        for item in "123":
            queue.put(item)
        assert len(queue) == 1
        lab.note(f"main {await queue.get()}")
        await lab.kernel.sleep(0)

    lab.kernel.run(main())
    assert lab.timeline == [(1.0, "main 3"), (1.0, "a 1"), (1.0, "b 2")]


def test_a_resource_admits_only_as_many_as_it_has_slots(lab: Lab) -> None:
    """Two executors: the third run begins when the first ends."""
    executors = lab.kernel.resource("executors", 2)

    async def run(name: str) -> None:
        async with executors:
            lab.note(f"{name} begins, {executors.in_use} in use, {executors.waiting} waiting")
            await lab.kernel.sleep(2)

    async def main() -> None:
        for actor in [lab.kernel.spawn(run(name), name=name) for name in "abc"]:
            await actor.join()

    lab.kernel.run(main())
    assert executors.in_use == 0
    assert lab.timeline == [
        (0.0, "a begins, 1 in use, 0 waiting"),
        (0.0, "b begins, 2 in use, 0 waiting"),
        (2.0, "c begins, 1 in use, 0 waiting"),
    ]


def test_joining_returns_the_result_or_raises_the_error(lab: Lab) -> None:
    """An error that somebody waits for is theirs, and ends no run."""

    async def fail() -> None:
        raise LookupError("no such image")

    async def main() -> str:
        with pytest.raises(LookupError, match="no such image"):
            await lab.kernel.spawn(fail(), name="failing").join()
        actor = lab.kernel.spawn(lab.nap("done", 1), name="napping")
        assert not actor.done
        assert await actor.join() == await actor.join() == "done"
        assert actor.done
        return "main's result"

    assert lab.kernel.run(main()) == "main's result"


def test_a_cancelled_actor_runs_its_finally_blocks_which_may_wait(lab: Lab) -> None:
    """Cancelling twice does not cut short the clean-up that the first one began."""

    async def tidy() -> None:
        try:
            await lab.kernel.event("never").wait()
        finally:
            await lab.kernel.sleep(2)
            lab.note("tidied up")

    async def main() -> None:
        actor = lab.kernel.spawn(tidy(), name="tidy")
        await lab.kernel.sleep(1)
        actor.cancel()
        await lab.kernel.sleep(1)
        actor.cancel()
        with pytest.raises(Cancelled, match="actor 'tidy' was cancelled"):
            await actor.join()
        actor.cancel()

    lab.kernel.run(main())
    assert lab.timeline == [(3.0, "tidied up")]


def test_cancelling_before_the_first_step_runs_nothing(lab: Lab) -> None:
    """An actor that never ran has nothing to clean up, and is no warning either."""

    async def main() -> None:
        actor = lab.kernel.spawn(lab.nap("never", 0), name="never")
        actor.cancel()
        with pytest.raises(Cancelled):
            await actor.join()

    lab.kernel.run(main())
    assert lab.timeline == []


def test_an_actor_that_cancels_itself_ends_there(lab: Lab) -> None:
    """cancel() does not return to who is cancelled."""

    async def quitter() -> None:
        assert lab.kernel.current is not None
        lab.kernel.current.cancel()
        lab.note("went on")

    async def main() -> None:
        with pytest.raises(Cancelled):
            await lab.kernel.spawn(quitter(), name="quitter").join()

    lab.kernel.run(main())
    assert lab.timeline == []


RESOURCE_MAKERS: list[Callable[[Kernel], object]] = [
    lambda kernel: kernel.resource("r", 0),
    lambda kernel: kernel.resource("r", -1),
]


@pytest.mark.parametrize("make", RESOURCE_MAKERS)
def test_a_resource_without_slots_is_refused(make: Callable[[Kernel], object]) -> None:
    """Everybody would wait for ever."""
    with pytest.raises(ValueError, match="capacity of at least 1"):
        make(Kernel())


def test_an_item_handed_to_a_cancelled_actor_goes_to_the_next(lab: Lab) -> None:
    """It was woken with the item, and cancelled before it could run: the next in turn has it."""
    queue = lab.kernel.queue("builds")

    async def worker(name: str) -> None:
        lab.note(f"{name} {await queue.get()}")

    async def main() -> None:
        first = lab.kernel.spawn(worker("first"), name="first")
        lab.kernel.spawn(worker("second"), name="second")
        await lab.kernel.sleep(1)
        queue.put("item")
        first.cancel()
        await lab.kernel.sleep(0)

    lab.kernel.run(main())
    assert lab.timeline == [(1.0, "second item")]


def test_a_slot_handed_to_a_cancelled_actor_becomes_free(lab: Lab) -> None:
    """Nobody else waits for it, so it is not in use any more."""
    executors = lab.kernel.resource("executors", 1)

    async def user() -> None:
        async with executors:
            lab.note("got in")

    async def main() -> None:
        async with executors:
            waiting = lab.kernel.spawn(user(), name="user")
            await lab.kernel.sleep(1)
        waiting.cancel()
        await lab.kernel.sleep(0)
        assert executors.in_use == 0

    lab.kernel.run(main())
    assert lab.timeline == []


def test_clean_up_that_has_begun_goes_on_when_the_run_ends(lab: Lab) -> None:
    """The end of a run is no second cancellation for those who are cleaning up."""

    async def tidy() -> None:
        try:
            await lab.kernel.event("never").wait()
        finally:
            await lab.kernel.sleep(2)
            lab.note("tidied up")

    async def main() -> None:
        actor = lab.kernel.spawn(tidy(), name="tidy")
        await lab.kernel.sleep(1)
        actor.cancel()
        await lab.kernel.sleep(1)

    lab.kernel.run(main())
    assert lab.timeline == [(3.0, "tidied up")]
