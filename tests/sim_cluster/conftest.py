"""
A simulated cluster on a bench: constant durations, a registry that is a dict, a log of its pods.

Tests take `bench`, run a story on it, and compare `bench.timeline()` with arithmetic done by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from cdlab.kernel import Kernel
from cdlab.model import (
    Application,
    Content,
    Digest,
    Environment,
    ImageRef,
    PodChange,
    Principal,
)
from cdlab.ports import Cluster
from cdlab.substrates.sim.cluster import SimCluster
from cdlab.substrates.sim.deployments import Deployment
from cdlab.substrates.sim.surroundings import Surroundings

STAGING = "staging"
SECONDS = {
    "api_call": 0.0,
    "reconcile": 0.0,
    "schedule": 1.0,
    "pull": 10.0,
    "pod_sandbox": 0.0,
    "pod_start": 2.0,
    "pod_stop": 4.0,
    "listen": 0.5,
}
"""With a probe every 2 s whose first tick is half a period after the start, a pod is Ready 14 s
after it was created, or 4 s if its node has the image."""
SHARES = {"readiness_phase": 0.5, "crowding": 0.0}

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users
spec:
  replicas: {replicas}
  {spec}
  selector:
    matchLabels: {{app: users}}
  template:
    metadata:
      labels: {{app: users}}
    spec:
      containers:
        - name: users
          image: {image}
          readinessProbe: {{httpGet: {{path: /, port: 80}}, periodSeconds: 2}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: users}
spec: {selector: {app: users}, ports: [{port: 80}]}
"""


@dataclass
class Bench:
    """A cluster with constant durations, a registry that is a dict, and a log of its pods."""

    images: dict[str, str] = field(default_factory=lambda: {"v1": "v1", "v2": "v2", "v3": "v3"})
    """Tag -> content. An image's digest is named after its content."""
    seconds: dict[str, float] = field(default_factory=lambda: dict(SECONDS))
    shares: dict[str, float] = field(default_factory=lambda: dict(SHARES))
    sick: str = "sick"
    crashing: str = "crashing"
    may: Callable[[Principal, str, str], bool] = lambda *_: True
    log: list[tuple[float, str]] = field(default_factory=list)
    changes: list[PodChange] = field(default_factory=list)

    tie_seed: int | None = None
    repository: str = "registry.test/users"
    service: str = SERVICE

    def __post_init__(self) -> None:
        self.kernel = Kernel(tie_seed=self.tie_seed)
        application = Application((), (Environment(STAGING), Environment("production")))
        surroundings = Surroundings(
            kernel=self.kernel,
            registry=self,
            duration=lambda purpose, entity: self.seconds[purpose],
            share=lambda purpose, entity: self.shares[purpose],
            is_healthy=lambda content: content != self.sick,
            is_crashing=lambda content: content == self.crashing,
            allows=self._allows,
        )
        self.cluster = SimCluster(surroundings, application)
        self.cluster.observers.append(self._note)

    def _allows(self, principal: Principal, verb: str, environment: str) -> bool:
        return self.may(principal, verb, environment)

    def pull(self, ref: ImageRef) -> tuple[Digest, Content, int] | None:
        by_digest = {self.digest(each): each for each in self.images.values()}
        tag = ref.tag or "latest"
        content = by_digest.get(ref.digest) if ref.digest else self.images.get(tag)
        return (self.digest(content), Content(content), 1) if content else None

    def _note(self, change: PodChange) -> None:
        self.changes.append(change)
        name = change.image.tag or str(change.image.digest).removeprefix("sha256:")
        self.log.append((self.kernel.now(), f"{name} {change.phase}"))

    def run(self, story: Callable[[Bench, Cluster], Coroutine[Any, Any, Any]]) -> Any:
        port: Cluster = self.cluster.as_principal("operator")
        return self.kernel.run(story(self, port), deadline_seconds=100_000)

    def image(self, tag: str) -> ImageRef:
        """An image of `users`, under a tag."""
        return ImageRef(self.repository, tag)

    def digest(self, content: str) -> Digest:
        """The digest of an image with that content."""
        return Digest(f"sha256:{content}")

    def manifest(
        self, tag: str = "v1", *, replicas: int = 3, spec: str = "minReadySeconds: 0"
    ) -> str:
        """A Deployment of `users`; *spec* is one more line of its spec."""
        return MANIFEST.format(replicas=replicas, spec=spec, image=self.image(tag))

    def timeline(self, *phases: str, after: float = -1.0) -> list[tuple[float, str]]:
        """What happened, times as they are, equal things at one time counted together."""
        counted: list[tuple[float, str, int]] = []
        for seconds, what in self.log:
            if seconds <= after or (phases and what.split()[1] not in phases):
                continue
            if counted and counted[-1][:2] == (seconds, what):
                counted[-1] = (seconds, what, counted[-1][2] + 1)
            else:
                counted.append((seconds, what, 1))
        return [(seconds, f"{count} {what}") for seconds, what, count in counted]

    def deployment(self) -> Deployment:
        return self.cluster.deployment("users", STAGING)

    async def roll_out(self, port: Cluster, tag: str = "v1", **settings: Any) -> float:
        """Apply, wait, note that it is done, and return when."""
        await port.apply(self.manifest(tag, **settings), STAGING)
        await port.rollout_status("users", STAGING)
        self.log.append((self.kernel.now(), "rollout complete"))
        return self.kernel.now()


@pytest.fixture
def bench() -> Bench:
    """A bench for one test."""
    return Bench()


@pytest.fixture(scope="session")
def new_bench() -> type[Bench]:
    """For tests that want several."""
    return Bench
