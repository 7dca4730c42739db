"""
What V3's CI writes into an image so that its age can be told: when its commit was made, and where.

The date of a build says nothing about age: an older commit may be built last, and a build from the
cache keeps the date of the first. Flux v1 read the same label for the same reason. Pure; the
release manager never reads a code repo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cdlab.model import Commit

CREATED = "org.opencontainers.image.created"
"""The standard's label, a date as in RFC 3339."""
COMMITS = "dev.cdlab.commits"
"""How many commits the image's one stands on: git keeps whole seconds, this orders within one."""
BRANCH = "dev.cdlab.branch"
"""The branch that the commit was on, for policies that take images from some branches only."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def labels_of(commits: Sequence[Commit], branch: str = "main") -> dict[str, str]:
    """The labels for an image of the first of *commits*, a log with the newest first."""
    made = EPOCH + timedelta(microseconds=commits[0].time_us)
    return {CREATED: made.isoformat(), COMMITS: str(len(commits)), BRANCH: branch}


def age_of(labels: Mapping[str, str]) -> tuple[int, int] | None:
    """
    (microseconds since 1970, commits) as the labels say; None where they say nothing readable.

    Anybody can write labels, so what cannot be read counts as missing.
    """
    try:
        made = datetime.fromisoformat(labels[CREATED])
        commits = int(labels.get(COMMITS, "0"))
        return (made - EPOCH) // timedelta(microseconds=1), commits
    except (KeyError, TypeError, ValueError):
        return None


def branch_of(labels: Mapping[str, str]) -> str:
    """The branch as the labels say; empty where they say nothing readable."""
    branch = labels.get(BRANCH)
    return branch if isinstance(branch, str) else ""
