"""
Ports that also fail, on a plan.

Wrapped around the adapters and inside the recorder, so that the history shows each failure. What
can go wrong and when it is due: `fault_plans.py`. An empty plan leaves the ports as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cdlab.errors import (
    BuildFailed,
    ClusterUnavailable,
    PushRejected,
    RegistryUnavailable,
    RepositoryUnavailable,
)
from cdlab.fault_plans import Plan
from cdlab.model import BuiltImage, Digest, ImageRef, PushedImage, PushReport, Revision, Tag
from cdlab.ports import (
    NO_LABELS,
    Checkout,
    Cluster,
    GitRepository,
    ImageBuilder,
    ImageRegistry,
    Ports,
)


def faulty(ports: Ports, plan: Plan) -> Ports:
    """The same ports with the plan's faults."""
    if not plan.faults:
        return ports
    return replace(
        ports,
        code_repos={
            name: FaultyRepository(each, plan, "code") for name, each in ports.code_repos.items()
        },
        config_repo=FaultyRepository(ports.config_repo, plan, "config"),
        builder=FaultyBuilder(ports.builder, plan),
        registry=FaultyRegistry(ports.registry, plan),
        cluster=FaultyCluster(ports.cluster, plan),
    )


class FaultyRepository:
    """A repository whose pushes can be refused, or happen without an answer."""

    def __init__(self, inner: GitRepository, plan: Plan, box: str) -> None:
        self.inner, self.plan, self.box = inner, plan, box
        self.name = inner.name
        self.head, self.wait_for_push, self.annotate = (
            inner.head,
            inner.wait_for_push,
            inner.annotate,
        )

    async def clone(self, at: Revision | None = None) -> Checkout:
        return FaultyCheckout(await self.inner.clone(at), self)


class FaultyCheckout:
    """A checkout of such a repository. All but its push is the checkout's own."""

    def __init__(self, inner: Checkout, repository: FaultyRepository) -> None:
        self.inner, self.repository = inner, repository

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def push(self, *, force: bool = False) -> PushReport:
        box, plan, name = self.repository.box, self.repository.plan, self.repository.name
        if plan.due(f"{box}-push-rejected", name):
            raise PushRejected(f"{name}: somebody else's push came first", help="a planned fault")
        report = await self.inner.push(force=force)
        if plan.due(f"{box}-push-unknown", name):
            raise RepositoryUnavailable(f"{name}: the push got no answer", definite=False)
        return report


class FaultyBuilder:
    """A builder that can fail or take longer."""

    def __init__(self, inner: ImageBuilder, plan: Plan) -> None:
        self.inner, self.plan = inner, plan

    async def build(
        self, checkout: Checkout, ref: ImageRef, labels: Mapping[str, str] = NO_LABELS
    ) -> BuiltImage:
        name = _name(ref.repository)
        await self.plan.delay("build-slow", name)
        if self.plan.due("build-fails", name):
            raise BuildFailed(f"docker build of '{ref}' failed: a planned fault")
        inner = checkout.inner if isinstance(checkout, FaultyCheckout) else checkout
        return await self.inner.build(inner, ref, labels)


@dataclass(slots=True)
class FaultyRegistry:
    """A registry that can be away, slow, or tell less, more and later than is true."""

    inner: ImageRegistry
    plan: Plan
    _again: dict[str, tuple[Tag, ...]] = field(default_factory=dict)

    async def _answer(self, repository: str) -> None:
        name = _name(repository)
        await self.plan.delay("registry-slow", name)
        if self.plan.due("registry-down", name):
            raise RegistryUnavailable(f"the registry did not answer about '{name}'")

    async def push(self, image: BuiltImage) -> PushedImage:
        await self._answer(image.ref.repository)
        self.plan.made(_tagged(image.ref.repository, image.ref.tag))
        return await self.inner.push(image)

    async def resolve(self, ref: ImageRef) -> Digest:
        await self._answer(ref.repository)
        return await self.inner.resolve(ref)

    async def list_tags(self, repository: str) -> tuple[Tag, ...]:
        await self._answer(repository)
        return self._listed(repository, await self.inner.list_tags(repository))

    def _listed(self, repository: str, tags: tuple[Tag, ...]) -> tuple[Tag, ...]:
        name, newest = _name(repository), _newest(repository, tags)
        if self.plan.due("tags-partial", name, artifact=newest):
            tags = tuple(tag for number, tag in enumerate(reversed(tags)) if number % 2)[::-1]
        if self.plan.due("tags-reordered", name, artifact=newest):
            tags = tags[::-1]
        return tags

    async def wait_for_tag(self, repository: str, after: Collection[str]) -> tuple[Tag, ...]:
        """A list that misses the new tag is no reason to come back: the wait goes on."""
        name = _name(repository)
        if repository in self._again:
            return self._again.pop(repository)
        known = set(after)
        overtaken: tuple[Tag, ...] = ()
        while True:
            tags = await self.inner.wait_for_tag(repository, known)
            newest = _newest(repository, [tag for tag in tags if tag.name not in known])
            if self.plan.due("hint-lost", name, artifact=newest):
                known |= {tag.name for tag in tags}
                continue
            if not overtaken and self.plan.due("hint-reordered", name, artifact=newest):
                overtaken = tags  # told when the next one was
                known |= {tag.name for tag in tags}
                continue
            await self.plan.delay("hint-late", name, artifact=newest)
            if self.plan.due("hint-doubled", name, artifact=newest):
                self._again[repository] = tags
            listed = self._listed(repository, tags)
            if overtaken:
                self._again[repository] = overtaken
                late = {tag.name for tag in overtaken}.difference(after)
                listed = tuple(tag for tag in listed if tag.name not in late)
            if any(tag.name not in known for tag in listed):
                return listed
            known |= {tag.name for tag in tags}


class FaultyCluster:
    """A cluster whose writes can fail, or happen without an answer."""

    def __init__(self, inner: Cluster, plan: Plan) -> None:
        self.inner, self.plan = inner, plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def apply(self, manifest: str, environment: str) -> bool:
        self._before("", environment)
        is_changed = await self.inner.apply(manifest, environment)
        self._after("", environment)
        return is_changed

    async def set_image(self, workload: str, image: ImageRef, environment: str) -> None:
        self._before(workload, environment)
        await self.inner.set_image(workload, image, environment)
        self._after(workload, environment)

    def _before(self, workload: str, environment: str) -> None:
        if self.plan.due("apply-fails", workload, environment):
            raise ClusterUnavailable(f"the API server did not answer about '{environment}'")

    def _after(self, workload: str, environment: str) -> None:
        if self.plan.due("apply-unknown", workload, environment):
            raise ClusterUnavailable(
                f"the API server's answer about '{environment}' was lost", definite=False
            )


def _name(repository: str) -> str:
    return repository.rpartition("/")[2]


def _newest(repository: str, tags: Sequence[Tag]) -> str:
    return _tagged(repository, tags[-1].name) if tags else ""


def _tagged(repository: str, tag: str | None) -> str:
    return f"{repository}:{tag}"
