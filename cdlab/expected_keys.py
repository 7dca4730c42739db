"""
The keys that a measure with several values has, before anything runs.

In: what a scenario file says there is. Out: the keys of each measure that is a mapping; any other
has one value. Called by `scenario_references.py` and by the JSON Schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from cdlab.grants import grants_of
from cdlab.model import PRINCIPALS
from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.stories.lab import OPERATIONS
from cdlab.stories.moving import ROAD
from cdlab.value_checks import NAME

if TYPE_CHECKING:
    from cdlab.scenario_references import Names

Keys = Callable[["Names"], tuple[str, ...] | None]
"""The keys; None where the file is wrong about what decides them."""


def _principals(names: Names) -> tuple[str, ...] | None:
    if names.architecture is None:
        return None
    grants = grants_of(names.architecture.name)
    return (*(each.principal for each in grants if each.is_automation), "maximum")


def _fixed(measure: str, names: Names) -> tuple[str, ...]:
    return FIXED[measure]


FIXED: Mapping[str, tuple[str, ...]] = {
    "privilege_concentration": ("one_manager", "one_manager_per_environment"),
    "reach": ("one_identity", "one_each"),
    "manual_steps": ("deploy", "rollback", "promote"),
    "move_seconds": ROAD[1:],
    "move_steps": ROAD[1:],
    "cluster_rebuild": ("digests", "sources", "manual_steps"),
}
"""Those that are the same in every scenario."""
KEYS: Mapping[str, Keys] = {
    **{measure: partial(_fixed, measure) for measure in FIXED},
    "writable_resources": _principals,
    "blast_radius": _principals,
    "outage_matrix": lambda names: names.attempt,
    "serves_at_end": lambda names: names.environments,
    "replicas_at_end": lambda names: names.environments,
}
"""Measure that is a mapping -> its keys."""


def schema_of_keys(measure: str) -> dict[str, Any]:
    """
    The JSON Schema of a key of a measure in `KEYS`.

    It knows neither the architecture of a file nor its environments, and so allows those of all.
    """
    if measure in ("writable_resources", "blast_radius"):
        return {"enum": [*PRINCIPALS, "maximum"]}
    if measure == "outage_matrix":
        boxes = (*BOXES, *ACTORS)
        return {"enum": [f"{each} without {box}" for each in OPERATIONS for box in boxes]}
    if measure in ("serves_at_end", "replicas_at_end"):
        return {"pattern": f"^({NAME})$"}
    return {"enum": list(FIXED[measure])}
