"""
Code repos and the config repo on the lab's git server, as one principal reaches them.

In: a lab, a run, a principal's login. Out: heads, clones, notes, and the news of pushes. Who calls
it: `substrate.py` makes one for each repository and principal.

Each keeps a bare mirror in the run's temporary folder. A clone asks the server for its refs, which
costs one small request, fetches into the mirror what is new, and lays a working tree over its
objects.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab.errors import PushRejected, RevisionNotFound
from cdlab.model import Principal, Revision
from cdlab.substrates.kind.access import login_of
from cdlab.substrates.kind.advertised_refs import WANTED, AdvertisedRefs
from cdlab.substrates.kind.checkouts import KindCheckout
from cdlab.substrates.kind.git_commands import (
    MAIN,
    NOTES,
    GitCommands,
    GitFailed,
    is_revision,
    push_trouble,
    trouble,
)
from cdlab.substrates.kind.snapshots import Snapshot

if TYPE_CHECKING:
    from cdlab.substrates.kind.hints import Hints
    from cdlab.substrates.kind.lab import Services

NOTE_TRIES = 20
"""How often a note is written anew because somebody else's came first."""


class KindGitRepository:
    """A repository `<run>/<name>` of the git server."""

    def __init__(
        self, lab: Services, hints: Hints, repository: str, principal: Principal, *, folder: Path,
        can_read: bool = True,
    ) -> None:  # fmt: skip
        """
        Without *can_read* it goes to the server without a login, which the server refuses.

        The server shows every repository to every login, so a principal that may not read gets
        none. Writing is refused by the server itself, by name.
        """
        self.name = repository.rpartition("/")[2]
        self.repository = repository
        self.url = f"{lab.git_url}/{repository}.git"
        self.hints = hints
        self.kernel = hints.kernel
        self.folder = folder / f"{principal}-{self.name}"
        login = login_of(lab, principal, is_granted=can_read)
        self.mirror = GitCommands(principal, login, self.folder / "mirror.git")
        self._advertised = AdvertisedRefs(self.url, login)
        self._mirrored: dict[str, str] | None = None
        """The mirror's refs when it was last like the server."""
        self._snapshot: Snapshot | None = None
        """Of the last clone."""
        self._pushed: set[Revision] = set()
        """By checkouts of this repository: the mirror has them."""
        self._fetching = threading.Lock()
        self._making = threading.Lock()

    def _tried(self, what: str) -> str:
        return f"{self.name}: {what} as '{self.mirror.principal}'"

    async def head(self) -> Revision | None:
        return await self.kernel.offload(self._head, what=f"git ls-remote {self.name}")

    def _head(self) -> Revision | None:
        refs = self._advertised.read()
        if refs is not None:
            return Revision(refs[MAIN]) if MAIN in refs else None
        self._ensure_mirror()
        try:
            answer = self.mirror("ls-remote", self.url, MAIN)
        except GitFailed as failure:
            raise trouble(failure, self._tried("reading the head")) from failure
        return Revision(answer.split()[0]) if answer.strip() else None

    async def wait_for_push(self, after: Revision | None) -> Revision:
        async def look() -> Revision | None:
            head = await self.head()
            return head if head != after else None

        return await self.hints.until(("git", self.repository), look)

    async def clone(self, at: Revision | None = None) -> KindCheckout:
        checkout = await self.kernel.offload(self._clone, what=f"git clone {self.name}")
        if at is not None and at != checkout.head:
            await checkout.reset(at)
        return checkout

    def _clone(self) -> KindCheckout:
        with self._fetching:
            refs = self._fetch("cloning")
            if self._snapshot is None or self._snapshot.refs != refs:
                self._snapshot = Snapshot(self.mirror, refs, self.folder)
            return KindCheckout(self.kernel, self._snapshot, self.url, self._pushed)

    def _ensure_mirror(self) -> None:
        with self._making:  # a look at the head and a clone may be the first at once
            if not (self.mirror.git_folder / "HEAD").exists():
                self.mirror.git_folder.mkdir(parents=True, exist_ok=True)
                self.mirror("init", "--quiet", "--bare", "--template=", "--initial-branch=main")

    def _fetch(self, what: str) -> dict[str, str]:
        """Bring the mirror to what the server has now, and return its main branch and notes."""
        refs = self._advertised.read()
        if refs is not None and self._is_here(refs):
            self._mirrored = refs  # its own ref stays behind, until the next fetch
        else:
            refs = self._mirrored = self._fetched(what)
        return {name: refs[name] for name in (MAIN, NOTES) if name in refs}

    def _is_here(self, refs: dict[str, str]) -> bool:
        """Whether the mirror has all of it: nothing is new, or only what was pushed from here."""
        if self._mirrored is None or refs.keys() != self._mirrored.keys():
            return False
        changed = {name for name in refs if refs[name] != self._mirrored.get(name)}
        return changed <= {MAIN} and (not changed or refs[MAIN] in self._pushed)

    def _fetched(self, what: str) -> dict[str, str]:
        self._mirrored = None  # should it fail half-way
        self._ensure_mirror()
        try:
            self.mirror(
                "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", self.url,
                "+refs/heads/*:refs/heads/*", "+refs/notes/*:refs/notes/*",
            )  # fmt: skip
        except GitFailed as failure:
            raise trouble(failure, self._tried(what)) from failure
        listing = self.mirror("for-each-ref", "--format=%(refname) %(objectname)", *WANTED)
        return dict(line.split(" ") for line in listing.splitlines())

    async def annotate(self, revision: Revision, line: str) -> None:
        await self.kernel.offload(
            lambda: self._annotate(revision, line), what=f"git notes in {self.name}"
        )

    def _annotate(self, revision: Revision, line: str) -> None:
        for is_last in [False] * (NOTE_TRIES - 1) + [True]:
            with self._fetching:
                refs = self._fetch("annotating a commit")
                if not self._is_reachable(revision, refs):
                    raise RevisionNotFound(f"{self.name}: no commit '{revision}' to annotate")
                mirrored, self._mirrored = self._mirrored, None
                note = self._write_note(revision, line)
                try:
                    self.mirror("push", "--porcelain", self.url, f"{NOTES}:{NOTES}")
                except GitFailed as failure:
                    error = push_trouble(failure, self._tried("publishing a note"))
                    if is_last or not isinstance(error, PushRejected):
                        raise error from failure
                else:
                    self._mirrored = {**(mirrored or {}), NOTES: note}
                    return

    def _is_reachable(self, revision: Revision, refs: dict[str, str]) -> bool:
        return (
            is_revision(revision)
            and MAIN in refs
            and self.mirror.succeeds("merge-base", "--is-ancestor", revision, refs[MAIN])
        )

    def _write_note(self, revision: Revision, line: str) -> str:
        """Append a line, and return the notes' new head. `git notes append` leaves a line empty."""
        try:
            before = self.mirror("notes", f"--ref={NOTES}", "show", revision)
        except GitFailed:
            before = ""
        note = f"{before.strip()}\n{line}".strip()
        self.mirror("notes", f"--ref={NOTES}", "add", "--force", f"--message={note}", revision)
        return self.mirror("rev-parse", NOTES).strip()
