"""The outage matrix on the real cluster: each box really stopped, each operation attempted."""

from __future__ import annotations

from functools import cache

import pytest

from cdlab import worlds
from cdlab.architectures import ARCHITECTURES
from cdlab.model import Variant
from cdlab.outages import boxes_of
from cdlab.scenario import Scenario
from cdlab.stories import OPERATIONS
from cdlab.testing.failure_story import failure_story

CELLS = [
    (name, operation, box)
    for name, architecture in ARCHITECTURES.items()
    for operation in OPERATIONS
    for box in boxes_of(architecture)
]


def attempt(name: str, operation: str, box: str) -> Scenario:
    """The scenario of one cell."""
    variant = Variant(rollback=ARCHITECTURES[name].rollbacks[0])
    return Scenario(
        architecture=name, story="outage", outage=box, operation=operation, variant=variant
    )


@cache
def simulated(scenario: str) -> object:
    """What the simulator says of a cell."""
    return worlds.run(attempt(*scenario.split("|"))).measures["outage_matrix"]


@pytest.mark.kind
@pytest.mark.slow_kind
@pytest.mark.parametrize(("name", "operation", "box"), CELLS)
def test_a_cell_is_as_in_the_simulator(name: str, operation: str, box: str) -> None:
    """What can be done without a box on the real cluster is what the simulator says."""
    run = worlds.run(attempt(name, operation, box), substrate="kind")
    expected = simulated("|".join((name, operation, box)))
    assert run.measures["outage_matrix"] == expected, failure_story(run.history)
