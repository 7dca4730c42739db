"""
Boxes and actors as lanes, and which events are worth drawing: what all pictures of a run share.

In: a history. Out: names of lanes in the order of the article's pictures, and the events to draw.
Called by `swim_lanes`, `trace` and `mermaid`.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdlab.history import OK, Event, History
from cdlab.report.narration import has_more_than_a_bootstrap

PEOPLE, CI, MANAGER, MACHINES = "people", "CI", "release manager", "machines and boxes"
NAMES: Mapping[str, str] = {
    "people": PEOPLE,
    "ci": CI,
    "manager": MANAGER,
    "config-repo": "config repo",
    "world": MACHINES,
}
"""Component -> lane, where there is one of it."""


def lane_of(event: Event) -> str:
    """The box or actor that an event happened in."""
    if event.component == "environment":
        return event.resource
    if event.component == "code-repo":
        return f"code repo of {event.resource}"
    return NAMES.get(event.component, event.component)


def actor_of(event: Event) -> str:
    """Who acted: the lane of a program, or a person by role. Pods are their environment."""
    named = {"ci": CI, "manager": MANAGER, "": lane_of(event), "observer": MACHINES, "user": PEOPLE}
    return named.get(event.principal, event.principal)


def lanes(history: History) -> list[str]:
    """All lanes in which anything happened, people first and environments last."""
    settings = history.settings
    order = [
        MACHINES,
        PEOPLE,
        *(f"code repo of {name}" for name in settings["microservices"]),
        CI,
        "registry",
        MANAGER,
        "config repo",
        *settings["environments"],
    ]
    seen = {lane_of(event) for event in history}
    return [lane for lane in order if lane in seen] + sorted(seen - {*order})


INSTANTS = frozenset(
    {
        "IntentDeclared",
        "Decided",
        "ArrangementChanged",
        "GateApproved",
        "MoveFinished",
        "MoveWatched",
        "OutageAttempted",
        "PodsMissing",
        "PodsRestored",
        "PromotionRefused",
        "RebuildFinished",
        "Reinstalled",
        "RequestsSent",
        "RollbackMissed",
        "RollbackRefused",
        "RollbackSeen",
        "RollbackUndone",
        "RolloutUndone",
        "RunStalled",
    }
)
"""What is drawn although it takes no time."""
UNASKED = ("", "drift repair")


def drawn(history: History) -> list[Event]:
    """
    The events to draw: what takes time and leads to something, requests, decisions, failures.

    Left out are pods, waits, looks that found nothing, and the bootstrap of a story about
    something else.
    """
    is_setting_up, chosen = False, []
    has_more, leads_nowhere = has_more_than_a_bootstrap(history), _looks_in_vain(history)
    for event in history:
        if event.kind == "IntentDeclared":
            is_setting_up = has_more and event.detail["intent"] == "bootstrap"
        elif event.component == "world":
            is_setting_up = False
        if is_setting_up or event.op in ("observe", "wait") or event.seq in leads_nowhere:
            continue
        if event.t_us > event.began_us or is_labelled(event):
            chosen.append(event)
    return chosen


def is_labelled(event: Event) -> bool:
    """Whether it is a mark with a sentence beside it, and not a bar."""
    has_failed = event.outcome not in (OK, "skipped") and event.component != "people"
    return event.kind in INSTANTS or event.component == "world" or has_failed


def _looks_in_vain(history: History) -> set[int]:
    """The manager's reads after which it changed nothing, and its decisions to do so."""
    after: dict[tuple[str, tuple[int, ...]], Event] = {}
    found = set()
    for event in reversed(list(history)):
        if event.principal != "manager" or event.outcome not in (OK, "skipped"):
            continue
        work = (event.intent, event.causes)
        if event.kind == "Decided" and event.outcome == "skipped":
            is_in_vain = not event.because.startswith("held")
        else:
            nexts = after.get(work)
            is_last = nexts is None or nexts.seq in found
            is_in_vain = event.op == "read" and (event.intent in UNASKED or is_last)
        if is_in_vain:
            found.add(event.seq)
        after[work] = event
    return found


SHORT: Mapping[str, str] = {
    "RepositoryCloned": "clone",
    "CommitPushed": "push",
    "CommitAnnotated": "note",
    "ImageBuilt": "build",
    "ImagePushed": "push",
    "ImageSet": "set image",
    "ManifestsApplied": "apply",
    "ManifestsCompared": "diff",
    "StraysListed": "diff",
    "ObjectsPruned": "prune",
    "RolloutUndone": "undo",
    "EnvironmentWiped": "wipe",
    "TagsListed": "list tags",
    "TagResolved": "resolve",
    "WorkloadsRead": "read",
    "HeadRead": "read",
}
"""Kind of event -> the verb on its bar."""


def short(event: Event) -> str:
    """What stands on a bar; a failure has the name of its error."""
    return SHORT.get(event.kind, event.kind)
