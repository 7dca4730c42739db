"""
What people can ask of a lab's release management, and what they are told.

One protocol, three ways in: the command line, the HTTP API and the page all make an `Ask` and show
an `Answer`. Behind it stands V3's release manager, its HTTP client, or the people of V1 and V2, who
answer what their architecture cannot express. All values are plain, so that they are the same as
JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

Command = Literal[
    "release",
    "promote",
    "rollback",
    "lock",
    "unlock",
    "hold",
    "resume",
    "automate",
    "deautomate",
    "skip",
    "unskip",
    "policy",
    "sync",
]
COMMANDS: tuple[Command, ...] = get_args(Command)

Status = Literal[
    "planned", "released", "skipped", "refused", "superseded", "failed", "not expressible"
]
"""How an `Ask` ended. `planned`: it was a dry run and would be released. A change of a policy that
was committed counts as released too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One command. What a command has no use for stays as it is."""

    command: Command
    user: str
    """Who asks. Stands in the commit."""
    message: str = ""
    """Why. Stands in the commit; a hold, a lock and a skip need it."""
    workload: str = ""
    environment: str = ""
    source: str = ""
    """promote: the environment whose healthy image is wanted."""
    image: str = ""
    """release, skip, unskip: a tag, a digest or a whole reference. Empty: the newest by policy."""
    to: str = ""
    """rollback: the revision or tag to go back to. Empty: the last healthy release before."""
    until: str = ""
    """hold, lock, rollback: the lift rule. Empty: until somebody lifts it."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """policy: name -> value (`automated`, `tag`, `branch`, and of a whole environment `drift`); an
    empty value removes it."""
    is_image_only: bool = False
    """rollback: go back to the image and keep the rest of the manifest."""
    is_bad: bool = False
    """rollback: never release the image that was rolled back from by itself again."""
    is_forced: bool = False
    """Go past a lock. Recorded in the commit."""
    has_prune: bool = False
    """sync: delete what carries the manager's label and is not in the config repo."""
    is_dry_run: bool = False
    """Change nothing; the answer says what would be committed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What became of an `Ask`."""

    status: Status
    reason: str = ""
    image: str = ""
    """The image that is now wanted, as a reference with its digest."""
    revision: str = ""
    """The commit of the config repo that did it."""
    is_applied: bool = True
    """False where it is committed and the cluster did not take it yet: a sync will."""
    commit_message: str = ""
    """Of the commit that was made, or in a dry run would be."""
    diff: str = ""
    """The same as a unified diff of the config repo."""
    applied: tuple[str, ...] = ()
    """sync: what was applied, or in a dry run would be: `users in staging`."""
    pruned: tuple[str, ...] = ()
    """sync: what was deleted, or in a dry run would be: `Deployment/users in staging`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """A lock or a hold, as people are shown it."""

    user: str
    reason: str
    since: str = ""
    """RFC 3339; empty where somebody wrote it by hand without one."""
    until: str = ""
    is_whole_environment: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkloadStatus:
    """One cell of the matrix: a workload in an environment."""

    workload: str
    environment: str
    desired: str = ""
    """Image reference in the config repo. Empty where nothing was released yet."""
    running: tuple[str, ...] = ()
    """The digest of every Ready pod."""
    running_tag: str = ""
    """The tag of what runs, where it is the desired image or the registry lists it."""
    is_available: bool = False
    """The rollout is complete."""
    is_automated: bool = False
    pattern: str = "newest"
    branch: str = ""
    conflicts: tuple[str, ...] = ()
    """Where it says something else than its environment, which it then goes before, in words."""
    lock: Stopped | None = None
    hold: Stopped | None = None
    skipped: tuple[str, ...] = ()
    """Images that are not released by themselves, as digests."""
    candidate: str = ""
    """The tag of the newest image that the policy admits and that does not run."""
    candidate_reason: str = ""
    """Why that one is not released by itself. Empty: it will be."""
    drift_seconds: float | None = None
    """For how long the cluster has differed from the config repo. None: it does not."""
    drift_mode: Literal["repair", "report"] = "repair"
    """What becomes of that."""
    trouble: str = ""
    """Why this file cannot be read: path, line and what is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An image of the registry, as one workload in one environment sees it."""

    tag: str
    digest: str
    created: str
    """RFC 3339."""
    is_eligible: bool
    reason: str
    """Why it is not eligible; `up to date` for the one that is wanted already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRelease:
    """One release from git alone."""

    revision: str
    time: str
    """RFC 3339."""
    cause: str
    """automation, release, promotion, rollback or policy; empty for a commit by hand."""
    user: str
    workload: str
    environment: str
    before: str
    after: str
    """Image references."""
    hold: str = ""
    message: str = ""
    """What the user wrote, or the subject of the commit."""
    is_healthy: bool = False
    """Whether it is noted that it became available."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One object whose actual state is not the desired one."""

    workload: str
    environment: str
    desired: str
    actual: str
    """Image references; `absent` where there is no workload. An object that is in no manifest is
    wanted `absent`, and actual is its kind and name."""
    since_seconds: float
    mode: Literal["repair", "report"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One decision, with its reason."""

    number: int
    """Counts up by one; what a reader has seen already."""
    time: str
    """RFC 3339."""
    what: str
    user: str
    workload: str
    environment: str
    status: str
    reason: str
    revision: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What stands behind these commands."""

    architecture: str
    title: str
    microservices: tuple[str, ...]
    environments: tuple[str, ...]
    manual_environments: tuple[str, ...]
    substrate: str
    version: str
    is_read_only: bool = False
    is_playground: bool = False
    """A simulated world, in which one can also push commits, break things and turn the clock."""
    time: str = ""
    """Now, as that world counts, RFC 3339."""
    newest: int = 0
    """The number of the newest decision, so that a reader can begin with the last few."""


class ReleaseCommands(Protocol):
    """
    Every command and question, on the kernel of the world they are about.

    Raises:
        NotFound: There is no such workload or environment.
        ManagerUnavailable: The release manager does not answer.
        PortError: A box that the answer needs does not answer.
    """

    async def about(self) -> About:
        """Who answers."""

    async def ask(self, ask: Ask) -> Answer:
        """Do it, or refuse it with a reason; returns when it is committed and was applied."""

    async def status(self) -> tuple[WorkloadStatus, ...]:
        """Every workload in every environment, in the application's order."""

    async def images(self, workload: str, environment: str) -> tuple[Candidate, ...]:
        """Its images, newest first, each with why it is or is not eligible."""

    async def history(
        self, workload: str = "", environment: str = "", limit: int = 100
    ) -> tuple[PastRelease, ...]:
        """What was released when, newest first, from git alone."""

    async def diff(self) -> tuple[Difference, ...]:
        """Where the cluster is not what the config repo says."""

    async def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Decisions with their reasons, oldest first, beginning after a number."""

    async def wait_for_change(self, after: int) -> int:
        """
        Return the number of the newest change as soon as it is greater than *after*.

        A change is whatever the other answers would show: a decision, a rollout, health, drift.
        The numbers are not those of decisions; the first change is 1.
        """


class Playground(Protocol):
    """What one can do to a simulated world beside releasing."""

    async def push(self, workload: str, version: str, *, is_bad: bool = False) -> str:
        """Push a commit to a code repo and return its revision. CI goes to work on it."""

    async def stop(self, box: str) -> None:
        """Take a box down: ci, code-repo, registry, config-repo, manager, api-server."""

    async def restart(self, box: str) -> None:
        """Bring it back."""

    async def edit(self, workload: str, environment: str, tag: str) -> None:
        """`kubectl set image`, past everything else."""

    async def undo(self, workload: str, environment: str) -> None:
        """`kubectl rollout undo`, past everything else."""

    async def lose_node(self, workload: str, environment: str) -> str:
        """Stop the machine that runs most of its pods."""

    async def delete_cluster(self) -> None:
        """Lose the cluster; an empty one stands in its place."""

    async def turn_clock(self, seconds: float) -> None:
        """Let time pass."""

    async def boxes(self) -> Mapping[str, bool]:
        """Box -> whether it is up."""
