"""
The release manager's desk: commands and questions of people, answered by V3's manager.

Commands go through its queue, one at a time. Questions are answered from the config repo, the
cluster and the registry as they are now. Called by the HTTP API, the page and the playground.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

from cdlab.architectures import Architecture
from cdlab.config_layout import is_something_to_run
from cdlab.dates import rfc3339
from cdlab.errors import FileMissing, ManifestError, NotFound, PortError
from cdlab.kernel import Kernel
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
from cdlab.manager.differing import Differing, mode_of
from cdlab.manager.queue import ReleaseQueue
from cdlab.manager.release_log import past_releases
from cdlab.manager.requests import request_of
from cdlab.manager.standing import Seen, images_of, status_of
from cdlab.manager.workers import SideBySide
from cdlab.model import Application, Decision, Outcome, RunningWorkload, Tag
from cdlab.ports import Checkout, Ports
from cdlab.reasons import Reason
from cdlab.release_plans import Released
from cdlab.releases import ReleaseRequest, plan_release
from cdlab.syncs import Synced, SyncRequest
from cdlab.version import __version__

CAUSES = {"release": "release", "promote": "promotion"}
"""Command -> how a decision about it is called; of those that are no change of policy."""


@dataclass(kw_only=True)
class ManagerDesk:
    """`ReleaseCommands` for a lab with a release manager."""

    kernel: Kernel
    application: Application
    ports: Ports
    """The manager's own."""
    queue: ReleaseQueue
    audits: Audit
    facts: About
    """What does not change."""

    def __post_init__(self) -> None:
        self.queue.health.when_healthy = self.audits.tell

    async def about(self) -> About:
        """Who answers."""
        now = rfc3339(self.kernel.timestamp())
        return replace(self.facts, time=now, newest=self.audits.number)

    async def ask(self, ask: Ask) -> Answer:
        """Do it, or refuse it with a reason; returns when it is committed and was applied."""
        self._require(ask.workload, ask.environment, ask.source)
        if ask.command == "sync":
            return await self._sync(ask)
        request = await request_of(ask, self.application, self.ports)
        if isinstance(request, Outcome):
            if not ask.is_dry_run:
                what = CAUSES.get(ask.command, "policy")
                decision = Decision(what, ask.workload, ask.environment, request, ask.user)
                await self.ports.decisions.record(decision)
            return answered(request)
        if ask.is_dry_run:
            return await self._planned(request)
        return answered(await self.queue.release(request))

    async def _sync(self, ask: Ask) -> Answer:
        """A dry run asks past the queue: it writes nothing that would have to wait its turn."""
        asked = SyncRequest(
            user=ask.user,
            environments=(ask.environment,) if ask.environment else (),
            has_prune=ask.has_prune,
            is_dry_run=ask.is_dry_run,
        )
        if not ask.is_dry_run:
            return synchronized(await self.queue.sync_now(asked))
        found = synchronized(await self.queue.manager.sync(asked))
        if found.status == "failed":
            return found
        if not (found.applied or found.pruned):
            return replace(found, status="skipped", reason=str(Reason.UNCHANGED))
        return replace(found, status="planned", reason="")

    async def _planned(self, request: ReleaseRequest) -> Answer:
        config = await self.ports.config_repo.clone()
        try:
            plan = plan_release(request, config)
        except (ManifestError, FileMissing) as error:
            return Answer(status="failed", reason=str(error))
        if not plan.outcome.is_released:
            return answered(plan.outcome)
        return replace(answered(plan.outcome), status="planned")

    async def status(self) -> tuple[WorkloadStatus, ...]:
        """Every workload in every environment, in the application's order."""
        config = await self.ports.config_repo.clone()
        found = {}
        for environment in self._places:
            running, mode = await self._running(environment), mode_of(config, environment)
            for each in self.application.microservices:
                known = None if running is None else running.get(each.name)
                seen = await self._seen(config, each.name, environment, known)
                age = None if running is None else self._drift_of(seen)
                found[each.name, environment] = status_of(seen, age, mode)
        order = [(s.name, e) for s in self.application.microservices for e in self._places]
        return tuple(found[each] for each in order)

    @property
    def _places(self) -> tuple[str, ...]:
        return self.application.everywhere

    async def _running(self, environment: str) -> dict[str, RunningWorkload] | None:
        try:
            return {each.name: each for each in await self.ports.cluster.running(environment)}
        except PortError:  # the recorder has it; what runs is then unknown, not nothing
            return None

    async def _seen(
        self, config: Checkout, workload: str, environment: str, running: RunningWorkload | None
    ) -> Seen:
        repository = self.application.image_repositories[workload]
        return Seen(
            workload=workload,
            environment=environment,
            repository=repository,
            config=config,
            running=running,
            tags=await self._tags(workload),
            now=self.kernel.timestamp(),
        )

    async def _tags(self, workload: str) -> tuple[Tag, ...]:
        """As they were last listed: a page that is looked at asks the registry nothing."""
        if workload not in self.queue.tags:
            repository = self.application.image_repositories[workload]
            try:
                self.queue.tags[workload] = await self.ports.registry.list_tags(repository)
            except PortError:
                return ()
        return self.queue.tags[workload]

    def _drift_of(self, seen: Seen) -> float | None:
        """
        For how long the cluster has asked for something else, as far as anybody looked.

        That it is another image is seen here; what else differs only a comparison of everything
        finds, which the manager makes again and again.
        """
        try:
            desired = seen.desired
        except (ManifestError, FileMissing):
            return None
        is_as_desired = seen.running and seen.running.desired == desired
        if is_something_to_run(desired) and not is_as_desired:
            return self.queue.drift.see(seen.environment, seen.workload, differs=True)
        return self.queue.drift.age(seen.environment, seen.workload)

    async def images(self, workload: str, environment: str) -> tuple[Candidate, ...]:
        """Its images, newest first, each with why it is or is not eligible."""
        self._require(workload, environment)
        config = await self.ports.config_repo.clone()
        return images_of(await self._seen(config, workload, environment, None))

    async def history(
        self, workload: str = "", environment: str = "", limit: int = 100
    ) -> tuple[PastRelease, ...]:
        """What was released when, newest first, from git alone."""
        self._require(workload, environment)
        config = await self.ports.config_repo.clone()
        return tuple(islice(past_releases(config, workload, environment), limit))

    async def diff(self) -> tuple[Difference, ...]:
        """Where the cluster is not what the config repo says."""
        config = await self.ports.config_repo.clone()
        workers = SideBySide(self.kernel, self.queue.workers.at_once, lambda: False)
        looking = Differing(config, self.ports, self.queue.drift, workers)
        return await looking.everywhere(self._places)

    async def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Decisions with their reasons, oldest first, beginning after a number."""
        return self.audits.after(after, limit)

    async def wait_for_change(self, after: int) -> int:
        """Return the number of the newest change as soon as it is greater than *after*."""
        return await self.audits.wait(after)

    def _require(self, workload: str, *environments: str) -> None:
        if workload and workload not in self.application.image_repositories:
            known = ", ".join(self.application.image_repositories)
            raise NotFound(f'there is no workload "{workload}"', help=f"there are {known}")
        for each in filter(None, environments):
            if each not in self._places:
                known = ", ".join(self._places)
                raise NotFound(f'there is no environment "{each}"', help=f"there are {known}")


def about_of(architecture: Architecture, application: Application, substrate: str) -> About:
    """What does not change about it."""
    environments = application.environments
    return About(
        architecture=architecture.name,
        title=architecture.title,
        microservices=tuple(each.name for each in application.microservices),
        environments=tuple(each.name for each in environments),
        manual_environments=tuple(each.name for each in environments if not each.is_automated),
        substrate=substrate,
        version=__version__,
    )


def answered(outcome: Outcome) -> Answer:
    """An outcome as people are told it, with the commit where there is one."""
    change = outcome.change if isinstance(outcome, Released) else None
    return Answer(
        status=outcome.status,
        reason=outcome.reason,
        image=str(outcome.image or ""),
        revision=outcome.revision or "",
        is_applied=outcome.is_applied,
        commit_message=change.message if change else "",
        diff=change.diff if change else "",
    )


def synchronized(synced: Synced) -> Answer:
    """What a sync did, as people are told it."""
    applied, pruned = (
        tuple(f"{name} in {where}" for where, name in places)
        for places in (synced.applied, synced.pruned)
    )
    return replace(answered(synced.outcome), applied=applied, pruned=pruned)
