"""A release manager in a process of its own: what it is asked twice, and how it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from cdlab.errors import ManagerUnavailable
from cdlab.hosted_manager import HostedManager, Hosting
from cdlab.kernel import Kernel
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Application, Decision, Environment, Microservice, Variant
from cdlab.ports import Decisions
from cdlab.scenario import Scenario
from cdlab.worlds import simulated

PROMOTION = {"workload": "users", "source": "staging", "target": "production", "user": "alice"}


def hosted(
    test: Callable[[HostedManager, Kernel], Awaitable[None]], decisions: Decisions | None = None
) -> None:
    """Run a test with one, on the simulator, for an application that never had a release."""
    world = simulated(Scenario(architecture="v3", profile="constant"))
    application = Application(
        (Microservice("users", world.substrate.image_repository("users")),),
        (Environment("staging"), Environment("production", False)),
    )

    async def main() -> None:
        from cdlab.grants import grants_of

        await world.substrate.create(application, grants_of("v3"))
        hosting = Hosting(
            application=application,
            variant=Variant(rollback="command"),
            intervals=ManagerIntervals(300.0),
            producer="p1",
            at_once=4,
        )
        ports = world.substrate.ports("manager")
        ports = replace(ports, decisions=decisions or ports.decisions)
        made = HostedManager(world.kernel, ports, hosting)
        await made.start()
        await test(made, world.kernel)

    world.kernel.run(main())


def test_a_request_that_comes_twice_is_decided_once() -> None:
    """Its answer was lost on the way; whoever asks again gets the same one."""

    async def test(manager: HostedManager, kernel: Kernel) -> None:
        asked = {"request": "r1", **PROMOTION}
        first = await manager.answer("promote", asked)
        decided = len(manager.recorder.history.of("Decided"))
        assert await manager.answer("promote", {**asked, "producer": "p1"}) == first
        assert len(manager.recorder.history.of("Decided")) == decided
        assert first["status"] == "refused"

    hosted(test)


def test_its_syncs_apply_as_many_workloads_at_a_time_as_it_is_told() -> None:
    """In the cluster there are several."""

    async def test(manager: HostedManager, kernel: Kernel) -> None:
        assert manager.queue.workers.at_once == 4

    hosted(test)


def test_what_it_decides_is_shown_to_people_and_handed_on() -> None:
    """Its desk has the decision with who asked, and so has the port that the world gave it."""

    async def test(manager: HostedManager, kernel: Kernel) -> None:
        await manager.answer("promote", {"request": "r1", **PROMOTION})
        (entry,) = (each for each in await manager.desk.audit() if each.what == "promotion")
        assert (entry.user, entry.status) == ("alice", "refused")
        assert [each.what for each in handed].count("promotion") == 1

    handed: list[Decision] = []

    class Kept:
        async def record(self, decision: Decision) -> None:
            handed.append(decision)

    hosted(test, Kept())


def test_a_request_meant_for_an_earlier_process_is_not_done() -> None:
    """It may have been done by that one: whoever asked has to look."""

    async def test(manager: HostedManager, kernel: Kernel) -> None:
        with pytest.raises(ManagerUnavailable) as anew:
            await manager.answer("promote", {"request": "r1", "producer": "p0", **PROMOTION})
        assert not anew.value.definite

    hosted(test)


def test_events_are_told_from_the_first_to_a_reader_of_another_process() -> None:
    """What it has seen counts for the process that it saw it of."""

    async def test(manager: HostedManager, kernel: Kernel) -> None:
        await manager.answer("promote", {"request": "r1", **PROMOTION})
        total = len(manager.recorder.history)
        for producer, after, number in (("p0", 5, total), ("p1", 2, total - 2), ("p1", total, 0)):
            told = await manager.answer("events", {"producer": producer, "after": after})
            assert (told["producer"], len(told["events"])) == ("p1", number)

    hosted(test)


def test_whoever_waits_for_events_gets_the_next_one() -> None:
    """As soon as there is one, and nothing when the time is over."""

    async def test(manager: HostedManager, kernel: Kernel) -> None:
        await kernel.sleep(60.0)  # until it has looked at all there is
        after = {"producer": "p1", "after": len(manager.recorder.history), "seconds": 5.0}
        assert (await manager.answer("events", after))["events"] == []
        begin = kernel.now()
        kernel.spawn(manager.answer("promote", {"request": "r1", **PROMOTION}), name="alice")
        assert (await manager.answer("events", after))["events"] != []
        assert kernel.now() - begin < 5.0

    hosted(test)


def test_it_ends_when_the_last_event_was_fetched() -> None:
    """Or after a while; at once where nobody ever asked for one."""

    async def test(manager: HostedManager, kernel: Kernel) -> None:
        begin = kernel.now()
        await manager.stop(3.0)
        assert kernel.now() == begin
        await manager.answer("events", {"producer": "p1", "after": 0})
        await manager.stop(3.0)
        assert kernel.now() == pytest.approx(begin + 3.0, abs=0.1)

    hosted(test)


def test_a_question_that_makes_no_sense_is_an_error_of_who_asks() -> None:
    """The door answers 400 to these."""

    async def test(manager: HostedManager, kernel: Kernel) -> None:
        for path, body in (("destroy", {"request": "r1"}), ("promote", {}), ("rollback", {})):
            with pytest.raises((KeyError, TypeError, ValueError)):
                await manager.answer(path, body)
        with pytest.raises(TypeError):
            await manager.answer("rollback", {"request": "r1", "rollback": {"no": "field"}})

    hosted(test)
