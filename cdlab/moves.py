"""
What it costs to move a running application from one architecture to the next.

In: a history with the marks that the story of a move leaves. Out: counts and seconds. None where
nobody moved. A move lasts from when somebody begins it until it was watched for a while.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdlab.history import Event, History
from cdlab.manual_work import steps_by_hand

REPLACED = ("PodCreated", "PodStopping")


def _moves(history: History) -> Iterator[tuple[Event, Event]]:
    """The beginning and the end of each move that was watched to its end."""
    begun = [e for e in history.of("IntentDeclared") if e.detail["intent"] == "move"]
    return zip(begun, history.of("MoveWatched"), strict=False)


def pods_changed_by_moves(history: History) -> int | None:
    """
    Pods that were made, ended or restarted during a move, and pod templates that changed. A count.

    What came and went is told by the pods' events, the rest by a look before and one after.
    """
    moves = list(_moves(history))
    replaced = [
        f"{event.resource}: Pod {event.detail['pod']}"
        for begun, ended in moves
        for event in history.of(*REPLACED)
        if begun.seq < event.seq < ended.seq
    ]
    changed = [each for _, ended in moves for each in ended.detail["changed"]]
    return len({*replaced, *changed}) if moves else None


def files_differing_after_moves(history: History) -> int | None:
    """Files of the config repo that do not say what runs, and what runs and is in none. A count."""
    differing = [ended.detail["differing"] for _, ended in _moves(history)]
    return sum(map(len, differing)) if differing else None


def move_seconds(history: History) -> dict[str, float] | None:
    """Architecture -> seconds from the pause of CI until everything works as that."""
    begun = {begun.detail["to"]: begun for begun, _ in _moves(history)}
    finished = {event.resource: event for event in history.of("MoveFinished")}
    return {to: (finished[to].t_us - each.t_us) / 1e6 for to, each in begun.items()} or None


def move_steps(history: History) -> dict[str, int] | None:
    """Architecture -> steps by hand of the move to it."""
    steps = {b.detail["to"]: steps_by_hand(history.cone(b.intent)) for b, _ in _moves(history)}
    return steps or None
