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

from collections.abc import Mapping, Sequence
from contextlib import suppress

from cdlab.architectures.code_rollback import change_back, revert_config
from cdlab.config_layout import config_path, workloads_in
from cdlab.errors import NothingToCommit, PushRejected
from cdlab.manifests import replace_image
from cdlab.model import (
    Application,
    ImageRef,
    Outcome,
    Revision,
    RollbackRequest,
    Variant,
)
from cdlab.ports import Checkout, PortsOf

PUSH_ATTEMPTS = 10
"""Kargo's default for the same race."""


class V2:
    """CI builds, pushes, edits the config repo and applies; people use git and kubectl."""

    def __init__(self, application: Application, ports: PortsOf, variant: Variant) -> None:
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
        await self.deploy(name, image, self.application.automated)

    async def deploy(self, name: str, image: ImageRef, environments: Sequence[str]) -> None:
        """Write an image into the config repo for each of these environments, and apply that."""
        await self.apply(await self.commit(name, image, environments), name, environments)

    async def apply(self, config: Checkout, name: str, environments: Sequence[str]) -> None:
        """Make these environments run what the config repo says."""
        for environment in environments:
            manifest = config.read(config_path(environment, name))
            await self.ci.cluster.apply(manifest, environment)

    async def commit(self, name: str, image: ImageRef, environments: Sequence[str]) -> Checkout:
        """Edit the config repo. CI keeps no state, so after a lost race it clones again."""
        attempts_left = PUSH_ATTEMPTS
        while True:
            config = await self.ci.config_repo.clone()
            for environment in environments:
                path = config_path(environment, name)
                config.write(path, replace_image(config.read(path), name, str(image), path=path))
            try:
                with suppress(NothingToCommit):  # the pipeline runs again for an old commit
                    await config.commit(f"Release {name} {image.tag}")
                    await config.push()
                return config
            except PushRejected:
                attempts_left -= 1
                if not attempts_left:
                    raise

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Change the code back and push it; CI builds the old version once more."""
        name, how = request.workload, self.variant.rollback
        if how == "config-revert":  # nothing is built, and the code repo keeps the bad commit
            config = await revert_config(self.operator.config_repo, request)
            await self.apply(config, name, self.application.everywhere)
            return Outcome("released", request.message, config.head)
        return await change_back(self.developer.code_repos[name], request, how)

    async def promote(self, name: str, source: str, target: str, user: str) -> Outcome:
        """Approve the gate before an environment; without gates a push went everywhere already."""
        if not self.variant.is_gated:
            return Outcome("not expressible", "a push is applied in every environment")
        running = await self.ci.cluster.running(source, name)
        if not running:
            return Outcome("refused", f"it does not run in {source}")
        await self.deploy(name, running[0].desired, [target])
        return Outcome("released", f"approved by {user}")

    async def rebuild(self, user: str) -> Outcome:
        """Apply the config repo: it says what ran everywhere."""
        config = await self.operator.config_repo.clone()
        for path, environment, _ in workloads_in(config):
            await self.operator.cluster.apply(config.read(path), environment)
        return Outcome("released", "from the config repo")

    def image(self, name: str, revision: Revision) -> ImageRef:
        """The image of a commit: its tag is the commit's SHA-1."""
        return ImageRef(self.application.image_repositories[name], tag=revision)
