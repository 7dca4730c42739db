"""
The CI system around an architecture: who starts a pipeline run, on what, and how it ended.

The same for V1, V2 and V3: every push to a code repo starts one run of the architecture's
`on_push`, on one of a limited number of executors. Runs that fail stay failed, as in any CI.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, cast

from cdlab.architectures import OnPush
from cdlab.errors import CdlabError, CiUnavailable, PortError
from cdlab.kernel import Actor, Event, Kernel
from cdlab.model import Revision
from cdlab.ports import Cluster, Ports

PAUSE_SECONDS = 5.0
"""Until CI listens again after the git server did not answer."""


class PipelineLog(Protocol):
    """Where the CI system tells about its runs."""

    def pipeline_changed(self, kind: str, name: str, revision: Revision, because: str) -> None:
        """A run was queued, was started, succeeded or failed (`because` says why)."""


class _WhileUp:
    """A port that CI uses on behalf of a person."""

    def __init__(self, inner: object, pipelines: Pipelines) -> None:
        self.inner, self.pipelines = inner, pipelines

    def __getattr__(self, name: str) -> Any:
        if self.pipelines.is_stopped:
            raise CiUnavailable("CI does not run", help="start it, or act without it")
        return getattr(self.inner, name)


class Pipelines:
    """Watches every code repo and runs a pipeline for each push it sees."""

    def __init__(
        self,
        kernel: Kernel,
        continuous_integration: OnPush,
        ports: Ports,
        log: PipelineLog,
        executors: int,
    ) -> None:
        self.kernel = kernel
        self.continuous_integration = continuous_integration
        self.ports = ports
        self.log = log
        self.executors = kernel.resource("a CI executor", executors)
        self._events: dict[tuple[str, Revision], Event] = {}
        self._seen: dict[str, Revision | None] = dict.fromkeys(ports.code_repos)
        self._watches: list[Actor] = []
        self._runs: dict[int, Actor] = {}
        self._count = 0
        self.is_stopped = False

    def start(self) -> None:
        """Begin to watch, one actor for each code repo."""
        self.is_stopped = False
        for name in self.ports.code_repos:
            watch = self.kernel.spawn(self._watch(name), name=f"CI for {name}")
            self._watches.append(watch)

    def stop(self) -> None:
        """
        End at once, and with it every run that is under way.

        `start` goes on with the pushes that were not seen; runs that were cut off stay cut off.
        """
        self.is_stopped = True
        for actor in (*self._watches, *self._runs.values()):
            actor.cancel()
        self._watches.clear()
        self._runs.clear()

    def steps_by_hand(self, ports: Ports) -> Ports:
        """The ports of CI for a step that a person has it run again: refused while it is down."""
        return replace(ports, cluster=cast(Cluster, _WhileUp(ports.cluster, self)))

    async def pause(self) -> None:
        """Take up no more pushes, and return when the runs that are under way are over."""
        for watch in self._watches:
            watch.cancel()
        self._watches.clear()
        for run in tuple(self._runs.values()):
            await run.join()

    def become(self, continuous_integration: OnPush, ports: Ports) -> None:
        """Do other steps from the next run on, with what CI may do there."""
        self.continuous_integration, self.ports = continuous_integration, ports

    async def finished(self, revision: Revision) -> str:
        """Wait for the first run of a revision, and return why it failed; empty if it did not."""
        return str(await self._event("end", revision).wait())

    async def started(self, revision: Revision) -> None:
        """Wait until a run of a revision began."""
        await self._event("start", revision).wait()

    async def _watch(self, name: str) -> None:
        while True:
            try:
                pushed = await self.ports.code_repos[name].wait_for_push(self._seen[name])
            except PortError:
                await self.kernel.sleep(PAUSE_SECONDS)
                continue
            self._seen[name] = pushed
            self._count += 1
            run = self._run(name, pushed, self._count)
            self._runs[self._count] = self.kernel.spawn(run, name=f"pipeline {name} {pushed[:7]}")

    async def _run(self, name: str, revision: Revision, number: int) -> None:
        self.log.pipeline_changed("PipelineRunQueued", name, revision, "")
        async with self.executors:
            self.log.pipeline_changed("PipelineRunStarted", name, revision, "")
            self._event("start", revision).set()
            because: str | None = None
            try:
                await self.continuous_integration.on_push(name, revision)
                because = ""
            except CdlabError as error:
                because = f"{type(error).__name__}: {error.message}"
            finally:
                if because is None and self.is_stopped:
                    because = "CI was stopped"
                if because is not None:  # else the whole run is over, and CI with it
                    self._end(name, revision, because)
        self._runs.pop(number, None)

    def _end(self, name: str, revision: Revision, because: str) -> None:
        kind = "PipelineRunFailed" if because else "PipelineRunFinished"
        self.log.pipeline_changed(kind, name, revision, because)
        self._event("end", revision).set(because)

    def _event(self, what: str, revision: Revision) -> Event:
        key = what, revision
        if key not in self._events:
            self._events[key] = self.kernel.event(f"the {what} of the pipeline run {revision[:7]}")
        return self._events[key]
