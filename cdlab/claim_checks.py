"""
What a claim comes down to in numbers: one function for each, from runs to yes or no.

In: the runs of a case. Out: whether the claim holds there, and the numbers that say so. Called by
`claims.py`, which says which sentence and which scenarios.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdlab.runner import Run

Answer = tuple[bool, str]
"""Whether it holds, and the numbers."""


def rebuilds_a_copy(runs: Sequence[Run]) -> Answer:
    """The rollback builds, and what it builds is another image than the one that was good."""
    builds, fidelity = (runs[0].measures[name] for name in ("rebuilds", "artifact_fidelity"))
    phases = runs[0].phases
    share = (phases["build"] + phases["push"]) / sum(phases.values())
    return (
        builds >= 1 and fidelity == 0,
        f"{_count(builds, 'build')}, artifact fidelity {fidelity:g}, build and push are "
        f"{share:.0%} of the rollback time",
    )


def holds_the_cluster(runs: Sequence[Run]) -> Answer:
    """CI's credentials can change workloads."""
    radius = runs[0].measures["blast_radius"]["ci"]
    return radius > 0, f"CI can change {radius:.0%} of the workloads"


def is_the_same_everywhere(runs: Sequence[Run]) -> Answer:
    """All environments serve the same version."""
    served = runs[0].measures["serves_at_end"]
    return len(dict.fromkeys(served.values())) == 1, _listed(served)


def comes_back_from_one_source(runs: Sequence[Run]) -> Answer:
    """Every image comes back after the cluster is gone, and one repository says how."""
    found = runs[0].measures["cluster_rebuild"]
    is_so = found["digests"] == 1 and found["sources"] == 1
    return is_so, (
        f"{found['digests']:.0%} of the images come back, from {_count(found['sources'], 'source')}"
    )


def leaves_the_repo_lying(runs: Sequence[Run]) -> Answer:
    """The config repo says something else than what runs."""
    found = runs[0].measures["divergence_after_rollback"]
    is_back = runs[0].measures["bad_is_back_after_next_push"]
    later = "; the next push brings the bad release back" if is_back else ""
    return found == "config repo", f"what contradicts the cluster afterwards: {found}{later}"


def manager_releases_in_order(runs: Sequence[Run]) -> Answer:
    """The manager clones, commits, pushes and applies, in that order and after the image."""
    cone = runs[0].history.cone("deploy-1")
    pushed = next(event.seq for event in cone if event.kind == "ImagePushed")
    done = [e.kind for e in cone if e.principal == "manager" and e.seq > pushed]
    steps = ("RepositoryCloned", "Committed", "CommitPushed", "ManifestsApplied")
    places = [done.index(step) for step in steps if step in done]
    is_so = len(places) == len(steps) and places == sorted(places)
    return is_so, f"after the image: {', '.join(dict.fromkeys(done)) or 'nothing'}"


def releases_by_policy(runs: Sequence[Run]) -> Answer:
    """Staging is released to by automation alone, and production by promotions alone."""
    decided = [e for e in runs[0].history.of("Decided") if e.detail["status"] == "released"]
    by_whom = {
        where: sorted({e.detail["what"] for e in decided if e.resource == where} - {"rollback"})
        for where in runs[0].history.settings["environments"]
    }
    is_so = by_whom == {"staging": ["automation"], "production": ["promotion"]}
    return is_so, _listed({where: "+".join(whats) for where, whats in by_whom.items()})


def rolls_back_without_ci(runs: Sequence[Run]) -> Answer:
    """The way back worked while CI was down."""
    is_so = runs[0].measures["outage_matrix"]["rollback without ci"]
    return is_so, "rolled back while CI was down" if is_so else "no way back while CI was down"


def shares_no_box(runs: Sequence[Run]) -> Answer:
    """CI writes one box, and nobody else writes that one."""
    written = {
        who: sorted(
            {
                event.component
                for event in runs[0].history
                if event.principal == who and event.op in ("write", "apply")
            }
        )
        for who in ("developer", "ci", "manager")
    }
    ci = written["ci"]
    is_so = len(ci) == 1 and not set(ci) & {*written["developer"], *written["manager"]}
    return is_so, _listed({who: "+".join(boxes) for who, boxes in written.items() if boxes})


def small_loses_less(runs: Sequence[Run]) -> Answer:
    """Rolling a small release back takes less good work with it than a big one."""
    small, big = (run.measures["good_commits_withdrawn"] for run in runs)
    return small < big, f"good commits taken back: {small} of a release of one, {big} of one of ten"


def fits_together(runs: Sequence[Run]) -> Answer:
    """One was rolled back under a caller of its new interface, and no need was ever unmet."""
    if not runs[0].history.of("RollbackSeen"):
        return False, "the rollback was not seen to its end"
    # None: the caller works with both interfaces, so it declares no need at all.
    seconds = runs[0].measures["incompatible_seconds"] or 0
    return seconds == 0, f"{seconds:.0f} s in which a caller's needs were not met"


def costs_bytes(runs: Sequence[Run]) -> Answer:
    """The rollback wrote bytes into the registry."""
    written = runs[0].measures["registry_bytes"]
    return written > 0, f"{written} bytes pushed for a rollback"


def drops_nothing(runs: Sequence[Run]) -> Answer:
    """Every request was answered."""
    sent, dropped = (runs[0].measures[name] for name in ("requests_sent", "requests_dropped"))
    return dropped == 0, f"{dropped} of {sent} requests dropped"


def is_restored(runs: Sequence[Run]) -> Answer:
    """Pods were gone, and in the end as many are Ready as there should be."""
    history, ready = runs[0].history, runs[0].measures["replicas_at_end"]
    is_lost = bool(history.of("PodsMissing", "ClusterDeleted"))
    is_so = is_lost and set(ready.values()) == {history.settings["replicas"]}
    return is_so, f"Ready at the end: {_listed(ready)} of {history.settings['replicas']}"


def wants_a_mainline(runs: Sequence[Run]) -> Answer:
    """The revert had to say which parent to keep."""
    (reverted,) = (e for e in runs[0].history.cone("rollback-1") if e.kind == "Reverted")
    mainline = reverted.detail["mainline"]
    return mainline is not None, f"git revert{f' -m {mainline}' if mainline else ''}"


def simple_needs_more_sources(runs: Sequence[Run]) -> Answer:
    """The first architecture is rebuilt from more sources than the second."""
    simple, complex_ = (run.measures["cluster_rebuild"]["sources"] for run in runs)
    count = len(runs[0].history.settings["microservices"])
    return (
        simple > complex_,
        f"{_count(count, 'microservice')}: {_count(simple, 'source')} against {complex_}",
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _listed(values: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())
