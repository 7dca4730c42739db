"""
What is measured: the variants of a rollback by name, and the factors that change one thing each.

Names and settings alone. In: a variant's name and a cell's factor and setting. Out: the scenario
that a run plays. Called by `plans.py` for the cells and by `playing.py` for the runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cdlab.model import Variant
from cdlab.scenario import Scenario

V1_REVERT, V1_NO_CACHE = "V1 revert, cache", "V1 revert, no cache"
V2_REVERT, V3_COMMAND = "V2 revert, cache", "V3 command"
V3_CONFIG_REVERT = "V3 config-revert"
IMAGE_PATCH, ROLLOUT_UNDO = "bare image patch", "V1 rollout-undo"

MAIN = (V1_REVERT, V1_NO_CACHE, V2_REVERT, V3_COMMAND, IMAGE_PATCH, ROLLOUT_UNDO)
"""The main cell, in the order of the tables; all are compared with the first."""
ARTICLE = (V1_REVERT, V1_NO_CACHE, V2_REVERT, V3_COMMAND)
"""What the article compares, without the baselines."""
BY_TRIGGER = (V1_REVERT, V3_COMMAND, V3_CONFIG_REVERT)
"""A command wakes the manager; a commit in the config repo waits for its next look."""

ONE_MICROSERVICE = ("front-end",)
"""The main cell's: a rollback is about one microservice, and fewer builds disturb it."""
MID_ROLLOUT = "mid-rollout"
"""Not a setting of scenarios: whoever plays the cell asks before the bad release is complete."""

SCENARIOS: Mapping[str, Scenario] = {
    V1_REVERT: Scenario(architecture="v1"),
    V1_NO_CACHE: Scenario(architecture="v1", variant=Variant(has_build_cache=False)),
    V2_REVERT: Scenario(architecture="v2"),
    V3_COMMAND: Scenario(architecture="v3", variant=Variant(rollback="command")),
    V3_CONFIG_REVERT: Scenario(architecture="v3", variant=Variant(rollback="config-revert")),
    IMAGE_PATCH: Scenario(architecture="v1", story="image-patch"),
    ROLLOUT_UNDO: Scenario(architecture="v1", variant=Variant(rollback="rollout-undo")),
}
"""Variant -> what it plays in the main cell, with one microservice."""
NO_ARCHITECTURE = (IMAGE_PATCH,)
"""What V1's boxes only stand around."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Factor:
    """One thing that a cell does differently from the main cell."""

    name: str
    setting: str
    changes: Mapping[str, Any]
    """Fields of `Scenario`, or of its `Variant` where they are one of those."""
    variants: tuple[str, ...] = ARTICLE

    @property
    def cell(self) -> str:
        """The name of the cell."""
        return f"{self.name} {self.setting}"


FACTORS = (
    Factor(name="build load", setting="medium", changes={"build_work": 300, "payload_kib": 1024}),
    Factor(name="build load", setting="heavy", changes={"build_work": 1500, "payload_kib": 8192}),
    Factor(name="replicas", setting="1", changes={"replicas": 1}),
    Factor(name="replicas", setting="6", changes={"replicas": 6}),
    Factor(name="image size", setting="20 MiB", changes={"payload_kib": 20 * 1024}),
    Factor(name="image size", setting="100 MiB", changes={"payload_kib": 100 * 1024}),
    Factor(name="trigger", setting="event", changes={}, variants=BY_TRIGGER),
    Factor(
        name="trigger",
        setting="poll 10 s",
        changes={"poll_interval_seconds": 10.0},
        variants=BY_TRIGGER,
    ),
    Factor(
        name="trigger",
        setting="poll 60 s",
        changes={"poll_interval_seconds": 60.0},
        variants=BY_TRIGGER,
    ),
    Factor(name="commit", setting="merge", changes={"merge": True}),
    Factor(name="moment", setting=MID_ROLLOUT, changes={"replicas": 6}),
    Factor(
        name="microservices",
        setting="3",
        changes={"microservices": ("front-end", "users", "orders")},
    ),
    Factor(
        name="microservices",
        setting="6",
        changes={"microservices": ("front-end", "users", "orders", "cart", "stock", "mail")},
    ),
)
"""
One factor at a time around the main cell, which has no build load, two replicas, an image of some
2 MB, hints, a plain revert of a complete release, and one microservice. 300 and 1,500 MiB to hash
are some 3 and 15 s of a processor.
"""
BY_CELL: Mapping[str, Factor] = {each.cell: each for each in FACTORS}
_OF_VARIANT = ("poll_interval_seconds",)


def scenario_of(variant: str, cell: str, *, seed: int) -> Scenario:
    """
    What a run of a variant plays in a cell; `KeyError` for a variant or a cell that is none.

    What only a release manager can do, as polling, leaves the other architectures as they are.
    """
    name = variant.rpartition(", twin ")[0] or variant
    changes = dict(BY_CELL[cell].changes) if cell in BY_CELL else {}
    scenario = replace(SCENARIOS[name], microservices=ONE_MICROSERVICE, seed=seed)
    of_variant = {key: changes.pop(key) for key in _OF_VARIANT if key in changes}
    if scenario.architecture == "v3":
        scenario = replace(scenario, variant=replace(scenario.variant, **of_variant))
    return replace(scenario, **changes)


def twins(variant: str) -> tuple[str, str]:
    """The same variant under two names, for a comparison that must find no difference."""
    return f"{variant}, twin A", f"{variant}, twin B"


def architecture_of(variant: str) -> str:
    """Whose rollback it is; empty for what Kubernetes does alone."""
    name = variant.rpartition(", twin ")[0] or variant
    return "" if name in NO_ARCHITECTURE else SCENARIOS[name].architecture


def is_mid_rollout(cell: str) -> bool:
    """Whether people ask for the rollback as soon as one pod of the bad release serves."""
    return cell in BY_CELL and BY_CELL[cell].setting == MID_ROLLOUT
