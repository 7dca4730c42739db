"""
`git push`, and what it says that it did.

In: a repository, a server's URL, a commit. Out: a report, or the port's errors. Who calls it:
`checkouts.py`, in a thread.
"""

from __future__ import annotations

from cdlab.model import PushReport, Revision
from cdlab.substrates.kind.git_commands import (
    MAIN,
    GitCommands,
    GitFailed,
    Moved,
    push_trouble,
)


def push(git: GitCommands, url: str, pushed: Revision, options: list[str]) -> PushReport:
    """Make a commit the head of the server's main branch."""
    name = url.rpartition("/")[2].removesuffix(".git")
    tried = f"{name}: the push of '{pushed[:7]}' as '{git.principal}'"
    try:
        output = git("push", "--porcelain", *options, url, f"{pushed}:{MAIN}")
    except GitFailed as failure:
        raise push_trouble(failure, tried) from failure
    moved = Moved.parse(output, pushed)
    lost: tuple[Revision, ...] = ()
    if moved.is_forced and moved.previous:
        lost = _lost(git, url, moved.previous, pushed)
    return PushReport(pushed, moved.previous, lost)


def _lost(git: GitCommands, url: str, previous: Revision, pushed: Revision) -> tuple[Revision, ...]:
    """Commits that only the old branch had, newest first; some may never have been here."""
    if not git.succeeds("cat-file", "-e", previous):
        # The server still has what it no longer shows, and gives it to who knows the id.
        git.succeeds("fetch", "--quiet", "--no-tags", url, previous)
    try:
        gone = git("rev-list", "--date-order", previous, f"^{pushed}").split()
    except GitFailed:
        return (previous,)
    return tuple(Revision(each) for each in gone)
