"""
What was released when, by whom and why: read from git alone.

In: a checkout of the config repo. Out: `PastRelease` values, newest first. A release is a commit
with trailers; a commit by hand is listed too, with what git knows of it. Called by
`manager.desk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cdlab.config_layout import config_path, noted_health
from cdlab.dates import rfc3339
from cdlab.manager.commands import PastRelease
from cdlab.model import Commit
from cdlab.ports import Checkout
from cdlab.release_commits import trailer


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
    told = partial(trailer, commit)
    subject, _, rest = commit.message.partition("\n\n")
    said, _, more = rest.partition("\n\n")
    where = told("Environment"), told("Workload")
    return PastRelease(
        revision=commit.revision,
        time=rfc3339(commit.time_us / 1_000_000),
        cause=told("Cause"),
        user=told("User"),
        workload=where[1],
        environment=where[0],
        before=told("From"),
        after=told("To"),
        hold=told("Hold").removeprefix("none"),
        message=said if more else subject,
        is_healthy=noted_health(commit.note, *where)[0],
    )
