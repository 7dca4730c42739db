"""
Version 1: the CI system does everything.

    developer ──git push──► code repo ──► CI ──docker build, push──► registry
                                          │                             │ pull
                                          └────kubectl set image────► cluster

The manifest lies beside the code, an operator applies it once by hand, and from then on CI sets
the image. Nothing but the cluster knows what runs, so a rollback is a new commit and a new build,
and no environment can run another version than the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdlab.architectures.code_rollback import change_back
from cdlab.manifests import replace_image
from cdlab.model import (
    Application,
    ImageRef,
    Outcome,
    Revision,
    RollbackRequest,
    Variant,
)
from cdlab.ports import PortsOf


class V1:
    """CI builds, pushes and sets the image; people do the rest with git and kubectl."""

    def __init__(self, application: Application, ports: PortsOf, variant: Variant) -> None:
        self.application = application
        self.developer, self.ci, self.operator = ports("developer"), ports("ci"), ports("operator")
        self.variant = variant

    async def prepare(self, manifests: Mapping[str, str]) -> None:
        """Nothing to prepare: every manifest stays in its code repo."""

    async def first_deployment(self, name: str) -> None:
        """Apply `service.yaml` by hand, in every environment."""
        checkout = await self.operator.code_repos[name].clone()
        assert checkout.head is not None, "a first deployment follows a first push"
        image = str(self.image(name, checkout.head))
        manifest = replace_image(checkout.read("service.yaml"), name, image)
        for environment in self.application.environments:
            await self.operator.cluster.apply(manifest, environment.name)

    async def on_push(self, name: str, revision: Revision) -> None:
        """Build the pushed commit, publish it, and point every environment at it."""
        checkout = await self.ci.code_repos[name].clone(at=revision)
        image = self.image(name, revision)
        await self.ci.registry.push(await self.ci.builder.build(checkout, image))
        await self.deploy(name, image, self.application.automated)

    async def deploy(self, name: str, image: ImageRef, environments: Sequence[str]) -> None:
        """Point each of these environments at an image."""
        for environment in environments:
            await self.ci.cluster.set_image(name, image, environment)

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Change the code back and push it; CI builds the old version once more."""
        name, how = request.workload, self.variant.rollback
        if how == "redeploy" and request.to:  # CI's deploy step runs again, with the old tag
            where = (request.environment,) if self.variant.is_gated else self.application.automated
            await self.deploy(name, self.image(name, request.to), where)
            return Outcome("released", request.message)
        return await change_back(self.developer.code_repos[name], request, how)

    async def promote(self, name: str, source: str, target: str, user: str) -> Outcome:
        """Approve the gate before an environment; without gates a push went everywhere already."""
        if not self.variant.is_gated:
            return Outcome("not expressible", "a push is set in every environment")
        running = await self.ci.cluster.running(source, name)
        if not running:
            return Outcome("refused", f"it does not run in {source}")
        await self.deploy(name, running[0].desired, [target])
        return Outcome("released", f"approved by {user}")

    async def rebuild(self, user: str) -> Outcome:
        """Do every first deployment once more, from the head of every code repo."""
        for microservice in self.application.microservices:
            await self.first_deployment(microservice.name)
        return Outcome("released", "from the code repos")

    def image(self, name: str, revision: Revision) -> ImageRef:
        """The image of a commit: its tag is the commit's SHA-1."""
        return ImageRef(self.application.image_repositories[name], tag=revision)
