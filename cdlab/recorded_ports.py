"""
Ports that also append to the history.

Every adapter is wrapped once per principal; a call becomes one event when it is over. The wrappers
add nothing but the event: a run with a recorder and one without agree.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping
from sys import intern
from typing import Any

from cdlab.history import Operation
from cdlab.model import (
    BuiltImage,
    Content,
    Digest,
    ImageRef,
    Principal,
    PushedImage,
    PushReport,
    Revision,
    Tag,
)
from cdlab.ports import (
    NO_LABELS,
    Checkout,
    GitRepository,
    ImageBuilder,
    ImageRegistry,
    Ports,
)
from cdlab.recorded_cluster import RecordingCluster, RecordingDecisions
from cdlab.recording import Call, Recorder


def recorded(ports: Ports, recorder: Recorder) -> Ports:
    """The same ports, recorded."""
    who = ports.principal
    return Ports(
        principal=who,
        code_repos={
            name: RecordingRepository(repo, recorder, who, "code-repo", name)
            for name, repo in ports.code_repos.items()
        },
        config_repo=RecordingRepository(ports.config_repo, recorder, who, "config-repo", "config"),
        builder=RecordingBuilder(ports.builder, recorder, who),
        registry=RecordingRegistry(ports.registry, recorder, who),
        cluster=RecordingCluster(ports.cluster, recorder, who),
        decisions=RecordingDecisions(ports.decisions, recorder, who),
        clock=ports.clock,
    )


class RecordingRepository:
    """A git repository whose clones, pushes and notes are events."""

    def __init__(
        self,
        inner: GitRepository,
        recorder: Recorder,
        principal: Principal,
        component: str,
        resource: str,
    ) -> None:
        self.inner = inner
        self.name = inner.name
        self.recorder = recorder
        self.principal = principal
        self.component = component
        self.resource = resource

    def call(self, kind: str, op: Operation) -> Call:
        """A call of this repository."""
        return Call(kind, self.component, op, self.resource, self.principal)

    async def head(self) -> Revision | None:
        """Read the head; an actor that works for nobody yet now works for who pushed it."""
        revision = await self.recorder.record(self.call("HeadRead", "read"), self.inner.head())
        actor = self.recorder.kernel.current
        if revision and actor and actor.context is None:
            self.recorder.follow(revision)
        return revision

    async def wait_for_push(self, after: Revision | None) -> Revision:
        revision = await self.inner.wait_for_push(after)
        self.recorder.follow(revision)
        return revision

    async def clone(self, at: Revision | None = None) -> Checkout:
        inner = await self.recorder.record(
            self.call("RepositoryCloned", "read"),
            self.inner.clone(at),
            lambda checkout: self.recorder.said(revision=checkout.head),
        )
        return RecordingCheckout(inner, self)

    async def annotate(self, revision: Revision, line: str) -> None:
        await self.recorder.record(
            self.call("CommitAnnotated", "notify"),
            self.inner.annotate(revision, line),
            lambda _: self.recorder.said(revision=revision, line=line),
        )


class RecordingCheckout:
    """A checkout whose commits and pushes are events; the rest touches nobody else."""

    def __init__(self, inner: Checkout, repository: RecordingRepository) -> None:
        self.inner = inner
        self.repository = repository
        self.record = repository.recorder.record
        self._written: dict[str, str] = {}
        self.paths, self.read, self.log = inner.paths, inner.read, inner.log

    @property
    def head(self) -> Revision | None:
        return self.inner.head

    @property
    def content(self) -> Content:
        return self.inner.content

    def write(self, path: str, text: str) -> None:
        self.inner.write(path, text)
        self._written[path] = text

    async def commit(self, message: str) -> Revision:
        files, self._written = self._written, {}
        return await self._committed(
            "Committed", self.inner.commit(message), message=message, files=files
        )

    async def revert(self, revision: Revision, mainline: int | None = None) -> Revision:
        work = self.inner.revert(revision, mainline)
        files: dict[str, str] = {}
        before = {path: self.read(path) for path in self.paths()}
        call = self.repository.call("Reverted", "notify")

        def tell(made: Revision) -> dict[str, Any]:
            texts = ((path, self.read(path)) for path in self.paths())
            files.update((path, text) for path, text in texts if before.get(path) != text)
            detail = {"reverted": revision, "mainline": mainline, "files": files}
            return {"detail": {"revision": made, **detail}}

        return await self.record(call, work, tell)

    async def merge(self, files: Mapping[str, str], message: str) -> Revision:
        work = self.inner.merge(files, message)
        return await self._committed("Merged", work, message=message, files=dict(files))

    async def merge_again(self, revision: Revision) -> Revision:
        before = {path: self.read(path) for path in self.paths()}
        call = self.repository.call("MergedAgain", "notify")

        def tell(made: Revision) -> dict[str, Any]:
            texts = ((path, self.read(path)) for path in self.paths())
            files = {path: text for path, text in texts if before.get(path) != text}
            return {"detail": {"revision": made, "merged": revision, "files": files}}

        return await self.record(call, self.inner.merge_again(revision), tell)

    async def _committed(self, kind: str, work: Awaitable[Revision], **detail: Any) -> Revision:
        call = self.repository.call(kind, "notify")
        return await self.record(call, work, lambda made: {"detail": {"revision": made, **detail}})

    async def reset(self, revision: Revision) -> None:
        call = self.repository.call("WasReset", "notify")
        await self.record(
            call, self.inner.reset(revision), lambda _: {"detail": {"revision": revision}}
        )
        self._written = {}

    async def push(self, *, force: bool = False) -> PushReport:
        def tell(report: PushReport) -> dict[str, Any]:
            return {
                "detail": {
                    "revision": report.revision,
                    "previous": report.previous,
                    "content": self.inner.content,
                    "lost": list(report.lost),
                    "force": force,
                }
            }

        recorder = self.repository.recorder
        if self.inner.head is not None:
            recorder.announce(self.inner.head)
        call = self.repository.call("CommitPushed", "write")
        report = await self.record(call, self.inner.push(force=force), tell)
        recorder.remember(report.revision, len(recorder.history) - 1)
        return report


class RecordingBuilder:
    """A builder whose builds are executions of CI."""

    def __init__(self, inner: ImageBuilder, recorder: Recorder, principal: Principal) -> None:
        self.inner, self.recorder, self.principal = inner, recorder, principal

    async def build(
        self, checkout: Checkout, ref: ImageRef, labels: Mapping[str, str] = NO_LABELS
    ) -> BuiltImage:
        name = ref.repository.rpartition("/")[2]
        inner = checkout.inner if isinstance(checkout, RecordingCheckout) else checkout
        return await self.recorder.record(
            Call("ImageBuilt", "ci", "exec", name, self.principal),
            self.inner.build(inner, ref, labels),
            lambda image: self.recorder.said(ref=intern(str(ref)), content=image.content),
        )


class RecordingRegistry:
    """A registry whose pushes and reads are events."""

    def __init__(self, inner: ImageRegistry, recorder: Recorder, principal: Principal) -> None:
        self.inner, self.recorder, self.principal = inner, recorder, principal

    async def push(self, image: BuiltImage) -> PushedImage:
        repository = image.ref.repository

        def tell(pushed: PushedImage) -> dict[str, Any]:
            self.recorder.contents[pushed.digest] = image.content
            return {
                "bytes": pushed.bytes_written,
                "digest_after": pushed.digest,
                **self.recorder.said(ref=intern(str(image.ref)), content=image.content),
            }

        self.recorder.announce(_tagged(repository, image.ref.tag))
        pushed = await self.recorder.record(
            self._call("ImagePushed", "write", repository), self.inner.push(image), tell
        )
        self.recorder.remember(_tagged(repository, image.ref.tag), len(self.recorder.history) - 1)
        return pushed

    async def list_tags(self, repository: str) -> tuple[Tag, ...]:
        """List the tags; an actor that works for nobody yet now works for the newest one's."""
        call = self._call("TagsListed", "read", repository)
        tags = await self.recorder.record(call, self.inner.list_tags(repository))
        actor = self.recorder.kernel.current
        if tags and actor and actor.context is None:
            self.recorder.follow(_tagged(repository, tags[-1].name))
        return tags

    async def resolve(self, ref: ImageRef) -> Digest:
        call = self._call("TagResolved", "read", ref.repository)
        return await self.recorder.record(
            call, self.inner.resolve(ref), lambda digest: {"digest_after": digest}
        )

    async def wait_for_tag(self, repository: str, after: Collection[str]) -> tuple[Tag, ...]:
        tags = await self.inner.wait_for_tag(repository, after)
        new = [tag for tag in tags if tag.name not in after]
        if new:  # a notification may come twice
            self.recorder.follow(_tagged(repository, new[-1].name))
        return tags

    def _call(self, kind: str, op: Operation, repository: str) -> Call:
        return Call(kind, "registry", op, repository.rpartition("/")[2], self.principal)


def _tagged(repository: str, tag: str | None) -> str:
    return f"{repository}:{tag}"
