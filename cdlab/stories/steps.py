"""
The story that a scenario file tells itself: a list of steps, one after the other.

    steps:
      - push: {microservice: users, version: v2}
      - wait: {seconds: 600}
      - roll_back: {microservice: users, environment: production}

People do not wait for what a step leads to unless a step says so, so steps race with each other and
with what goes wrong. A step that is refused is noted and the story goes on, as people do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from cdlab import manifests
from cdlab.errors import PortError, RevisionNotFound
from cdlab.model import Content, ImageRef, Outcome, RollbackRequest
from cdlab.policy_edits import PolicyEdit, hold, lock, resume, unlock
from cdlab.releases import config_path
from cdlab.stories.actions import (
    Change,
    Wanted,
    bootstrap,
    edit_manifest,
    push_change,
    pushed_content,
    set_image,
)
from cdlab.stories.lab import GOOD, Lab, Shipped


class Telling:
    """One run of a list of steps."""

    def __init__(self, lab: Lab, first: Mapping[str, Shipped]) -> None:
        self.lab = lab
        self.shipped = {(name, GOOD): commit for name, commit in first.items()}
        self.lost_nodes: list[str] = []

    async def push(
        self, microservice: str, version: str, bad: bool = False, merge: bool = False
    ) -> None:
        """Push a change; nobody waits for it."""
        change = Change(version=version, is_bad=bad, has_merge=merge)
        self.shipped[microservice, version] = await push_change(self.lab, microservice, change)

    async def revert(self, microservice: str) -> None:
        """Revert the newest commit of a code repo and push that."""
        with self.lab.recorder.intent("deploy", workload=microservice, version="revert"):
            checkout = await self.lab.ports("developer").code_repos[microservice].clone()
            newest = checkout.log()[0]
            await checkout.revert(newest.revision, mainline=1 if newest.is_merge else None)
            await checkout.push()

    async def merge_again(self, microservice: str) -> None:
        """Land the branch of the newest merge once more, as people try after a revert of it."""
        with self.lab.recorder.intent("deploy", workload=microservice, version="merge-again"):
            checkout = await self.lab.ports("developer").code_repos[microservice].clone()
            merge = next((commit for commit in checkout.log() if commit.is_merge), None)
            if merge is None:
                raise RevisionNotFound(f"{microservice}: no branch was ever merged")
            await checkout.merge_again(merge.parents[1])
            await checkout.push()

    async def force_push(self, microservice: str) -> None:
        """Drop the newest commit of a code repo."""
        with self.lab.recorder.intent("deploy", workload=microservice, version="force-push"):
            checkout = await self.lab.ports("developer").code_repos[microservice].clone()
            parents = checkout.log()[0].parents
            if parents:
                await checkout.reset(parents[0])
                await checkout.push(force=True)

    async def promote(self, microservice: str, source: str, target: str) -> None:
        """Ask for a promotion."""
        with self.lab.recorder.intent("promote", workload=microservice, environment=target):
            outcome = await self.lab.delivery.promote(microservice, source, target, "alice")
            self._answer("Promotion", microservice, outcome)

    async def roll_back(self, microservice: str, environment: str, to: str = "") -> None:
        """Ask for a rollback, to a version if one is named."""
        known = self._shipped(microservice, to) if to else None
        with self.lab.recorder.intent(
            "rollback", workload=microservice, environment=environment, **Wanted().described()
        ):
            outcome = await self.lab.delivery.rollback(
                RollbackRequest(
                    workload=microservice,
                    environment=environment,
                    to=known.revision if known else None,
                )
            )
            self._answer("Rollback", microservice, outcome, good=self._good(outcome, known))

    def _good(self, outcome: Outcome, known: Shipped | None) -> Content:
        """What has to serve when a rollback is done; empty where nobody can tell yet."""
        pushed = pushed_content(self.lab, outcome.revision)
        image = outcome.image.digest if outcome.image else None
        released = self.lab.recorder.contents.get(image) if image else None
        return pushed or released or (known.content if known else Content(""))

    async def edit_manifest(self, microservice: str, replicas: int) -> None:
        """Change how many pods a microservice has, in every environment."""
        with self.lab.recorder.intent("policy change", workload=microservice):
            await edit_manifest(self.lab, microservice, replicas)

    async def hold(self, microservice: str, environment: str) -> None:
        """Stop automated releases of a workload."""
        edit = hold("alice", "wait", now=self.lab.kernel.timestamp())
        await self._edit_policy(microservice, environment, edit)

    async def resume(self, microservice: str, environment: str) -> None:
        """Allow them again."""
        await self._edit_policy(microservice, environment, resume())

    async def lock(self, microservice: str, environment: str) -> None:
        """Refuse every release of a workload."""
        edit = lock("alice", "closed", now=self.lab.kernel.timestamp())
        await self._edit_policy(microservice, environment, edit)

    async def unlock(self, microservice: str, environment: str) -> None:
        """Allow them again."""
        await self._edit_policy(microservice, environment, unlock())

    async def _edit_policy(self, name: str, environment: str, edit: PolicyEdit) -> None:
        if not self.lab.architecture.has_manual_environments:
            self._answer("Policy", name, Outcome("not expressible", "there are no policies"))
            return
        with self.lab.recorder.intent("policy change", workload=name, environment=environment):
            config = await self.lab.ports("operator").config_repo.clone()
            path = config_path(environment, name)
            manifest = config.read(path)
            changes = edit.on(manifests.annotations(manifest, name, path))
            config.write(path, manifests.annotate(manifest, name, changes, path))
            await config.commit(edit.subject(name, environment))
            await config.push()

    async def rollout_undo(self, microservice: str, environment: str) -> None:
        """Use `kubectl rollout undo` past everything else."""
        with self.lab.recorder.intent(
            "out-of-band edit",
            workload=microservice,
            environment=environment,
            **Wanted().described(),
        ):
            await self.lab.ports("operator").cluster.rollout_undo(microservice, environment)

    async def set_image(self, microservice: str, environment: str, version: str) -> None:
        """Use `kubectl set image` past everything else."""
        repository = self.lab.application.image_repositories[microservice]
        image = ImageRef(repository, tag=self._shipped(microservice, version).revision)
        await set_image(self.lab, microservice, environment, image, Wanted())

    async def lose_node(self, microservice: str, environment: str) -> None:
        """Stop the machine that runs most pods of a workload, unless one is stopped already."""
        if not self.lost_nodes:
            self.lost_nodes.append(await self.lab.incidents.lose_node(microservice, environment))

    async def restore_node(self) -> None:
        """Start it again."""
        while self.lost_nodes:
            await self.lab.incidents.restore_node(self.lost_nodes.pop())

    async def delete_cluster(self) -> None:
        """Lose the cluster; an empty one stands in its place."""
        await self.lab.incidents.delete_cluster()
        self.lost_nodes.clear()

    async def rebuild(self) -> None:
        """Bring everything back into an empty cluster."""
        with self.lab.recorder.intent("rebuild"):
            self._answer("Rebuild", "cluster", await self.lab.delivery.rebuild("alice"))

    async def stop(self, box: str) -> None:
        """Take a box down."""
        await self.lab.incidents.stop(box)

    async def restart(self, box: str) -> None:
        """Bring it back."""
        await self.lab.incidents.restart(box)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.lab.kernel.sleep(seconds)

    async def until_serves(self, microservice: str, environment: str, version: str) -> None:
        """Wait until a version serves, for as long as an attempt may take."""
        content = Content(self._shipped(microservice, version).content)
        await self.lab.within_attempt(self.lab.until_serves(microservice, environment, content))

    def _shipped(self, microservice: str, version: str) -> Shipped:
        """What was pushed. A push can have failed, and then there is nothing of that version."""
        if (microservice, version) not in self.shipped:
            raise RevisionNotFound(f'"{version}" of "{microservice}" was not pushed')
        return self.shipped[microservice, version]

    def _answer(self, what: str, resource: str, outcome: Outcome, **detail: str) -> None:
        kind = f"{what}Accepted" if outcome.is_released else f"{what}Refused"
        status = "ok" if outcome.is_released else outcome.status
        because = outcome.reason
        self.lab.recorder.mark(kind, resource, outcome=status, because=because, detail=detail)


class Step(NamedTuple):
    """What a step wants to be told."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


WHERE = ("microservice", "environment")
STEPS: Mapping[str, Step] = {
    "push": Step(("microservice", "version"), ("bad", "merge")),
    "revert": Step(("microservice",)),
    "merge_again": Step(("microservice",)),
    "force_push": Step(("microservice",)),
    "promote": Step(("microservice", "source", "target")),
    "roll_back": Step(WHERE, ("to",)),
    "edit_manifest": Step(("microservice", "replicas")),
    "hold": Step(WHERE),
    "resume": Step(WHERE),
    "lock": Step(WHERE),
    "unlock": Step(WHERE),
    "rollout_undo": Step(WHERE),
    "set_image": Step((*WHERE, "version")),
    "lose_node": Step(WHERE),
    "restore_node": Step(),
    "delete_cluster": Step(),
    "rebuild": Step(),
    "stop": Step(("box",)),
    "restart": Step(("box",)),
    "wait": Step(("seconds",)),
    "until_serves": Step((*WHERE, "version")),
}
"""Step of a scenario file -> its settings; each is a method of `Telling`."""


async def steps(lab: Lab) -> None:
    """Bring everything into every environment, take the steps in turn, and watch for a while."""
    telling = Telling(lab, await bootstrap(lab))
    for step in lab.settings.steps:
        ((name, arguments),) = step.items()
        take: Callable[..., Awaitable[None]] = getattr(telling, name)
        try:
            await take(**(arguments or {}))
        except PortError as error:
            because = f"{type(error).__name__}: {error.message}"
            lab.recorder.mark("StepFailed", name, outcome="failed", because=because)
    await lab.watch()
    lab.recorder.mark("ObservationEnded", lab.workload)
