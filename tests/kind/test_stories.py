"""
The stories on the real cluster: the same expectations as in the simulator, and the same counts.

Some run in every suite, all of them with `make test-kind-all`. A story that is a race is held to
its expectations alone: its counts are one of several allowed outcomes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.equality import differences
from cdlab.expectations import judge
from cdlab.history import History
from cdlab.scenario import Scenario, load
from cdlab.testing.failure_story import failure_story

ROOT = Path(__file__).parents[2] / "scenarios"
EVERYWHERE = (
    "first-deployment",
    "newer-commit",
    "different-versions",
    "two-teams",
    "out-of-band",
    "rollout-undo",
)
GATED = ("v1/different-versions-gated", "v2/different-versions-gated")
ALWAYS = (*(f"{version}/{name}" for name in EVERYWHERE for version in ("v1", "v2", "v3")), *GATED)
"""What is played on the real cluster by every suite, in every architecture."""
RACES = (
    "two-teams",
    "newer-commit",
    "newer-image",
    "older-build-last",
    "without-hold",
    "automated",
    "poll",
)
"""Words in the names of stories whose order is anybody's."""
MEASURED_BY_TIME = (
    "requests_sent",
    "requests_dropped",
    "rollback_seconds",
    "incompatible_seconds",
    "ssot_divergence_ended_by",
)
"""What the simulator's costs decide, and the machine's in reality: also which divergence of a run
is the longest, the one by hand or that of an ordinary rollout."""
LONGEST_SECONDS = 30.0
"""Hours of slow builds and waiting in a file for the simulator are so long here."""
ALL = sorted(f"{path.parent.name}/{path.stem}" for path in ROOT.glob("v*/*.yaml"))


def is_race(name: str) -> bool:
    """Whether the order of what happens is anybody's."""
    return any(race in name for race in RACES)


def hastened(scenario: Scenario) -> Scenario:
    """The same with shorter waits and delays, for which nobody sits before a real cluster."""
    steps = [
        {"wait": {"seconds": min(step["wait"]["seconds"], LONGEST_SECONDS)}}
        if "wait" in step
        else step
        for step in scenario.steps
    ]
    faults = [
        {**fault, "seconds": min(fault.get("seconds", LONGEST_SECONDS), LONGEST_SECONDS)}
        for fault in scenario.faults
    ]
    return replace(scenario, steps=tuple(steps), faults=tuple(faults))


def play(name: str) -> History:
    """Play a scenario on kind and hold it to its file."""
    scenario = hastened(load(ROOT / f"{name}.yaml"))
    run = worlds.run(scenario, substrate="kind")
    assert run.is_finished or "is_finished" in scenario.expect, failure_story(run.history)
    allowed = [*MEASURED_BY_TIME]
    if is_race(name) and run.measures["stayed_rolled_back"] is None:
        allowed.append("stayed_rolled_back")  # overtaken before it was there at all
    broken = [
        verdict
        for verdict in judge(scenario.expect, run.measures)
        if not verdict.holds and verdict.measure not in allowed
    ]
    assert not broken, failure_story(run.history)
    return run.history


@pytest.mark.kind
@pytest.mark.parametrize("name", ALWAYS)
def test_a_story_is_the_same_on_kind(name: str) -> None:
    """The scenario's expectations hold, and what was done is what the simulator does."""
    real = play(name)
    if not is_race(name):
        simulated = worlds.run(load(ROOT / f"{name}.yaml")).history
        assert differences(simulated, real) == [], failure_story(real)


@pytest.mark.kind
@pytest.mark.slow_kind
@pytest.mark.parametrize("name", [name for name in ALL if name not in ALWAYS])
def test_every_other_story_ends_as_expected_on_kind(name: str) -> None:
    """All that is in `scenarios/`, for those who have an hour."""
    play(name)
