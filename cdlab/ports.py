"""
The boxes of the article as Protocols, with their promises.

An architecture awaits these and nothing else. A substrate implements them twice: in memory on
virtual time, and with git, docker, a registry and Kubernetes. Every promise below has a test in
`tests/contracts/` that both pass. All methods act with the credentials of the principal for whom
the ports were made, and raise `Forbidden` where its grant does not allow it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from cdlab.model import (
    Application,
    BuiltImage,
    Commit,
    Content,
    Decision,
    Digest,
    Grant,
    ImageRef,
    PodChange,
    Principal,
    PushedImage,
    PushReport,
    Revision,
    RunningWorkload,
    Tag,
)

NO_LABELS: Mapping[str, str] = {}
Box = Literal["code-repo", "config-repo", "registry", "api-server"]
"""What can be taken down as a whole. CI and the release manager are actors, stopped as such."""
Deviation = Literal["", "absent", "changed", "not applied"]
"""
How objects differ from a manifest: not at all, one is not there, they are not as this principal
applied them last, or what it applied last was another manifest.
"""


class Checkout(Protocol):
    """A working clone of a repository. Nothing it does is seen by others before `push`."""

    @property
    def head(self) -> Revision | None:
        """The commit that the next one will have as its parent; None in an empty repository."""

    @property
    def content(self) -> Content:
        """The id of the committed files: equal files, equal content, whatever the history."""

    def paths(self, folder: str = "") -> tuple[str, ...]:
        """The paths of the files below *folder*, sorted."""

    def read(self, path: str, at: Revision | None = None) -> str:
        """The text of a file, now or as it was *at* a revision. `FileMissing` if there is none."""

    def write(self, path: str, text: str) -> None:
        """Create or replace a file. Refuses a path outside the checkout with `FileMissing`."""

    def log(self, path: str | None = None) -> Sequence[Commit]:
        """Commits reachable from the head, newest first; with *path* those that changed it."""

    async def commit(self, message: str) -> Revision:
        """Commit every change. `NothingToCommit` when there is none."""

    async def revert(self, revision: Revision, mainline: int | None = None) -> Revision:
        """
        Commit the opposite of a commit.

        A merge commit needs *mainline*, the number of the parent to keep, and is a `MergeConflict`
        without it, as in git. So is a revert that later commits stand in the way of.
        """

    async def reset(self, revision: Revision) -> None:
        """Go to *revision* and drop everything after it (`git reset --hard`)."""

    async def merge(self, files: Mapping[str, str], message: str) -> Revision:
        """Commit *files* on a branch of their own and merge it with a merge commit (`--no-ff`)."""

    async def merge_again(self, revision: Revision) -> Revision:
        """Merge a commit of the log; `NothingToCommit` if the head has it, reverted or not."""

    async def push(self, *, force: bool = False) -> PushReport:
        """
        Make the commits the repository's head, and report what that did to the branch.

        Raises:
            PushRejected: The branch moved since the clone. With *force* it is overwritten instead,
                and commits that only it had are lost.
        """


class GitRepository(Protocol):
    """A code repo, or the config repo: one branch, `main`, that people and programs push to."""

    name: str

    async def head(self) -> Revision | None:
        """The newest commit, None while the repository is empty."""

    async def wait_for_push(self, after: Revision | None) -> Revision:
        """
        Return the head as soon as it is not *after*.

        A force-push back to an older commit counts. Of several pushes in quick succession only the
        last may be seen.
        """

    async def clone(self, at: Revision | None = None) -> Checkout:
        """A checkout of the head, or of *at* (`RevisionNotFound` if it is not reachable)."""

    async def annotate(self, revision: Revision, line: str) -> None:
        """Add a line to the health note of a commit and publish it. The branch does not move."""


class ImageBuilder(Protocol):
    """`docker build`. The only slow build: nothing else hides one."""

    async def build(
        self, checkout: Checkout, ref: ImageRef, labels: Mapping[str, str] = NO_LABELS
    ) -> BuiltImage:
        """
        Build the committed files of *checkout*, and write *labels* into the image.

        With the cache on, the same content and labels give the same image; without it, never.
        Other labels make another image of the same layers.

        Raises:
            BuildFailed: The Dockerfile did not run through.
        """


class ImageRegistry(Protocol):
    """Stores images by content and lets tags point at them. A tag may move, a digest cannot."""

    async def push(self, image: BuiltImage) -> PushedImage:
        """Store *image* and point its tag at it. The same image again writes no bytes."""

    async def list_tags(self, repository: str) -> tuple[Tag, ...]:
        """All tags, oldest image first. Empty for a repository that nobody pushed to."""

    async def resolve(self, ref: ImageRef) -> Digest:
        """The digest that a tag points at now, `ImageNotFound` if there is none."""

    async def wait_for_tag(self, repository: str, after: Collection[str]) -> tuple[Tag, ...]:
        """List the tags as soon as there is one whose name is not in *after*."""


class Cluster(Protocol):
    """The kubectl verbs. An environment is a namespace."""

    async def apply(self, manifest: str, environment: str) -> bool:
        """
        Make the objects of a manifest as written (`kubectl apply`), and tell whether any changed.

        Whoever may set an image may also apply a Deployment that is there already: RBAC grants a
        patch, and cannot tell one patch from another. Each object has a label of who applied it.

        Raises:
            ManifestRejected: The API server refused it. Nothing is promised about earlier
                documents of the same manifest.
        """

    async def diff(self, manifest: str, environment: str) -> Deviation:
        """Tell what applying a manifest would change, and write nothing. Empty: nothing."""

    async def prune(
        self, manifests: Collection[str], environment: str, *, is_dry_run: bool = False
    ) -> tuple[str, ...]:
        """
        Delete what this principal applied and none of *manifests* has; return `kind/name` of each.

        What carries no label, or that somebody else applied it, stays. A dry run deletes nothing.

        Raises:
            ManifestRejected: A manifest cannot be read. Nothing was deleted.
        """

    async def set_image(self, workload: str, image: ImageRef, environment: str) -> None:
        """Replace the image of the container named like the workload. `WorkloadNotFound`."""

    async def rollout_status(self, workload: str, environment: str) -> None:
        """
        Return when the rollout is complete: all replicas updated and Ready, no old pod counted.

        Raises:
            RolloutTimedOut: The Deployment's progress deadline passed. An image that does not
                exist, or a pod that never becomes Ready, ends here.
        """

    async def rollout_undo(self, workload: str, environment: str) -> None:
        """Go back to the pod template before this one. `NoEarlierRollout` if it is the first."""

    async def running(self, environment: str, workload: str = "") -> tuple[RunningWorkload, ...]:
        """What runs, from the pods and by digest, sorted by workload; or that workload alone."""

    async def get(self, environment: str) -> tuple[Mapping[str, Any], ...]:
        """Every Deployment, Service and pod (`kubectl get -o json`). Takes the grant `apply`."""

    async def wipe(self, environment: str) -> None:
        """Delete every workload of an environment; returns when no pod is left."""


class Decisions(Protocol):
    """Where every release, skip, refusal and hold is recorded with its reason."""

    async def record(self, decision: Decision) -> None:
        """Write it down. Never fails and never changes what happens next."""


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> float:
        """Seconds since the run began."""

    def timestamp(self) -> float:
        """Seconds since 1970; in the simulator a run begins at 1970-01-01."""

    async def sleep(self, seconds: float) -> None:
        """Let others act for a while."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """All boxes, as one principal reaches them."""

    principal: Principal
    code_repos: Mapping[str, GitRepository]
    config_repo: GitRepository
    builder: ImageBuilder
    registry: ImageRegistry
    cluster: Cluster
    decisions: Decisions
    clock: Clock


PortsOf = Callable[[Principal], Ports]
"""How an architecture gets the boxes for each principal whose work it does."""


class Incidents(Protocol):
    """What happens to a world without anybody's credentials: outages, lost machines and data."""

    async def stop(self, box: Box) -> None:
        """
        Take a box down; returns when it no longer answers.

        Who asks it then gets `RepositoryUnavailable`, `RegistryUnavailable` or
        `ClusterUnavailable`; who waits for a push or a tag goes on waiting. Pods go on running.
        """

    async def restart(self, box: Box) -> None:
        """Bring a box back with all that it held; returns when it answers."""

    async def lose_node(self, workload: str, environment: str) -> str:
        """
        Stop the machine that runs most Ready pods of a workload, and return its name.

        When the cluster has noticed, they are not Ready any more; when the pods' toleration is
        over as well, others take their place on the machines that are left.

        Raises:
            WorkloadNotFound: No pod of it is Ready on a machine that runs.
        """

    async def restore_node(self, node: str) -> None:
        """Start a stopped machine again; returns when pods can be placed on it."""

    async def delete_cluster(self) -> None:
        """
        Delete the cluster with everything in it, and make an empty one in its place.

        It has the same environments and grants. Repositories and registry stay as they are.
        """

    async def empty_registry(self) -> None:
        """Lose every image and tag of this application. Nodes keep what they have pulled."""

    async def request(self, workload: str, environment: str) -> bool:
        """Send one HTTP request through a workload's Service, and tell whether 200 came back."""


class Substrate(Protocol):
    """A world in which an application can be delivered: boxes, people's credentials, observers."""

    name: str

    @property
    def incidents(self) -> Incidents:
        """What can happen to this world. Usable after `create`."""

    def image_repository(self, microservice: str) -> str:
        """Where a microservice's images live, host included."""

    async def create(self, application: Application, grants: Sequence[Grant]) -> None:
        """Make empty repositories and environments, and give every principal what it may do."""

    async def regrant(self, grants: Sequence[Grant]) -> None:
        """Replace all rights. Environments and repositories refuse ports in use as well."""

    def ports(self, principal: Principal) -> Ports:
        """The boxes with that principal's credentials. Callable after `create`."""

    def observe(self, observer: Callable[[PodChange], None]) -> None:
        """
        Tell *observer* every change of every pod, in order, on the kernel's thread.

        It must not touch the world: a watched run and an unwatched one agree.
        """

    async def destroy(self) -> None:
        """Remove what `create` made and nothing else. Safe to call twice."""
