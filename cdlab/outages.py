"""
The outage matrix: what can still be done while a box is down. Every cell is a run.

In: an architecture, a seed. Out: operation -> box -> whether it went through, each attempted in
the simulator with the box really stopped. Called by `cdlab outages` and by the tests.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdlab import worlds
from cdlab.architectures import ARCHITECTURES, Architecture
from cdlab.model import Variant
from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.scenario import Scenario
from cdlab.stories import OPERATIONS

Matrix = Mapping[str, Mapping[str, bool]]


def outage_matrix(name: str, *, seed: int = 1) -> Matrix:
    """Attempt every operation without each box, rolling back as the article does."""
    boxes = boxes_of(ARCHITECTURES[name])
    return {
        operation: {box: _went_through(name, operation, box, seed) for box in boxes}
        for operation in OPERATIONS
    }


def boxes_of(architecture: Architecture) -> list[str]:
    """What can be down in an architecture: not every one has a config repo and a manager."""
    missing = {
        "config-repo": not architecture.has_config_repo,
        "manager": architecture.manager is None,
    }
    return [box for box in (*ACTORS, *BOXES) if not missing.get(box, False)]


def _went_through(name: str, operation: str, box: str, seed: int) -> bool:
    variant = Variant(rollback=ARCHITECTURES[name].rollbacks[0])
    run = worlds.run(
        Scenario(
            architecture=name,
            story="outage",
            outage=box,
            operation=operation,
            variant=variant,
            seed=seed,
        )
    )
    cells: Mapping[str, bool] = run.measures["outage_matrix"]
    return cells[f"{operation} without {box}"]
