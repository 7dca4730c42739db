"""
What somebody, or automation, asks of the planner: one shape for every cause.

Made by V3's page, by commands and by tests; read by `releases` and what it is put together from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cdlab.candidates import MOST_NEW_TAGS
from cdlab.config_layout import POLICY, config_path
from cdlab.model import ImageRef, RollbackRequest, Tag
from cdlab.policy_edits import PolicyEdit

Cause = Literal["automation", "release", "promotion", "rollback", "policy"]
NEWER = "newer"
"""As the lift rule of a rollback: an image newer than the one it goes away from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRequest:
    """What an environment should run, or by which policy."""

    cause: Cause
    workload: str
    """Empty where the policy of the whole environment is to change."""
    environment: str
    user: str
    now: float
    """Seconds since 1970. It lifts locks and holds, and dates them."""
    message: str = ""
    image: ImageRef | None = None
    """Release, promotion: the image, by digest or by a tag that is listed. None: the newest."""
    tags: tuple[Tag, ...] = ()
    """Automation, and a release of the newest: what the registry lists, in any order."""
    repository: str = ""
    """The image repository of those tags."""
    most_new_tags: int = MOST_NEW_TAGS
    """Automation: how many may be newer than what runs."""
    is_forced: bool = False
    """Go past a lock. Recorded in the commit."""
    to: str | None = None
    """
    Rollback: what to go back to, by the image's tag or digest or by the config repo's revision (7
    digits do). It need not be noted healthy. None: the last healthy release before this one.
    """
    has_hold: bool = True
    """Rollback: whether to stop automation in the same commit. False is the naive variant."""
    until: str = "resumed"
    """Rollback: what lifts that hold, as in the annotation, or `newer`."""
    image_only: bool = False
    """Rollback: take nothing but the image from the earlier manifest."""
    is_bad: bool = False
    """Rollback: never choose the image again that it goes away from."""
    edit: PolicyEdit | None = None
    """Policy: what to change."""

    @classmethod
    def rollback(cls, asked: RollbackRequest, *, now: float, has_hold: bool) -> ReleaseRequest:
        """A release of something earlier, as somebody asked for it."""
        return cls(
            cause="rollback",
            workload=asked.workload,
            environment=asked.environment,
            user=asked.user,
            now=now,
            message=asked.message,
            to=asked.to,
            has_hold=has_hold,
            until=asked.until,
            image_only=asked.image_only,
            is_bad=asked.is_bad,
            is_forced=asked.is_forced,
        )

    @property
    def path(self) -> str:
        """The file of the config repo that decides it."""
        return config_path(self.environment, self.workload or POLICY)
