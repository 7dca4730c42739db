"""
Commits and pushes that take one process where git's own commands take nine.

In: a repository, the commit to go on from, texts. Out: a new commit that `git commit` would have
made of them; and whether the server took it. Who calls it: `checkouts.py`, for what a release does:
some files changed on top of what was cloned, and pushed. Whatever is not just that, or goes wrong,
is left to git's own commands, which know what it means.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdlab.errors import RepositoryUnavailable
from cdlab.model import Content, Revision
from cdlab.substrates.kind.credentials import basic, connections
from cdlab.substrates.kind.git_commands import MAIN, TIME_LIMIT_SECONDS, GitCommands, GitFailed

RECEIVE = "git-receive-pack"


def cleaned(message: str) -> str:
    """As `git commit --cleanup=whitespace` leaves it; empty for one that git refuses."""
    lines = [line.rstrip(" \t\r") for line in message.split("\n")]
    kept = [line for before, line in zip(["", *lines], lines, strict=False) if before or line]
    return "\n".join(kept).rstrip("\n") + "\n" if any(kept) else ""


def commit(
    git: GitCommands, parent: Revision, files: Mapping[str, tuple[str, bytes]], message: str,
    ref: str,
) -> tuple[Revision, Content]:  # fmt: skip
    """
    Put files, path -> (mode, text), on top of *parent*, with a message that is `cleaned`.

    *ref* is a branch that nobody else uses: git wants one to be told of the commit. Raises
    `GitFailed`.
    """
    email = f"{git.principal}@cdlab.invalid"
    who = f"committer {git.principal} <{email}> now\n"
    stream = f"commit {ref}\nmark :1\n{who}".encode() + _data(message.encode())
    stream += f"from {parent}\n".encode()
    for path, (mode, text) in files.items():
        stream += f"M {mode} inline {path}\n".encode() + _data(text)
    stream += b'get-mark :1\nls :1 ""\n'
    told = git.piped("fast-import", "--quiet", "--force", "--date-format=now", given=stream)
    made, tree = told.decode().splitlines()
    return Revision(made), Content(tree.split()[2])


def _data(text: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(text), text)


def push(git: GitCommands, url: str, old: Revision, new: Revision) -> bool:
    """
    Move the server's main branch from *old* to *new*, a descendant of it.

    False if the server did not, for whatever reason: `git push` finds the same one. Raises
    `RepositoryUnavailable` where the answer does not come: it may be at work on it still.
    """
    import urllib3

    try:
        pack = git.piped(
            "pack-objects", "--quiet", "--revs", "--thin", "--stdout",
            given=f"{new}\n^{old}\n".encode(),
        )  # fmt: skip
        answer = connections(git.login).request(
            "POST",
            f"{url}/{RECEIVE}",
            body=_line(f"{old} {new} {MAIN}\0 report-status") + b"0000" + pack,
            headers=_headers(git.login),
            timeout=TIME_LIMIT_SECONDS,
        )
    except urllib3.exceptions.ReadTimeoutError as error:
        tried = f"{url}: the push of '{new[:7]}'"
        raise RepositoryUnavailable(f"{tried} got no answer", definite=False) from error
    except (urllib3.exceptions.HTTPError, GitFailed):
        return False
    return answer.status == 200 and _line(f"ok {MAIN}\n") in answer.data


def _line(text: str) -> bytes:
    """A line as git's protocol has it: after its length, itself included."""
    return b"%04x%b" % (len(text.encode()) + 4, text.encode())


def _headers(login: tuple[str, str] | None) -> dict[str, str]:
    found = {
        "Content-Type": f"application/x-{RECEIVE}-request",
        "Accept": f"application/x-{RECEIVE}-result",
    }
    return found | ({"Authorization": basic(*login)} if login else {})
