"""
What a team may not be able to do without, each decided by a run and never by the architecture.

In: the measures of the runs of one option. Out: whether a need is met. Adding one is a line below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Measures = Mapping[str, Any]


class Need(NamedTuple):
    """One of them."""

    asks: str
    """What is wanted, as a sentence."""
    story: str
    """The story whose runs decide it."""
    measure: str
    """The figure that decides it, which is shown as the reason."""
    is_met: Callable[[Any], bool]


NEEDS: Mapping[str, Need] = {
    "only-production": Need(
        "A rollback in production changes nothing anywhere else.",
        "rollback", "collateral", lambda value: value == 0,
    ),
    "same-image": Need(
        "A rollback ends on the very image that was good before.",
        "rollback", "artifact_fidelity", lambda value: value == 1,
    ),
    "record": Need(
        "After a rollback a repository still says what runs.",
        "rollback", "divergence_after_rollback", lambda value: value == "none",
    ),
    "no-relapse": Need(
        "The next push does not bring the bad change back into production.",
        "rollback", "bad_is_back_after_next_push", lambda value: value is False,
    ),
    "keep-good-commits": Need(
        "A rollback takes no good commit out of production.",
        "rollback", "good_commits_withdrawn", lambda value: value == 0,
    ),
    "approval": Need(
        "Nothing gets into production without somebody's decision.",
        "promotion", "manual_steps", lambda value: bool(value["promote"]),
    ),
    "ci-without-keys": Need(
        "CI has no credentials that can change what runs.",
        "rollback", "blast_radius", lambda value: not value.get("ci"),
    ),
    "repo-is-not-enough": Need(
        "Who can write the config repo and nothing else changes nothing that runs.",
        "rollback", "mediated_blast_radius", lambda value: not value,
    ),
    "one-source": Need(
        "A deleted cluster comes back from one repository.",
        "cluster-deleted", "cluster_rebuild", lambda value: value["sources"] == 1,
    ),
    "without-ci": Need(
        "Production can be rolled back while CI is down.",
        "outage", "outage_matrix", lambda value: value["rollback without ci"] is True,
    ),
}  # fmt: skip
"""Name -> need. Those of a story that is no rollback are played once for each option."""
