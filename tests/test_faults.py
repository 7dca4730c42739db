"""Ports that fail on a plan: each fault by itself, in runs of real scenarios."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import yaml

from cdlab import worlds
from cdlab.errors import ScenarioError
from cdlab.fault_plans import CATALOGUE, INTENTS, Fault, Plan
from cdlab.faults import FaultyRegistry, faulty
from cdlab.kernel import Kernel
from cdlab.model import Digest, Tag
from cdlab.report.narration import story_of
from cdlab.runner import Run
from cdlab.scenario import Scenario, parse

ROOT = Path(__file__).parent.parent
UNNOTICED = ("tags-reordered", "hint-doubled")
"""What the manager must not even notice: it sorts, and forgets a look that an equal one follows."""


def play(architecture: str, *faults: dict[str, Any], **settings: Any) -> Run:
    """The story rollback in the simulator, with constant costs."""
    scenario = parse(f"architecture: {architecture}\nprofile: constant")
    more = {"faults": faults, **settings}
    return worlds.run(Scenario(**{**vars(scenario), **more}))


def kinds(run: Run, intent: str) -> list[str]:
    """What happened on behalf of an intent."""
    return [event.kind for event in run.history.cone(intent)]


def test_an_empty_plan_changes_nothing() -> None:
    """Without faults the ports are the very same objects."""
    ports = object()
    assert faulty(ports, Plan(Kernel(), ())) is ports  # type: ignore[arg-type]


def told(run: Run) -> list[tuple[Any, ...]]:
    """All that happened but the faults themselves, without the numbers that those shift."""
    events = [event._replace(seq=0, causes=()) for event in run.history]
    return [tuple(event) for event in events[1:] if event.kind != "FaultHappened"]


def test_every_fault_of_the_catalogue_happens_in_some_run() -> None:
    """Each is an event, and makes others or delays that a run without it does not have, or none."""
    usual = {a: told(play(a)) for a in ("v1", "v2", "v3")}
    for what in CATALOGUE:
        found = {a: play(a, {"what": what, "times": 3, "nth": 2}) for a in usual}
        happened = [e for run in found.values() for e in run.history.of("FaultHappened")]
        assert {event.detail["what"] for event in happened} == {what}
        is_noticed = any(told(found[a]) != usual[a] for a in usual)
        assert is_noticed == (what not in UNNOTICED), what


def test_a_fault_that_happens_is_an_event_of_the_intent_that_it_meets() -> None:
    """With what it means, and the explanation of the run tells it."""
    run = play("v3", {"what": "apply-unknown", "during": "rollback", "environment": "production"})
    (event,) = run.history.of("FaultHappened")
    assert (event.intent, event.resource) == ("rollback-1", "production")
    assert event.because == CATALOGUE["apply-unknown"]
    assert "lets a fault happen, apply-unknown" in "\n".join(map(str, story_of(run.history)))


@pytest.mark.parametrize("what", UNNOTICED)
def test_that_a_fault_is_told_changes_no_measure(what: str) -> None:
    """Not one; so what changes them is what it leads to."""
    run = play("v3", {"what": what, "times": 100})
    assert run.history.of("FaultHappened")
    assert run.measures == play("v3").measures
    assert run.phases == play("v3").phases


def test_every_intent_can_be_named() -> None:
    """`during` has a closed list: what the stories declare and the manager does by itself."""
    source = "".join(each.read_text() for each in sorted((ROOT / "cdlab").rglob("*.py")))
    declared = re.findall(r'\.intent\(\s*"([^"]+)"', source)
    assert {*declared, "drift repair", "rollback"} == set(INTENTS)


@pytest.mark.parametrize("architecture", ["v1", "v2"])
def test_a_rollback_by_code_needs_a_build_that_works(architecture: str) -> None:
    """If the rebuild fails the bad release stays, and nobody is told but by the pipeline."""
    run = play(architecture, {"what": "build-fails", "during": "rollback"})
    assert not run.is_finished
    assert run.measures["serves_at_end"]["production"] == "bad"


def test_a_rollback_by_command_builds_nothing_that_could_fail() -> None:
    """V3 does not notice that no image can be built."""
    run = play("v3", {"what": "build-fails", "during": "rollback", "times": 100})
    assert run.measures["serves_at_end"]["production"] == "good"


def test_a_lost_race_is_tried_again() -> None:
    """V2's CI clones again after each of three rejected pushes, and its fourth one stands."""
    run = play("v2", {"what": "config-push-rejected", "during": "rollback", "times": 3})
    cone = kinds(run, "rollback-1")
    assert cone.count("PushRejected") == 3
    assert run.measures["stayed_rolled_back"] is True


def test_a_push_whose_answer_is_lost_is_not_repeated() -> None:
    """The manager looks for its commit, finds it, and applies that: one rollback, not two."""
    run = play("v3", {"what": "config-push-unknown", "during": "rollback"})
    assert kinds(run, "rollback-1").count("Committed") == 1
    assert run.measures["serves_at_end"]["production"] == "good"


@pytest.mark.parametrize("what", ["apply-fails", "apply-unknown"])
def test_what_is_committed_is_applied_later(what: str) -> None:
    """A release whose apply got no answer stands in the config repo, and a sync applies it."""
    run = play("v3", {"what": what, "during": "rollback", "environment": "production"})
    assert run.measures["serves_at_end"]["production"] == "good"
    assert run.measures["stayed_rolled_back"] is True


@pytest.mark.parametrize("what", ["tags-partial", "tags-reordered", "hint-doubled", "hint-late"])
def test_the_registry_may_tell_less_more_and_later_than_is_true(what: str) -> None:
    """None of it releases anything older than what runs, or anything twice."""
    run = play("v3", {"what": what, "times": 100})
    released = [
        event.detail["image"]
        for event in run.history.of("Decided")
        if event.resource == "staging" and event.detail["status"] == "released"
        if event.detail["workload"] == "front-end" and event.detail["what"] == "automation"
    ]
    pushed = [e.digest_after for e in run.history.of("ImagePushed") if e.resource == "front-end"]
    assert [image.rpartition("@")[2] for image in released] == pushed


@pytest.mark.parametrize("what", ["hint-lost", "hint-late", "hint-reordered"])
def test_a_hint_belongs_to_who_made_its_tag(what: str) -> None:
    """Not to what its listener did last: every hint of a deploy comes late, none of the others."""
    usual = play("v3").measures["lead_time_seconds"]
    fault = {"what": what, "times": 100, "seconds": 30}
    assert play("v3", {**fault, "during": "deploy"}).measures["lead_time_seconds"] > usual
    assert play("v3", {**fault, "during": "rollback"}).measures["lead_time_seconds"] == usual


def test_a_list_of_tags_belongs_to_who_made_its_newest() -> None:
    """In V3 no rollback makes one."""
    run = play("v3", {"what": "tags-partial", "times": 100, "during": "rollback"})
    assert not run.history.of("FaultHappened")
    run = play("v3", {"what": "tags-partial", "times": 2, "during": "deploy"})
    pushed = next(e for e in run.history.of("ImagePushed") if e.intent == "deploy-1")
    assert min(e.seq for e in run.history.of("FaultHappened")) > pushed.seq


def test_a_reordered_hint_comes_after_the_next() -> None:
    """The listener hears of c, then of b as if there were no c yet, then the truth."""
    a, b, c = (Tag(name, Digest(f"sha256:{name}"), age) for age, name in enumerate("abc"))
    lists = {1: (a, b), 2: (a, b, c)}

    class Registry:
        """Tells what is new."""

        async def wait_for_tag(self, repository: str, after: Collection[str]) -> tuple[Tag, ...]:
            return lists[1] if "b" not in after else lists[2]

    async def listen() -> list[str]:
        known: tuple[str, ...] = ("a",)
        heard = []
        for _ in range(3):
            tags = await registry.wait_for_tag("users", known)
            known = tuple(tag.name for tag in tags)
            heard.append("".join(known))
        return heard

    kernel = Kernel()
    plan = Plan(kernel, [Fault(what="hint-reordered")])
    registry = FaultyRegistry(Registry(), plan)  # type: ignore[arg-type]
    assert kernel.run(listen()) == ["ac", "ab", "abc"]


def test_a_lost_hint_costs_a_look() -> None:
    """Nobody tells of the bad image; the manager's next look at the registry finds it."""
    told, lost = (
        play("v3"),
        play("v3", {"what": "hint-lost", "microservice": "front-end", "nth": 2}),
    )
    seconds = [run.measures["lead_time_seconds"] for run in (told, lost)]
    assert seconds[0] < seconds[1] <= seconds[0] + 300


def test_the_nth_call_fails_and_as_many_as_were_planned() -> None:
    """Calls are counted for each fault by itself, and only those that it is about."""
    plan = Plan(Kernel(), [Fault(what="apply-fails", environment="staging", nth=2, times=2)])
    asked = [("staging", 1), ("production", 1), ("staging", 2), ("staging", 3), ("staging", 4)]
    due = [bool(plan.due("apply-fails", "users", where)) for where, _ in asked]
    assert due == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("down", "a fault is {what: …}"),
        ({"what": "build-fail"}, 'did you mean "build-fails"?'),
        ({"what": "build-fails", "microservice": "user"}, 'there is no microservice "user"'),
        ({"what": "build-fails", "environment": "staging"}, "happens in no environment"),
        ({"what": "apply-fails", "environment": "test"}, 'there is no environment "test"'),
        ({"what": "build-slow", "seconds": -1}, "seconds: -1 is not a number from 0"),
        ({"what": ["a"]}, "what: "),
        ({"what": "hint-lost", "during": 3}, 'during: "3" is none of bootstrap, deploy'),
        ({"what": "hint-late", "seconds": float("nan")}, "seconds: nan is not a number from 0"),
        ({"what": "hint-late", "seconds": True}, "seconds: True is not a number from 0"),
        ({"what": "hint-lost", "nth": True}, "nth: True is not a whole number from 1"),
        ({"nth": 1}, "a fault wants what"),
        ({"what": "build-slow", "nth": 0}, "nth: 0 is not a whole number from 1"),
        ({"what": "build-slow", "often": 2}, '"often" is no setting of a fault'),
        ({"what": "hint-lost", "during": "nonsense"}, "during: "),
        ({"what": "hint-lost", "during": "deploy-1"}, "during: "),
        ({"what": "hint-lost", "during": ["deploy"]}, "during: "),
    ],
)
def test_a_fault_that_cannot_be_is_refused(fault: Any, problem: str) -> None:
    """With what would be right, and at the fault's place in the list."""
    fine = {"what": "hint-lost"}
    scenario = {
        "architecture": "v3",
        "microservices": ["users"],
        "environments": ["staging"],
        "faults": [fine, fault],
    }
    with pytest.raises(ScenarioError) as refused:
        parse(yaml.safe_dump(scenario, sort_keys=False))
    assert {line >= 8 for line, _ in refused.value.mistakes} == {True}
    assert problem in refused.value.message
