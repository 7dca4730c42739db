"""
What developers and operators do, written once for every architecture and both substrates.

A story knows no version: it pushes code, asks for promotions and rollbacks, uses kubectl, and waits
until it sees in the pods what it asked for. Everything it asks for is declared as an intent. Adding
one is a function in a module of this folder and a line below.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdlab.stories import accidents, moving, operators, rollbacks, shipping, steps
from cdlab.stories.lab import BADNESS, OPERATIONS, Lab, Story, StorySettings

__all__ = [
    "AT_LEAST",
    "BADNESS",
    "NEEDED",
    "OPERATIONS",
    "ROADS",
    "SETTINGS_OF",
    "STORIES",
    "WITHOUT_ROLLBACK",
    "Lab",
    "Story",
    "StorySettings",
]

STORIES: Mapping[str, Story] = {
    "first-deployment": shipping.first_deployment,
    "promotion": shipping.promotion,
    "promote-one-of-two": shipping.promote_one_of_two,
    "different-versions": shipping.different_versions,
    "two-teams": shipping.two_teams,
    "older-build-last": shipping.older_build_last,
    "incompatible-services": rollbacks.incompatible_services,
    "rollback": rollbacks.rollback,
    "roll-back-twice": rollbacks.roll_back_twice,
    "newer-commit": rollbacks.newer_commit,
    "newer-image": rollbacks.newer_image,
    "bad-manifest": rollbacks.bad_manifest,
    "out-of-band": operators.out_of_band,
    "image-patch": operators.image_patch,
    "cluster-deleted": accidents.cluster_deleted,
    "node-lost": accidents.node_lost,
    "under-load": accidents.under_load,
    "outage": accidents.outage,
    "move-from-v1": moving.move_from_v1,
    "steps": steps.steps,
}

WITHOUT_ROLLBACK: frozenset[str] = frozenset(
    name for name, story in STORIES.items() if story.__module__ != rollbacks.__name__
)
"""Where how a rollback is done makes no difference."""
ROADS: Mapping[str, tuple[str, ...]] = {"move-from-v1": moving.ROAD}
"""Story -> the architectures that it goes through, in order; the last is the scenario's."""
SETTINGS_OF: Mapping[str, tuple[str, ...]] = {
    "next_push": ("rollback",),
    "merge": ("rollback",),
    "batch": ("rollback",),
    "commits_on_top": ("rollback",),
    "bad": ("rollback", "bad-manifest"),
    "compatible": ("incompatible-services",),
    "registry_lost": ("cluster-deleted",),
    "outage": ("outage",),
    "operation": ("outage",),
    "steps": ("steps",),
}
"""Setting of a scenario file -> the stories that have it. Others refuse it."""
NEEDED: Mapping[str, tuple[str, ...]] = {"outage": ("outage",), "steps": ("steps",)}
"""Story -> the settings that it cannot do without."""
AT_LEAST: Mapping[str, tuple[str, int]] = {
    "two-teams": ("microservices", 2),
    "incompatible-services": ("microservices", 2),
    "different-versions": ("environments", 2),
    "promote-one-of-two": ("environments", 2),
}
"""Story -> the setting of which it needs several, and how many. With fewer it tells nothing."""
