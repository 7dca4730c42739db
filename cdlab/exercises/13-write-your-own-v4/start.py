"""Version 4: yours. CI and people have the boxes and the rights of Version 2."""

from __future__ import annotations

from cdlab.architectures.v2 import V2
from cdlab.model import Outcome, RollbackRequest


class V4(V2):
    """V2, until you change it."""

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Go back to what ran before."""
        return await super().rollback(request)
