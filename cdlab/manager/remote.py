"""
V3's release manager somewhere else, as people and stories ask it.

In: a channel to it. Out: its outcomes. What people do themselves, with their own credentials, stays
here: they revert a commit of the config repo. Called by `inside_manager.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from cdlab.architectures import Delivery
from cdlab.manager.messages import Body, Channel, outcome_of
from cdlab.model import Outcome, RollbackRequest, Variant


class RemoteDelivery:
    """What can be asked of it."""

    def __init__(
        self,
        channel: Channel,
        people: Delivery,
        variant: Variant,
        new_request: Callable[[], str],
    ) -> None:
        """*people* is the same page with the people's credentials; *new_request* makes up ids."""
        self.channel = channel
        self.people = people
        self.variant = variant
        self.new_request = new_request

    async def promote(self, name: str, source: str, target: str, user: str) -> Outcome:
        """Have it promote."""
        asked = {"workload": name, "source": source, "target": target, "user": user}
        return await self._ask("promote", asked)

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Have it roll back; with git people do it themselves, and it picks that up."""
        if self.variant.rollback == "config-revert":
            return await self.people.rollback(request)
        return await self._ask("rollback", {"rollback": asdict(request)})

    async def rebuild(self, user: str) -> Outcome:
        """Have it apply the config repo."""
        return await self._ask("rebuild", {"user": user})

    async def _ask(self, path: str, body: Body) -> Outcome:
        answer = await self.channel.ask(path, {"request": self.new_request(), **body})
        return outcome_of(answer)
