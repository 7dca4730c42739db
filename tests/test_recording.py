"""Events are written once, for whoever caused them, and writing them changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from cdlab.errors import FileMissing, NothingToCommit, PortError
from cdlab.history import Event, History
from cdlab.kernel import Kernel
from cdlab.model import (
    Application,
    Context,
    Decision,
    Environment,
    Grant,
    ImageRef,
    Microservice,
    Outcome,
    PodChange,
)
from cdlab.ports import Ports
from cdlab.random_streams import RandomStreams
from cdlab.recorded_ports import recorded
from cdlab.recording import Call, Recorder
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.substrate import SimSubstrate

ALL = Grant(
    principal="operator",
    runs="outside",
    code_repos="write",
    config_repo="write",
    registry="write",
    environments="admin",
)
CALL = Call("Tried", "registry", "write", "users", "ci")


class Bench:
    """A simulated world with one microservice, recorded, with everything allowed."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.history = History()
        self.recorder = Recorder(self.kernel, self.history)
        streams = RandomStreams(1)
        self.world = SimSubstrate(self.kernel, streams, Costs(load_profile("constant"), streams))

    def run(self, story: Callable[[Ports], Awaitable[Any]]) -> list[Event]:
        async def main() -> None:
            users = Microservice("users", self.world.image_repository("users"))
            application = Application((users,), (Environment("staging"),))
            await self.world.create(application, [ALL])
            await story(recorded(self.world.ports("operator"), self.recorder))

        self.kernel.run(main())
        return list(self.history)


async def ship(ports: Ports, version: str) -> ImageRef:
    """Commit, push, build and push the image; 2 + 3 + 100 + 20 s."""
    checkout = await ports.code_repos["users"].clone()
    checkout.write("Dockerfile", f"FROM scratch\nLABEL version={version}\n")
    revision = await checkout.commit(version)
    await checkout.push()
    ref = ImageRef("registry.test/users", revision)
    await ports.registry.push(await ports.builder.build(checkout, ref))
    return ref


def test_a_call_is_one_event_when_it_is_over() -> None:
    """With when it began and ended, the box, what kind of work it was, and who did it."""
    events = Bench().run(lambda ports: ship(ports, "1"))
    assert [(e.kind, e.component, e.op, e.began_us // 10**6, e.t_us // 10**6) for e in events] == [
        ("RepositoryCloned", "code-repo", "read", 0, 2),
        ("Committed", "code-repo", "notify", 2, 2),
        ("CommitPushed", "code-repo", "write", 2, 5),
        ("ImageBuilt", "ci", "exec", 5, 105),
        ("ImagePushed", "registry", "write", 105, 125),
    ]
    assert {each.principal for each in events} == {"operator"}
    assert {each.resource for each in events} == {"users"}
    assert events[-1].bytes > 0
    assert events[-1].digest_after.startswith("sha256:")


def test_a_failure_is_an_event_with_the_name_of_its_error() -> None:
    """It is recorded and raised on: whoever asked has to deal with it."""

    async def story(ports: Ports) -> None:
        checkout = await ports.code_repos["users"].clone()
        with pytest.raises(NothingToCommit):
            await checkout.commit("nothing")

    last = Bench().run(story)[-1]
    assert (last.kind, last.outcome) == ("NothingToCommit", "failed")
    assert "nothing to commit" in last.because


@pytest.mark.parametrize(("definite", "outcome"), [(True, "failed"), (False, "unknown")])
def test_what_may_have_happened_all_the_same_is_unknown(definite: bool, outcome: str) -> None:
    """A lost answer is not a refusal, and measures may not count it as one."""
    bench = Bench()

    async def refuse() -> None:
        raise PortError("no answer", definite=definite)

    async def story(_: Ports) -> None:
        with pytest.raises(PortError):
            await bench.recorder.record(CALL, refuse())

    assert bench.run(story)[-1].outcome == outcome


def test_only_what_was_written_is_told_of_a_commit() -> None:
    """A refused path, or one that a reset took back, is in no commit and in no event."""

    async def story(ports: Ports) -> None:
        await ship(ports, "1")
        checkout = await ports.code_repos["users"].clone()
        with pytest.raises(FileMissing):
            checkout.write("../outside", "x")
        checkout.write("dropped", "x")
        assert checkout.head
        await checkout.reset(checkout.head)
        checkout.write("kept", "x")
        await checkout.commit("Keep one")

    assert list(Bench().run(story)[-1].detail["files"]) == ["kept"]


def test_all_that_is_done_inside_belongs_to_the_intent() -> None:
    """Also what spawned actors do later; before and after it nothing does."""
    bench = Bench()

    async def later() -> None:
        await bench.kernel.sleep(10)
        bench.recorder.mark("Later", "users")

    async def story(_: Ports) -> None:
        bench.recorder.mark("Before", "users")
        with bench.recorder.intent("deploy", workload="users") as name:
            assert name == "deploy-1"
            bench.kernel.spawn(later(), name="later")
        bench.recorder.mark("After", "users")
        await bench.kernel.sleep(20)

    events = bench.run(story)
    assert [(each.kind, each.intent, each.causes) for each in events] == [
        ("Before", "", ()),
        ("IntentDeclared", "deploy-1", ()),
        ("After", "", ()),
        ("Later", "deploy-1", (1,)),
    ]


def test_intents_are_numbered_and_end_even_when_they_fail() -> None:
    """The second of a kind is the second, and an error leaves the actor with what it had."""
    bench = Bench()

    async def story(_: Ports) -> None:
        for what in ("deploy", "deploy", "rollback"):
            with suppress(FileMissing), bench.recorder.intent(what):
                raise FileMissing("gone")
        bench.recorder.mark("After", "")

    events = bench.run(story)
    assert [each.intent for each in events] == ["deploy-1", "deploy-2", "rollback-1", ""]


def test_who_sees_a_push_works_for_who_pushed() -> None:
    """CI is set off by the push: its events have that intent, and the push as their cause."""
    bench = Bench()

    async def ci(ports: Ports) -> None:
        revision = await ports.code_repos["users"].wait_for_push(None)
        await ports.code_repos["users"].clone(at=revision)

    async def story(ports: Ports) -> None:
        bench.kernel.spawn(ci(ports), name="ci")
        with bench.recorder.intent("deploy"):
            await ship(ports, "1")

    events = bench.run(story)
    (pushed,) = [each for each in events if each.kind == "CommitPushed"]
    (cloned,) = [each for each in events if each.kind == "RepositoryCloned" and each.began_us]
    assert (cloned.intent, cloned.causes) == ("deploy-1", (pushed.seq,))


def test_who_sees_a_tag_works_for_who_pushed_the_image() -> None:
    """The manager is set off by the newest new tag, told or found by looking."""
    bench = Bench()

    async def told(ports: Ports) -> None:
        await ports.registry.wait_for_tag("registry.test/users", ())
        bench.recorder.mark("Told", "")

    async def looks(ports: Ports) -> None:
        await bench.kernel.sleep(200)
        await ports.registry.list_tags("registry.test/users")
        bench.recorder.mark("Looked", "")

    async def story(ports: Ports) -> None:
        for actor in (told, looks):
            bench.kernel.spawn(actor(ports), name=actor.__name__)
        with bench.recorder.intent("deploy"):
            await ship(ports, "1")
        await bench.kernel.sleep(200)

    events = bench.run(story)
    (pushed,) = [each for each in events if each.kind == "ImagePushed"]
    for kind in ("Told", "Looked"):
        (found,) = [each for each in events if each.kind == kind]
        assert (found.intent, found.causes) == ("deploy-1", (pushed.seq,)), kind


def test_a_decision_is_an_event_of_who_decided() -> None:
    """A refusal calls no other port, and is seen all the same, with its reason."""
    outcome = Outcome("refused", "locked by ann: audit", image=ImageRef("r/users", "v1"))
    decision = Decision("rollback", "users", "staging", outcome)
    (event,) = Bench().run(lambda ports: ports.decisions.record(decision))
    assert (event.component, event.op, event.resource) == ("operator", "decide", "staging")
    assert (event.outcome, event.because) == ("refused", "locked by ann: audit")
    assert event.detail["image"] == "r/users:v1"


def test_pods_act_on_nobody_s_behalf() -> None:
    """What the cluster does is observed, whoever happens to run just then."""
    bench = Bench()
    change = PodChange("staging", "users", "users-1", "created", ImageRef("r/users", "v1"))

    async def story(_: Ports) -> None:
        with bench.recorder.intent("deploy"):
            bench.recorder.pod_changed(change)

    event = bench.run(story)[-1]
    assert (event.kind, event.op, event.intent, event.causes) == ("PodCreated", "observe", "", ())
    assert event.detail == {"workload": "users", "pod": "users-1", "image": "r/users:v1"}


@pytest.mark.parametrize("is_recorded", [True, False])
def test_recording_costs_no_time(is_recorded: bool) -> None:
    """A recorded run and an unrecorded one end at the same instant."""
    bench = Bench()

    async def story(ports: Ports) -> None:
        await ship(ports if is_recorded else bench.world.ports("operator"), "1")

    bench.run(story)
    assert bench.kernel.now_us == 125_000_000


def test_what_nobody_asked_for_is_not_taken_for_what_was_found_before() -> None:
    """On a real substrate a push is found before it has returned, by who followed another one."""
    kernel = Kernel()
    recorder = Recorder(kernel, History())

    async def main() -> None:
        actor = kernel.current
        assert actor is not None
        with recorder.intent("deploy"):
            recorder.announce("first")
        recorder.announce("by hand")
        recorder.follow("first")
        assert isinstance(actor.context, Context)
        assert actor.context.intent == "deploy-1"
        recorder.follow("by hand")
        assert actor.context.intent == ""

    kernel.run(main())
