"""Ports that fail on a plan: each fault by itself, in runs of real scenarios."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from cdlab import worlds
from cdlab.errors import ScenarioError
from cdlab.fault_plans import CATALOGUE, Fault, Plan
from cdlab.faults import faulty
from cdlab.kernel import Kernel
from cdlab.runner import Run
from cdlab.scenario import Scenario, parse

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


def test_every_fault_of_the_catalogue_happens_in_some_run() -> None:
    """Each makes events or delays that a run without it does not have, or none at all."""
    usual = {a: play(a).history.to_jsonl() for a in ("v1", "v2", "v3")}
    for what in CATALOGUE:
        found = {a: play(a, {"what": what, "times": 3, "nth": 2}).history for a in usual}
        events = {a: history.to_jsonl().split("\n", 1)[1] for a, history in found.items()}
        is_seen = any(events[a] != usual[a].split("\n", 1)[1] for a in usual)
        assert is_seen == (what not in UNNOTICED), what


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
        ({"what": "hint-lost", "during": 3}, "during: 3 is not a kind of intent"),
        ({"what": "hint-late", "seconds": float("nan")}, "seconds: nan is not a number from 0"),
        ({"what": "hint-late", "seconds": True}, "seconds: True is not a number from 0"),
        ({"what": "hint-lost", "nth": True}, "nth: True is not a whole number from 1"),
        ({"nth": 1}, "a fault wants what"),
        ({"what": "build-slow", "nth": 0}, "nth: 0 is not a whole number from 1"),
        ({"what": "build-slow", "often": 2}, '"often" is no setting of a fault'),
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
