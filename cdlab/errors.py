"""
Every exception that cdlab raises on purpose.

Names say the condition. Adapters translate what their client library raised and chain it; nothing
above `substrates/kind` sees an exception of docker, kubernetes or git. What a scenario measures (a
refused release, an operation that an architecture cannot express) is a result with a reason and
never one of these.
"""

from __future__ import annotations

from collections.abc import Sequence


class CdlabError(Exception):
    """Base of the tree: what went wrong, and what the reader does next."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        """What to do next, with the command to type. Empty when there is nothing to add."""


def _at(path: str, line: int, what: str) -> str:
    """Where something is wrong, and what. Lines count from 1; 0 is the file as a whole."""
    return f"{path}:{line}: {what}" if line else f"{path}: {what}"


class ScenarioError(CdlabError):
    """A scenario file is wrong. One instance carries all its mistakes."""

    def __init__(self, path: str, mistakes: Sequence[tuple[int, str]], *, help: str = "") -> None:
        lines = "\n".join(_at(path, line, what) for line, what in mistakes)
        super().__init__(lines, help=help)
        self.path = path
        self.mistakes = tuple(mistakes)
        """(line, what is wrong), in the order of the file; 0 is the file as a whole."""


class ManifestError(CdlabError):
    """A Kubernetes manifest or an annotation in it cannot be read or edited safely."""

    def __init__(self, path: str, line: int, what: str, *, help: str = "") -> None:
        super().__init__(f"{path}:{line}: {what}", help=help)
        self.path = path
        self.line = line
        self.what = what


class NotExportable(CdlabError):
    """What runs cannot be written down as manifests. It carries all that is in the way."""

    def __init__(self, troubles: Sequence[str], *, help: str = "") -> None:
        super().__init__("\n".join(troubles), help=help)
        self.troubles = tuple(troubles)
        """A sentence each, with the environment and the name of what it is about."""


class HistoryError(CdlabError):
    """A history file is truncated, foreign or of another schema."""

    def __init__(self, path: str, line: int, what: str, *, help: str = "") -> None:
        super().__init__(_at(path, line, what), help=help)
        self.path = path
        self.line = line
        """0 is the file as a whole."""


class ResultsError(CdlabError):
    """A file of a benchmark's results is foreign, broken or of another schema."""

    def __init__(self, path: str, line: int, what: str, *, help: str = "") -> None:
        super().__init__(_at(path, line, what), help=help)
        self.path = path
        self.line = line
        """0 is the file as a whole."""


class SubstrateUnavailable(CdlabError):
    """This machine lacks something that the asked-for substrate needs."""

    def __init__(self, missing: str, *, help: str = "") -> None:
        super().__init__(missing, help=help)
        self.missing = missing


class Stalled(CdlabError):
    """Nothing can happen any more, or a deadline passed, and somebody still waits."""

    def __init__(self, waiting: Sequence[tuple[str, str]], *, reason: str) -> None:
        lines = "\n".join(f"  {actor} waits for {what}" for actor, what in waiting)
        super().__init__(f"{reason}\n{lines}")
        self.waiting = tuple(waiting)
        """(actor, what it waits for)."""


class StoryFailed(CdlabError):
    """Somebody in a story was refused what the story cannot go on without."""


class NotFound(CdlabError):
    """There is no workload, environment or page of that name."""


class NotUnderstood(CdlabError):
    """A request lacks a field, has one that nobody knows, or one of the wrong form."""


class InTheWay(CdlabError):
    """A file of somebody's stands where one was to be written. Nothing was changed."""


class NotWritable(CdlabError):
    """A file or a folder could not be written."""


class Undelivered(CdlabError):
    """Somebody outside could not be told something."""

    def __init__(self, message: str, *, help: str = "", is_final: bool = False) -> None:
        super().__init__(message, help=help)
        self.is_final = is_final
        """Whether trying again is no use: it was understood, and refused."""


class PortError(CdlabError):
    """The outside said no."""

    def __init__(self, message: str, *, help: str = "", definite: bool = True) -> None:
        super().__init__(message, help=help)
        self.definite = definite
        """False when the operation may have happened all the same: a time-out, a lost answer."""


class Forbidden(PortError):
    """The principal's credentials do not allow it. Nothing was changed."""


class PushRejected(PortError):
    """The branch moved since it was cloned, and the push was not forced. Nothing was changed."""


class NothingToCommit(PortError):
    """The checkout equals its parent commit."""


class MergeConflict(PortError):
    """A revert or a merge does not apply to what the checkout holds."""


class RevisionNotFound(PortError):
    """No commit of that id is reachable in the repository."""


class FileMissing(PortError):
    """The checkout has no file at that path."""


class RepositoryUnavailable(PortError):
    """The git server did not answer."""


class BuildFailed(PortError):
    """The image could not be built from this checkout."""


class ImageNotFound(PortError):
    """The registry has no image under that tag or digest."""


class RegistryUnavailable(PortError):
    """The registry did not answer."""


class WorkloadNotFound(PortError):
    """The environment has no workload of that name."""


class ManifestRejected(PortError):
    """The API server refused a manifest."""


class NoEarlierRollout(PortError):
    """`rollout undo` was asked for and the workload has only one rollout."""


class RolloutTimedOut(PortError):
    """The workload did not become available within its progress deadline."""


class ClusterUnavailable(PortError):
    """The API server did not answer."""


class CiUnavailable(PortError):
    """CI does not run, so nobody can have it run a step. Nothing was done."""


class ManagerUnavailable(PortError):
    """The release manager does not run. Nothing was asked of it."""
