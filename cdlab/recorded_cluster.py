"""
The cluster and the decisions, recorded: the part of `recorded_ports.py` about what runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from sys import intern
from typing import Any

from cdlab.history import OK, Operation
from cdlab.model import Decision, ImageRef, Principal, RunningWorkload
from cdlab.ports import Cluster, Decisions, Deviation
from cdlab.recording import Call, Recorder


class RecordingCluster:
    """A cluster whose verbs are events of the environment they touch."""

    def __init__(self, inner: Cluster, recorder: Recorder, principal: Principal) -> None:
        self.inner, self.recorder, self.principal = inner, recorder, principal

    async def apply(self, manifest: str, environment: str) -> bool:
        return await self.recorder.record(
            self._call("ManifestsApplied", "apply", environment),
            self.inner.apply(manifest, environment),
            lambda changed: self.recorder.said(changed=changed, manifest=manifest),
        )

    async def diff(self, manifest: str, environment: str) -> Deviation:
        return await self.recorder.record(
            self._call("ManifestsCompared", "read", environment),
            self.inner.diff(manifest, environment),
            lambda deviation: self.recorder.said(differs=bool(deviation)),
        )

    async def prune(
        self, manifests: Collection[str], environment: str, *, is_dry_run: bool = False
    ) -> tuple[str, ...]:
        call = (
            self._call("StraysListed", "read", environment)
            if is_dry_run
            else self._call("ObjectsPruned", "apply", environment)
        )
        return await self.recorder.record(
            call,
            self.inner.prune(manifests, environment, is_dry_run=is_dry_run),
            lambda objects: {"detail": {"objects": list(objects)}},
        )

    async def set_image(self, workload: str, image: ImageRef, environment: str) -> None:
        await self.recorder.record(
            self._call("ImageSet", "apply", environment),
            self.inner.set_image(workload, image, environment),
            lambda _: self.recorder.said(workload=workload, image=intern(str(image))),
        )

    async def rollout_status(self, workload: str, environment: str) -> None:
        await self.recorder.record(
            self._call("RolloutFinished", "wait", environment),
            self.inner.rollout_status(workload, environment),
            lambda _: self.recorder.said(workload=workload),
        )

    async def rollout_undo(self, workload: str, environment: str) -> None:
        await self.recorder.record(
            self._call("RolloutUndone", "apply", environment),
            self.inner.rollout_undo(workload, environment),
            lambda _: self.recorder.said(workload=workload),
        )

    async def running(self, environment: str, workload: str = "") -> tuple[RunningWorkload, ...]:
        call = self._call("WorkloadsRead", "read", environment)
        return await self.recorder.record(call, self.inner.running(environment, workload))

    async def get(self, environment: str) -> tuple[Mapping[str, Any], ...]:
        call = self._call("WorkloadsRead", "read", environment)
        return await self.recorder.record(call, self.inner.get(environment))

    async def wipe(self, environment: str) -> None:
        await self.recorder.record(
            self._call("EnvironmentWiped", "apply", environment), self.inner.wipe(environment)
        )

    def _call(self, kind: str, op: Operation, environment: str) -> Call:
        return Call(kind, "environment", op, environment, self.principal)


class RecordingDecisions:
    """Where a decision becomes an event of whoever decided, and goes where it would have gone."""

    def __init__(self, inner: Decisions, recorder: Recorder, principal: Principal) -> None:
        self.inner, self.recorder, self.principal = inner, recorder, principal

    async def record(self, decision: Decision) -> None:
        outcome = decision.outcome
        self.recorder.append(
            Call("Decided", self.principal, "decide", decision.environment, self.principal),
            outcome=OK if outcome.is_released else outcome.status,
            because=outcome.reason,
            detail=self.recorder.shared(
                what=decision.what,
                workload=decision.workload,
                status=outcome.status,
                image=intern(str(outcome.image or "")),
                user=decision.user,
            ),
        )
        await self.inner.record(decision)
