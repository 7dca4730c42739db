"""
The architectures by name: what the comparison runs.

Adding a fourth is one page in this folder, one entry below and a folder of scenarios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cdlab.architectures.v1 import V1
from cdlab.architectures.v2 import V2
from cdlab.architectures.v3 import ContinuousIntegration, ReleaseManager
from cdlab.model import Application, ImageRef, Outcome, Revision, RollbackRequest, Tag, Variant
from cdlab.ports import PortsOf
from cdlab.releases import ReleaseRequest
from cdlab.syncs import ALONE, Synced, SyncRequest, Workers

T = TypeVar("T")
Made = Callable[[Application, PortsOf, Variant], T]
"""What makes one side of an architecture, usually its class."""


class OnPush(Protocol):
    """The CI system's side of an architecture."""

    async def on_push(self, name: str, revision: Revision) -> None:
        """One pipeline run for one pushed commit."""


class Delivery(Protocol):
    """What people can ask of an architecture. It may answer that it cannot be expressed."""

    async def prepare(self, manifests: Mapping[str, str]) -> None:
        """Put the manifests of all microservices where this architecture keeps them."""

    async def first_deployment(self, name: str) -> None:
        """Do by hand what a first deployment needs, after the first pipeline run."""

    async def promote(self, name: str, source: str, target: str, user: str) -> Outcome:
        """Run in *target* the image that runs in *source*."""

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Go back to what ran before. Returns when the request was accepted, not when it runs."""

    async def rebuild(self, user: str) -> Outcome:
        """Bring everything back into an empty cluster. Returns when all of it was applied."""


class Manager(Delivery, Protocol):
    """A delivery that also acts by itself, on new images."""

    async def on_image(self, name: str, tags: tuple[Tag, ...], environment: str) -> Outcome:
        """Decide about one environment when the registry's tags were looked at."""

    async def release(self, request: ReleaseRequest) -> Outcome:
        """Plan, commit, push and apply what somebody asked for."""

    async def confirm(self, name: str, environment: str, image: ImageRef) -> bool:
        """Wait for a rollout and tell whether it ended with the released image."""

    async def sync(self, asked: SyncRequest, workers: Workers = ALONE) -> Synced:
        """Make environments what the config repo says, where they differ and may be repaired."""

    async def note(self, name: str, environment: str, revision: Revision) -> None:
        """Note that a release became available."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """How an architecture is put together from its page."""

    name: str
    title: str
    continuous_integration: Made[OnPush]
    delivery: Made[Delivery] | None = None
    manager: Made[Manager] | None = None
    """Present where a release manager runs; its commands then go through one queue."""
    has_config_repo: bool = True
    rollbacks: tuple[str, ...] = ("revert", "force-push", "config-revert", "rollout-undo")
    """The ways to roll back that a scenario may ask for; the first is the article's."""

    @property
    def has_manual_environments(self) -> bool:
        """Whether an environment can wait for a decision of its own."""
        return self.manager is not None


ARCHITECTURES: Mapping[str, Architecture] = {
    "v1": Architecture(
        name="v1",
        title="CI sets the image",
        continuous_integration=V1,
        delivery=V1,
        has_config_repo=False,
        rollbacks=("revert", "force-push", "redeploy", "rollout-undo"),
    ),
    "v2": Architecture(
        name="v2", title="CI applies a config repo", continuous_integration=V2, delivery=V2
    ),
    "v3": Architecture(
        name="v3",
        title="a release manager",
        continuous_integration=ContinuousIntegration,
        manager=ReleaseManager,
        rollbacks=("command", "config-revert", "rollout-undo"),
    ),
}
