"""
Why something was not released: the closed list.

An outcome's reason begins with one of these, so that a program can count them; what follows is for
people. Used by `candidates` and the planner.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """How the reason of a skipped or refused request begins."""

    MANUAL = "manual"
    LOCKED = "locked"
    HELD = "held"
    SKIPPED = "skipped"
    """Somebody marked this image as one not to choose."""
    UP_TO_DATE = "up to date"
    TAG = "tag does not match"
    BRANCH = "branch does not match"
    OLDER = "older than current"
    NOT_LISTED = "the running image is not listed"
    """So nothing can be called newer than it."""
    TOO_MANY = "too many new tags at once"
    """An alarm: more likely a registry gone wrong than so many releases."""
    NO_IMAGE = "image not found"
    NOT_HEALTHY = "not healthy in"
    NO_EARLIER = "no earlier healthy release"
    NOT_EARLIER = "no such earlier release"
    NO_DIGEST = "the running image has no digest"
    UNCHANGED = "nothing to change"
    INVALID = "the policy would be invalid"

    @classmethod
    def of(cls, text: str) -> Reason | None:
        """Which one a reason is; None for what is not of this list, such as an error's message."""
        return next((each for each in cls if text.startswith(each)), None)
