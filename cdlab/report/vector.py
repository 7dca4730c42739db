"""
What is tied to what: the whole vector of measures, a row for each, the article's variants.

In: a `Comparison`. Out: one grid, and the notes below it. Called by `page` and `html`.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from cdlab.architectures import ARCHITECTURES
from cdlab.comparison import Comparison, Result
from cdlab.report import wording
from cdlab.report.grid import Grid
from cdlab.report.wording import NOTHING
from cdlab.statistics import median

TITLE = "What is tied to what: every measure, article's variants"
NOT_SEEN = "not seen"
BLOCKS: tuple[tuple[str, ...], ...] = (
    (
        *("rollback_seconds", "lead_time_seconds", "stayed_rolled_back"),
        *("bad_is_back_after_next_push", "divergence_after_rollback"),
    ),
    (
        *("code_coupling", "write_touch_of_a_rollback", "touch_of_a_rollback"),
        *("touch_of_a_deploy", "touch_of_a_manual_release", "components_to_roll_back"),
        *("components_to_roll_back_cold", "components_to_deploy", "manual_steps"),
        *("first_deployment_steps", "rejected_pushes"),
    ),
    (
        *("rebuilds", "registry_bytes", "pulled_bytes", "artifact_fidelity", "history_rewrites"),
        *("good_commits_lost", "good_commits_withdrawn", "collateral"),
    ),
    ("version_independence", "change_amplification", "reach"),
    (
        *("writable_resources", "privilege_concentration", "cluster_credentials_outside"),
        *("blast_radius", "mediated_blast_radius", "propagation_cost"),
    ),
    (
        *("ssot_divergence", "ssot_divergence_maximum", "ssot_divergence_ended_by"),
        "incompatible_seconds",
    ),
    (
        *("cluster_rebuild", "rebuild_seconds", "restoring_seconds", "outage_matrix"),
        *("requests_sent", "requests_dropped"),
    ),
    ("is_finished", "serves_at_end", "replicas_at_end"),
)
"""Every measure, as `docs/measures.md` has them, in blocks of what belongs together."""
NOT_COMPARED = (
    "pods_changed_by_moves",
    "files_differing_after_moves",
    "move_seconds",
    "move_steps",
)
"""But these: a move goes through all architectures."""
PARTS: Mapping[str, Mapping[str, str]] = {
    "manual_steps": {"deploy": "deploy", "rollback": "rollback", "promote": "promote"},
    "reach": {"one_identity": "one CI identity", "one_each": "one each"},
    "writable_resources": {"ci": "CI", "manager": "manager", "maximum": "most"},
    "blast_radius": {"ci": "CI", "manager": "manager", "maximum": "most"},
    "privilege_concentration": {
        "one_manager": "one manager",
        "one_manager_per_environment": "one each",
    },
    "cluster_rebuild": {"digests": "images", "sources": "sources", "manual_steps": "steps"},
}
"""Measure with several values -> its keys, and their names in the row's title."""
SEEN_IN: Mapping[str, str] = {
    "bad_is_back_after_next_push": "",
    "version_independence": "newer-commit",
    "incompatible_seconds": "incompatible-services",
    "cluster_rebuild": "cluster-deleted",
    "rebuild_seconds": "cluster-deleted",
    "restoring_seconds": "node-lost",
    "outage_matrix": "",
    "requests_sent": "under-load",
    "requests_dropped": "under-load",
}
"""Measure -> the story that shows it; what is missing here `rollback` does."""


def vector(comparison: Comparison) -> Grid:
    """A row per measure, a column per architecture."""
    main = comparison.main
    rows: list[tuple[str, ...]] = []
    ends: list[int] = []
    for block in BLOCKS:
        rows += [_row(measure, list(main.values())) for measure in block]
        ends.append(len(rows) - 1)
    heads = tuple("\n".join([name.upper(), *wrap(ARCHITECTURES[name].title, 14)]) for name in main)
    return Grid(TITLE, ("measure", *heads), tuple(rows), last_of_block=tuple(ends[:-1]))


def notes(comparison: Comparison) -> list[str]:
    """What has to be said about the vector: of unseen rows, and of the one not to rank by."""
    main = list(comparison.main.values())
    unseen = [name for block in BLOCKS for name in block if _row(name, main)[1] == NOT_SEEN]
    said = [
        "Shares from 0 to 1 and counts; of times the median, of other numbers on which runs differ "
        "the mean. Propagation cost counts which of seven boxes reach which, and nothing of what "
        "may be done there: other boxes give another order, so do not rank by it alone. "
        "`docs/measures.md` defines every row."
    ]
    if unseen:
        where = dict.fromkeys(SEEN_IN.get(name, "rollback") for name in unseen)
        said.append(
            f"Not seen: this story does not ask for it, but {', '.join(filter(None, where))} do; "
            "what a next push does stands under the undos of rollback, and boxes that are down in "
            "`cdlab outages`."
        )
    return said


def _row(measure: str, results: list[Result]) -> tuple[str, ...]:
    cells = [_cell(measure, result) for result in results]
    if all(cell == NOTHING for cell in cells):
        cells = [NOT_SEEN] * len(cells)
    return (_title(measure, results), *cells)


def _title(measure: str, results: list[Result]) -> str:
    words = wording.title(measure)
    if measure in PARTS:
        return f"{words}: {' / '.join(PARTS[measure].values())}"
    found = next((r.measures()[measure] for r in results if r.measures()[measure]), None)
    if measure.endswith("_at_end") and isinstance(found, Mapping):
        return f"{words}: {' / '.join(found)}"
    return words


def _cell(measure: str, result: Result) -> str:
    if measure.endswith("_seconds"):
        return wording.seconds(median([run.measures[measure] for run in result.runs]))
    value: Any = result.measures()[measure]
    if not isinstance(value, Mapping) or measure not in PARTS:
        return _joined(value) if measure.endswith("_at_end") else wording.value_of(measure, value)
    values = [value.get(key) for key in PARTS[measure]]
    if all(each is None for each in values):
        return NOTHING
    return " / ".join(map(wording.number, values))


def _joined(value: Any) -> str:
    return " / ".join(map(wording.number, value.values())) if value else NOTHING
