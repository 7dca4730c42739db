"""Version 4: yours. CI and people have the boxes and the rights of Version 2."""

from __future__ import annotations

from cdlab.architectures.v2 import V2
from cdlab.model import Outcome, RollbackRequest


class V4(V2):
    """V2 that rolls back in the cluster."""

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Set the old image and tell nobody."""
        assert request.to is not None
        image = self.image(request.workload, request.to)
        await self.operator.cluster.set_image(request.workload, image, request.environment)
        return Outcome("released", request.message)
