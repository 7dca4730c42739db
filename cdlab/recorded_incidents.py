"""
What happens to a world, as events: outages, lost machines, a deleted cluster.

In: the substrate's incidents, CI and the release manager, which are stopped as actors. Out: the
same calls, recorded. Called by stories; nobody's credentials are involved.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, get_args

from cdlab.model import Principal
from cdlab.ports import Box, Incidents, Substrate
from cdlab.recording import Call, Recorder

BOXES: tuple[str, ...] = get_args(Box)
ACTORS = ("ci", "manager")
"""Boxes of the article that are programs of ours: they end and start as such."""
NOBODY: Principal = "observer"


class Stoppable(Protocol):
    """CI, or the release manager. What is to be awaited runs in another process."""

    def stop(self) -> Awaitable[None] | None:
        """End at once."""

    def start(self) -> Awaitable[None] | None:
        """Begin, or go on with what is there."""


class RecordedIncidents:
    """The incidents of one world."""

    def __init__(
        self, substrate: Substrate, recorder: Recorder, actors: dict[str, Stoppable]
    ) -> None:
        self.substrate, self.recorder, self.actors = substrate, recorder, actors

    @property
    def inner(self) -> Incidents:
        """Those of the world; made when there is one."""
        return self.substrate.incidents

    @property
    def inside(self) -> tuple[str, ...]:
        """What is lost with the cluster and has to be installed again: the release manager."""
        return tuple(box for box in self.actors if box == "manager")

    async def stop(self, box: str) -> None:
        """Take down one of `BOXES`, or an actor that this architecture has."""
        if box in ACTORS:
            await _done(self.actors[box].stop())
        else:
            await self.inner.stop(box)  # type: ignore[arg-type]
        self._note("BoxStopped", box)

    async def restart(self, box: str) -> None:
        """Bring it back."""
        if box in ACTORS:
            await _done(self.actors[box].start())
        else:
            await self.inner.restart(box)  # type: ignore[arg-type]
        self._note("BoxRestarted", box)

    async def lose_node(self, workload: str, environment: str) -> str:
        """Stop the machine that runs most Ready pods of a workload."""
        node = await self.inner.lose_node(workload, environment)
        self._note("NodeLost", environment, node)
        return node

    async def restore_node(self, node: str) -> None:
        """Start it again."""
        await self.inner.restore_node(node)
        self._note("NodeRestored", "", node)

    async def delete_cluster(self) -> None:
        """Delete the cluster and make an empty one."""
        await self.inner.delete_cluster()
        self._note("ClusterDeleted")

    async def empty_registry(self) -> None:
        """Lose every image."""
        await self.inner.empty_registry()
        self._note("RegistryEmptied")

    async def request(self, workload: str, environment: str) -> bool:
        """Send one request. Not recorded: its sender counts."""
        return await self.inner.request(workload, environment)

    def _note(self, kind: str, resource: str = "", node: str = "") -> None:
        detail = {"node": node} if node else {}
        self.recorder.append(Call(kind, "world", "notify", resource, NOBODY), detail=detail)


async def _done(work: Awaitable[None] | None) -> None:
    if work is not None:
        await work
