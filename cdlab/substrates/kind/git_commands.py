"""
The git commands of one principal, run through GitPython, and what their failures mean.

In: a git folder, a login, arguments. Out: what git printed, or `GitFailed`, which `trouble` and
`push_trouble` turn into errors of the port. Who calls it: `git.py` and `checkouts.py`.

A login travels in the environment, never on a command line or in a URL. Nobody's own git
configuration, credentials, hooks or proxies have a say, and git never asks a question.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cdlab.errors import Forbidden, PortError, PushRejected, RepositoryUnavailable
from cdlab.model import Revision
from cdlab.substrates.kind.credentials import basic

TIME_LIMIT_SECONDS = 60.0
"""For one command. The slowest, a first fetch, takes 0.1 s on an idle machine."""
NOTES = "refs/notes/cdlab-health"
MAIN = "refs/heads/main"

_REVISION = re.compile(r"[0-9a-f]{40}")
_REFUSED = re.compile(
    r"authentication failed|could not read username|returned error: 40[13]|pre-receive hook", re.I
)
_UNREACHED = re.compile(r"failed to connect|couldn't connect|could not resolve|refused", re.I)
_LOST_RACE = re.compile(
    r"\[rejected\]|failed to update ref|cannot lock ref|incorrect old value|reference already", re.I
)
_CONFIGURATION = {
    "core.abbrev": "no",
    "core.autocrlf": "false",
    "core.fsync": "none",
    "core.hooksPath": os.devnull,
    "core.quotePath": "false",
    "commit.gpgSign": "false",
    "credential.helper": "",
    "gc.auto": "0",
    "http.proxy": "",
    "maintenance.auto": "false",
    "protocol.version": "2",
}
"""`core.abbrev=no` makes `git push --porcelain` tell whole ids. Temporary clones need no fsync."""


def is_revision(text: str) -> bool:
    """Whether it is a full commit id, and so nothing that git could take for an option."""
    return _REVISION.fullmatch(text) is not None


class GitFailed(Exception):
    """A git command ended with an error. Never leaves the package."""

    def __init__(self, status: int, output: str, complaint: str) -> None:
        super().__init__(complaint.strip() or output.strip() or f"exit status {status}")
        self.status = status
        self.output = output


@dataclass(frozen=True)
class GitCommands:
    """git in one repository on this machine."""

    principal: str
    login: tuple[str, str] | None = field(repr=False)
    """(user, password) at the git server; None for a principal that has none."""
    git_folder: Path
    worktree: Path | None = None
    """None for a bare repository."""

    def __call__(self, *arguments: str) -> str:
        """Run `git *arguments*` and return its standard output. Blocks; for threads too."""
        from git import Git
        from git.exc import GitCommandNotFound

        try:
            status, output, complaint = Git(self.worktree or self.git_folder).execute(
                ["git", *arguments],
                env=self._environment(),
                with_extended_output=True,
                with_exceptions=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=TIME_LIMIT_SECONDS,
            )
        except GitCommandNotFound as error:
            raise GitFailed(127, "", "there is no git on the PATH") from error
        if status != 0:
            raise GitFailed(status, str(output), str(complaint))
        return str(output)

    def piped(self, *arguments: str, given: bytes) -> bytes:
        """Run a command that reads *given*, and return what it prints, as it is."""
        from git import Git

        with tempfile.TemporaryFile() as source:
            source.write(given)
            source.seek(0)
            status, output, complaint = Git(self.worktree or self.git_folder).execute(
                ["git", *arguments],
                istream=source,
                env=self._environment(),
                with_extended_output=True,
                with_exceptions=False,
                strip_newline_in_stdout=False,
                stdout_as_string=False,
                kill_after_timeout=TIME_LIMIT_SECONDS,
            )
        if status != 0:
            raise GitFailed(status, "", str(complaint))
        assert isinstance(output, bytes)
        return output

    def succeeds(self, *arguments: str) -> bool:
        """Whether a command that asks a yes-or-no question says yes."""
        try:
            self(*arguments)
        except GitFailed:
            return False
        return True

    def _environment(self) -> dict[str, str]:
        # Every place is named, for git may have been started by a hook that exports others.
        places = {
            "GIT_DIR": self.git_folder,
            "GIT_INDEX_FILE": self.git_folder / "index",
            "GIT_OBJECT_DIRECTORY": self.git_folder / "objects",
            "GIT_COMMON_DIR": self.git_folder,
            "HOME": self.git_folder,
        }
        if self.worktree is not None:
            places["GIT_WORK_TREE"] = self.worktree
        configuration = dict(_CONFIGURATION)
        if self.login is not None:
            configuration["http.extraHeader"] = f"Authorization: {basic(*self.login)}"
        who, address = self.principal, f"{self.principal}@cdlab.invalid"
        environment = {name: str(place) for name, place in places.items()} | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_PARAMETERS": "",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_EDITOR": "true",
            "GIT_AUTHOR_NAME": who,
            "GIT_AUTHOR_EMAIL": address,
            "GIT_COMMITTER_NAME": who,
            "GIT_COMMITTER_EMAIL": address,
            "GIT_CONFIG_COUNT": str(len(configuration)),
        }
        for number, (key, value) in enumerate(configuration.items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment


def trouble(failure: GitFailed, tried: str) -> PortError:
    """Return what a failed exchange with the server means."""
    message = f"{tried}: {failure}"
    if _REFUSED.search(str(failure)):
        return Forbidden(message, help="its grant does not allow that, see grants.toml")
    is_definite = _UNREACHED.search(str(failure)) is not None
    return RepositoryUnavailable(message, help="cdlab status", definite=is_definite)


def push_trouble(failure: GitFailed, tried: str) -> PortError:
    """Return what a failed push means: `git push --porcelain` says it on standard output."""
    if _REFUSED.search(failure.output):
        return Forbidden(f"{tried}: {failure}", help="its grant does not allow that")
    if _LOST_RACE.search(failure.output):
        return PushRejected(
            f"{tried}: the branch has commits that this clone does not contain",
            help="clone again and repeat the change, or push with force",
        )
    return trouble(failure, tried)


@dataclass(frozen=True)
class Moved:
    """What `git push --porcelain` says a push did to a branch."""

    is_forced: bool
    previous: Revision | None

    @classmethod
    def parse(cls, output: str, pushed: Revision) -> Moved:
        """Read `<flag> TAB <from>:<to> TAB <old>..<new>`; three dots after a forced update."""
        line = next(line for line in output.splitlines() if line.count("\t") == 2)
        flag, _, summary = line.split("\t")
        if flag == "=":
            return cls(False, pushed)
        old = summary.partition("..")[0]
        return cls(flag == "+", Revision(old) if is_revision(old) else None)
