"""
A working clone on this machine's disk: a working tree that borrows the mirror's objects.

In: a mirror that holds what the server has, files, messages. Out: commits, and pushes over smart
HTTP. Who calls it: `git.py` makes them, architectures and stories work in them, `builder.py` takes
the committed files.
"""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab.errors import FileMissing, MergeConflict, NothingToCommit, PortError, RevisionNotFound
from cdlab.model import Commit, Content, PushReport, Revision
from cdlab.substrates.kind.git_commands import (
    MAIN,
    NOTES,
    GitCommands,
    GitFailed,
    Moved,
    is_revision,
    push_trouble,
)

if TYPE_CHECKING:
    from cdlab.kernel import Kernel

EMPTY_TREE = Content("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""The id that git gives to no files at all."""
_LOG_FORMAT = "--format=tformat:%H%x00%P%x00%B%x00%ct%x00%N%x00"


def lay_out(folder: Path, mirror: Path, refs: Mapping[str, str]) -> Path:
    """Make a repository that borrows the objects of *mirror*, as `git clone --shared` does.

    Returns its git folder. By hand because it takes no process at all.
    """
    git_folder = folder / ".git"
    (git_folder / "objects" / "info").mkdir(parents=True)
    (git_folder / "refs" / "heads").mkdir(parents=True)
    (git_folder / "objects" / "info" / "alternates").write_text(f"{mirror / 'objects'}\n")
    (git_folder / "HEAD").write_text(f"ref: {MAIN}\n")
    (git_folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
    for name, revision in refs.items():
        path = git_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{revision}\n")
    return git_folder


class KindCheckout:
    """One clone. Reading is done in place; what runs git to change something is offloaded."""

    def __init__(self, kernel: Kernel, git: GitCommands, url: str, head: Revision | None) -> None:
        assert git.worktree is not None
        self.kernel = kernel
        self.git = git
        self.url = url
        self.name = url.rpartition("/")[2].removesuffix(".git")
        self.folder = git.worktree
        # Its folder goes with it: a release manager makes one at every look, for months.
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._cloned = head
        self._head = head
        self._made: set[Revision] = set()
        self._contents: dict[Revision, Content] = {}

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

    @cached_property
    def _known(self) -> frozenset[str]:
        """What was reachable when it was cloned. A mirror also keeps what a force push lost."""
        return frozenset(self.git("rev-list", self._cloned).split() if self._cloned else ())

    def _require_known(self, revision: Revision) -> None:
        if not is_revision(revision) or not (revision in self._made or revision in self._known):
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
            return self.git("cat-file", "blob", f"{at}:{os.path.normpath(path)}")
        except (OSError, GitFailed, UnicodeDecodeError) as error:
            when = f" at '{at}'" if at else ""
            raise FileMissing(f"{self.name}: there is no text file '{path}'{when}") from error

    def write(self, path: str, text: str) -> None:
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
        arguments = ["log", "--date-order", _LOG_FORMAT, f"--notes={NOTES}", self._head, "--"]
        if path is not None:
            arguments.append(f":(top,literal){os.path.normpath(path)}")
        fields = self.git(*arguments).split("\0")
        return [
            Commit(
                Revision(fields[start].strip()),
                tuple(Revision(parent) for parent in fields[start + 1].split()),
                fields[start + 2].rstrip("\n"),
                int(fields[start + 3]) * 1_000_000,
                fields[start + 4].strip("\n"),
            )
            for start in range(0, len(fields) - 1, 5)
        ]

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
