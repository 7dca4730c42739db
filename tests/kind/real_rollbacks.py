"""The rollback of each architecture on the real cluster: played once, and looked at by several."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cdlab import worlds
from cdlab.runner import Run
from cdlab.scenario import Scenario, load

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def scenario(architecture: str) -> Scenario:
    """`scenarios/<architecture>/rollback.yaml`."""
    return load(SCENARIOS / architecture / "rollback.yaml")


@cache
def rolled_back(architecture: str) -> Run:
    """What really happened. Nobody changes it."""
    return worlds.run(scenario(architecture), substrate="kind")
