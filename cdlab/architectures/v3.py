"""
Version 3: CI stops after the push, and a release manager takes over.

    developer ──git push──► code repo ──► CI ──docker build, push──► registry
                                                                     │      │ pull
                         config repo ◄── release manager ◄──new tag──┘      │
                         clone, edit,    │  ▲                               │
                         commit, push    │  └─ promote, roll back (user)    │
                                         └──────kubectl apply─────────► cluster

Each box does one thing. Which image is released where is a policy per environment, and a rollback
is one command to the release manager: no code, no CI, no build.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cdlab.architectures.code_rollback import revert_config
from cdlab.architectures.config_writing import healthy_image, now, publish
from cdlab.architectures.syncing import make_equal
from cdlab.config_layout import POLICY
from cdlab.errors import PortError
from cdlab.image_labels import labels_of
from cdlab.model import Application, ImageRef, Outcome, Revision, RollbackRequest, Tag, Variant
from cdlab.ports import PortsOf
from cdlab.releases import Plan, ReleaseRequest, config_path, health_note, plan_release
from cdlab.syncs import ALONE, Synced, SyncRequest, Workers


class ContinuousIntegration:
    """CI builds and pushes. It knows no cluster."""

    def __init__(self, application: Application, ports: PortsOf, variant: Variant) -> None:
        self.application = application
        self.ci = ports("ci")

    async def on_push(self, name: str, revision: Revision) -> None:
        """Build the pushed commit and publish it. CI stops here."""
        checkout = await self.ci.code_repos[name].clone(at=revision)
        labels = labels_of(checkout.log())
        built = await self.ci.builder.build(checkout, self.image(name, revision), labels)
        await self.ci.registry.push(built)

    def image(self, name: str, revision: Revision) -> ImageRef:
        """The image of a commit: its tag is the commit's SHA-1."""
        return ImageRef(self.application.image_repositories[name], tag=revision)


class ReleaseManager:
    """
    Makes the config repo say what should run, and the cluster run what it says.

    It keeps no state: everything is read from the config repo, the registry and the cluster. Calls
    come one at a time, from `manager.queue`, which repeats one whose push was rejected.
    """

    def __init__(self, application: Application, ports: PortsOf, variant: Variant) -> None:
        self.application = application
        self.operator, self.manager = ports("operator"), ports("manager")
        self.variant = variant

    async def prepare(self, manifests: Mapping[str, str]) -> None:
        """Move every manifest to the config repo, beside the policy of its environment."""
        config = await self.operator.config_repo.clone()
        for environment in self.application.environments:
            policy = f"automated: {'true' if environment.is_automated else 'false'}\n"
            config.write(config_path(environment.name, POLICY), policy)
            for name, manifest in manifests.items():
                config.write(config_path(environment.name, name), manifest)
        await config.commit("Move all manifests here")
        await config.push()

    async def first_deployment(self, name: str) -> None:
        """Nothing by hand: the first release applies what the config repo says."""

    async def on_image(self, name: str, tags: tuple[Tag, ...], environment: str) -> Outcome:
        """Release the newest image if the environment's policy says so."""
        request = ReleaseRequest(
            cause="automation",
            workload=name,
            environment=environment,
            user="automation",
            now=now(self.manager),
            tags=tags,
            repository=self.application.image_repositories[name],
        )
        return await self.release(request)

    async def promote(self, name: str, source: str, target: str, user: str) -> Outcome:
        """Release to one environment the digest that is healthy in another."""
        request = ReleaseRequest(
            cause="promotion", workload=name, environment=target, user=user, now=now(self.manager)
        )
        image = await healthy_image(self.manager, name, source)
        if image is None:
            refused = Plan(Outcome("refused", f"not healthy in {source}"))
            await self.manager.decisions.record(refused.decision(request))
            return refused.outcome
        return await self.release(replace(request, image=image))

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Release the last healthy manifest before this one, and hold automation."""
        if self.variant.rollback == "config-revert":  # with git; the manager picks it up
            config = await revert_config(self.operator.config_repo, request)
            return Outcome("released", request.message, config.head)
        asked_at, has_hold = now(self.manager), self.variant.has_hold
        return await self.release(ReleaseRequest.rollback(request, now=asked_at, has_hold=has_hold))

    async def rebuild(self, user: str) -> Outcome:
        """Apply the config repo, as the manager does by itself once it is installed again."""
        return (await self.sync(SyncRequest(user=user))).outcome

    async def sync(self, asked: SyncRequest, workers: Workers = ALONE) -> Synced:
        """Apply what the config repo says wherever an environment differs and may be repaired."""
        config = await self.manager.config_repo.clone()
        return await make_equal(config, asked, self.application.everywhere, self.manager, workers)

    async def release(self, request: ReleaseRequest) -> Outcome:
        """Plan, commit, push, apply: the one way in which anything is released."""
        config = await self.manager.config_repo.clone()
        plan = plan_release(request, config)
        if not plan.outcome.is_released:
            await self.manager.decisions.record(plan.decision(request))
            return plan.outcome
        config.write(request.path, plan.manifest)
        revision = await publish(config, plan.commit_message, self.manager.config_repo)
        outcome = replace(plan.outcome, revision=revision)
        await self.manager.decisions.record(replace(plan.decision(request), outcome=outcome))
        try:
            if request.workload:  # the policy of an environment is nothing that runs
                await self.manager.cluster.apply(plan.manifest, request.environment)
        except PortError:  # it is committed, so a sync will apply it
            outcome = replace(outcome, is_applied=False)
        return outcome

    async def confirm(self, name: str, environment: str, image: ImageRef) -> bool:
        """Wait for the rollout and tell whether every pod then runs what was released."""
        await self.manager.cluster.rollout_status(name, environment)
        running = await self.manager.cluster.running(environment, name)
        return bool(running) and set(running[0].digests) == {image.digest}

    async def note(self, name: str, environment: str, revision: Revision) -> None:
        """Note on the release's commit that it became available."""
        await self.manager.config_repo.annotate(revision, health_note(environment, name))
