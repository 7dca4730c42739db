"""
ReplicaSets: so many pods of one template.

`rollouts.py` sets how many there should be; `settle` makes or stops pods until there are as many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cdlab.model import ImageRef
from cdlab.substrates.sim.nodes import Node
from cdlab.substrates.sim.pods import Kubelet, Pod
from cdlab.substrates.sim.workload_specs import PodTemplate, template_hash


class ReplicaSetOwner(Protocol):
    """The Deployment that made a ReplicaSet."""

    def nodes(self) -> list[Node | None]:
        """The nodes of all its pods, those of its other ReplicaSets included."""

    def reconcile(self) -> None:
        """Go on with the rollout: a pod is Ready or available."""

    def pod_gone(self) -> None:
        """Go on with what waited for the end of a pod."""


@dataclass(slots=True, eq=False)
class ReplicaSet:
    """The pods of one pod template of one workload."""

    environment: str
    workload: str
    template: PodTemplate
    kubelet: Kubelet
    owner: ReplicaSetOwner
    rollout_number: int = 0
    replicas: int = 0
    """How many pods there should be."""
    min_ready_seconds: int = 0
    scaled_for: int = 0
    """The Deployment's replicas when this was last scaled (`desired-replicas` annotation)."""
    scaled_within: int = 0
    """Those and the surge (`max-replicas` annotation)."""
    pods: list[Pod] = field(default_factory=list)
    """Pods that are not stopping, oldest first: Kubernetes counts no others."""
    leaving: list[Pod] = field(default_factory=list)
    """Pods that were asked to stop and are not gone."""
    ready: int = 0
    """How many of `pods` are Ready."""
    available: int = 0
    """How many of them have been so for `minReadySeconds`."""
    name: str = field(init=False)
    image: ImageRef = field(init=False)
    entity: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"{self.workload}-{template_hash(self.template)}"
        self.image = self.template.container(self.workload).image
        self.entity = f"{self.environment}/{self.workload}"

    def settle(self) -> bool:
        """Make or stop pods until there are as many as there should be; tell whether any were."""
        missing = self.replicas - len(self.pods)
        if missing == 0:
            return False
        for _ in range(missing):
            self.pods.append(self.kubelet.create(self, self.name))
        if missing < 0:
            for pod in self._least_wanted()[:-missing]:
                self.give_up(pod)
        return True

    def pod_ready(self, *, is_available: bool) -> None:
        """Count it, and let the rollout go on."""
        self.ready += 1
        self.available += is_available
        self.owner.reconcile()

    def pod_available(self) -> None:
        """Count it, and let the rollout go on."""
        self.available += 1
        self.owner.reconcile()

    def pod_gone(self, pod: Pod) -> None:
        """Forget it, and tell who may have waited for that."""
        self.leaving.remove(pod)
        self.owner.pod_gone()

    def pod_missing(self, pod: Pod) -> None:
        """Count a pod out whose machine does not report any more."""
        self.ready -= pod.is_ready
        self.available -= pod.is_available
        self.kubelet.miss(pod)

    def give_up(self, pod: Pod) -> None:
        """Evict a pod from a machine that is gone, so that another one takes its place."""
        self.pods.remove(pod)
        self.leaving.append(pod)
        self.ready -= pod.is_ready
        self.available -= pod.is_available
        self.kubelet.stop(pod)

    def siblings(self) -> list[Node | None]:
        """The nodes of the workload's pods, of all its ReplicaSets."""
        return self.owner.nodes()

    def _least_wanted(self) -> list[Pod]:
        """
        The pods in the order in which they are given up.

        Kubernetes': without a node, not started, not Ready, with more siblings on its node, Ready
        for a shorter time, younger. It measures the time since Ready in powers of two and breaks
        ties at random, which is not modelled.
        """
        nodes = self.owner.nodes()
        order = {id(pod): number for number, pod in enumerate(self.pods)}
        return sorted(
            self.pods,
            key=lambda pod: (
                pod.node is not None,
                pod.is_started,
                pod.is_ready,
                -nodes.count(pod.node),
                -pod.ready_us,
                -order[id(pod)],
            ),
        )
