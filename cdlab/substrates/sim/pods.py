"""
The life of a pod: scheduled, image pulled, started, Ready; asked to stop, gone.

A ReplicaSet of `deployments.py` makes and stops pods here and is told when one changes. Every pod
has one short-lived actor, which ends when the pod has nothing more to wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cdlab.kernel import Actor
from cdlab.model import Content, Digest, ImageRef, PodChange, PodPhase
from cdlab.substrates.sim.nodes import Node, Nodes, PullFailed
from cdlab.substrates.sim.surroundings import Surroundings
from cdlab.substrates.sim.workload_specs import PodTemplate, generated_name

FIRST_BACK_OFF_SECONDS = 10
"""The kubelet's pause after a failed pull; it doubles each time."""
LONGEST_BACK_OFF_SECONDS = 300
"""The kubelet's `MaxContainerBackOff`."""


class PodOwner(Protocol):
    """Who made a pod and is told of its changes."""

    environment: str
    workload: str
    template: PodTemplate
    image: ImageRef
    """The image of the container that is the microservice."""
    entity: str
    """Whose durations the pods draw: `environment/workload`."""
    min_ready_seconds: int

    def siblings(self) -> list[Node | None]:
        """The nodes of the workload's pods that are not stopping, of all its ReplicaSets."""

    def pod_ready(self, *, is_available: bool) -> None:
        """One more pod is Ready, and may be available at once."""

    def pod_available(self) -> None:
        """One more of the Ready pods is available."""

    def pod_gone(self, pod: Pod) -> None:
        """Forget a pod that has ended."""


class Pod:
    """One pod. Its owner is a ReplicaSet."""

    __slots__ = (
        "actor", "digest", "is_available", "is_ready", "is_started", "name", "node", "owner",
        "ready_us", "waiting_reason",
    )  # fmt: skip

    def __init__(self, owner: PodOwner, name: str) -> None:
        self.owner, self.name = owner, name
        self.is_started = self.is_ready = self.is_available = False
        self.node: Node | None = None
        self.digest: Digest | None = None
        self.ready_us = 0
        self.waiting_reason = ""
        """Why it does not start, as `kubectl get pods` shows it: `ErrImagePull`."""
        self.actor: Actor | None = None


class Kubelet:
    """Runs the pods of all nodes and tells the observers what happens to them."""

    def __init__(self, surroundings: Surroundings, nodes: Nodes) -> None:
        self.surroundings, self.nodes = surroundings, nodes
        self.observers: list[Callable[[PodChange], None]] = []
        self._pod_count = 0

    def create(self, owner: PodOwner, prefix: str) -> Pod:
        """Make a pod and set it going. Its name is never used again."""
        self._pod_count += 1
        pod = Pod(owner, f"{prefix}-{generated_name(self._pod_count)}")
        self._tell(pod, "created")
        kernel = self.surroundings.kernel
        pod.actor = kernel.spawn(self._start(pod), name=f"pod {pod.name}")
        return pod

    def stop(self, pod: Pod) -> None:
        """
        Ask a pod to end. It is not Ready from now on, and gone when its containers have stopped.

        A pod that runs nothing yet has nothing to stop.
        """
        pod.is_ready = pod.is_available = False
        if pod.actor is not None:
            pod.actor.cancel()
        self._tell(pod, "stopping")
        kernel = self.surroundings.kernel
        pod.actor = kernel.spawn(self._end(pod), name=f"stopping pod {pod.name}")

    async def _start(self, pod: Pod) -> None:
        sleep, duration = self.surroundings.kernel.sleep, self.surroundings.duration
        entity = pod.owner.entity
        await sleep(duration("schedule", entity))
        pod.node = self.nodes.place(pod.owner.siblings())
        self._tell(pod, "scheduled")
        digest, contents = await self._pull(pod, pod.node)
        self._tell(pod, "pulled")
        await sleep(duration("pod_start", entity))
        pod.is_started, pod.digest = True, digest
        self._tell(pod, "started")
        seconds = self._seconds_to_ready(pod, contents)
        if seconds is None:
            pod.waiting_reason = "readiness probe failed"
            pod.actor = None
            return
        if seconds > 0:
            await sleep(seconds)
        self._become_ready(pod)

    async def _pull(self, pod: Pod, node: Node) -> tuple[Digest, list[Content]]:
        """Get the images of all containers, one after the other, retrying until they exist."""
        kernel, registry = self.surroundings.kernel, self.surroundings.registry
        owner = pod.owner
        digest, contents = Digest(""), []

        async def transfer() -> None:
            await kernel.sleep(self.surroundings.duration("pull", owner.entity))

        for container in owner.template.containers:
            back_off = FIRST_BACK_OFF_SECONDS
            while True:
                try:
                    found = await node.fetch(
                        container.image, container.pull_policy, registry, transfer
                    )
                    break
                except PullFailed as failure:
                    is_first = back_off == FIRST_BACK_OFF_SECONDS
                    pod.waiting_reason = str(failure) if is_first else "ImagePullBackOff"
                await self._back_off(pod, back_off)
                back_off = min(2 * back_off, LONGEST_BACK_OFF_SECONDS)
            contents.append(found[1])
            if container.image is owner.image:
                digest = found[0]
        pod.waiting_reason = ""
        return digest, contents

    async def _back_off(self, pod: Pod, seconds: float) -> None:
        """
        Wait before the next attempt, as a daemon.

        The retries go on for ever. If nobody else can act any more, the image will never come, and
        they must not keep a stalled run alive.
        """
        assert pod.actor is not None
        pod.actor.daemon = True
        await self.surroundings.kernel.sleep(seconds)
        pod.actor.daemon = False

    def _seconds_to_ready(self, pod: Pod, contents: list[Content]) -> float | None:
        """
        Seconds from start to Ready, None for never.

        Without a probe a container is Ready as soon as it runs, whatever it serves.
        """
        seconds = 0.0
        for container, content in zip(pod.owner.template.containers, contents, strict=True):
            if container.probe is not None:
                if not self.surroundings.is_healthy(content):
                    return None
                phase = self.surroundings.uniform("readiness_phase", pod.owner.entity)
                seconds = max(seconds, container.probe.seconds_to_ready(phase))
        return seconds

    def _become_ready(self, pod: Pod) -> None:
        """The last act of the pod's actor, so that the owner may stop the pod at once."""
        kernel = self.surroundings.kernel
        pod.is_ready, pod.ready_us, pod.actor = True, kernel.now_us, None
        self._tell(pod, "ready")
        min_ready = pod.owner.min_ready_seconds
        if min_ready:
            pod.actor = kernel.spawn(self._become_available(pod, min_ready), name=f"pod {pod.name}")
        else:
            pod.is_available = True
        pod.owner.pod_ready(is_available=pod.is_available)

    async def _become_available(self, pod: Pod, min_ready_seconds: int) -> None:
        await self.surroundings.kernel.sleep(min_ready_seconds)
        pod.is_available, pod.actor = True, None
        pod.owner.pod_available()

    async def _end(self, pod: Pod) -> None:
        if pod.is_started:
            stop = self.surroundings.duration("pod_stop", pod.owner.entity)
            await self.surroundings.kernel.sleep(min(stop, pod.owner.template.grace_seconds))
        pod.actor = None
        if pod.node is not None:
            pod.node.pod_count -= 1
        pod.owner.pod_gone(pod)

    def _tell(self, pod: Pod, phase: PodPhase) -> None:
        if not self.observers:
            return
        owner = pod.owner
        change = PodChange(
            owner.environment, owner.workload, pod.name, phase, owner.image, pod.digest
        )
        for observer in self.observers:
            observer(change)
