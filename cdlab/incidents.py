"""
What incidents cost: a deleted cluster, a box that is down, requests that nobody answers.

In: a history with the marks that the stories of incidents leave. Out: shares and counts. None
stands for what was not tried in this run, never for a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cdlab.coupling import cones
from cdlab.history import OK, History
from cdlab.manual_work import steps_by_hand


def cluster_rebuild(history: History) -> dict[str, float | int] | None:
    """
    What it took to come back after the cluster was deleted, and how much did.

    `digests`: of those that ran in each environment, the share that runs there again, 0 to 1.
    `sources`: repositories that were read for it. `manual_steps`: steps by hand, one of them to
    install the release manager again that ran in the cluster, without putting up an empty one.
    None if no cluster was
    deleted, or the rebuild was not watched to its end.
    """
    finished = history.of("RebuildFinished")
    if not history.of("ClusterDeleted") or not finished:
        return None
    before, after = (_running(finished[-1].detail[each]) for each in ("before", "after"))
    cone = [event for each in cones(history, "rebuild") for event in each]
    sources = {(e.component, e.resource) for e in cone if e.kind == "RepositoryCloned"}
    return {
        "digests": len(before & after) / len(before) if before else 1.0,
        "sources": len(sources),
        "manual_steps": steps_by_hand(cone),
    }


def rebuild_seconds(history: History) -> float | None:
    """Asking for the rebuild to every digest serving as before. Seconds; None if it never came."""
    finished = [event for event in history.of("RebuildFinished") if event.outcome == OK]
    asked = [e for e in history.of("IntentDeclared") if e.detail["intent"] == "rebuild"]
    return (finished[0].t_us - asked[0].t_us) / 1e6 if finished and asked else None


def restoring_seconds(history: History) -> float | None:
    """First pod missing after a node was lost, to all there again. Seconds; None if no node was."""
    missing, restored = history.of("PodsMissing"), history.of("PodsRestored")
    return (restored[0].t_us - missing[0].t_us) / 1e6 if missing and restored else None


def rejected_pushes(history: History) -> int:
    """Pushes that came second to somebody else's and were rejected. A count."""
    return len(history.of("PushRejected"))


def _running(workloads: Mapping[str, Iterable[str]]) -> set[tuple[str, str]]:
    return {(where, digest) for where, digests in workloads.items() for digest in digests}


def outage_matrix(history: History) -> dict[str, bool] | None:
    """
    `rollback without ci` -> whether it went through, for every operation that was tried.

    Only of a box that was really stopped: an attempt before that has no answer. None if no outage
    was tried.
    """
    stopped = {event.resource: event.seq for event in history.of("BoxStopped")[::-1]}
    cells = {
        f"{event.detail['operation']} without {event.resource}": event.outcome == OK
        and bool(event.detail["succeeded"])
        for event in history.of("OutageAttempted")
        if stopped.get(event.resource, event.seq) < event.seq
    }
    return cells or None


def _requests(history: History, which: str) -> int | None:
    found = [int(event.detail[which]) for event in history.of("RequestsSent")]
    return sum(found) if found else None


def requests_sent(history: History) -> int | None:
    """Requests that a probe sent through a Service. A count; None if there was no probe."""
    return _requests(history, "sent")


def requests_dropped(history: History) -> int | None:
    """Those of them that were not answered with 200. A count."""
    return _requests(history, "dropped")
