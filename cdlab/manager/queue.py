"""
One writer: everything that wants to release something goes through this queue.

Watchers of the registry and people's commands come in; one at a time is decided, committed and
applied by V3's `ReleaseManager`. A rollback goes first, a push that lost a race is planned again
on what won it, and the health of each release is confirmed beside the queue.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from cdlab.architectures import Manager
from cdlab.errors import CdlabError, ManagerUnavailable, PushRejected
from cdlab.kernel import Actor, Kernel
from cdlab.manager.drift import Drift
from cdlab.manager.health import HealthWatch
from cdlab.manager.listening import QueueListener
from cdlab.manager.queued import Request
from cdlab.manager.watching import ManagerIntervals, Watching
from cdlab.manager.workers import SideBySide
from cdlab.model import Application, Decision, Outcome, Revision, RollbackRequest, Tag
from cdlab.ports import Ports
from cdlab.releases import ReleaseRequest
from cdlab.syncs import Synced, SyncRequest

PUSH_ATTEMPTS = 10
"""Kargo's default. After that the request has failed, with that reason."""

REPEAT_SECONDS = 5.0
"""Until what could not be applied is tried again."""

ROLLBACK, COMMAND, AUTOMATION, SYNC = range(4)
"""What goes first. Within one class, first in, first out."""
CALLED = ("rollback", "release", "automation", "sync")
"""How a decision about each of them is called."""
STOPPED = Outcome("failed", "the release manager was stopped before it was done")

R = TypeVar("R", ReleaseRequest, RollbackRequest)


class ReleaseQueue:
    """The commands of V3, and the loop that watches the registry."""

    def __init__(
        self,
        kernel: Kernel,
        manager: Manager,
        ports: Ports,
        application: Application,
        intervals: ManagerIntervals,
        *,
        at_once: int = 1,
    ) -> None:
        """*at_once*: workloads that a sync compares and applies at a time."""
        self.kernel = kernel
        self.manager = manager
        self.ports = ports
        self.application = application
        self.intervals = intervals
        self._requests: list[Request] = []
        self._looks: dict[tuple[int, str, str], Request] = {}
        """Those of them that nobody waits for, by what they are about: one of each is enough."""
        self._count = 0
        self._arrived = kernel.signal("a release request")
        self.health = HealthWatch(kernel, manager, intervals.seconds)
        self._unapplied: dict[tuple[str, str], tuple[Request, Outcome]] = {}
        """Releases that a sync has to apply, by environment and workload."""
        self._actors: list[Actor] = []
        self._own: set[Revision] = set()
        """Commits of its own, which were applied already."""
        self._told: set[Revision | None] = set()
        """What was pushed, or None for a look by the clock, since the last whole comparison."""
        self.workers = SideBySide(kernel, at_once, self._has_rollback)
        """Who compares and applies in its syncs."""
        self.tags: dict[str, tuple[Tag, ...]] = {}
        """Microservice -> what the registry listed last, for whoever looks at it."""
        self.listeners: list[QueueListener] = []
        self.drift = Drift(kernel)
        """Since when what differs, for whoever looks at it."""

    def start(self) -> None:
        """Begin to watch the registry and the config repo, and to work."""
        self._spawn("release manager", self._work())
        watching = Watching(self, self.kernel, self.ports, self.intervals)
        for name, loop in watching.loops(self.application):
            self._spawn(name, loop)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._actors.append(self.kernel.spawn(work, name=name))

    def stop(self) -> None:
        """End at once, wherever it is. Who waits for an answer hears that there will be none."""
        for actor in self._actors:
            actor.cancel()
        self._actors.clear()
        self.health.stop()
        self._unapplied.clear()
        for request in self._requests:
            request.done.set(STOPPED)
        self._requests.clear()
        self._looks.clear()
        self._told.clear()

    @property
    def length(self) -> int:
        """How many requests wait."""
        return len(self._requests)

    async def prepare(self, manifests: Mapping[str, str]) -> None:
        """Put the manifests into the config repo."""
        await self.manager.prepare(manifests)

    async def first_deployment(self, name: str) -> None:
        """What a first deployment needs beyond a release."""
        await self.manager.first_deployment(name)

    async def promote(self, name: str, source: str, target: str, user: str) -> Outcome:
        """Queue a promotion and return its outcome."""
        work = partial(self.manager.promote, name, source, target, user)
        return await self._outcome(self._put(COMMAND, name, target, work, user))

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Put a rollback before everything else that waits, and return its outcome."""
        return await self._asked(ROLLBACK, request, self.manager.rollback)

    async def release(self, request: ReleaseRequest) -> Outcome:
        """Queue what somebody asked for, a rollback before everything else; return its outcome."""
        priority = ROLLBACK if request.cause == "rollback" else COMMAND
        return await self._asked(priority, request, self.manager.release)

    async def _asked(
        self, priority: int, request: R, decide: Callable[[R], Awaitable[Outcome]]
    ) -> Outcome:
        work = partial(decide, request)
        put = self._put(priority, request.workload, request.environment, work, request.user)
        return await self._outcome(put)

    async def rebuild(self, user: str) -> Outcome:
        """Queue the rebuild of every environment, and return its outcome."""
        return (await self.sync_now(SyncRequest(user=user))).outcome

    async def sync_now(self, asked: SyncRequest) -> Synced:
        """Queue a sync that somebody asked for, and return what it did."""
        found: list[Synced] = []

        async def work() -> Outcome:
            synced = await self._compare(asked)
            found[:] = [synced.after(found[0]) if found else synced]
            return synced.outcome

        outcome = await self._outcome(self._put(COMMAND, "", "", work, asked.user))
        return replace(found[0], outcome=outcome) if found else Synced(outcome=outcome)

    async def _compare(self, asked: SyncRequest) -> Synced:
        synced = await self.manager.sync(asked, self.workers)
        for (environment, workload), differs in synced.differs.items():
            self.drift.see(environment, workload, differs=differs)
            if not differs and (environment, workload) in self._unapplied:
                # Applied now: its health is worth asking for.
                self._confirm(*self._unapplied.pop((environment, workload)))
        return synced

    async def _outcome(self, request: Request) -> Outcome:
        outcome: Outcome = await request.done.wait()
        return outcome

    def _put(
        self,
        priority: int,
        workload: str,
        environment: str,
        work: Callable[[], Awaitable[Outcome]],
        user: str = "",
    ) -> Request:
        if not self._actors:
            raise ManagerUnavailable("the release manager is not running", help="start it again")
        self._count += 1
        request = Request(
            priority, self._count, workload, environment, user, self.kernel.now(), work,
            self._context(), self.kernel.event(f"the release of {workload} in {environment}"),
        )  # fmt: skip
        heapq.heappush(self._requests, request)
        self._arrived.notify_all()
        return request

    def _context(self) -> Any:
        return self.kernel.current.context if self.kernel.current else None

    def consider(self, name: str, tags: tuple[Tag, ...]) -> None:
        """Queue a decision for every environment. One that still waits is made on these tags."""
        self.tags[name] = tags
        for environment in self.application.environments:
            decide = partial(self.manager.on_image, name, tags, environment.name)
            self._put_instead(AUTOMATION, name, environment.name, decide)

    def is_own(self, revision: Revision) -> bool:
        """Whether a commit of the config repo is a release of this manager."""
        return revision in self._own

    def sync(self, revision: Revision | None = None) -> None:
        """Queue a comparison with the config repo, where *revision* was pushed."""
        self._told.add(revision)
        self._put_instead(SYNC, "", "", self._sync)

    async def _sync(self) -> Outcome:
        told, self._told = self._told, set()
        if told <= self._own:
            return Outcome("skipped", "its own release")
        outcome = (await self._compare(SyncRequest(owed=frozenset(self._unapplied)))).outcome
        if outcome.status == "superseded":
            self._told |= told
        return outcome

    def _has_rollback(self) -> bool:
        return bool(self._requests) and self._requests[0].priority == ROLLBACK

    async def _repeat(self) -> None:
        await self.kernel.sleep(REPEAT_SECONDS)
        self.sync()

    def _put_instead(
        self, priority: int, name: str, environment: str, work: Callable[[], Awaitable[Outcome]]
    ) -> None:
        """
        Queue a look in the place of an older one that still waits.

        Behind it, a slow manager would never catch up; at the end, it would never come to it.
        """
        waiting = self._looks.get((priority, name, environment))
        if waiting is None:
            waiting = self._put(priority, name, environment, work)
            self._looks[priority, name, environment] = waiting
        waiting.work, waiting.context = work, self._context()

    async def _work(self) -> None:
        actor = self.kernel.current
        assert actor is not None
        while True:
            while not self._requests:
                await self._arrived.wait()
            request = heapq.heappop(self._requests)
            self._looks.pop((request.priority, request.workload, request.environment), None)
            actor.context = request.context
            for listener in self.listeners:
                listener.taken(CALLED[request.priority], self.kernel.now() - request.since)
            outcome = STOPPED
            try:
                outcome = await self._attempt(request)
                if outcome.is_released and outcome.image:
                    self._unapplied.pop((request.environment, request.workload), None)
                    self._confirm(request, outcome)
                if outcome.is_released and outcome.is_applied:
                    self.drift.see(request.environment, request.workload, differs=False)
                if not outcome.is_applied:
                    if outcome.image:  # a change of policy has no health to wait for
                        self._unapplied[request.environment, request.workload] = request, outcome
                    self.kernel.spawn(self._repeat(), name="repeats an apply")
            finally:
                for listener in self.listeners:
                    listener.ended(CALLED[request.priority], outcome)
                if outcome.status == "superseded":
                    self._put_back(request)
                else:
                    request.done.set(outcome)

    def _put_back(self, request: Request) -> None:
        """It was cut off for a rollback, and begins anew behind it: the config repo is another."""
        about = request.priority, request.workload, request.environment
        if request.priority == SYNC and self._looks.setdefault(about, request) is not request:
            return  # a newer look waits, which compares everything as well
        heapq.heappush(self._requests, request)

    async def _attempt(self, request: Request) -> Outcome:
        for _ in range(PUSH_ATTEMPTS):
            try:
                return await request.work()
            except PushRejected:
                continue
            except CdlabError as error:
                return await self._failed(request, f"{type(error).__name__}: {error.message}")
        return await self._failed(request, f"the push was rejected {PUSH_ATTEMPTS} times")

    async def _failed(self, request: Request, reason: str) -> Outcome:
        """Nobody reads an automated release's outcome, so it is told as a decision too."""
        outcome = Outcome("failed", reason)
        what, where = CALLED[request.priority], (request.workload, request.environment)
        await self.ports.decisions.record(Decision(what, *where, outcome, request.user))
        return outcome

    def _confirm(self, request: Request, outcome: Outcome) -> None:
        """It is this manager's own, and its health is worth asking for."""
        assert outcome.revision, "a release has a commit"
        self._own.add(outcome.revision)
        self.health.begin(request.workload, request.environment, outcome)
