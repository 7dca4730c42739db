"""
The same commands where there is no release manager: what V1 and V2 can do, and what they cannot.

An answer "not expressible" with its reason is the lesson. Called by the playground, and through it
by the command line, the HTTP API and the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice

from cdlab.config_layout import config_path
from cdlab.dates import rfc3339
from cdlab.errors import FileMissing, NotFound, PortError
from cdlab.manager.audit import Audit
from cdlab.manager.commands import (
    About,
    Answer,
    Ask,
    AuditEntry,
    Candidate,
    Difference,
    PastRelease,
    WorkloadStatus,
)
from cdlab.manager.desk import answered
from cdlab.manager.differing import ABSENT
from cdlab.manager.release_log import past_releases
from cdlab.manifests import image_of
from cdlab.model import Decision, ImageRef, Outcome, RollbackRequest, RunningWorkload
from cdlab.ports import Checkout
from cdlab.stories.lab import Lab

NO_POLICY = "there are no policies: a push goes everywhere with no further decision"
WHY_NOT: Mapping[str, str] = {
    "release": "CI releases what is pushed to the code repo, when it is pushed",
    "skip": "CI releases every commit that is pushed",
    "unskip": "CI releases every commit that is pushed",
}
"""Command -> why it cannot be expressed; all others for want of policies."""


@dataclass(kw_only=True)
class PeopleDesk:
    """`ReleaseCommands` for a lab in which people and CI deliver."""

    lab: Lab
    audits: Audit
    facts: About

    async def about(self) -> About:
        """Who answers."""
        now = rfc3339(self.lab.kernel.timestamp())
        return replace(self.facts, time=now, newest=self.audits.number)

    async def ask(self, ask: Ask) -> Answer:
        """Do what this architecture can do, or say why it cannot."""
        self._require(ask.workload, ask.environment, ask.source)
        outcome = await self._outcome(ask)
        decision = Decision(ask.command, ask.workload, ask.environment, outcome)
        if not ask.is_dry_run:
            await self.audits.record(decision)
        return answered(outcome)

    async def _outcome(self, ask: Ask) -> Outcome:
        if ask.command not in ("promote", "rollback", "sync"):
            return Outcome("not expressible", WHY_NOT.get(ask.command, NO_POLICY))
        if ask.is_dry_run:
            return Outcome("not expressible", "what git and CI will do is known when it is done")
        delivery = self.lab.delivery
        if ask.command == "promote":
            return await delivery.promote(ask.workload, ask.source, ask.environment, ask.user)
        if ask.command == "sync":
            return await delivery.rebuild(ask.user)
        request = RollbackRequest(
            workload=ask.workload,
            environment=ask.environment,
            user=ask.user,
            message=ask.message,
        )
        return await delivery.rollback(request)

    async def status(self) -> tuple[WorkloadStatus, ...]:
        """What runs; what is wanted stands in V2's config repo, and in V1 nowhere."""
        config = await self._config()
        found = {}
        for environment in self.lab.application.everywhere:
            running = {each.name: each for each in await self._running(environment)}
            for name in self.lab.application.image_repositories:
                found[name, environment] = self._cell(name, environment, running.get(name), config)
        names = self.lab.application.image_repositories
        return tuple(found[name, e] for name in names for e in self.lab.application.everywhere)

    async def _running(self, environment: str) -> tuple[RunningWorkload, ...]:
        try:
            return await self.lab.ports("operator").cluster.running(environment)
        except PortError:
            return ()

    async def _config(self) -> Checkout | None:
        if not self.lab.architecture.has_config_repo:
            return None
        return await self.lab.ports("operator").config_repo.clone()

    def _cell(
        self, name: str, environment: str, running: RunningWorkload | None, config: Checkout | None
    ) -> WorkloadStatus:
        desired = _desired(config, name, environment) if config else None
        actual = running.desired if running else None
        is_adrift = desired is not None and actual is not None and desired != actual
        return WorkloadStatus(
            workload=name,
            environment=environment,
            desired=str(desired or ""),
            running=tuple(running.digests) if running else (),
            running_tag=(actual.tag or "") if actual else "",
            is_available=bool(running and running.is_available),
            is_automated=environment in self.lab.application.automated,
            pattern="every push",
            drift_seconds=0.0 if is_adrift else None,
        )

    async def images(self, workload: str, environment: str) -> tuple[Candidate, ...]:
        """What the registry lists. Nobody chooses among them."""
        self._require(workload, environment)
        repository = self.lab.application.image_repositories[workload]
        tags = await self.lab.ports("ci").registry.list_tags(repository)
        return tuple(
            Candidate(
                tag=tag.name,
                digest=tag.digest,
                created=rfc3339(tag.created_us / 1_000_000),
                is_eligible=False,
                reason=WHY_NOT["release"],
            )
            for tag in reversed(tags)
        )

    async def history(
        self, workload: str = "", environment: str = "", limit: int = 100
    ) -> tuple[PastRelease, ...]:
        """The commits of V2's config repo. V1 keeps no record of what ran."""
        self._require(workload, environment)
        config = await self._config()
        if config is None:
            return ()
        return tuple(islice(past_releases(config, workload, environment), limit))

    async def diff(self) -> tuple[Difference, ...]:
        """Where V2's config repo names another image than the cluster runs."""
        return tuple(
            Difference(
                workload=each.workload,
                environment=each.environment,
                desired=each.desired,
                actual=each.running_tag or ABSENT,
                since_seconds=each.drift_seconds,
                mode="report",
            )
            for each in await self.status()
            if each.drift_seconds is not None
        )

    async def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """What was asked here, with the answers."""
        return self.audits.after(after, limit)

    async def wait_for_change(self, after: int) -> int:
        """Return the number of the newest answer as soon as it is greater than *after*."""
        return await self.audits.wait(after)

    def _require(self, workload: str, *environments: str) -> None:
        application = self.lab.application
        if workload and workload not in application.image_repositories:
            raise NotFound(f'there is no workload "{workload}"')
        for each in filter(None, environments):
            if each not in application.everywhere:
                raise NotFound(f'there is no environment "{each}"')


def _desired(config: Checkout, name: str, environment: str) -> ImageRef | None:
    path = config_path(environment, name)
    try:
        return ImageRef.parse(image_of(config.read(path), name, path=path))
    except FileMissing:
        return None
