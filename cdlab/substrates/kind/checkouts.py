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
from cdlab.substrates.kind import light_commits
from cdlab.substrates.kind.git_commands import MAIN, GitFailed, is_revision
from cdlab.substrates.kind.light_files import LightFiles, clean
from cdlab.substrates.kind.pushes import push
from cdlab.substrates.kind.snapshots import Snapshot, lay_out, log_of, paths_in, remove_with

if TYPE_CHECKING:
    from cdlab.kernel import Kernel

EMPTY_TREE = Content("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""The id that git gives to no files at all."""


class KindCheckout:
    """
    One clone. Reading is done in place; what runs git to change something is offloaded.

    What is written is kept beside the snapshot's files, committed and pushed without a working
    tree. Whatever needs one has it laid out first.
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
        self._remote = snapshot.head
        """What the server has, as far as this clone knows."""
        self._light = LightFiles(snapshot.worktree)
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
            refs = source.refs if self._head is None else {**source.refs, MAIN: self._head}
            git = lay_out(source.mirror, refs, source.folder, self._light)
            self.git, self._light.texts = git, {}
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
        name = clean(path)
        file = self.folder / (name or "")
        is_inside = file.resolve().is_relative_to(self.folder.resolve())
        return file if name and is_inside else None

    def paths(self, folder: str = "") -> tuple[str, ...]:
        prefix = "" if os.path.normpath(folder or ".") == "." else os.path.normpath(folder) + "/"
        found = paths_in(self.folder) if self._is_own else self._snapshot.paths
        if self._light.texts:
            found = tuple(sorted({*found, *self._light.texts}))
        return tuple(path for path in found if path.startswith(prefix))

    def read(self, path: str, at: Revision | None = None) -> str:
        if at is not None:
            self._require_known(at)
        name = clean(path)
        try:
            if name and at is None and not self._is_own:
                text = self._light.texts.get(name)
                return self._snapshot.text(name) if text is None else text.decode()
            file = self._inside(path)
            if name is None or file is None:
                raise FileNotFoundError(path)
            if at is None:
                return file.read_bytes().decode()
            if at in self._made:
                return self.git("cat-file", "blob", f"{at}:{name}")
            return self._snapshot.earlier(at, name)
        except (OSError, GitFailed, UnicodeDecodeError) as error:
            when = f" at '{at}'" if at else ""
            raise FileMissing(f"{self.name}: there is no text file '{path}'{when}") from error

    def write(self, path: str, text: str) -> None:
        name = clean(path)
        if name and not self._is_own and self._light.write(name, text.encode()):
            return
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
        made = await self.kernel.offload(
            lambda: self._light_commit(message), what=f"git commit in {self.name}"
        )
        return made or await self._change("git commit", lambda: self._commit(message))

    def _light_commit(self, message: str) -> Revision | None:
        """Commit without a working tree; None where that takes one."""
        text, changes = light_commits.cleaned(message), self._light.changes()
        if self._head is None or self._is_own or not self._snapshot.is_plain:
            return None
        if not (changes and text) or "\0" in text:
            return None
        try:
            ref = f"refs/made/{id(self)}"
            made, tree = light_commits.commit(self.git, self._head, changes, text, ref)
        except GitFailed as failure:
            raise PortError(f"{self.name}: git commit failed: {failure}") from failure
        self._light.are_committed()
        self._made.add(made)
        self._contents[made] = tree
        self._head = made
        return made

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
        old = self._remote
        is_light = old is not None and old != pushed and not (options or self._is_own)
        if is_light and light_commits.push(self.git, self.url, Revision(str(old)), pushed):
            report = PushReport(pushed, old, ())
        else:
            report = push(self.git, self.url, pushed, options)
        self._remote = pushed
        self._pushed.add(pushed)
        return report
