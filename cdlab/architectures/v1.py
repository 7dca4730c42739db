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

from collections.abc import Callable, Mapping

from cdlab.manifests import replace_image
from cdlab.model import Application, ImageRef, Outcome, Principal, Revision, Variant
from cdlab.ports import Ports


class V1:
    """CI builds, pushes and sets the image; people do the rest with git and kubectl."""

    def __init__(
        self, application: Application, ports: Callable[[Principal], Ports], variant: Variant
    ) -> None:
        self.application = application
        self.developer, self.ci, self.operator = ports("developer"), ports("ci"), ports("operator")
        self.variant = variant

    async def prepare(self, manifests: Mapping[str, str]) -> None:
        """Nothing to prepare: every manifest stays in its code repo."""

    async def first_deployment(self, name: str) -> None:
        """Apply `service.yaml` by hand, in every environment."""
        checkout = await self.operator.code_repos[name].clone()
        assert checkout.head is not None, "a first deployment follows a first push"
        manifest = replace_image(
            checkout.read("service.yaml"), name, str(self.image(name, checkout.head))
        )
        for environment in self.application.environments:
            await self.operator.cluster.apply(manifest, environment.name)

    async def on_push(self, name: str, revision: Revision) -> None:
        """Build the pushed commit, publish it, and point every environment at it."""
        checkout = await self.ci.code_repos[name].clone(at=revision)
        image = self.image(name, revision)
        await self.ci.registry.push(await self.ci.builder.build(checkout, image))

        for environment in self.application.environments:
            await self.ci.cluster.set_image(name, image, environment.name)

    async def rollback(self, name: str, environment: str, user: str, message: str = "") -> Outcome:
        """Change the code back and push it; CI builds the old version once more."""
        checkout = await self.developer.code_repos[name].clone()
        last = checkout.log()[0]
        if self.variant.rollback == "force-push":
            await checkout.reset(last.parents[0])
            pushed = await checkout.push(force=True)
        else:
            await checkout.revert(last.revision, mainline=1 if last.is_merge else None)
            pushed = await checkout.push()
        return Outcome("released", message, pushed.revision)

    async def promote(self, name: str, source: str, target: str, user: str) -> Outcome:
        """Answer that a push went to every environment already."""
        return Outcome(
            "not expressible", "every push is set in every environment; there is none to promote to"
        )

    def image(self, name: str, revision: Revision) -> ImageRef:
        """The image of a commit: its tag is the commit's SHA-1."""
        return ImageRef(self.application.microservice(name).image_repository, tag=revision)
