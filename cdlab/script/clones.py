"""
Which checkout each event of a history worked in: a history names repositories, not folders.

In: a history. Out: a `Clone` by event, and the first push of each revision. Called by `commands`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cdlab.history import OK, Event, History

WORKS_IN = ("Committed", "Reverted", "Merged", "MergedAgain", "WasReset", "CommitPushed")
"""Events of a checkout. One that none of these follows was only read, and is left out."""

Actor = tuple[str, str, tuple[int, ...]]
"""Principal, intent and trigger: together they tell apart what worked at the same time."""


@dataclass(eq=False, slots=True)
class Clone:
    """A checkout, from its clone on."""

    folder: str
    event: Event
    is_used: bool = False
    files: dict[str, str] = field(default_factory=dict)
    """What was committed in it."""


def clones(history: History) -> tuple[dict[int, Clone], dict[str, Event]]:
    """The clone that each event works in, by event number; the first push of each revision."""
    of_event: dict[int, Clone] = {}
    pushes: dict[str, Event] = {}
    current: dict[tuple[Actor, str, str], Clone] = {}
    counts: dict[str, int] = {}
    for event in history:
        if event.outcome != OK:
            continue
        actor = (event.principal, event.intent, event.causes)
        box = (actor, event.component, event.resource)
        if event.kind == "RepositoryCloned":
            name = f"{event.principal}-{event.resource}"
            counts[name] = counts.get(name, 0) + 1
            current[box] = of_event[event.seq] = Clone(f"{name}-{counts[name]}", event)
            continue
        if event.kind == "ImageBuilt":
            box = (actor, "code-repo", event.resource)
        elif event.kind == "ManifestsApplied":
            box = (actor, "config-repo", "config")
        if box in current and event.kind in (*WORKS_IN, "ImageBuilt", "ManifestsApplied"):
            of_event[event.seq] = current[box]
            current[box].is_used |= event.kind != "ManifestsApplied"
        if event.kind == "CommitPushed":
            pushes.setdefault(event.detail["revision"], event)
    return of_event, pushes


def image_prefix(history: History) -> str:
    """What stands before the name in this run's image references: host, and run on kind."""
    built = history.of("ImageBuilt", "ImagePushed")
    if not built:
        return ""
    repository = str(built[0].detail["ref"]).rpartition(":")[0]
    return repository.rpartition("/")[0]
