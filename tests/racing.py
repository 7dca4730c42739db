"""A config repo with somebody who comes first: what the release manager meets at its push."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cdlab.model import PushReport, Revision
from cdlab.ports import Checkout, GitRepository

Race = Callable[[], Awaitable[None]]


async def nobody() -> None:
    """No race."""


class Racing:
    """The manager's config repo, with somebody who acts just before the manager pushes."""

    def __init__(self, inner: GitRepository, race: Race) -> None:
        self.inner, self.race, self.name = inner, race, inner.name
        self.head, self.annotate = inner.head, inner.annotate
        self.wait_for_push = inner.wait_for_push

    async def clone(self, at: Revision | None = None) -> Checkout:
        return RacingCheckout(await self.inner.clone(at), self.race)  # type: ignore[return-value]


class RacingCheckout:
    """Everything as before, but that the push comes second."""

    def __init__(self, inner: Checkout, race: Race) -> None:
        self.inner, self.race = inner, race

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def push(self, *, force: bool = False) -> PushReport:
        await self.race()
        return await self.inner.push(force=force)
