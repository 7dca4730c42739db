"""
The life of a pod: scheduled, image pulled, started, Ready; asked to stop, gone.

A ReplicaSet of `deployments.py` makes and stops pods here and is told when one changes. Every pod
has one short-lived actor, which ends when the pod has nothing more to wait for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from cdlab.kernel import Actor
from cdlab.model import Content, Digest, ImageRef, PodChange, PodPhase
from cdlab.substrates.sim.nodes import Node, Nodes, PullFailed
from cdlab.substrates.sim.sandboxes import Sandboxes
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
        "actor", "asked_us", "digest", "ended_us", "endpoint_lag_us", "is_available", "is_ready",
        "is_started", "listens_us", "name", "node", "owner", "ready_us", "waiting_reason",
    )  # fmt: skip

    def __init__(self, owner: PodOwner, name: str) -> None:
        self.owner, self.name = owner, name
        self.is_started = self.is_ready = self.is_available = False
        self.node: Node | None = None
        self.digest: Digest | None = None
        self.ready_us = self.listens_us = 0
        self.asked_us: int | None = None
        """When it was asked to stop."""
        self.ended_us: int | None = None
        """When its containers ended."""
        self.endpoint_lag_us: int | None = None
        """How late nodes learn of its changes; drawn when somebody first asks."""
        self.waiting_reason = ""
        """Why it does not start, as `kubectl get pods` shows it: `ErrImagePull`."""
        self.actor: Actor | None = None


class Kubelet:
    """Runs the pods of all nodes and tells the observers what happens to them."""

    def __init__(self, surroundings: Surroundings, nodes: Nodes) -> None:
        self.surroundings, self.nodes = surroundings, nodes
        self.observers: list[Callable[[PodChange], None]] = []
        self._pod_count = 0
        self.is_api_down = False
        """Whether the API server is down: pods go on, and nobody decides about them."""
        self.ended: deque[Pod] = deque(maxlen=64)
        """The last pods that were asked to stop: nodes may still route to them."""
        self._sandboxes = Sandboxes(surroundings)

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
        kernel = self.surroundings.kernel
        self._take_down(pod)
        if pod.node is not None and pod.node.is_lost:
            return  # nobody is there to stop it; it is gone when the machine is back
        pod.actor = kernel.spawn(self._end(pod), name=f"stopping pod {pod.name}")

    def _take_down(self, pod: Pod) -> None:
        pod.is_ready = pod.is_available = False
        if pod.actor is not None:
            pod.actor.cancel()
            pod.actor = None
        pod.asked_us = self.surroundings.kernel.now_us
        self.ended.append(pod)
        self._tell(pod, "stopping")

    def vanish(self, pod: Pod) -> None:
        """End a pod together with its cluster: at once, and nobody looks after it."""
        if pod.asked_us is None:
            self._take_down(pod)
        elif pod.actor is not None:
            pod.actor.cancel()
        pod.ended_us = self.surroundings.kernel.now_us

    def cut_off(self, pod: Pod) -> None:
        """Stop a pod's containers with its machine. The cluster does not know yet."""
        if pod.actor is not None:
            pod.actor.cancel()
            pod.actor = None
        pod.is_started = False
        pod.ended_us = self.surroundings.kernel.now_us

    def miss(self, pod: Pod) -> None:
        """Find that a pod's machine does not report any more."""
        if pod.is_ready:
            pod.is_ready = pod.is_available = False
            self._tell(pod, "unready")

    def start_again(self, pod: Pod) -> None:
        """Start a pod's containers on a machine that is back before the pod was given up."""
        pod.ended_us = None
        kernel = self.surroundings.kernel
        pod.actor = kernel.spawn(self._start(pod), name=f"pod {pod.name}")

    async def _start(self, pod: Pod) -> None:
        kernel, duration = self.surroundings.kernel, self.surroundings.duration
        sleep, entity = kernel.sleep, pod.owner.entity
        if pod.node is None:
            await sleep(duration("schedule", entity))
            pod.node = await self.nodes.place(pod.owner.siblings)
            self._tell(pod, "scheduled")
        if sandbox := duration("pod_sandbox", entity):
            await self._sandboxes.make(sandbox, entity)
        digest, contents = await self._pull(pod, pod.node)
        self._tell(pod, "pulled")
        await sleep(duration("pod_start", entity))
        pod.is_started, pod.digest = True, digest
        self._tell(pod, "started")
        if any(map(self.surroundings.is_crashing, contents)):
            await self._crash(pod)
        seconds = self._seconds_to_ready(pod, contents)
        if seconds is None:
            pod.waiting_reason = "readiness probe failed"
            pod.actor = None
            return
        if seconds > 0:
            await sleep(seconds)
        pod.listens_us = kernel.now_us
        if seconds == 0 and not any(each.probe for each in pod.owner.template.containers):
            pod.listens_us += round(duration("listen", entity) * 1_000_000)
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

    async def _crash(self, pod: Pod) -> None:
        """End and be started again for ever, with the kubelet's growing pauses in between."""
        back_off = FIRST_BACK_OFF_SECONDS
        while True:
            pod.is_started, pod.waiting_reason = False, "CrashLoopBackOff"
            await self._back_off(pod, back_off)
            back_off = min(2 * back_off, LONGEST_BACK_OFF_SECONDS)
            start = self.surroundings.duration("pod_start", pod.owner.entity)
            await self.surroundings.kernel.sleep(start)
            self._tell(pod, "started")

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
                phase = self.surroundings.share("readiness_phase", pod.owner.entity)
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
        self.remove(pod)

    def remove(self, pod: Pod) -> None:
        """Forget a pod whose containers have ended."""
        pod.actor = None
        if pod.ended_us is None:
            pod.ended_us = self.surroundings.kernel.now_us
        if pod.node is not None:
            pod.node.pod_count -= 1
        pod.owner.pod_gone(pod)

    def _tell(self, pod: Pod, phase: PodPhase) -> None:
        if not self.observers:
            return
        owner = pod.owner
        node = pod.node.name if pod.node else ""
        change = PodChange(
            owner.environment, owner.workload, pod.name, phase, owner.image, pod.digest, node
        )
        for observer in self.observers:
            observer(change)
