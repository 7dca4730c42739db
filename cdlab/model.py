"""
The nouns of the article as values.

They are frozen, compare by content and know no port. `docs/glossary.md` gives their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, NewType, get_args

Revision = NewType("Revision", str)
"""The id of a git commit: 40 hexadecimal digits."""

Digest = NewType("Digest", str)
"""The content address of an image: `sha256:` and 64 hexadecimal digits."""

Content = NewType("Content", str)
"""The id of a source tree. Two commits with the same files have the same content."""

Principal = Literal["developer", "operator", "user", "ci", "manager", "observer"]
"""Who acts, and with whose credentials. `user` is whoever presses the release manager's buttons."""

PRINCIPALS: tuple[Principal, ...] = get_args(Principal)


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image repository with a tag, a digest or both, as Kubernetes and docker write it."""

    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str) -> ImageRef:
        """Read `host:port/name:tag@digest`; a colon before the last slash belongs to the host."""
        name, _, digest = text.partition("@")
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return cls(head + slash + last, tag or None, Digest(digest) if digest else None)


@dataclass(frozen=True, slots=True)
class Microservice:
    """A code repo, an image repository and one workload, which all have the same name."""

    name: str
    image_repository: str
    """Where its images live, host included: `localhost:5001/run-1/front-end`."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A namespace with its own desired images."""

    name: str
    is_automated: bool = True
    """Whether a new image is released with no decision. V3, and V1 and V2 when gated."""


@dataclass(frozen=True)
class Application:
    """All microservices and all environments, in the order in which they are shipped to."""

    microservices: tuple[Microservice, ...]
    environments: tuple[Environment, ...]

    @property
    def everywhere(self) -> tuple[str, ...]:
        """The names of all environments."""
        return tuple(each.name for each in self.environments)

    @property
    def automated(self) -> tuple[str, ...]:
        """The environments that a push reaches with no further decision."""
        return tuple(each.name for each in self.environments if each.is_automated)

    @cached_property
    def image_repositories(self) -> dict[str, str]:
        """Microservice -> where its images live."""
        return {each.name: each.image_repository for each in self.microservices}


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as `git log` shows it."""

    revision: Revision
    parents: tuple[Revision, ...]
    message: str
    time_us: int = 0
    """When it was made, microseconds; git keeps whole seconds."""
    note: str = ""
    """The health note, `refs/notes/cdlab-health`: a line `environment/workload healthy` each."""

    @property
    def is_merge(self) -> bool:
        """Whether a revert of it must say which parent to keep."""
        return len(self.parents) > 1


@dataclass(frozen=True, slots=True)
class PushReport:
    """What a push did to the branch."""

    revision: Revision
    previous: Revision | None
    """The head before it; None when the repository was empty."""
    lost: tuple[Revision, ...] = ()
    """Commits that are no longer reachable from the branch, newest first."""

    @property
    def is_rewrite(self) -> bool:
        """Whether history was rewritten: a non-fast-forward update."""
        return bool(self.lost)


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """What a build left on the machine that built it. It has no digest before it is pushed."""

    ref: ImageRef
    image_id: str
    """Equal for two builds exactly when they are the same image, bit by bit."""
    content: Content
    """The source tree it was built from."""


@dataclass(frozen=True, slots=True)
class PushedImage:
    """What the registry stored."""

    digest: Digest
    bytes_written: int
    """Bytes of blobs that the registry did not have before, compressed. 0 for a known image."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as the registry lists it."""

    name: str
    digest: Digest
    created_us: int
    """
    When the image was made, microseconds: the label `org.opencontainers.image.created` where there
    is one, as in Flux; else when it was built. A cached rebuild keeps the date of the first.
    """
    commits: int = 0
    """The label `dev.cdlab.commits`: how many its commit stands on. Orders those of one second."""
    branch: str = ""
    """The label `dev.cdlab.branch`: where its commit was. Empty if the image does not say."""

    @property
    def age(self) -> tuple[int, int]:
        """What images are ordered by: the greatest is the newest."""
        return self.created_us, self.commits


@dataclass(frozen=True, slots=True)
class RunningWorkload:
    """What an environment asks for and what its pods run."""

    name: str
    desired: ImageRef
    """The image in the workload's pod template."""
    digests: tuple[Digest, ...]
    """The digest of every pod that is Ready, read from the pods."""
    is_available: bool
    """The rollout is complete: every replica is updated and Ready, and no old pod is left."""


PodPhase = Literal["created", "scheduled", "pulled", "started", "ready", "unready", "stopping"]
"""`stopping`: asked to end, so no Service routes to it any more."""


class PodChange(NamedTuple):
    """One thing that happened to one pod, as somebody who watches the API server sees it."""

    environment: str
    workload: str
    pod: str
    phase: PodPhase
    image: ImageRef
    digest: Digest | None = None
    node: str = ""
    """Known from `scheduled` on, the digest from `started` on; the image as the spec names it."""


OutcomeStatus = Literal["released", "skipped", "refused", "superseded", "failed", "not expressible"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request to release, promote or roll back ended. A refusal is an answer too."""

    status: OutcomeStatus
    reason: str = ""
    revision: Revision | None = None
    """The commit that did it, where there is one."""
    image: ImageRef | None = None
    is_applied: bool = True
    """False where it is committed and the cluster did not take it yet: a sync will."""

    @property
    def is_released(self) -> bool:
        """Whether the desired state of an environment was changed."""
        return self.status == "released"


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackRequest:
    """What somebody asks for who wants an environment to run what it ran before."""

    workload: str
    environment: str
    user: str = "alice"
    message: str = ""
    undo: Revision | None = None
    """V1 and V2 by code: the commit to undo. None: the newest."""
    to: Revision | None = None
    """The revision whose image to go back to; V3: or a tag, a digest. None: what ran before."""
    image_only: bool = False
    until: str = "resumed"
    is_bad: bool = False
    is_forced: bool = False
    """These four are V3's, and mean what they mean in its `ReleaseRequest`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided and why, also where no other port is called."""

    what: str
    """`release`, `promotion`, `rollback`, `policy`, `automation`, `sync`."""
    workload: str
    environment: str
    outcome: Outcome
    user: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """On whose behalf an actor works. Inherited by what it spawns, carried by what it queues."""

    intent: str
    """What somebody asked for: `deploy-1`, `rollback-1`."""
    causes: tuple[int, ...] = ()
    """The event of the history that set the actor off: its trigger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """The settings by which runs of one architecture differ. Defaults are the article's."""

    rollback: str = "revert"
    """V1, V2 `revert` | `force-push`, V3 `command`; the others are not the article's."""
    is_gated: bool = False
    """V1, V2: whether CI waits for an approval before each environment that is not automated."""
    has_build_cache: bool = True
    """Whether the builder may reuse layers. Both are always reported."""
    poll_interval_seconds: float | None = None
    """V3: look at the registry at this interval only. None: notifications, and polling as truth."""
    has_hold: bool = True
    """V3: whether a rollback stops automation. False is the naive variant."""

    def label(self) -> str:
        """The variant's name in tables: `revert, cache`."""
        parts = [self.rollback, *(["gated"] if self.is_gated else [])]
        if self.rollback in ("revert", "force-push"):
            parts.append("cache" if self.has_build_cache else "no cache")
        if self.poll_interval_seconds is not None:
            parts.append(f"poll {self.poll_interval_seconds:g} s")
        parts += [] if self.has_hold else ["no hold"]
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What one principal may do. The simulator's rights and kind's RBAC and logins come from it."""

    principal: Principal
    runs: Literal["outside", "inside"]
    """Whether its credentials live outside or inside the cluster they open."""
    code_repos: Literal["none", "read", "write"] = "none"
    config_repo: Literal["none", "read", "write"] = "none"
    registry: Literal["none", "read", "write"] = "none"
    environments: Literal["none", "read", "set-image", "apply", "prune", "admin"] = "none"
    events: Literal["none", "write"] = "none"
    """Whether it may tell of what it did by Kubernetes events, in each environment."""
    is_automation: bool = False
    """Whether nobody has to press a button for it to act."""
