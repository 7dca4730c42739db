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
    components_to_roll_back_cold,
    good_commits_lost,
    history_rewrites,
    privilege_concentration,
    rebuilds,
    touch_of_a_deploy,
    touch_of_a_manual_release,
    touch_of_a_rollback,
    writable_resources,
    write_touch_of_a_rollback,
)
from cdlab.divergence import (
    incompatible_seconds,
    ssot_divergence,
    ssot_divergence_ended_by,
    ssot_divergence_maximum,
)
from cdlab.history import History
from cdlab.incidents import (
    cluster_rebuild,
    outage_matrix,
    rebuild_seconds,
    rejected_pushes,
    requests_dropped,
    requests_sent,
    restoring_seconds,
)
from cdlab.independence import (
    change_amplification,
    good_commits_withdrawn,
    version_independence,
)
from cdlab.influence import mediated_blast_radius, propagation_cost, reach
from cdlab.manual_work import first_deployment_steps, manual_steps
from cdlab.moves import (
    files_differing_after_moves,
    move_seconds,
    move_steps,
    pods_changed_by_moves,
)
from cdlab.rollback_time import (
    bad_is_back,
    lead_time_seconds,
    left_divergence,
    rollback_seconds,
    stayed_rolled_back,
)
from cdlab.served import is_finished, replicas_at_end, serves_at_end
from cdlab.transfers import pulled_bytes, registry_bytes

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
    "pulled_bytes": pulled_bytes,
    "artifact_fidelity": artifact_fidelity,
    "history_rewrites": history_rewrites,
    "good_commits_lost": good_commits_lost,
    "good_commits_withdrawn": good_commits_withdrawn,
    "collateral": collateral,
    "version_independence": version_independence,
    "change_amplification": change_amplification,
    "writable_resources": writable_resources,
    "cluster_credentials_outside": cluster_credentials_outside,
    "privilege_concentration": privilege_concentration,
    "blast_radius": blast_radius,
    "mediated_blast_radius": mediated_blast_radius,
    "reach": reach,
    "propagation_cost": propagation_cost,
    "components_to_roll_back": components_to_roll_back,
    "components_to_roll_back_cold": components_to_roll_back_cold,
    "components_to_deploy": components_to_deploy,
    "manual_steps": manual_steps,
    "first_deployment_steps": first_deployment_steps,
    "rejected_pushes": rejected_pushes,
    "ssot_divergence": ssot_divergence,
    "ssot_divergence_maximum": ssot_divergence_maximum,
    "ssot_divergence_ended_by": ssot_divergence_ended_by,
    "incompatible_seconds": incompatible_seconds,
    "cluster_rebuild": cluster_rebuild,
    "rebuild_seconds": rebuild_seconds,
    "restoring_seconds": restoring_seconds,
    "outage_matrix": outage_matrix,
    "requests_sent": requests_sent,
    "requests_dropped": requests_dropped,
    "pods_changed_by_moves": pods_changed_by_moves,
    "files_differing_after_moves": files_differing_after_moves,
    "move_seconds": move_seconds,
    "move_steps": move_steps,
    "is_finished": is_finished,
    "serves_at_end": serves_at_end,
    "replicas_at_end": replicas_at_end,
}

IN_WORDS = ("divergence_after_rollback", "ssot_divergence_ended_by", "serves_at_end")
"""Measures whose answer is a word. Others are numbers, true or false, or mappings to such."""


def measure(history: History) -> dict[str, Any]:
    """All measures of one run."""
    return {name: function(history) for name, function in MEASURES.items()}
