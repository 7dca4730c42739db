"""
What a mirror has at one state of its refs, laid out once for every clone that only reads.

In: a mirror that holds what the server has, and the refs. Out: a working tree, the log, files of
earlier commits. Who calls it: `git.py` makes one whenever the refs have changed; `checkouts.py`
reads in it until something is to be written.

A release manager clones at every look and for every request, and mostly finds what it knows: such
a clone starts no process at all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from cdlab.errors import RepositoryUnavailable
from cdlab.model import Commit, Revision
from cdlab.substrates.kind.git_commands import MAIN, NOTES, GitCommands, GitFailed
from cdlab.substrates.kind.light_files import ATTRIBUTES, LightFiles

_LOG_FORMAT = "--format=tformat:%H%x00%P%x00%B%x00%ct%x00%N%x00"


def lay_out(
    mirror: GitCommands, refs: Mapping[str, str], folder: Path, more: LightFiles | None = None
) -> GitCommands:
    """
    Make a repository and its working tree in a new folder below *folder*.

    It uses the objects of *mirror* as its own, so that what is committed in it never has to be
    fetched again. *more* is what was written over it. By hand because that takes one process, and
    `git clone --shared` takes five. Raises `RepositoryUnavailable` and leaves nothing, where
    the disk is full, say.
    """
    worktree = Path(tempfile.mkdtemp(prefix="checkout-", dir=folder))
    try:
        git = _laid_out(mirror, refs, worktree)
        if more:
            more.lay_out(worktree)
        return git
    except (GitFailed, OSError) as error:
        shutil.rmtree(worktree, ignore_errors=True)
        raise RepositoryUnavailable(f"{folder.name}: no working tree: {error}") from error


def _laid_out(mirror: GitCommands, refs: Mapping[str, str], worktree: Path) -> GitCommands:
    git_folder = worktree / ".git"
    (git_folder / "refs" / "heads").mkdir(parents=True)
    (git_folder / "objects").symlink_to(mirror.git_folder / "objects", target_is_directory=True)
    (git_folder / "HEAD").write_text(f"ref: {MAIN}\n")
    (git_folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
    for name, revision in refs.items():
        path = git_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{revision}\n")
    git = replace(mirror, git_folder=git_folder, worktree=worktree)
    if MAIN in refs:
        git("read-tree", "--reset", "-u", refs[MAIN])
    return git


def remove_with(owner: object, worktree: Path) -> None:
    """Have a folder go when its owner goes: a release manager makes them for months."""
    weakref.finalize(owner, shutil.rmtree, worktree, ignore_errors=True)


def paths_in(folder: Path) -> tuple[str, ...]:
    """Every file of a working tree, sorted."""
    found = []
    for parent, folders, files in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        found += [Path(parent, file).relative_to(folder).as_posix() for file in files]
    return tuple(sorted(found))


def log_of(git: GitCommands, head: Revision, path: str | None) -> tuple[Commit, ...]:
    """The commits reachable from *head*, newest first; with *path* those that changed it."""
    arguments = ["log", "--date-order", _LOG_FORMAT, f"--notes={NOTES}", head, "--"]
    if path is not None:
        arguments.append(f":(top,literal){path}")
    fields = git(*arguments).split("\0")
    return tuple(
        Commit(
            Revision(fields[start].strip()),
            tuple(Revision(parent) for parent in fields[start + 1].split()),
            fields[start + 2].rstrip("\n"),
            int(fields[start + 3]) * 1_000_000,
            fields[start + 4].strip("\n"),
        )
        for start in range(0, len(fields) - 1, 5)
    )


class Snapshot:
    """One state of a repository. Safe for threads; nobody writes in its folder."""

    def __init__(self, mirror: GitCommands, refs: Mapping[str, str], folder: Path) -> None:
        self.refs = dict(refs)
        self.head = Revision(refs[MAIN]) if MAIN in refs else None
        self.mirror = mirror
        self.folder = folder
        self.git = lay_out(mirror, refs, folder)
        assert self.git.worktree is not None
        self.worktree = self.git.worktree
        self._root = self.worktree.resolve()
        remove_with(self, self.worktree)
        self._texts: dict[str, str] = {}
        self._reading = threading.Lock()
        self._known: frozenset[Revision] | None = None
        self._logs: dict[str | None, tuple[Commit, ...]] = {}
        self._earlier: dict[tuple[Revision, str], str] = {}

    @cached_property
    def is_plain(self) -> bool:
        """Whether git takes every text as it is."""
        return not any(path.rpartition("/")[2] == ATTRIBUTES for path in self.paths)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every file, sorted; looked for once."""
        return paths_in(self.worktree)

    def text(self, path: str) -> str:
        """
        A file by its clean path, read once: a page about everything reads each again and again.

        Raises `OSError` where there is none, or it is a link that leaves the working tree, and
        `UnicodeDecodeError` for one that is no text.
        """
        if path not in self._texts:
            file = self.worktree / path
            if not file.resolve().is_relative_to(self._root):
                raise FileNotFoundError(path)
            self._texts[path] = file.read_bytes().decode()
        return self._texts[path]

    def is_known(self, revision: Revision) -> bool:
        """Whether a commit is reachable. A mirror also keeps what a force-push lost."""
        with self._reading:
            if any(revision == each.revision for log in self._logs.values() for each in log):
                return True
            if self._known is None:
                listed = self.git("rev-list", self.head).split() if self.head else ()
                self._known = frozenset(map(Revision, listed))
            return revision in self._known

    def log(self, path: str | None) -> tuple[Commit, ...]:
        """The log, read once for each path."""
        with self._reading:
            if path not in self._logs:
                self._logs[path] = log_of(self.git, self.head, path) if self.head else ()
            return self._logs[path]

    def earlier(self, revision: Revision, path: str) -> str:
        """A file as it was at a commit, read once. Raises `GitFailed` where there was none."""
        with self._reading:
            if (revision, path) not in self._earlier:
                self._earlier[revision, path] = self.git("cat-file", "blob", f"{revision}:{path}")
            return self._earlier[revision, path]
