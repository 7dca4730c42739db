"""Version 4: yours. CI and people have the boxes and the rights of Version 2."""

from __future__ import annotations

from cdlab.architectures.v2 import V2
from cdlab.model import Outcome, RollbackRequest


class V4(V2):
    """V2 that rolls back in its config repo, one environment at a time."""

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Have CI's deploy step write the old image and apply it where it was asked for."""
        if request.to is None:
            return Outcome("refused", "say what to go back to")
        image = self.image(request.workload, request.to)
        await self.deploy(request.workload, image, [request.environment])
        return Outcome("released", request.message)
