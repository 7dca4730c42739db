"""The same scenario on the simulator and on the real cluster: the counts agree."""

from __future__ import annotations

import pytest

from cdlab import worlds
from cdlab.equality import differences
from cdlab.testing.failure_story import failure_story
from tests.kind.real_rollbacks import rolled_back, scenario


@pytest.mark.kind
@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
def test_the_simulator_agrees_with_the_real_thing(architecture: str) -> None:
    """Rolling back does the same things in the same places on both substrates."""
    simulated = worlds.run(scenario(architecture)).history
    real = rolled_back(architecture).history
    assert not real.of("RunStalled"), failure_story(real)
    assert differences(simulated, real) == [], failure_story(real)
