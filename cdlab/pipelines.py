"""
The CI system around an architecture: who starts a pipeline run, on what, and how it ended.

The same for V1, V2 and V3: every push to a code repo starts one run of the architecture's
`on_push`, on one of a limited number of executors. Runs that fail stay failed, as in any CI.
"""

from __future__ import annotations

from typing import Protocol

from cdlab.architectures import OnPush
from cdlab.errors import CdlabError
from cdlab.kernel import Event, Kernel
from cdlab.model import Revision
from cdlab.ports import Ports


class PipelineLog(Protocol):
    """Where the CI system tells about its runs."""

    def pipeline_changed(self, kind: str, name: str, revision: Revision, because: str) -> None:
        """A run was queued, was started, succeeded or failed (`because` says why)."""


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
        self._finished: dict[Revision, Event] = {}

    def start(self) -> None:
        """Begin to watch, one actor for each code repo."""
        for name in self.ports.code_repos:
            self.kernel.spawn(self._watch(name), name=f"CI for {name}")

    async def finished(self, revision: Revision) -> str:
        """Wait for the first run of a revision, and return why it failed; empty if it did not."""
        return str(await self._event(revision).wait())

    async def _watch(self, name: str) -> None:
        revision = None
        while True:
            revision = await self.ports.code_repos[name].wait_for_push(revision)
            run = self._run(name, revision)
            self.kernel.spawn(run, name=f"pipeline {name} {revision[:7]}")

    async def _run(self, name: str, revision: Revision) -> None:
        self.log.pipeline_changed("PipelineRunQueued", name, revision, "")
        async with self.executors:
            self.log.pipeline_changed("PipelineRunStarted", name, revision, "")
            because = ""
            try:
                await self.continuous_integration.on_push(name, revision)
            except CdlabError as error:
                because = f"{type(error).__name__}: {error.message}"
        kind = "PipelineRunFailed" if because else "PipelineRunFinished"
        self.log.pipeline_changed(kind, name, revision, because)
        event = self._event(revision)
        if not event.is_set:
            event.set(because)

    def _event(self, revision: Revision) -> Event:
        if revision not in self._finished:
            self._finished[revision] = self.kernel.event(f"the pipeline run of {revision[:7]}")
        return self._finished[revision]
