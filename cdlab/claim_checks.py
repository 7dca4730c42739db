"""
What a claim comes down to in numbers: one function for each, from runs to yes or no.

In: the runs of a case. Out: whether the claim holds there, in each respect that its sentence has,
and the numbers that say so. Called by `claims.py`; `article_claims.py` says which sentence and
which scenarios.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from cdlab.runner import Run

MARGIN = 1.05
"""By what factor times have to differ to count as different: the margin of equivalence of 5 %."""


class Answer(NamedTuple):
    """What came out in one respect."""

    holds: bool
    numbers: str


def rebuilds_a_copy(runs: Sequence[Run]) -> list[Answer]:
    """The rollback builds, and what it builds is another image than the one that was good."""
    builds, fidelity = (runs[0].measures[name] for name in ("rebuilds", "artifact_fidelity"))
    phases = runs[0].phases
    share = (phases["build"] + phases["push"]) / sum(phases.values())
    numbers = (
        f"{_count(builds, 'build')}, artifact fidelity {fidelity:g}, build and push are "
        f"{share:.0%} of the rollback time"
    )
    return [Answer(builds >= 1 and fidelity == 0, numbers)]


def nothing_goes_without_ci(runs: Sequence[Run]) -> list[Answer]:
    """CI's credentials can change workloads, and while it is down nobody releases anything."""
    radius = runs[0].measures["blast_radius"]["ci"]
    done = {what: ok for run in runs for what, ok in run.measures["outage_matrix"].items()}
    words = (f"{what.partition(' ')[0]} {'goes' if ok else 'fails'}" for what, ok in done.items())
    numbers = f"CI can change {radius:.0%} of the workloads; while it is down {', '.join(words)}"
    return [Answer(radius > 0 and not any(done.values()), numbers)]


def is_the_same_everywhere(runs: Sequence[Run]) -> list[Answer]:
    """All environments serve the same version."""
    served = runs[0].measures["serves_at_end"]
    return [Answer(len(set(served.values())) == 1, _listed(served))]


def comes_back_from_one_source(runs: Sequence[Run]) -> list[Answer]:
    """Every image comes back after the cluster is gone, and one repository says how."""
    found = runs[0].measures["cluster_rebuild"]
    is_so = found["digests"] == 1 and found["sources"] == 1
    sources = _count(found["sources"], "source")
    return [Answer(is_so, f"{found['digests']:.0%} of the images come back, from {sources}")]


def leaves_the_repo_lying(runs: Sequence[Run]) -> list[Answer]:
    """The config repo says something else than what runs."""
    found = runs[0].measures["divergence_after_rollback"]
    is_back = runs[0].measures["bad_is_back_after_next_push"]
    later = "; the next push brings the bad release back" if is_back else ""
    numbers = f"what contradicts the cluster afterwards: {found}{later}"
    return [Answer(found == "config repo", numbers)]


def manager_releases_in_order(runs: Sequence[Run]) -> list[Answer]:
    """The manager clones, commits, pushes and applies, in that order and after the image."""
    cone = runs[0].history.cone("deploy-1")
    pushed = next(event.seq for event in cone if event.kind == "ImagePushed")
    done = [e.kind for e in cone if e.principal == "manager" and e.seq > pushed]
    steps = ("RepositoryCloned", "Committed", "CommitPushed", "ManifestsApplied")
    places = [done.index(step) for step in steps if step in done]
    is_so = len(places) == len(steps) and places == sorted(places)
    return [Answer(is_so, f"after the image: {', '.join(dict.fromkeys(done)) or 'nothing'}")]


def releases_by_policy(runs: Sequence[Run]) -> list[Answer]:
    """Staging is released to by automation alone, and production by promotions alone."""
    decided = [e for e in runs[0].history.of("Decided") if e.detail["status"] == "released"]
    by_whom = {
        where: sorted({e.detail["what"] for e in decided if e.resource == where} - {"rollback"})
        for where in runs[0].history.settings["environments"]
    }
    is_so = by_whom == {"staging": ["automation"], "production": ["promotion"]}
    return [Answer(is_so, _listed({where: "+".join(whats) for where, whats in by_whom.items()}))]


def rolls_back_without_ci(runs: Sequence[Run]) -> list[Answer]:
    """The way back worked while CI was down."""
    is_so = runs[0].measures["outage_matrix"]["rollback without ci"]
    numbers = "rolled back while CI was down" if is_so else "no way back while CI was down"
    return [Answer(is_so, numbers)]


def writes_one_box(runs: Sequence[Run]) -> list[Answer]:
    """Each element that acts by itself writes one kind of box; an answer for each."""
    written: dict[str, dict[str, None]] = {"ci": {}, "manager": {}}
    for event in runs[0].history:
        if event.principal in written and event.op in ("write", "apply"):
            written[event.principal][event.component] = None
    return [
        Answer(len(boxes) == 1, f"{who} writes {' and '.join(boxes)}")
        for who, boxes in written.items()
        if boxes
    ]


def small_is_less_risky(runs: Sequence[Run]) -> list[Answer]:
    """Rolling a small release back takes less good work with it than a big one, and less time."""
    small, big = (run.measures["good_commits_withdrawn"] for run in runs)
    fast, slow = (run.measures["rollback_seconds"] for run in runs)
    lost = f"good commits taken back: {small} of a release of one, {big} of one of ten"
    time = f"rollback in {fast:.1f} s of a release of one, {slow:.1f} s of one of ten"
    return [Answer(small < big, lost), Answer(slow > MARGIN * fast, time)]


def fits_together(runs: Sequence[Run]) -> list[Answer]:
    """One was rolled back under a caller of its new interface, and no need was ever unmet."""
    seconds = runs[0].measures["incompatible_seconds"]
    if seconds is None or not runs[0].history.of("RollbackSeen"):
        return [Answer(False, "no need was declared, or the rollback not seen to its end")]
    return [Answer(seconds == 0, f"{seconds:.0f} s in which a caller's needs were not met")]


def costs_bytes(runs: Sequence[Run]) -> list[Answer]:
    """The rollback wrote bytes into the registry, and nodes had to pull and write some."""
    pushed, pulled = (runs[0].measures[name] for name in ("registry_bytes", "pulled_bytes"))
    return [
        Answer(pushed > 0, f"{pushed} bytes pushed into the registry for a rollback"),
        Answer(pulled > 0, f"{pulled} bytes pulled by nodes, and written to their disks"),
    ]


def drops_nothing(runs: Sequence[Run]) -> list[Answer]:
    """Every request was answered."""
    sent, dropped = (runs[0].measures[name] for name in ("requests_sent", "requests_dropped"))
    return [Answer(dropped == 0, f"{dropped} of {sent} requests dropped")]


def is_restored(runs: Sequence[Run]) -> list[Answer]:
    """Pods were gone, and in the end as many are Ready as there should be."""
    history, ready = runs[0].history, runs[0].measures["replicas_at_end"]
    is_lost = bool(history.of("PodsMissing", "ClusterDeleted"))
    is_so = is_lost and set(ready.values()) == {history.settings["replicas"]}
    numbers = f"Ready at the end: {_listed(ready)} of {history.settings['replicas']}"
    return [Answer(is_so, numbers)]


def is_messy(runs: Sequence[Run]) -> list[Answer]:
    """The revert has to say which parent to keep, and the change does not land a second time."""
    history = runs[0].history
    mainline = history.of("Reverted")[0].detail["mainline"]
    served = runs[0].measures["serves_at_end"]
    is_back = set(served.values()) == {history.of("Shipped")[-1].detail["version"]}
    refusals = [event.because for event in history.of("StepFailed")]
    landing = "; ".join(["landed once more", *refusals, f"serves {_listed(served)}"])
    return [
        Answer(mainline is not None, f"git revert{f' -m {mainline}' if mainline else ''}"),
        Answer(not is_back, landing),
    ]


def pays_with_size(runs: Sequence[Run]) -> list[Answer]:
    """With the size of the application a simpler architecture costs more and more than V3."""
    half = len(runs) // 2
    pairs = list(zip(runs[:half], runs[half:], strict=True))
    sizes = [len(run.history.settings["microservices"]) for run in runs[:half]]
    if runs[0].scenario.story == "rollback":
        found = {"share that a rollback hits besides": _measured(pairs, "collateral")}
    else:
        rebuilds = [tuple(run.measures["cluster_rebuild"] for run in pair) for pair in pairs]
        found = {
            f"{what} of a rebuild": [(one[key], other[key]) for one, other in rebuilds]
            for what, key in (("sources", "sources"), ("steps by hand", "manual_steps"))
        }
        found["seconds of a rebuild"] = _measured(pairs, "rebuild_seconds")
    return [_grows(what, sizes, values) for what, values in found.items()]


def _measured(pairs: Iterable[tuple[Run, Run]], name: str) -> list[tuple[float, float]]:
    return [(one.measures[name], other.measures[name]) for one, other in pairs]


def _grows(what: str, sizes: list[int], values: list[tuple[float, float]]) -> Answer:
    """Whether the first is more and more above the second, in the end by more than the margin."""
    more = [one - other for one, other in values]
    is_growing = all(small < big for small, big in pairwise(more))
    told = (f"n={n} {a:.3g} against {b:.3g}" for n, (a, b) in zip(sizes, values, strict=True))
    holds = is_growing and values[-1][0] > MARGIN * values[-1][1]
    return Answer(holds, f"{what}: {', '.join(told)}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _listed(values: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())
