"""The same scenario on the simulator and on the real cluster: the counts agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.equality import differences
from cdlab.scenario import load
from cdlab.testing.failure_story import failure_story

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.mark.kind
@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
def test_the_simulator_agrees_with_the_real_thing(architecture: str) -> None:
    """Rolling back does the same things in the same places on both substrates."""
    scenario = load(SCENARIOS / architecture / "rollback.yaml")
    simulated = worlds.run(scenario).history
    real = worlds.run(scenario, substrate="kind").history
    assert not real.of("RunStalled"), failure_story(real)
    assert differences(simulated, real) == [], failure_story(real)
