"""
A config repo with one workload, automated in production, and the planner that works on it.

Tests take `new_repo`, which makes one, and ask it to plan. Images are called by one letter: `a` is
older than `b`, and its digest is that letter again and again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdlab.config_layout import POLICY
from cdlab.kernel import Kernel
from cdlab.manifests import annotate, image_of
from cdlab.model import Digest, Grant, ImageRef, Revision, Tag
from cdlab.policies import AUTOMATED, Policy, policy_of
from cdlab.random_streams import RandomStreams
from cdlab.releases import Plan, ReleaseRequest, config_path, health_note, plan_release
from cdlab.substrates.sim.access import Credentials, Rights
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.git import Checkout, SimGitRepository
from cdlab.substrates.sim.git_server import GitServer

REPOSITORY = "registry.test/users"
PATH = config_path("production", "users")
POLICY_PATH = config_path("production", POLICY)
NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z: when everything is asked for."""
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: users}}}}
  template:
    spec:
      containers: [{{name: users, image: "registry.invalid/users:unreleased"}}]
"""


class ConfigRepo:
    """A config repo in memory, and what people and automation ask of it."""

    def __init__(self, **policy: str) -> None:
        self.kernel = Kernel()
        costs = Costs(load_profile("constant"), RandomStreams(1))
        grant = Grant(principal="manager", runs="inside", config_repo="write")
        server = GitServer("config", "config_repo", self.kernel, costs)
        self.repository = SimGitRepository(server, Credentials("manager", Rights([grant])))
        first = annotate(MANIFEST.format(replicas=2), "users", {AUTOMATED: "true", **policy})
        self.write(first, "Move all manifests here")

    @staticmethod
    def image(name: str, tag: str | None = None) -> ImageRef:
        return ImageRef(REPOSITORY, tag or name, Digest(f"sha256:{name * 64}"))

    @classmethod
    def tags(cls, names: str) -> tuple[Tag, ...]:
        """The registry's list in the order of the letters."""
        return tuple(Tag(n, Digest(cls.image(n).digest or ""), ord(n)) for n in names)

    @staticmethod
    def request(cause: str, **more: Any) -> ReleaseRequest:
        asked = {"workload": "users", "environment": "production", "user": "alice", "now": NOON}
        return ReleaseRequest(cause=cause, **{**asked, **more})  # type: ignore[arg-type]

    @classmethod
    def by_hand(cls, name: str, tag: str | None = None) -> ReleaseRequest:
        return cls.request("release", image=cls.image(name, tag))

    @classmethod
    def newest(cls, names: str) -> ReleaseRequest:
        return cls.request("release", tags=cls.tags(names), repository=REPOSITORY)

    @classmethod
    def automatic(cls, names: str) -> ReleaseRequest:
        return replace(cls.newest(names), cause="automation", user="automation")

    @classmethod
    def rollback(cls, **more: Any) -> ReleaseRequest:
        return cls.request("rollback", **{"message": "it serves wrong content", **more})

    @property
    def checkout(self) -> Checkout:
        return self.kernel.run(self.repository.clone())

    @property
    def manifest(self) -> str:
        return self.checkout.read(PATH)

    @property
    def policy(self) -> Policy:
        return policy_of(self.manifest, "users", PATH)

    @property
    def running(self) -> str:
        return image_of(self.manifest, "users")

    def write(self, text: str, message: str, path: str = PATH) -> Revision:
        async def commit() -> Revision:
            checkout = await self.repository.clone()
            checkout.write(path, text)
            await checkout.commit(message)
            return (await checkout.push()).revision

        return self.kernel.run(commit())

    def write_elsewhere(self) -> None:
        self.write("Somebody else's file.\n", "Write a note", path="README.md")

    def write_policy(self, text: str) -> None:
        """The policy of the whole environment."""
        self.write(text, "Change the policy of production", POLICY_PATH)

    def annotate(self, key: str, value: str | None) -> None:
        self.write(annotate(self.manifest, "users", {key: value}), f"Set {key}")

    def plan(self, request: ReleaseRequest) -> Plan:
        return plan_release(request, self.checkout)

    def answer(self, request: ReleaseRequest) -> tuple[str, str]:
        """Status and reason of what is not released."""
        outcome = self.plan(request).outcome
        return outcome.status, outcome.reason

    def commit(self, request: ReleaseRequest) -> tuple[Plan, Revision]:
        """Plan and commit; the plan must be to release."""
        plan = self.plan(request)
        assert plan.outcome.is_released, plan.outcome
        return plan, self.write(plan.manifest, plan.commit_message)

    def release(self, request: ReleaseRequest, *, is_healthy: bool = True) -> Plan:
        """The same, and note that it became healthy."""
        plan, revision = self.commit(request)
        if is_healthy:
            note = health_note("production", "users")
            self.kernel.run(self.repository.annotate(revision, note))
        return plan

    def ship(self, names: str, *, is_healthy: bool = True) -> None:
        """Release these images by hand, one after the other."""
        for name in names:
            self.release(self.by_hand(name), is_healthy=is_healthy)

    @staticmethod
    def trailers(plan: Plan) -> dict[str, str]:
        """The last paragraph of a commit message, as `git interpret-trailers` reads it."""
        lines = plan.commit_message.rstrip("\n").rpartition("\n\n")[2].split("\n")
        return dict(line.split(": ", 1) for line in lines)


@pytest.fixture
def new_repo() -> type[ConfigRepo]:
    """Makes config repos."""
    return ConfigRepo


@pytest.fixture
def repo() -> ConfigRepo:
    """One of them."""
    return ConfigRepo()
