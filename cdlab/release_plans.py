"""
The planner's answer: an outcome, and where something is to change, the file and the commit.

Values. Made by `releases` and `environment_plans`, read by V3's page and the desk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import unified_diff

from cdlab.model import Decision, Outcome
from cdlab.release_requests import ReleaseRequest


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a commit makes of one file of the config repo."""

    path: str
    before: str
    """Empty where the file is new."""
    after: str
    message: str
    """Of the commit."""

    @property
    def diff(self) -> str:
        """The same as a unified diff."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(unified_diff(before, after, f"a/{self.path}", f"b/{self.path}"))


@dataclass(frozen=True, slots=True)
class Released(Outcome):
    """An outcome that is a commit, and what that changes. Who asked is told both."""

    change: FileChange | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer: an outcome, which is `Released` where there is something to commit."""

    outcome: Outcome
    """A change of policy is `released` too, without an image: nothing new will run."""

    @property
    def change(self) -> FileChange | None:
        """What is to be committed."""
        return self.outcome.change if isinstance(self.outcome, Released) else None

    @property
    def manifest(self) -> str:
        """The file as it is to be; of a whole environment its policy, which is nothing to apply."""
        return self.change.after if self.change else ""

    @property
    def commit_message(self) -> str:
        """Of the commit that does it."""
        return self.change.message if self.change else ""

    def decision(self, request: ReleaseRequest) -> Decision:
        """What to tell the `Decisions` port."""
        return Decision(
            request.cause, request.workload, request.environment, self.outcome, request.user
        )
