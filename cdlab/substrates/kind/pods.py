"""
What happens to the pods of a run, as somebody sees it who watches the API server.

In: two watches for each namespace, pods and the kubelets' `Pulled` events. Out: a `PodChange` for
each transition, handed to the kernel's thread on arrival. Who calls it: `substrate.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from cdlab.model import PodChange, PodPhase
from cdlab.substrates.kind import rollouts
from cdlab.substrates.kind.kubernetes_api import Json
from cdlab.substrates.kind.namespaces import Namespace
from cdlab.substrates.kind.watching import Following

PULLED = "reason=Pulled,involvedObject.kind=Pod"
"""The kubelet says it for an image that it pulled, and for one that was on the node already."""


@dataclass(slots=True)
class Life:
    """What was told of one pod."""

    pod: Json
    told: set[PodPhase] = field(default_factory=set)
    is_ready: bool = False


class PodWatch:
    """
    Every pod of one namespace.

    Each phase is told once in a pod's life, but `ready` and `unready` as often as they change; and
    nothing after `stopping`. The kubelet's event travels apart from the pod's status: where it
    comes late, `pulled` is told with what it has to precede.
    """

    def __init__(
        self, namespace: Namespace, environment: str, tell: Callable[[PodChange], None]
    ) -> None:
        """*tell* is called in the threads of this watch, one change at a time."""
        self._environment = environment
        self._tell = tell
        self._lives: dict[str, Life] = {}
        self._pulled: set[str] = set()
        self._lock = threading.Lock()
        self._pods = Following(namespace, "pods", self._see, self._compare)
        self._events = Following(
            namespace,
            "events",
            lambda _, event: self._see_events({"": event}),
            self._see_events,
            PULLED,
        )

    def start(self) -> None:
        """Begin; returns when the watches stand."""
        self._events.start()
        self._pods.start()

    def stop(self) -> None:
        """End both threads."""
        self._pods.stop()
        self._events.stop()

    def end_with_cluster(self) -> None:
        """End, and tell that every pod that was left is gone: its cluster is."""
        self.stop()
        self._compare({})

    def _compare(self, pods: Mapping[str, Json]) -> None:
        """Tell what was missed between two watches: what came, what changed and what went."""
        for uid, life in list(self._lives.items()):
            if uid not in pods:
                self._see("DELETED", life.pod)
        for pod in pods.values():
            self._see("ADDED", pod)

    def _see(self, kind: str, pod: Json) -> None:
        uid = str(pod["metadata"]["uid"])
        with self._lock:
            if uid not in self._lives and kind == "DELETED":
                return
            life = self._lives.setdefault(uid, Life(pod))
            life.pod = pod
            is_gone = kind == "DELETED" or rollouts.is_going(pod)
            self._tell_all(life, self._phases(uid, life, is_gone=is_gone))
            if kind == "DELETED":
                del self._lives[uid]
                self._pulled.discard(uid)

    def _see_events(self, events: Mapping[str, Json]) -> None:
        with self._lock:
            for event in events.values():
                subject = event["involvedObject"]
                if str(subject.get("fieldPath", "")).startswith("spec.initContainers"):
                    continue
                uid = str(subject.get("uid", ""))
                self._pulled.add(uid)
                if uid in self._lives:
                    life = self._lives[uid]
                    is_gone = rollouts.is_going(life.pod)
                    self._tell_all(life, self._phases(uid, life, is_gone=is_gone))

    def _phases(self, uid: str, life: Life, *, is_gone: bool) -> Iterator[PodPhase]:
        """Yield what a pod's present state says has happened, in the order of a pod's life."""
        if "stopping" in life.told:
            return
        yield "created"
        status = rollouts.status_of(life.pod, _workload(life.pod))
        has_started = bool({"running", "terminated"} & status.get("state", {}).keys()) or (
            int(status.get("restartCount", 0)) > 0
        )
        if has_started or rollouts.is_true(life.pod, "PodScheduled"):
            yield "scheduled"
        if has_started or (uid in self._pulled and "scheduled" in life.told):
            yield "pulled"
        if has_started:
            yield "started"
        if is_gone:
            yield "stopping"
        elif rollouts.is_true(life.pod, "Ready") != life.is_ready:
            life.is_ready = not life.is_ready
            life.told -= {"ready", "unready"}
            yield "ready" if life.is_ready else "unready"

    def _tell_all(self, life: Life, phases: Iterator[PodPhase]) -> None:
        workload = _workload(life.pod)
        for phase in phases:
            if phase in life.told:
                continue
            life.told.add(phase)
            has_digest = "started" in life.told
            change = PodChange(
                self._environment,
                workload,
                str(life.pod["metadata"]["name"]),
                phase,
                rollouts.image_of(life.pod["spec"], workload),
                rollouts.digest_of(life.pod, workload) if has_digest else None,
                str(life.pod["spec"].get("nodeName", "")),
            )
            self._tell(change)


def _workload(pod: Json) -> str:
    """The workload of a pod: its `app` label, or what its name begins with."""
    metadata = pod["metadata"]
    label = (metadata.get("labels") or {}).get("app")
    return str(label or str(metadata["name"]).rsplit("-", 2)[0])
