"""
What a Deployment asks for, as values: the part of `apps/v1` that the simulated cluster acts on.

`admission.py` makes them from manifests; `deployments.py` and `pods.py` act on them. Frozen, so
that one parsed manifest serves every run of a process. Pure.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal, TypeAlias

from cdlab.model import ImageRef

IntOrPercent: TypeAlias = int | str
"""A number of pods, or a share of the replicas such as `25%`."""

PullPolicy = Literal["Always", "IfNotPresent", "Never"]

UNREACHABLE = "node.kubernetes.io/unreachable"
DEFAULT_TOLERATION_SECONDS = 300
"""What the admission plugin DefaultTolerationSeconds gives a pod that says nothing."""

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes generated names of: no vowels, so that they spell nothing."""


@dataclass(frozen=True, slots=True)
class ReadinessProbe:
    """When the kubelet looks whether a container is Ready. What it sees is the image's matter."""

    initial_delay_seconds: int = 0
    period_seconds: int = 10
    """Kubernetes' default."""
    success_threshold: int = 1

    def seconds_to_ready(self, phase: float) -> float:
        """
        Seconds from the container's start to Ready, if every probe succeeds.

        The probe's clock ticks every period and was started before the container was; *phase*, in
        [0, 1], says how far into the first period the first tick falls. Ticks before the initial
        delay are skipped.
        """
        tick = phase * self.period_seconds
        while tick < self.initial_delay_seconds:
            tick += self.period_seconds
        return tick + (self.success_threshold - 1) * self.period_seconds


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod template."""

    name: str
    image: ImageRef
    pull_policy: PullPolicy
    probe: ReadinessProbe | None


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """What the pods of one ReplicaSet have in common. Equal templates share a ReplicaSet."""

    containers: tuple[Container, ...]
    grace_seconds: int
    """The longest that a container may take to stop."""
    other_fields: str
    """The template as JSON without its images: a change of what is not simulated also counts."""

    def with_image(self, container: str, image: ImageRef) -> PodTemplate:
        """The template with the image of one container replaced."""
        containers = tuple(
            replace(each, image=image) if each.name == container else each
            for each in self.containers
        )
        return replace(self, containers=containers)

    def container(self, workload: str) -> Container:
        """The container that is the workload's microservice: named like it, else the first."""
        return next((c for c in self.containers if c.name == workload), self.containers[0])


@dataclass(frozen=True)  # without slots, which cached properties need room beside
class DeploymentSpec:
    """The fields of `spec`, defaults filled in as the API server does."""

    replicas: int
    template: PodTemplate
    selector: str
    """As JSON: it is only compared, since it cannot be changed."""
    strategy: Literal["RollingUpdate", "Recreate"]
    max_surge: IntOrPercent
    max_unavailable: IntOrPercent
    min_ready_seconds: int
    progress_deadline_seconds: int
    revision_history_limit: int

    @cached_property
    def surge(self) -> int:
        """Pods allowed above the replicas. A share is rounded up; none outside rolling updates."""
        if self.strategy == "Recreate":
            return 0
        return _count(self.max_surge, self.replicas, is_rounded_up=True)

    @cached_property
    def min_available(self) -> int:
        """
        Pods that a rolling update leaves available.

        The share of unavailable pods is rounded down; when nothing at all could then move, one
        pod may be unavailable.
        """
        unavailable = _count(self.max_unavailable, self.replicas, is_rounded_up=False)
        if unavailable == 0 and self.surge == 0:
            unavailable = 1
        return max(0, self.replicas - unavailable)


@dataclass(frozen=True, slots=True)
class DeploymentManifest:
    """A Deployment as a manifest asks for it."""

    name: str
    spec: DeploymentSpec
    metadata: str
    """Labels and annotations as JSON: a change of them changes the object, not its generation."""


@dataclass(frozen=True, slots=True)
class InertManifest:
    """An object that is stored and that nothing in the simulation acts on, as a Service."""

    kind: str
    name: str
    fields: str


def generated_name(number: int) -> str:
    """Five characters, different for every number below 27 ** 5, neighbours far apart."""
    # The factor has no divisor in common with 27 ** 5, so that multiplying permutes the numbers.
    number = number * 9_999_991 % len(NAME_ALPHABET) ** 5
    return "".join(NAME_ALPHABET[number // 27**place % 27] for place in range(5))


@lru_cache(maxsize=4096)
@lru_cache(maxsize=256)
def unreachable_seconds(template: PodTemplate) -> int:
    """How long a pod stays on a node that is gone, by its toleration or by Kubernetes' default."""
    for each in json.loads(template.other_fields)["spec"].get("tolerations", ()):
        if each.get("key") == UNREACHABLE and "tolerationSeconds" in each:
            return int(each["tolerationSeconds"])
    return DEFAULT_TOLERATION_SECONDS


def template_hash(template: PodTemplate) -> str:
    """The pod-template-hash: ten characters, equal for equal templates in every process."""
    content = hashlib.sha256(repr(template).encode()).digest()
    return "".join(NAME_ALPHABET[byte % 27] for byte in content[:10])


def _count(value: IntOrPercent, replicas: int, *, is_rounded_up: bool) -> int:
    if isinstance(value, int):
        return value
    share = int(value[:-1]) * replicas
    return (share + 99) // 100 if is_rounded_up else share // 100
