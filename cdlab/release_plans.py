"""
The planner's answer: an outcome, and where something is to change, the file and the commit.

Values. Made by `releases` and `environment_plans`, read by V3's page and the desk.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdlab.model import Decision, Outcome
from cdlab.release_requests import ReleaseRequest


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer: an outcome, and where it is `released` the file and the commit that do it."""

    outcome: Outcome
    """A change of policy is `released` too, without an image: nothing new will run."""
    manifest: str = ""
    """The file; of a whole environment its policy, which is nothing to apply."""
    commit_message: str = ""

    def decision(self, request: ReleaseRequest) -> Decision:
        """What to tell the `Decisions` port."""
        return Decision(
            request.cause, request.workload, request.environment, self.outcome, request.user
        )
