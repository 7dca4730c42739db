"""
History -> numbers. Every number in a report is computed here, from a history and the grants.

Nothing here knows which substrate wrote the history. Definitions, expected values and where V3 has
to lose: `docs/measures.md`. A measure that a run cannot answer is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cdlab.coupling import (
    artifact_fidelity,
    blast_radius,
    cluster_credentials_outside,
    code_coupling,
    collateral,
    components_to_deploy,
    components_to_roll_back,
    good_commits_lost,
    history_rewrites,
    rebuilds,
    registry_bytes,
    touch_of_a_deploy,
    touch_of_a_manual_release,
    touch_of_a_rollback,
    writable_resources,
    write_touch_of_a_rollback,
)
from cdlab.history import History
from cdlab.rollback_time import (
    bad_is_back,
    lead_time_seconds,
    left_divergence,
    rollback_seconds,
    stayed_rolled_back,
)

MEASURES: Mapping[str, Callable[[History], Any]] = {
    "rollback_seconds": rollback_seconds,
    "lead_time_seconds": lead_time_seconds,
    "stayed_rolled_back": stayed_rolled_back,
    "bad_is_back_after_next_push": bad_is_back,
    "divergence_after_rollback": left_divergence,
    "code_coupling": code_coupling,
    "write_touch_of_a_rollback": write_touch_of_a_rollback,
    "touch_of_a_rollback": touch_of_a_rollback,
    "touch_of_a_deploy": touch_of_a_deploy,
    "touch_of_a_manual_release": touch_of_a_manual_release,
    "rebuilds": rebuilds,
    "registry_bytes": registry_bytes,
    "artifact_fidelity": artifact_fidelity,
    "history_rewrites": history_rewrites,
    "good_commits_lost": good_commits_lost,
    "collateral": collateral,
    "writable_resources": writable_resources,
    "cluster_credentials_outside": cluster_credentials_outside,
    "blast_radius": blast_radius,
    "components_to_roll_back": components_to_roll_back,
    "components_to_deploy": components_to_deploy,
}

IN_WORDS = ("divergence_after_rollback",)
"""Measures whose answer is a word. Others are numbers, true or false, or mappings to such."""


def measure(history: History) -> dict[str, Any]:
    """All measures of one run."""
    return {name: function(history) for name, function in MEASURES.items()}
