"""
What each story is about, as columns: which version runs where, what came back, what was dropped.

In: a result with its measures over all runs. Out: cells. Called by `tables`, which drops columns
that no row has an answer for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cdlab.comparison import Result
from cdlab.report import wording
from cdlab.report.wording import NOTHING
from cdlab.statistics import median


@dataclass(frozen=True, slots=True)
class Line:
    """A result with what its cells need."""

    result: Result
    measures: Mapping[str, Any]
    base: Result | None
    """V1's main row; None in that row itself."""


Cell = Callable[[Line], str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: how its cells are made, and what the legend says of it."""

    cell: Cell
    legend: str


def counted(name: str) -> Cell:
    """A measure as it is."""
    return lambda line: wording.value_of(name, line.measures[name])


def part(name: str, key: str) -> Cell:
    """One value of a measure that has several."""
    return lambda line: wording.number((line.measures[name] or {}).get(key))


def middle(name: str) -> Cell:
    """The median of a time; a run that has none counts as longer than all others."""
    return lambda line: wording.seconds(median([run.measures[name] for run in line.result.runs]))


def everywhere(name: str) -> Cell:
    """A measure by environment, one after the other."""

    def cell(line: Line) -> str:
        found = line.measures[name] or {}
        values = [wording.number(value) for value in found.values()]
        is_long = any(isinstance(value, Mapping) for value in found.values())
        return (" /\n" if is_long else " / ").join(values) if values else NOTHING

    return cell


SERVES = Column(
    everywhere("serves_at_end"),
    "Serves at the end: the version of the story's microservice in each environment, in order.",
)
READY = Column(everywhere("replicas_at_end"), "Ready pods: at the end, in each environment.")
DIFFER = Column(
    counted("ssot_divergence_maximum"),
    "Repo and cluster differ: the largest share of workloads at one time; V1 has no config repo.",
)
FACTS: Mapping[str, Mapping[str, Column]] = {
    "first-deployment": {
        "steps by\nhand": Column(
            counted("first_deployment_steps"),
            "Steps by hand: until everything runs everywhere, the pushes of code among them.",
        ),
        "serves at\nthe end": SERVES,
    },
    "promotion": {
        "steps to\npromote": Column(
            part("manual_steps", "promote"), "Steps to promote: what a person does for it."
        ),
        "serves at\nthe end": SERVES,
        "repo and\ncluster differ": DIFFER,
    },
    "promote-one-of-two": {"serves at\nthe end": SERVES},
    "different-versions": {
        "serves at\nthe end": SERVES,
        "changed by\none push": Column(
            counted("change_amplification"), "Changed by one push: workloads, nobody agreeing."
        ),
        "repo and\ncluster differ": DIFFER,
    },
    "two-teams": {
        "pushes\nrejected": Column(
            counted("rejected_pushes"), "Pushes rejected: they came second to somebody else's."
        ),
        "serves at\nthe end": SERVES,
        "repo and\ncluster differ": DIFFER,
    },
    "older-build-last": {"serves at\nthe end": SERVES},
    "incompatible-services": {
        "unmet\nneeds": Column(
            counted("incompatible_seconds"),
            "Unmet needs: time in which a service ran without an interface that it needs.",
        ),
        "serves at\nthe end": SERVES,
    },
    "roll-back-twice": {"serves at\nthe end": SERVES},
    "newer-commit": {"serves at\nthe end": SERVES},
    "newer-image": {"serves at\nthe end": SERVES},
    "bad-manifest": {"Ready\npods": READY, "serves at\nthe end": SERVES},
    "out-of-band": {
        "serves at\nthe end": SERVES,
        "repo and\ncluster differ": DIFFER,
        "ended\nby": Column(
            counted("ssot_divergence_ended_by"), "Ended by: what ended the longest difference."
        ),
    },
    "image-patch": {"serves at\nthe end": SERVES, "repo and\ncluster differ": DIFFER},
    "cluster-deleted": {
        "images\nback": Column(
            part("cluster_rebuild", "digests"), "Images back: share of the digests that ran before."
        ),
        "sources": Column(
            part("cluster_rebuild", "sources"), "Sources: repositories that it took."
        ),
        "steps by\nhand": Column(
            part("cluster_rebuild", "manual_steps"), "Steps by hand: beside an empty cluster."
        ),
        "time": Column(middle("rebuild_seconds"), "Time: until everything served as before."),
    },
    "node-lost": {
        "Ready\npods": READY,
        "pods\nback": Column(
            middle("restoring_seconds"), "Pods back: from the first missing until all are there."
        ),
    },
    "under-load": {
        "requests\nsent": Column(counted("requests_sent"), ""),
        "dropped": Column(counted("requests_dropped"), "Dropped: requests without an answer."),
    },
}
"""Story -> the columns of what it is about."""
