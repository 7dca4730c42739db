"""
Version 2: the same, and all manifests in one config repo, the single source of truth.

    developer ──git push──► code repo ──► CI ──docker build, push──► registry
                                          │                             │ pull
                         config repo ◄────┤                             │
                         clone, edit,     └──────kubectl apply──────► cluster
                         commit, push

The cluster can be rebuilt from the config repo. But CI does even more work, and a rollback still
needs a push of code, or kubectl, and then the config repo lies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from cdlab.errors import NothingToCommit, PushRejected
from cdlab.manifests import replace_image
from cdlab.model import Application, ImageRef, Outcome, Principal, Revision, Variant
from cdlab.ports import Checkout, Ports
from cdlab.releases import config_path

PUSH_ATTEMPTS = 10
"""Kargo's default for the same race."""


class V2:
    """CI builds, pushes, edits the config repo and applies; people use git and kubectl."""

    def __init__(
        self, application: Application, ports: Callable[[Principal], Ports], variant: Variant
    ) -> None:
        self.application = application
        self.developer, self.ci, self.operator = ports("developer"), ports("ci"), ports("operator")
        self.variant = variant

    async def prepare(self, manifests: Mapping[str, str]) -> None:
        """Move every manifest to the config repo, once per environment."""
        config = await self.operator.config_repo.clone()
        for environment in self.application.environments:
            for name, manifest in manifests.items():
                config.write(config_path(environment.name, name), manifest)
        await config.commit("Move all manifests here")
        await config.push()

    async def first_deployment(self, name: str) -> None:
        """Nothing by hand: the first pipeline run applies what the config repo says."""

    async def on_push(self, name: str, revision: Revision) -> None:
        """Build the pushed commit, publish it, write it into the config repo and apply that."""
        checkout = await self.ci.code_repos[name].clone(at=revision)
        image = self.image(name, revision)
        await self.ci.registry.push(await self.ci.builder.build(checkout, image))

        config = await self.commit_image(name, image)
        for environment in self.application.environments:
            manifest = config.read(config_path(environment.name, name))
            await self.ci.cluster.apply(manifest, environment.name)

    async def commit_image(self, name: str, image: ImageRef) -> Checkout:
        """Edit the config repo. CI keeps no state, so after a lost race it clones again."""
        attempts_left = PUSH_ATTEMPTS
        while True:
            config = await self.ci.config_repo.clone()
            for environment in self.application.environments:
                path = config_path(environment.name, name)
                config.write(path, replace_image(config.read(path), name, str(image), path=path))
            try:
                # Nothing to commit: the pipeline runs again for an old commit.
                with suppress(NothingToCommit):
                    await config.commit(f"Release {name} {image.tag}")
                    await config.push()
                return config
            except PushRejected:
                attempts_left -= 1
                if not attempts_left:
                    raise

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
            "not expressible", "CI applies every push in every environment; only by hand-editing"
        )

    def image(self, name: str, revision: Revision) -> ImageRef:
        """The image of a commit: its tag is the commit's SHA-1."""
        return ImageRef(self.application.microservice(name).image_repository, tag=revision)
