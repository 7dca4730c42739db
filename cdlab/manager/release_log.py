"""
What was released when, by whom and why: read from git alone.

In: a checkout of the config repo. Out: `PastRelease` values, newest first. A release is a commit
with trailers; a commit by hand is listed too, with what git knows of it. Called by
`manager.desk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from cdlab.manager.commands import PastRelease
from cdlab.model import Commit
from cdlab.ports import Checkout
from cdlab.releases import config_path, health_note

TRAILERS = ("Cause", "User", "Environment", "Workload", "From", "To", "Hold")


def past_releases(
    checkout: Checkout, workload: str = "", environment: str = ""
) -> Iterator[PastRelease]:
    """Every release, or those of a workload, an environment or both."""
    path = config_path(environment, workload) if workload and environment else None
    for commit in checkout.log(path):
        found = _release(commit)
        where = found.workload or workload, found.environment or environment
        if workload in ("", where[0]) and environment in ("", where[1]):
            yield found


def _release(commit: Commit) -> PastRelease:
    told = trailers(commit.message)
    subject, _, rest = commit.message.partition("\n\n")
    said = rest.partition("\n\n")[0] if told else subject
    where = told.get("Environment", ""), told.get("Workload", "")
    return PastRelease(
        revision=commit.revision,
        time=written(commit.time_us),
        cause=told.get("Cause", ""),
        user=told.get("User", ""),
        workload=where[1],
        environment=where[0],
        before=told.get("From", ""),
        after=told.get("To", ""),
        hold=told.get("Hold", "none").removeprefix("none"),
        message=subject if said.startswith("Release-Id: ") else said,
        is_healthy=health_note(*where) in commit.note.splitlines(),
    )


def trailers(message: str) -> dict[str, str]:
    """The trailers of a release's commit; none where its last paragraph has no Release-Id."""
    last = message.strip().rpartition("\n\n")[2].splitlines()
    pairs = dict(line.split(": ", 1) for line in last if ": " in line)
    return pairs if "Release-Id" in pairs else {}


def written(time_us: int) -> str:
    """A time as people and programs read it, RFC 3339 in whole seconds."""
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
