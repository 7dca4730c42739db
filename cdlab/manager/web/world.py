"""
What every handler works with: the commands as asyncio sees them, sessions, changes, settings.

In: a desk and settings. Out: awaitable answers. Called by the API and the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cdlab.errors import NotFound
from cdlab.manager.commands import (
    About,
    Answer,
    Ask,
    AuditEntry,
    Candidate,
    Difference,
    PastRelease,
    Playground,
    WorkloadStatus,
)
from cdlab.manager.web.desk import Asking, Changes, Desk
from cdlab.manager.web.guard import Refused
from cdlab.manager.web.metrics import Metrics
from cdlab.manager.web.sessions import Sessions

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSettings:
    """How one server is set up."""

    token: str
    """Whoever has it may change things."""
    allowed_hosts: tuple[str, ...] = ()
    """Names it is reached by, beside 127.0.0.1 and localhost."""
    is_read_only: bool = False
    changes_by_itself: bool = True
    """False where time stands still while nobody asks, so that there is nothing to listen to."""
    metrics: Metrics | None = None


class World:
    """One desk, asked from asyncio."""

    def __init__(self, desk: Desk, settings: WebSettings) -> None:
        self.settings = settings
        self.sessions = Sessions(settings.token)
        self.changes = Changes()
        self.asking = Asking(desk.submit)
        self.commands = desk.commands
        self._playground = desk.playground

    async def about(self) -> About:
        """Who answers; read-only too where this server is."""
        about = await self.asking(self.commands.about(), name="about")
        is_read_only = about.is_read_only or self.settings.is_read_only
        is_playground = about.is_playground and self._playground is not None
        return replace(about, is_read_only=is_read_only, is_playground=is_playground)

    async def status(self) -> tuple[WorkloadStatus, ...]:
        """The matrix."""
        return await self.asking(self.commands.status(), name="status")

    async def images(self, workload: str, environment: str) -> tuple[Candidate, ...]:
        """What the registry has."""
        return await self.asking(self.commands.images(workload, environment), name="images")

    async def history(
        self, workload: str = "", environment: str = "", limit: int = 100
    ) -> tuple[PastRelease, ...]:
        """What was released when."""
        return await self.asking(
            self.commands.history(workload, environment, limit), name="history"
        )

    async def diff(self) -> tuple[Difference, ...]:
        """Drift."""
        return await self.asking(self.commands.diff(), name="diff")

    async def audit(self, after: int, limit: int) -> tuple[AuditEntry, ...]:
        """Decisions."""
        return await self.asking(self.commands.audit(after, limit), name="audit")

    async def ask(self, ask: Ask) -> Answer:
        """Do it, and tell everybody."""
        try:
            return await self.asking(self.commands.ask(ask), name=f"{ask.command} by {ask.user}")
        finally:
            if not ask.is_dry_run:
                self._tell()

    async def boxes(self) -> Mapping[str, bool]:
        """Box -> whether it is up."""
        if self._playground is None:
            return {}
        return await self.asking(self._playground.boxes(), name="boxes")

    async def play(self, act: Callable[[Playground], Coroutine[Any, Any, T]], name: str) -> T:
        """Do something to a simulated world, and tell everybody."""
        if self._playground is None:
            raise NotFound("this is no playground")
        try:
            return await self.asking(act(self._playground), name=name)
        finally:
            self._tell()

    def refuse_if_read_only(self) -> None:
        """Raise where this server changes nothing."""
        if self.settings.is_read_only:
            raise Refused(403, "this server is read-only", "ask one that is not")

    def _tell(self) -> None:
        """Who listens to a world in real time hears of it from there."""
        if not self.settings.changes_by_itself:
            self.changes.tell()
