"""
Git in memory: a repository as one principal reaches it, and checkouts.

In: files, messages, pushes. Out: revisions, logs and `PushReport`s. Made by `substrate.py`. As in
git, a clone knows only what its head stood on, and whoever watches a branch sees its last push,
not every one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from posixpath import normpath

from cdlab.errors import (
    FileMissing,
    MergeConflict,
    NothingToCommit,
    RevisionNotFound,
)
from cdlab.model import Commit, Content, PushReport, Revision
from cdlab.substrates.sim.access import Credentials
from cdlab.substrates.sim.git_objects import (
    EMPTY,
    EMPTY_CONTENT,
    StoredCommit,
    Tree,
    folders_of,
    log_of,
    make_commit,
    reachable,
    three_way,
)
from cdlab.substrates.sim.git_server import GitServer


@lru_cache(maxsize=4096)
def _safe(path: str) -> str | None:
    """The path as git stores it; None if it leaves the checkout or enters `.git`."""
    clean = normpath(path) if path else "."
    is_outside = clean.startswith(("/", "../")) or clean in (".", "..") or path.endswith("/")
    is_git = any(part.lower() == ".git" for part in clean.split("/"))
    return None if is_outside or is_git or "\0" in path or "\\" in path else clean


def _noted(commit: Commit, note: str) -> Commit:
    """The same with a note. What `replace` does, which takes five times as long."""
    return Commit(commit.revision, commit.parents, commit.message, commit.time_us, note)


class SimGitRepository:
    """A repository as one principal reaches it."""

    def __init__(self, server: GitServer, credentials: Credentials) -> None:
        self.name = server.name
        self.server = server
        self.credentials = credentials

    async def head(self) -> Revision | None:
        self.server.require("read", self.credentials)
        await self.server.spend("git_head")
        return self.server.head.revision if self.server.head else None

    async def wait_for_push(self, after: Revision | None) -> Revision:
        self.server.require_right("read", self.credentials)
        while True:
            head = self.server.head
            if head is not None and head.revision != after and not self.server.is_down:
                return head.revision
            await self.server.pushed.wait()
            await self.server.spend("hint")

    async def clone(self, at: Revision | None = None) -> Checkout:
        self.server.require("read", self.credentials)
        await self.server.spend_clone(self.credentials.principal)
        checkout = Checkout(self.server, self.credentials)
        if at is not None:
            await checkout.reset(at)
        return checkout

    async def annotate(self, revision: Revision, line: str) -> None:
        self.server.require("write", self.credentials)
        await self.server.spend("git_push")
        if revision not in self.server.commits:
            raise RevisionNotFound(f"{self.name}: no commit '{revision}' to annotate")
        notes = self.server.notes
        text = f"{notes[revision]}\n{line}" if revision in notes else line
        self.server.notes = {**notes, revision: text}


class Checkout:
    """A clone with a working tree, which is copied when it is first written to."""

    def __init__(self, server: GitServer, credentials: Credentials) -> None:
        self.server = server
        self.credentials = credentials
        self._cloned = server.head
        self._made: dict[Revision, StoredCommit] = {}
        self._known: dict[Revision, StoredCommit] | None = None
        self._notes = server.notes
        self._head = server.head
        self._files: dict[str, str] | None = None
        self._written: set[str] = set()
        self._new_folders: set[str] = set()

    @property
    def _committed(self) -> Tree:
        return self._head.tree if self._head else EMPTY

    @property
    def _tree(self) -> Tree:
        return self._committed if self._files is None else self._files

    @property
    def head(self) -> Revision | None:
        return self._head.revision if self._head else None

    @property
    def content(self) -> Content:
        return self._head.content if self._head else EMPTY_CONTENT

    def paths(self, folder: str = "") -> tuple[str, ...]:
        prefix = "" if normpath(folder or ".") == "." else normpath(folder) + "/"
        return tuple(sorted(path for path in self._tree if path.startswith(prefix)))

    def read(self, path: str, at: Revision | None = None) -> str:
        tree = self._tree if at is None else self._find(at).tree
        text = tree.get(_safe(path) or "")
        if text is None:
            when = f" at '{at}'" if at else ""
            raise FileMissing(f"{self.server.name}: there is no file '{path}'{when}")
        return text

    def write(self, path: str, text: str) -> None:
        clean = _safe(path)
        if clean is None:
            raise FileMissing(f"{self.server.name}: '{path}' is not a path inside the checkout")
        tree = self._tree
        if clean not in tree:
            above = folders_of(clean)
            if self._is_folder(clean) or any(each in tree for each in above):
                raise FileMissing(f"{self.server.name}: '{path}' is in the way of another path")
            self._new_folders.update(above)
        elif tree[clean] == text:
            return
        if self._files is None:
            self._files = dict(tree)
        self._files[clean] = text
        self._written.add(clean)

    def _is_folder(self, path: str) -> bool:
        return path in self._new_folders or (self._head is not None and path in self._head.folders)

    def log(self, path: str | None = None) -> Sequence[Commit]:
        clean = None if path is None else _safe(path.rstrip("/")) or path
        notes, logs = self._notes, self.server.logs
        found = log_of(self._head, clean, logs.get(clean) if clean else None)
        if clean:
            logs[clean] = self._head, found
        return [
            _noted(each.summary, notes[each.revision]) if each.revision in notes else each.summary
            for each in found
        ]

    def _find(self, revision: Revision) -> StoredCommit:
        """A commit that this clone has: reachable when it was cloned, or made in it."""
        if self._known is None:
            self._known = reachable(self._cloned)
        found = self._made.get(revision) or self._known.get(revision)
        if found is None:
            raise RevisionNotFound(f"{self.server.name}: there is no commit '{revision}'")
        return found

    def _make(
        self,
        tree: Tree,
        parents: tuple[StoredCommit, ...],
        message: str,
        among: Iterable[str] | None = None,
    ) -> StoredCommit:
        by = self.credentials.principal, self.server.kernel.now_us
        made = make_commit(tree, parents, message, by, among)
        self._made[made.revision] = made
        return made

    def _go_to(self, commit: StoredCommit) -> Revision:
        self._head, self._files = commit, None
        self._written, self._new_folders = set(), set()
        return commit.revision

    def _parents(self) -> tuple[StoredCommit, ...]:
        return (self._head,) if self._head else ()

    def _require_clean(self, verb: str) -> None:
        if self._files is not None and self._files != self._committed:
            raise MergeConflict(
                f"{self.server.name}: a {verb} would overwrite changes that are not committed",
                help="commit them first",
            )

    async def commit(self, message: str) -> Revision:
        if self._files is None or self._files == self._committed:
            raise NothingToCommit(f"{self.server.name}: nothing to commit for '{message}'")
        await self.server.spend("git_commit")
        return self._go_to(self._make(self._files, self._parents(), message, self._written))

    async def revert(self, revision: Revision, mainline: int | None = None) -> Revision:
        commit = self._find(revision)
        self._require_clean("revert")
        parent = self._parent_to_keep(commit, mainline)
        tree, conflicts = three_way(commit.tree, self._committed, parent)
        if conflicts:
            raise MergeConflict(
                f"{self.server.name}: '{revision}' cannot be reverted, because later commits"
                f" changed {', '.join(repr(path) for path in conflicts)} as well",
                help="revert the later commits first, newest first",
            )
        if tree == self._committed:
            raise NothingToCommit(f"{self.server.name}: '{revision}' is undone already")
        await self.server.spend("git_commit")
        first, _, _ = commit.summary.message.partition("\n")
        message = f'Revert "{first}"\n\nThis reverts commit {revision}.'
        return self._go_to(self._make(tree, self._parents(), message))

    def _parent_to_keep(self, commit: StoredCommit, mainline: int | None) -> Tree:
        if mainline is None and commit.summary.is_merge:
            raise MergeConflict(
                f"{self.server.name}: '{commit.revision}' is a merge, and no mainline was given",
                help="say which parent to keep: `git revert -m 1`",
            )
        if not commit.parents:
            return EMPTY
        if mainline is not None and not 1 <= mainline <= len(commit.parents):
            raise MergeConflict(
                f"{self.server.name}: '{commit.revision}' has no parent number {mainline}"
            )
        return commit.parents[(mainline or 1) - 1].tree

    async def reset(self, revision: Revision) -> None:
        self._go_to(self._find(revision))

    async def merge(self, files: Mapping[str, str], message: str) -> Revision:
        if self._head is None:
            raise RevisionNotFound(f"{self.server.name}: there is no commit yet to merge into")
        self._require_clean("merge")
        base = self._head
        self._go_to(base)
        try:
            for path, text in files.items():
                self.write(path, text)
            branch_tree, written = self._files, self._written
        finally:
            self._go_to(base)
        if branch_tree is None:
            raise NothingToCommit(f"{self.server.name}: nothing to merge for '{message}'")
        await self.server.spend("git_commit")
        branch = self._make(branch_tree, (base,), message, written)
        return self._go_to(self._make(branch_tree, (base, branch), message, written))

    async def merge_again(self, revision: Revision) -> Revision:
        commit = self._find(revision)
        self._require_clean("merge")
        has = reachable(self._head)
        if self._head is None or revision in has:
            raise NothingToCommit(f"{self.server.name}: '{revision}' is merged already")
        base = next((each for each in log_of(commit, None) if each.revision in has), None)
        tree, conflicts = three_way(base.tree if base else EMPTY, self._committed, commit.tree)
        if conflicts:
            raise MergeConflict(f"{self.server.name}: '{revision}' cannot be merged: {conflicts}")
        await self.server.spend("git_commit")
        first, _, _ = commit.summary.message.partition("\n")
        return self._go_to(self._make(tree, (self._head, commit), f"Merge {first}"))

    async def push(self, *, force: bool = False) -> PushReport:
        self.server.require("write", self.credentials)
        if self._head is None:
            raise RevisionNotFound(f"{self.server.name}: there is no commit yet to push")
        pushed = self._head
        await self.server.spend("git_push")
        return self.server.update(pushed, self.credentials.principal, force=force)
