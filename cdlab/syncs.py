"""
A comparison of the environments with the config repo: what is asked for, and what it found.

Plain values. The queue and the desk make the one, V3's page the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdlab.model import Outcome

Place = tuple[str, str]
"""Environment and workload."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncRequest:
    """Make environments what the config repo says."""

    user: str = ""
    """Who asks. Empty: the clock or a push, and then the policy says whether drift is repaired."""
    environments: tuple[str, ...] = ()
    """Empty: all."""
    owed: frozenset[Place] = frozenset()
    """What was released and could not be applied: it is applied whatever the policy says."""
    has_prune: bool = False
    """Delete what was applied once and is in no manifest any more."""
    is_dry_run: bool = False
    """Write nothing, and tell what would be written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Synced:
    """What came of it."""

    outcome: Outcome
    differs: Mapping[Place, bool] = field(default_factory=dict)
    """Whether it still differs. What could not be compared is missing."""
    applied: tuple[Place, ...] = ()
    """What was applied, or in a dry run would be."""
    pruned: tuple[Place, ...] = ()
    """Environment and object, `Deployment/users`, that was deleted, or in a dry run would be."""
