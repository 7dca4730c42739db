"""
The git servers of the simulator: bare repositories that pushes arrive at.

In: commits. Out: a moved branch or a refusal, and a reflog, the witness of every update. Reached
through `git.py`. As in git, a push is refused by ancestry and not by date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cdlab.errors import PushRejected, RepositoryUnavailable
from cdlab.kernel import Kernel
from cdlab.model import Principal, PushReport, Revision
from cdlab.substrates.sim.access import Credentials, Resource
from cdlab.substrates.sim.costs import Costs
from cdlab.substrates.sim.git_objects import (
    Log,
    StoredCommit,
    is_ancestor,
    newest_first,
    reachable,
)


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """A line of a server's reflog: what one accepted push did to `main`."""

    old: Revision | None
    new: Revision
    time_us: int
    principal: Principal
    is_forced: bool
    """The pusher said `--force`, whether that was needed or not."""
    lost: tuple[Revision, ...]


class GitServer:
    """A bare repository: the branch `main`, the health notes and the reflog."""

    def __init__(self, name: str, box: Resource, kernel: Kernel, costs: Costs) -> None:
        self.name = name
        self.box: Resource = box
        self.kernel = kernel
        self.costs = costs
        self.head: StoredCommit | None = None
        self.commits: dict[Revision, StoredCommit] = {}
        """Those that the head stands on, itself included."""
        self.notes: Mapping[Revision, str] = {}
        """Replaced and never changed, so that a clone may keep it."""
        self.logs: dict[str, Log] = {}
        """Path -> its last log that somebody asked for: a later one goes on from there."""
        self.reflog: list[RefUpdate] = []
        self.seen: dict[Principal, Revision] = {}
        """The last head that each principal cloned or made."""
        self.is_down = False
        self.pushed = kernel.signal(f"a push to {name}")

    def require(self, verb: str, credentials: Credentials) -> None:
        """Raise unless it answers and they allow to `read` or to `write` here."""
        self.require_right(verb, credentials)
        self.require_up()

    def require_right(self, verb: str, credentials: Credentials) -> None:
        """Raise `Forbidden` unless they allow to `read` or to `write` here."""
        kind = "config repo" if self.box == "config_repo" else "code repo"
        credentials.require(verb, self.box, f"{kind} '{self.name}'")

    def require_up(self) -> None:
        """Raise `RepositoryUnavailable` while the server is down."""
        if self.is_down:
            raise RepositoryUnavailable(f"{self.name}: the git server did not answer")

    def restart(self) -> None:
        """Answer again; who waits for a push looks once more."""
        self.is_down = False
        self.pushed.notify_all()

    async def spend(self, purpose: str) -> None:
        """Let the time pass that an operation takes."""
        await self.kernel.sleep(self.costs.duration(purpose, self.name))

    async def spend_clone(self, principal: Principal) -> None:
        """Let a clone's time pass: there is less to fetch for who has the head already."""
        is_known = self.head is not None and self.seen.get(principal) == self.head.revision
        await self.spend("git_clone_known" if is_known else "git_clone")
        if self.head is not None:
            self.seen[principal] = self.head.revision

    def update(self, new: StoredCommit, principal: Principal, *, force: bool) -> PushReport:
        """Move the branch, or refuse to; at one instant, so the first of two pushes wins."""
        self.require_up()
        old = self.head
        if old is not None and old.revision == new.revision:
            return PushReport(new.revision, old.revision)
        lost: tuple[Revision, ...] = ()
        if old is not None and not is_ancestor(old, new):
            if not force:
                raise PushRejected(
                    f"{self.name}: the push of '{new.revision[:7]}' was rejected, because 'main'"
                    f" is at '{old.revision[:7]}', which it does not contain",
                    help="clone again and repeat the change, or push with force",
                )
            kept = reachable(new)
            gone = [each for key, each in self.commits.items() if key not in kept]
            lost = tuple(each.revision for each in newest_first(gone))
            self.commits = kept
        self.head = new
        self.seen[principal] = new.revision
        self.commits |= reachable(new, known=self.commits)
        previous = old.revision if old else None
        moved = RefUpdate(previous, new.revision, self.kernel.now_us, principal, force, lost)
        self.reflog.append(moved)
        self.pushed.notify_all()
        return PushReport(new.revision, previous, lost)
