"""How long a rollback took and whether it stayed, on histories of real runs and by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cdlab.history import Event, History
from cdlab.model import Environment, Variant
from cdlab.rollback_time import (
    PHASES,
    asked,
    bad_is_back,
    done,
    lead_time_seconds,
    left_divergence,
    phases,
    rollback_seconds,
    stayed_rolled_back,
)
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.worlds import simulated

COMMAND = Variant(rollback="command")
AUTOMATED = (Environment("staging"), Environment("production"))
Play = Callable[..., History]


@pytest.fixture(scope="module")
def play() -> Play:
    """The history of a run with constant costs and one microservice, played once."""
    played: dict[str, History] = {}

    def play(architecture: str, **settings: Any) -> History:
        settings = {"profile": "constant", "microservices": ("users",), **settings}
        scenario = Scenario(architecture=architecture, **settings)
        if repr(scenario) not in played:
            world = replace(simulated(scenario), look_phase=0.3)
            played[repr(scenario)] = run_in(world, scenario).history
        return played[repr(scenario)]

    return play


def but(history: History, keep: Callable[[Event], bool]) -> History:
    """The history as if some events had never been, numbered anew."""
    kept = [event for event in history if keep(event)]
    return History(event._replace(seq=seq) for seq, event in enumerate(kept))


def nonzero(history: History) -> dict[str, float]:
    return {phase: seconds for phase, seconds in phases(history).items() if seconds}


def test_the_phases_of_v1_are_the_way_through_ci(play: Play) -> None:
    """Clone 2 + push 3, hint 1, clone 2, cached build 50, known push 10, two pods after another."""
    assert nonzero(play("v1")) == {
        **{"revert": 5, "notify": 1, "checkout": 2, "build": 50, "push": 10},
        **{"earlier replicas": 4, "start": 4},
    }


def test_the_phases_of_v2_have_a_config_commit_more(play: Play) -> None:
    """Clone 2 + push 3, and the rest as in V1."""
    assert nonzero(play("v2")) == {**nonzero(play("v1")), "config": 5}


def test_the_phases_of_v3_begin_with_the_config_commit(play: Play) -> None:
    """No code, no CI, no build, no registry: clone 2 + push 3, and the pods."""
    found = nonzero(play("v3", variant=COMMAND))
    assert found == {"config": 5, "earlier replicas": 4, "start": 4}


def test_an_image_that_no_node_has_is_pulled(play: Play) -> None:
    """The last pod's pull is a phase of its own, where it has to pull: one environment only."""
    history = play("v1", variant=Variant(has_build_cache=False), environments=AUTOMATED[1:])
    found = nonzero(history)
    assert (found["build"], found["push"]) == (100, 20)
    assert (found["earlier replicas"], found["pull"], found["start"]) == (14, 10, 4)


def test_a_busy_ci_is_a_queue(play: Play) -> None:
    """Waiting for an executor is neither notification nor checkout."""
    history = play("v1")
    (queued,) = [e for e in history.cone("rollback-1") if e.kind == "PipelineRunQueued"]
    earlier = queued._replace(t_us=queued.t_us - 500_000, began_us=queued.t_us - 500_000)
    changed = History(earlier if event == queued else event for event in history)
    assert (phases(changed)["notify"], phases(changed)["queue"]) == (0.5, 0.5)


@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
def test_the_phases_sum_to_the_total(play: Play, architecture: str) -> None:
    """Nothing is counted twice and nothing is left out, in the order of the critical path."""
    variant = COMMAND if architecture == "v3" else Variant()
    history = play(architecture, variant=variant, profile="lean-ci", replicas=3)
    found = phases(history)
    assert tuple(found) == PHASES
    assert min(found.values()) >= 0
    assert sum(found.values()) == pytest.approx(rollback_seconds(history), abs=1e-6)


def test_a_run_without_a_rollback_has_no_numbers_of_one(play: Play) -> None:
    """Not asked is None, never 0."""
    history = play("v1", story="first-deployment")
    for measure in (asked, done, rollback_seconds, stayed_rolled_back, left_divergence):
        assert measure(history) is None
    assert (bad_is_back(history), phases(history)) == (None, {})
    assert lead_time_seconds(history) is None


def test_a_rollback_without_an_end_has_no_time(play: Play) -> None:
    """It was cut off by the deadline: unknown, and that it stayed as well."""
    history = play("v1")
    end = done(history)
    assert end is not None
    cut = but(history, lambda event: event.seq < end.seq)
    assert asked(cut) is not None
    assert (rollback_seconds(cut), stayed_rolled_back(cut), phases(cut)) == (None, None, {})


@pytest.mark.parametrize(("has_hold", "stayed"), [(True, True), (False, False)])
def test_it_stayed_if_nothing_else_served_until_the_end_of_the_watch(
    play: Play, has_hold: bool, stayed: bool
) -> None:
    """Without the hold, automation brings the bad image back within the time of observation."""
    variant = Variant(rollback="command", has_hold=has_hold)
    assert stayed_rolled_back(play("v3", variant=variant, environments=AUTOMATED)) is stayed


def test_what_happens_after_the_watch_does_not_count(play: Play) -> None:
    """The next push is another question, with a measure of its own."""
    history = play("v1", variant=Variant(rollback="rollout-undo"), next_push=True)
    assert stayed_rolled_back(history) is True
    assert bad_is_back(history) is True


def test_a_config_commit_that_was_rejected_is_not_what_the_config_repo_says(play: Play) -> None:
    """Only what was pushed is recorded: a lost race leaves the commit on somebody's disk."""
    history = play("v3", variant=COMMAND)
    (made,) = [e for e in history.cone("rollback-1") if e.kind == "Committed"]
    bad = next(e for e in history.of("Committed") if e.intent == "promote-1").detail["files"]
    detail = {**made.detail, "revision": "0" * 40, "files": bad}
    events = list(history)
    lost = made._replace(t_us=events[-2].t_us, detail=detail)
    rejected = lost._replace(kind="PushRejected", op="write", outcome="failed")
    at = history.of("ObservationEnded")[0].seq
    events[at:at] = [lost, rejected]
    raced = History(event._replace(seq=seq) for seq, event in enumerate(events))
    assert left_divergence(raced) == left_divergence(history) == "none"
