"""
What the release manager looks at by itself: the registry's tags, the config repo, the cluster.

Notifications shorten the wait, the looks at every interval are the truth: one that is lost, doubled
or late changes nothing but the delay. Out: calls of the queue's `consider` and `sync`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from cdlab.errors import PortError
from cdlab.kernel import Kernel
from cdlab.model import Application, Context, Revision, Tag
from cdlab.ports import Ports

PAUSE_SECONDS = 5.0
"""Until it listens again after a box did not answer."""
DRIFT_REPAIR = Context("drift repair")
"""Nobody asked for it: the manager compares by itself."""


@dataclass(frozen=True, slots=True)
class ManagerIntervals:
    """When the manager looks by itself: at the registry for tags, at the cluster for drift."""

    seconds: float
    """Flux v1 looks every 300 s. Between two looks it relies on notifications."""
    is_poll_only: bool = False
    """Whether notifications are ignored."""
    phase: float = 0.0
    """Where in the interval the first look falls, 0 to 1."""
    sync_seconds: float = 300.0
    """How often it compares the cluster with the config repo. Flux v1's `--sync-interval`."""

    def first(self, number: int) -> float:
        """When the first look at the n-th repository is due, so that they spread."""
        return self.seconds * ((self.phase + number * 0.618) % 1.0)


class Considering(Protocol):
    """The queue, as the watchers know it."""

    def consider(self, name: str, tags: tuple[Tag, ...]) -> None:
        """Decide about the tags of a microservice, for every environment."""

    def is_own(self, revision: Revision) -> bool:
        """Whether a commit of the config repo is a release of this manager."""

    def sync(self, revision: Revision | None = None) -> None:
        """Compare every environment with the config repo; *revision* is what was pushed there."""


class Watching:
    """The loops. The queue runs each as an actor."""

    def __init__(
        self, queue: Considering, kernel: Kernel, ports: Ports, intervals: ManagerIntervals
    ) -> None:
        self.queue, self.kernel, self.ports = queue, kernel, ports
        self.intervals = intervals

    def loops(self, application: Application) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """What has to run, each with its name."""
        yield "looks for drift", self._compare()
        if not self.intervals.is_poll_only:
            yield "new config", self._watch_config()
        for number, microservice in enumerate(application.microservices):
            name, repository = microservice.name, microservice.image_repository
            yield f"looks at the tags of {name}", self._look(name, repository, number)
            if not self.intervals.is_poll_only:
                yield f"new tags of {name}", self._watch(name, repository)

    async def _watch(self, name: str, repository: str) -> None:
        """Decide as soon as there is a new tag."""
        known: tuple[str, ...] = ()
        while True:
            try:
                tags = await self.ports.registry.wait_for_tag(repository, known)
            except PortError:
                await self.kernel.sleep(PAUSE_SECONDS)
                continue
            known = tuple(tag.name for tag in tags)
            self.queue.consider(name, tags)

    async def _look(self, name: str, repository: str, number: int) -> None:
        """Decide at every interval, whatever was or was not told: the look is the truth."""
        actor = self.kernel.current
        assert actor is not None, "only an actor can look"
        await self.kernel.sleep(self.intervals.first(number))
        while True:
            actor.context = None
            tags = await self._tags(repository)
            if tags:
                self.queue.consider(name, tags)
            await self.kernel.sleep(self.intervals.seconds)

    async def _tags(self, repository: str) -> tuple[Tag, ...]:
        try:
            return await self.ports.registry.list_tags(repository)
        except PortError:
            # The recorder has it. The next look finds what this one could not see.
            return ()

    async def _watch_config(self) -> None:
        """Apply what people push to the config repo."""
        seen = None
        while True:
            try:
                seen = await self.ports.config_repo.wait_for_push(seen)
            except PortError:
                await self.kernel.sleep(PAUSE_SECONDS)
                continue
            self.queue.sync(seen)

    async def _compare(self) -> None:
        """Look for what somebody pushed, or else for drift, at every interval."""
        actor = self.kernel.current
        assert actor is not None, "only an actor can look"
        seen = None
        await self.kernel.sleep(self.intervals.sync_seconds * self.intervals.phase)
        while True:
            actor.context = None
            with suppress(PortError):  # the recorder has it, and the next look comes
                head = await self.ports.config_repo.head()
                if head in (None, seen) or self.queue.is_own(head):
                    actor.context = DRIFT_REPAIR
                seen = head
                self.queue.sync()
            await self.kernel.sleep(self.intervals.sync_seconds)
