"""Version 4: yours. CI and people have the boxes and the rights of Version 2."""

from __future__ import annotations

from cdlab.architectures.v2 import V2
from cdlab.model import Outcome, RollbackRequest


class V4(V2):
    """V2 that rolls back in its config repo, everywhere."""

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Write the old image into the config repo for all environments."""
        assert request.to is not None
        image = self.image(request.workload, request.to)
        await self.deploy(request.workload, image, self.application.everywhere)
        return Outcome("released", request.message)
