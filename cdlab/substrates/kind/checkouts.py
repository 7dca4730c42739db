"""
A working clone on this machine's disk: a working tree over the mirror's objects.

In: a snapshot of what the server has, files, messages. Out: commits, and pushes over smart HTTP.
Who calls it: `git.py` makes them, architectures and stories work in them, `builder.py` takes the
committed files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab.errors import FileMissing, MergeConflict, NothingToCommit, PortError, RevisionNotFound
from cdlab.model import Commit, Content, PushReport, Revision
from cdlab.substrates.kind.git_commands import (
    MAIN,
    GitFailed,
    Moved,
    is_revision,
    push_trouble,
)
from cdlab.substrates.kind.snapshots import Snapshot, lay_out, log_of, remove_with

if TYPE_CHECKING:
    from cdlab.kernel import Kernel

EMPTY_TREE = Content("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""The id that git gives to no files at all."""


class KindCheckout:
    """
    One clone. Reading is done in place; what runs git to change something is offloaded.

    Only its own working tree is laid out by the first write itself, which takes milliseconds.
    """

    def __init__(self, kernel: Kernel, snapshot: Snapshot, url: str, pushed: set[Revision]) -> None:
        """*pushed* is where it notes what it has pushed."""
        self.kernel = kernel
        self.url = url
        self.name = url.rpartition("/")[2].removesuffix(".git")
        self._snapshot = snapshot
        self.git = snapshot.git
        """The snapshot's, until something is to be written; then its own."""
        self._head = snapshot.head
        self._made: set[Revision] = set()
        self._pushed = pushed
        self._contents: dict[Revision, Content] = {}

    @property
    def folder(self) -> Path:
        """The working tree."""
        assert self.git.worktree is not None
        return self.git.worktree

    @property
    def _is_own(self) -> bool:
        return self.git is not self._snapshot.git

    def _have_own(self) -> None:
        """Go on in a working tree of its own."""
        if not self._is_own:
            source = self._snapshot
            self.git = lay_out(source.mirror, source.refs, source.folder)
            remove_with(self, self.folder)

    @property
    def head(self) -> Revision | None:
        return self._head

    @property
    def content(self) -> Content:
        if self._head is None:
            return EMPTY_TREE
        if self._head not in self._contents:
            tree = self.git("rev-parse", f"{self._head}^{{tree}}").strip()
            self._contents[self._head] = Content(tree)
        return self._contents[self._head]

    def _require_known(self, revision: Revision) -> None:
        is_made = revision in self._made
        if not is_revision(revision) or not (is_made or self._snapshot.is_known(revision)):
            raise RevisionNotFound(f"{self.name}: there is no commit '{revision}'")

    def _inside(self, path: str) -> Path | None:
        """The file of a path; None if it leaves the checkout, also by a link, or enters `.git`."""
        if not path or path.endswith("/") or "\0" in path or "\\" in path:
            return None
        clean = os.path.normpath(path)
        if clean.startswith(("/", "../")) or clean in (".", ".."):
            return None
        if any(part.lower() == ".git" for part in clean.split("/")):
            return None
        file = self.folder / clean
        return file if file.resolve().is_relative_to(self.folder.resolve()) else None

    def paths(self, folder: str = "") -> tuple[str, ...]:
        prefix = "" if os.path.normpath(folder or ".") == "." else os.path.normpath(folder) + "/"
        found = []
        for parent, folders, files in os.walk(self.folder):
            if ".git" in folders:
                folders.remove(".git")
            found += [Path(parent, file).relative_to(self.folder).as_posix() for file in files]
        return tuple(sorted(path for path in found if path.startswith(prefix)))

    def read(self, path: str, at: Revision | None = None) -> str:
        if at is not None:
            self._require_known(at)
        file = self._inside(path)
        try:
            if file is None:
                raise FileNotFoundError(path)
            if at is None:
                return file.read_bytes().decode()
            clean = os.path.normpath(path)
            if at in self._made:
                return self.git("cat-file", "blob", f"{at}:{clean}")
            return self._snapshot.earlier(at, clean)
        except (OSError, GitFailed, UnicodeDecodeError) as error:
            when = f" at '{at}'" if at else ""
            raise FileMissing(f"{self.name}: there is no text file '{path}'{when}") from error

    def write(self, path: str, text: str) -> None:
        self._have_own()
        file = self._inside(path)
        if file is None:
            raise FileMissing(f"{self.name}: '{path}' is not a path inside the checkout")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        except OSError as error:
            message = f"{self.name}: '{path}' is in the way of another path"
            raise FileMissing(message) from error

    def log(self, path: str | None = None) -> Sequence[Commit]:
        if self._head is None:
            return []
        path = None if path is None else os.path.normpath(path)
        if self._head == self._snapshot.head:
            return self._snapshot.log(path)
        return log_of(self.git, self._head, path)

    async def commit(self, message: str) -> Revision:
        return await self._change("git commit", lambda: self._commit(message))

    def _commit(self, message: str) -> None:
        self.git("add", "--all", "--force")
        try:
            self.git("commit", "--quiet", "--cleanup=whitespace", f"--message={message}")
        except GitFailed as failure:
            if self._is_clean():
                raise NothingToCommit(
                    f"{self.name}: nothing to commit for '{message}'"
                ) from failure
            raise

    def _is_clean(self) -> bool:
        return not self.git("status", "--porcelain", "--ignored=no").strip()

    def _require_clean(self, verb: str) -> None:
        if not self._is_clean():
            raise MergeConflict(
                f"{self.name}: a {verb} would overwrite changes that are not committed",
                help="commit them first",
            )

    async def _change(self, what: str, work: Callable[[], None]) -> Revision:
        """Do in a thread what makes a commit, and go on from the new head."""

        def do() -> Revision:
            try:
                self._have_own()
                work()
                since = [f"^{self._head}"] if self._head else []
                new = self.git("log", "--format=%H %T", "HEAD", *since).splitlines()
            except GitFailed as failure:
                raise PortError(f"{self.name}: {what} failed: {failure}") from failure
            trees = {Revision(made): Content(tree) for made, tree in map(str.split, new)}
            self._contents.update(trees)
            self._made.update(trees)
            self._head = next(iter(trees))
            return self._head

        return await self.kernel.offload(do, what=f"{what} in {self.name}")

    async def revert(self, revision: Revision, mainline: int | None = None) -> Revision:
        return await self._change("git revert", lambda: self._revert(revision, mainline))

    def _revert(self, revision: Revision, mainline: int | None) -> None:
        self._require_known(revision)
        self._require_clean("revert")
        parent = [] if mainline is None else [f"--mainline={mainline}"]
        try:
            self.git("revert", "--no-edit", *parent, revision)
        except GitFailed as failure:
            is_undone = "nothing to commit" in failure.output
            self.git("reset", "--quiet", "--hard", "HEAD")
            if is_undone:
                raise NothingToCommit(f"{self.name}: '{revision}' is undone already") from failure
            raise MergeConflict(
                f"{self.name}: '{revision}' cannot be reverted: {failure}",
                help="a merge needs the parent to keep; later commits are reverted first",
            ) from failure

    async def reset(self, revision: Revision) -> None:
        self._require_known(revision)

        def do() -> None:
            try:
                self._have_own()
                self.git("reset", "--quiet", "--hard", revision)
                self.git("clean", "-ffdxq")
            except GitFailed as failure:
                raise PortError(f"{self.name}: git reset failed: {failure}") from failure
            self._head = revision

        await self.kernel.offload(do, what=f"git reset in {self.name}")

    async def merge(self, files: Mapping[str, str], message: str) -> Revision:
        if self._head is None:
            raise RevisionNotFound(f"{self.name}: there is no commit yet to merge into")
        return await self._change("git merge", lambda: self._merge(files, message))

    def _merge(self, files: Mapping[str, str], message: str) -> None:
        self._require_clean("merge")
        self.git("checkout", "--quiet", "-B", "side")
        try:
            for path, text in files.items():
                self.write(path, text)
            self._commit(message)
        except BaseException:
            self.git("checkout", "--quiet", "--force", "main")
            self.git("clean", "-ffdxq")
            raise
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--cleanup=whitespace", "-m", message, "side")

    async def merge_again(self, revision: Revision) -> Revision:
        return await self._change("git merge", lambda: self._merge_again(revision))

    def _merge_again(self, revision: Revision) -> None:
        self._require_known(revision)
        self._require_clean("merge")
        try:
            self.git("merge", "--no-ff", "--no-edit", revision)
        except GitFailed as failure:
            self.git("reset", "--quiet", "--hard", "HEAD")
            raise MergeConflict(f"{self.name}: '{revision}' cannot be merged") from failure
        if self.git("rev-parse", "HEAD").strip() == self._head:
            raise NothingToCommit(f"{self.name}: '{revision}' is merged already")

    async def push(self, *, force: bool = False) -> PushReport:
        pushed = self._head
        if pushed is None:
            raise RevisionNotFound(f"{self.name}: there is no commit yet to push")
        return await self.kernel.offload(
            lambda: self._push(pushed, ["--force"] if force else []),
            what=f"git push to {self.name}",
        )

    def _push(self, pushed: Revision, options: list[str]) -> PushReport:
        tried = f"{self.name}: the push of '{pushed[:7]}' as '{self.git.principal}'"
        refs = f"{pushed}:{MAIN}"
        try:
            output = self.git("push", "--porcelain", *options, self.url, refs)
        except GitFailed as failure:
            raise push_trouble(failure, tried) from failure
        self._pushed.add(pushed)
        moved = Moved.parse(output, pushed)
        lost: tuple[Revision, ...] = ()
        if moved.is_forced and moved.previous:
            lost = self._lost(moved.previous, pushed)
        return PushReport(pushed, moved.previous, lost)

    def _lost(self, previous: Revision, pushed: Revision) -> tuple[Revision, ...]:
        """Commits that only the old branch had, newest first; some may never have been here."""
        if not self.git.succeeds("cat-file", "-e", previous):
            # The server still has what it no longer shows, and gives it to who knows the id.
            self.git.succeeds("fetch", "--quiet", "--no-tags", self.url, previous)
        try:
            gone = self.git("rev-list", "--date-order", previous, f"^{pushed}").split()
        except GitFailed:
            return (previous,)
        return tuple(Revision(each) for each in gone)
