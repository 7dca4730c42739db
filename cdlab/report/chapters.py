"""
Which intent every event of a history belongs to, also where it carries none.

In: a history. Out: each event with the key of its chapter. Called by `explanation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cdlab import manifests
from cdlab.history import OK, Event, History

ACCIDENTS, BY_ITSELF = "accidents", "by itself"


def with_keys(history: History) -> Iterator[tuple[Event, str]]:
    """
    Every event but the first, with its chapter.

    Pods act for nobody: what they do belongs to whatever changed their workload last. People who
    only watch, and accidents, belong to where the story is.
    """
    now, changed = BY_ITSELF, dict[tuple[str, str], str]()
    for event in list(history)[1:]:
        if event.kind == "IntentDeclared":
            now = event.intent
        elif event.component == "world" and event.kind != "FaultHappened" and not event.intent:
            now = ACCIDENTS
        if event.op == "apply" and event.outcome == OK:
            workloads = _workloads(event, history.settings["microservices"])
            changed |= {(event.resource, each): event.intent or now for each in workloads}
        if event.op == "observe":
            where = (event.resource, event.detail["workload"])
            yield event, now if now == ACCIDENTS else changed.get(where, now)
        elif event.component in ("people", "world") or event.principal == "operator":
            yield event, event.intent or now
        else:
            yield event, event.intent or BY_ITSELF


def _workloads(event: Event, every: Iterable[str]) -> Iterable[str]:
    """Which workloads a change of desired state is about."""
    if "manifest" in event.detail:
        found = manifests.workloads(event.detail["manifest"])
        return [each.name for each in found] if event.detail["changed"] else []
    if "objects" in event.detail:
        return [each.partition("/")[2] for each in event.detail["objects"]]
    return [event.detail["workload"]] if "workload" in event.detail else every
