"""
Commits, trees and what git computes from them: ids, ancestors, logs and three-way merges.

Pure and immutable: a tree is a mapping from path to text that nobody changes, so commits, clones
and servers share it. In: texts and commits. Out: commits, logs, merged texts. Called by `git.py`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from hashlib import sha1

from cdlab.model import Commit, Content, Principal, Revision

Tree = Mapping[str, str]
"""Path -> text. Never changed once a commit has it."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredCommit:
    """A commit with its files. It holds its parents, so that it holds its whole history."""

    summary: Commit
    parents: tuple[StoredCommit, ...]
    tree: Tree
    tree_id: int
    """What its content is named after."""
    changed: frozenset[str]
    """The files in which it differs from its first parent."""
    folders: frozenset[str]
    """Every folder of the tree."""
    content: Content
    author: Principal
    time_us: int
    generation: int
    """One more than the highest of its parents: a child always sorts after them."""

    @property
    def revision(self) -> Revision:
        """Its id."""
        return self.summary.revision

    @property
    def age(self) -> tuple[int, int, str]:
        """What a log sorts by: newest first, children before parents, then by id."""
        return -self.time_us, -self.generation, self.summary.revision


@lru_cache(maxsize=8192)
def blob_id(text: str) -> str:
    """The id that git gives a file of this text."""
    data = text.encode()
    return sha1(b"blob %d\0" % len(data) + data).hexdigest()


@lru_cache(maxsize=8192)
def _file_id(path: str, text: str) -> int:
    return int.from_bytes(sha1(f"{blob_id(text)} {path}".encode()).digest(), "big")


def _changed(tree: Tree, before: Tree, among: Iterable[str] | None) -> frozenset[str]:
    """The files that are new, gone or of another text; *among* names all that can be."""
    paths = {*tree, *before} if among is None else among
    return frozenset(path for path in paths if before.get(path) != tree.get(path))


def folders_of(path: str) -> list[str]:
    """The folders that a file stands in, the outermost first."""
    return [path[:end] for end, letter in enumerate(path) if letter == "/"]


def _folders(tree: Tree, changed: Iterable[str], before: StoredCommit | None) -> frozenset[str]:
    is_smaller = not all(path in tree for path in changed)
    known = before.folders if before and not is_smaller else frozenset()
    paths = changed if before and not is_smaller else tree
    new = {folder for path in paths for folder in folders_of(path)}
    return known if new <= known else known | new


def _tree_id(tree: Tree, changed: Iterable[str], parent: StoredCommit | None) -> int:
    """
    The id of a tree: equal files, equal id. Not git's own, which has an object per folder.

    An exclusive or over the files, so that a commit costs what it changes and not the whole tree.
    """
    number = parent.tree_id if parent else 0
    for path in changed:
        for texts in (parent.tree if parent else EMPTY, tree):
            if path in texts:
                number ^= _file_id(path, texts[path])
    return number


EMPTY: Tree = {}
EMPTY_CONTENT = Content(sha1(b"0").hexdigest())


def make_commit(
    tree: Tree,
    parents: tuple[StoredCommit, ...],
    message: str,
    by: tuple[Principal, int],
    among: Iterable[str] | None = None,
) -> StoredCommit:
    """
    The same files, parents, message, author and time in µs make the same commit, as in git.

    *among* names the only files that can differ from the first parent's, so that they alone are
    compared.
    """
    author, time_us = by
    first = parents[0] if parents else None
    changed = _changed(tree, first.tree if first else EMPTY, among)
    tree_id = _tree_id(tree, changed, first)
    content = Content(sha1(f"{tree_id:x}".encode()).hexdigest())
    ids = tuple(parent.summary.revision for parent in parents)
    text = f"{content}\n{' '.join(ids)}\n{author} {time_us}\n\n{message}"
    revision = Revision(sha1(text.encode()).hexdigest())
    generation = 1 + max((parent.generation for parent in parents), default=0)
    summary = Commit(revision, ids, message, time_us)
    folders = _folders(tree, changed, first)
    return StoredCommit(
        summary, parents, tree, tree_id, changed, folders, content, author, time_us, generation
    )


Log = tuple[StoredCommit | None, list[StoredCommit]]
"""A head, and what `log_of` found from there."""


def reachable(
    head: StoredCommit | None, known: Container[Revision] = ()
) -> dict[Revision, StoredCommit]:
    """The commits that a head stands on, itself included, without what stands below known ones."""
    found: dict[Revision, StoredCommit] = {}
    pending = [head] if head else []
    while pending:
        commit = pending.pop()
        if commit.revision not in found and commit.revision not in known:
            found[commit.revision] = commit
            pending += commit.parents
    return found


def is_ancestor(old: StoredCommit, new: StoredCommit) -> bool:
    """Whether `new` stands on `old`, or is it."""
    seen = {new.revision}
    pending = [new]
    while pending:
        commit = pending.pop()
        if commit.revision == old.revision:
            return True
        for parent in commit.parents:
            if parent.generation >= old.generation and parent.revision not in seen:
                seen.add(parent.revision)
                pending.append(parent)
    return False


def newest_first(commits: Iterable[StoredCommit]) -> list[StoredCommit]:
    """Sort commits as `git log` does."""
    return sorted(commits, key=lambda commit: commit.age)


def log_of(
    head: StoredCommit | None, path: str | None, earlier: Log | None = None
) -> list[StoredCommit]:
    """
    The commits of a head, newest first; with *path*, a file or folder, those that changed it.

    Simplified as `git log -- path` is: a commit that has the path as one of its parents has it is
    left out, and the walk goes on with that parent alone. So a merge shows only where it combined
    two changes of the same path. The walk ends at *earlier*, a log of the same path, if that is
    all that is left of it.
    """
    if path is None:
        return newest_first(reachable(head).values())
    shown: list[StoredCommit] = []
    seen = set()
    pending = [head] if head else []
    is_file = head is not None and path in head.tree
    end, known = earlier or (None, [])
    while pending:
        commit = pending.pop()
        while (
            is_file
            and commit is not end
            and len(commit.parents) == 1
            and path not in commit.changed
        ):
            (commit,) = commit.parents
        if commit is end and not pending:
            shown += [each for each in known if each.revision not in seen]
            break
        if commit.revision in seen:
            continue
        seen.add(commit.revision)
        here = _at(commit.tree, path)
        same = next((each for each in commit.parents if _at(each.tree, path) == here), None)
        if same is not None:
            pending.append(same)
            continue
        if commit.parents or here:
            shown.append(commit)
        pending += commit.parents
    return newest_first(shown)


def _at(tree: Tree, path: str) -> str | tuple[tuple[str, str], ...]:
    """A file's text, or the files of a folder; an empty tuple where there is neither."""
    if path in tree:
        return tree[path]
    return tuple(sorted((each, text) for each, text in tree.items() if each.startswith(f"{path}/")))


def three_way(base: Tree, ours: Tree, theirs: Tree) -> tuple[dict[str, str], tuple[str, ...]]:
    """
    Do to `ours` what was done from `base` to `theirs`.

    Returns the files and the paths in conflict: what both sides changed, in the same or in
    neighbouring lines.
    """
    merged = dict(ours)
    conflicts = []
    for path in sorted({*base, *theirs}):
        before, wanted, here = base.get(path), theirs.get(path), ours.get(path)
        if wanted in (before, here):
            continue
        result = wanted
        if here != before:
            texts = (before, here, wanted)
            result = None if None in texts else merge_lines(*map(str, texts))
            if result is None:
                conflicts.append(path)
                continue
        if result is None:
            del merged[path]
        else:
            merged[path] = result
    return merged, tuple(conflicts)


def merge_lines(base: str, ours: str, theirs: str) -> str | None:
    """
    Combine two changes of a text; None if they meet. The same change on both sides does not.

    Where lines repeat, git may match them up in another way: in random edits of files of six
    lines, one revert in 400 came out otherwise.
    """
    lines = base.splitlines(keepends=True)
    merged: list[str] = []
    position, last = 0, (-1, -1, [""])
    for edit in sorted(_edits(lines, ours) + _edits(lines, theirs)):
        start, end, replacement = edit
        if edit == last:
            continue
        if start <= last[1]:
            return None
        merged += lines[position:start] + replacement
        position, last = end, edit
    return "".join(merged + lines[position:])


def _edits(lines: list[str], text: str) -> list[tuple[int, int, list[str]]]:
    """What turns the lines into the text: which of them (from, to) become which others."""
    others = text.splitlines(keepends=True)
    steps = SequenceMatcher(None, lines, others, autojunk=False).get_opcodes()
    return [(i, j, others[k:m]) for tag, i, j, k, m in steps if tag != "equal"]
