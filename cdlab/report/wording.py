"""
How numbers, measures and phases are written for people: the words of every report.

In: values as measures return them. Out: short texts without markup. Called by the terminal tables,
the HTML and the findings, so that a number looks the same wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING = "–"
"""Shown where a measure has no answer. Never 0."""

MEASURE_TITLES: Mapping[str, str] = {
    "rollback_seconds": "rollback time, s",
    "lead_time_seconds": "lead time, s",
    "stayed_rolled_back": "stayed rolled back",
    "bad_is_back_after_next_push": "next push brings the bad change back",
    "divergence_after_rollback": "what contradicts the running image",
    "code_coupling": "DC: changes that need a code repo",
    "write_touch_of_a_rollback": "boxes a rollback writes",
    "touch_of_a_rollback": "boxes a rollback touches",
    "touch_of_a_deploy": "boxes a deploy touches",
    "touch_of_a_manual_release": "boxes a manual release touches",
    "rebuilds": "builds per rollback",
    "registry_bytes": "bytes written to the registry",
    "artifact_fidelity": "replicas on the known-good digest",
    "history_rewrites": "history rewrites",
    "good_commits_lost": "good commits lost",
    "collateral": "other workloads a rollback changes",
    "writable_resources": "writable resources",
    "cluster_credentials_outside": "cluster credentials outside",
    "blast_radius": "blast radius",
    "components_to_roll_back": "must be up to roll back",
    "components_to_roll_back_cold": "must be up, image on no node",
    "components_to_deploy": "must be up to deploy",
    "pulled_bytes": "bytes that nodes pull for it",
    "good_commits_withdrawn": "good commits withdrawn",
    "version_independence": "pinned versions that stay",
    "change_amplification": "workloads one push changes",
    "privilege_concentration": "privilege, Herfindahl",
    "mediated_blast_radius": "blast radius through the config repo",
    "reach": "reach of a code change",
    "propagation_cost": "propagation cost",
    "manual_steps": "steps by hand",
    "first_deployment_steps": "steps by hand of the first deployment",
    "rejected_pushes": "pushes rejected",
    "ssot_divergence": "config repo differs, mean share",
    "ssot_divergence_maximum": "config repo differs, most at once",
    "ssot_divergence_ended_by": "what ended the longest of it",
    "incompatible_seconds": "unmet needs, s",
    "cluster_rebuild": "rebuild",
    "rebuild_seconds": "rebuild time, s",
    "restoring_seconds": "pods back after a node died, s",
    "outage_matrix": "done while a box is down",
    "pods_changed_by_moves": "pods that moves change",
    "files_differing_after_moves": "config files that lie after moves",
    "move_seconds": "time to move, s",
    "move_steps": "steps by hand to move",
    "is_finished": "came to its end",
    "serves_at_end": "serves",
    "replicas_at_end": "Ready pods",
}
"""Measure -> what it is called in a table. The definitions are in `docs/measures.md`."""


def title(measure: str) -> str:
    """The name of a measure in a table; one without a title keeps its own."""
    return MEASURE_TITLES.get(measure, measure.replace("_", " "))


def seconds(value: float | None) -> str:
    """Three significant digits, without the unit."""
    if value is None:
        return NOTHING
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def duration(value: float) -> str:
    """A long time in the largest unit that it is a whole number of: `30 days`, `240 s`."""
    days, rest = divmod(value, 86_400)
    return f"{value:g} s" if rest or not days else count(int(days), "day")


def size(value: float | None) -> str:
    """Bytes in the unit that keeps them short. 1 kB is 1000 bytes, as registries count."""
    if value is None:
        return NOTHING
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def number(value: Any) -> str:
    """Whole numbers whole, the rest with three digits; booleans and words as words."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):  # of words, the share of the runs
        return ", ".join(f"{word} {share_of_runs(share)}" for word, share in value.items())
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 999.5 else f"{value:.3g}"
    return str(value)


def share_of_runs(value: Any) -> str:
    """A yes-or-no measure: a word where all runs agree, else the share that said yes."""
    if value is None or value in (0, 1):
        return number(None if value is None else bool(value))
    return f"{value:.0%}".replace("%", " %")


def value_of(measure: str, value: Any) -> str:
    """Any measure as text; a mapping as `ci 1, manager 3, maximum 3`."""
    if measure in ("ssot_divergence_ended_by", "divergence_after_rollback"):
        return number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {number(each)}" for key, each in value.items())
    if measure.endswith("_seconds") and value is not None:
        return seconds(value)
    if measure.endswith("_bytes"):
        return size(value)
    if measure in ("stayed_rolled_back", "bad_is_back_after_next_push", "is_finished"):
        return share_of_runs(value)
    return number(value)


def times(ratio: float | None) -> str:
    """How a time compares: `3.0× faster`, `8.3× slower`, `the same`."""
    if ratio is None:
        return NOTHING
    if ratio <= 0:
        return "slower"
    if 0.995 <= ratio <= 1.005:
        return "the same"
    return f"{_factor(ratio)}× faster" if ratio > 1 else f"{_factor(1 / ratio)}× slower"


def interval(low: float | None, high: float | None) -> str:
    """The ends in the words of the median, the smaller factor first: `6.9 – 8.3× slower`."""
    if low is None or high is None:
        return NOTHING
    ends = [times(end) for end in (low, high)]
    if ends[0].endswith("slower") and ends[1].endswith("slower"):
        ends.reverse()
    first, second = ends
    if first == second:
        return first
    same = next((word for word in ("× slower", "× faster") if all(word in e for e in ends)), "")
    return f"{first.removesuffix(same)} – {second}"


def _factor(ratio: float) -> str:
    if ratio >= 99.5:
        return f"{ratio:.0f}"
    return f"{ratio:.1f}" if ratio >= 1.95 else f"{ratio:.2f}"


def count(value: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{value} {noun}" if value == 1 else f"{value} {noun}s"
