"""
What pods and their controllers take, as histories show it.

In: histories. Out: seconds, and shares, per purpose of a costs profile. A step that was seen before
the one it follows, as watches may tell them, is no sample; neither is what happened during the
bootstrap, where everything starts at once. Called by `calibration.py`; pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from cdlab.history import Event, History

PROBE_SECONDS = 1.0
"""The period of the readiness probes of the sample microservices."""
FEWEST_CROWDED = 10
"""Fewer do not tell what company costs: then it counts as nothing, and pods as they are."""
NEXT_STEPS = {"PodReady": "PodStopping", "PodStopping": "PodCreated"}
"""Event of a pod -> what a rolling update does next, when it may: the controller's own time."""
LONGEST_STEP_SECONDS = 1.0
"""What comes later was waited for, and is not the controller's next step."""


@dataclass(slots=True, eq=False)
class _Pod:
    """The steps of one pod, in microseconds; 0 for those that were not seen."""

    node: str = ""
    created: int = 0
    scheduled: int = 0
    pulled: int = 0
    started: int = 0
    ready: int = 0
    has_image: bool = False
    """Whether its node had the image already."""
    free: int = 0
    """When the kubelet was done with the pull before."""
    others: int = 0
    """How many other pods were given their sandbox at the same time."""

    @property
    def wait(self) -> float:
        """Seconds until its image was there, without the queue for other pulls."""
        return (self.pulled - max(self.scheduled, self.free)) / 1e6


FIELDS = {
    "PodCreated": "created",
    "PodScheduled": "scheduled",
    "ImagePulled": "pulled",
    "ContainerStarted": "started",
    "PodReady": "ready",
}


@dataclass(slots=True)
class _Node:
    """A machine: when it was last done with a pull, and which images it has."""

    free: int = 0
    digests: set[str] = field(default_factory=set)


def end_of_bootstrap(history: History) -> int:
    """When the first thing was asked for after it; microseconds."""
    asked = history.of("IntentDeclared")
    return next((e.t_us for e in asked if e.detail["intent"] != "bootstrap"), 0)


def pod_samples(histories: Iterable[History]) -> dict[str, list[float]]:
    """The seconds of `schedule`, `pod_sandbox`, `pull`, `pod_start` and `reconcile`; the shares."""
    found: dict[str, list[float]] = defaultdict(list)
    pods: list[_Pod] = []
    for history in histories:
        begin = end_of_bootstrap(history)
        pods += [pod for pod in _pods(history) if pod.created >= begin]
        found["reconcile"] += _controller_steps(history, begin)
    for pod in pods:
        if pod.scheduled:
            found["schedule"].append((pod.scheduled - pod.created) / 1e6)
        if pod.started and pod.pulled:
            found["pod_start"].append((pod.started - pod.pulled) / 1e6)
        if pod.ready and pod.started:
            found["readiness_phase"].append((pod.ready - pod.started) / 1e6 / PROBE_SECONDS)
    _part([pod for pod in pods if pod.started and pod.pulled and pod.scheduled], found)
    return {purpose: seconds for purpose, seconds in found.items() if seconds}


def _pods(history: History) -> list[_Pod]:
    pods: dict[tuple[str, str], _Pod] = defaultdict(_Pod)
    nodes: dict[str, _Node] = defaultdict(_Node)
    for event in history.of(*FIELDS):
        pod = pods[event.resource, event.detail["pod"]]
        setattr(pod, FIELDS[event.kind], event.t_us)
        if event.kind == "PodScheduled":
            pod.node = event.detail["node"]
        elif event.kind == "ImagePulled":
            pod.free = nodes[pod.node].free
        elif event.kind == "ContainerStarted":
            node = nodes[pod.node]
            pod.has_image = event.digest_after in node.digests
            if not pod.has_image:
                node.digests.add(event.digest_after)
                node.free = pod.pulled
    found = [pod for pod in pods.values() if pod.created]
    for pod in found:
        pod.others = sum(_overlap(pod, each) for each in found if each is not pod)
    return found


def _overlap(one: _Pod, other: _Pod) -> bool:
    if not other.pulled or not one.pulled:
        return False
    return one.scheduled < other.pulled and other.scheduled < one.pulled


def _part(pods: Sequence[_Pod], found: dict[str, list[float]]) -> None:
    """
    Tell the sandbox from what company adds to it, and a pull from both.

    Where the image is there, the time until the kubelet says so is the sandbox's. Pods that have
    company take longer than those that have none: by `crowding` for each other one. A pull is what
    comes on top of the usual sandbox; never less than nothing.
    """
    there = [pod for pod in pods if pod.has_image]
    alone = [pod.wait for pod in there if not pod.others]
    crowded = [pod for pod in there if pod.others]
    crowding = 0.0
    if min(len(alone), len(crowded)) >= FEWEST_CROWDED and median(alone) > 0:
        more = median((pod.wait / median(alone) - 1) / pod.others for pod in crowded)
        crowding = min(max(more, 0.0), 1.0)
        found["crowding"] = [crowding] * len(crowded)

    def alone_seconds(pod: _Pod) -> float:
        return pod.wait / (1 + crowding * pod.others)

    found["pod_sandbox"] = [alone_seconds(pod) for pod in there]
    usual = median(found["pod_sandbox"]) if there else 0.0
    found["pull"] = [
        max(pod.wait - usual * (1 + crowding * pod.others), 0.0)
        for pod in pods
        if not pod.has_image
    ]


def _controller_steps(history: History, begin: int) -> Iterator[float]:
    """From a pod that became Ready to the old one that stops for it, and on to the next one."""
    by_workload: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in history.of("PodCreated", "PodReady", "PodStopping"):
        if event.t_us >= begin:
            by_workload[event.resource, event.detail["workload"]].append(event)
    for events in by_workload.values():
        for before, after in pairwise(events):
            seconds = (after.t_us - before.t_us) / 1e6
            is_next = NEXT_STEPS.get(before.kind) == after.kind
            if is_next and seconds <= LONGEST_STEP_SECONDS:
                yield seconds
