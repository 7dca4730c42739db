"""
Comparing the environments with the config repo: what is asked, who does it, what came of it.

Plain values. The queue and the desk ask, V3's page answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from cdlab.model import Outcome

Place = tuple[str, str]
"""Environment and workload."""
Work = Callable[[], Awaitable[None]]
"""What is to be done about one workload."""


class Workers(Protocol):
    """Who compares, and how many workloads at a time."""

    async def do(self, work: Iterable[Work]) -> bool:
        """Begin each in its order; False if the rest was left, for what must not wait for it."""


class OneWorker:
    """One workload after the other, and all of them."""

    async def do(self, work: Iterable[Work]) -> bool:
        for each in work:
            await each()
        return True


ALONE = OneWorker()


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
    """`superseded` where it was cut off for a rollback: it is to be made again from the start."""
    differs: Mapping[Place, bool] = field(default_factory=dict)
    """Whether it still differs. What could not be compared is missing."""
    applied: tuple[Place, ...] = ()
    """What was applied, or in a dry run would be."""
    pruned: tuple[Place, ...] = ()
    """Environment and object, `Deployment/users`, that was deleted, or in a dry run would be."""

    def after(self, earlier: Synced) -> Synced:
        """The same, with what was done before it was cut off and made again."""
        return replace(
            self,
            applied=tuple(dict.fromkeys((*earlier.applied, *self.applied))),
            pruned=tuple(dict.fromkeys((*earlier.pruned, *self.pruned))),
        )
