"""What a move costs, against histories that were written by hand."""

from __future__ import annotations

from typing import Any

from cdlab.moves import (
    files_differing_after_moves,
    move_seconds,
    move_steps,
    pods_changed_by_moves,
)
from tests.measures.conftest import Told


def pod(told: Told, second: float, kind: str, name: str) -> None:
    detail = {"workload": "users", "pod": name, "image": "r/users:1"}
    told.add(second, kind, "environment", "observe", resource="prod", detail=detail)


def a_move(*changed: str, differing: tuple[str, ...] = (), made: str = "") -> Told:
    """To V2 from second 10 to 13, watched until 20. A pod ends before that, one comes after it."""
    found = Told("users")
    pod(found, 9, "PodStopping", "a")
    found.asked(10, "move", to="v2")
    for what in ("pause", "rights", "rights", "pipeline"):
        detail: Any = {"what": what}
        who = {"principal": "user", "intent": "move-1", "resource": "v2"}
        found.add(11, "ArrangementChanged", "people", "notify", detail=detail, **who)
    who = {"principal": "operator", "intent": "move-1", "resource": "config"}
    found.add(12, "CommitPushed", "config-repo", "write", **who)
    found.add(13, "MoveFinished", "people", "notify", resource="v2")
    if made:
        pod(found, 15, "PodCreated", made)
    detail = {"changed": list(changed), "differing": list(differing)}
    found.add(20, "MoveWatched", "people", "notify", resource="v2", detail=detail)
    pod(found, 21, "PodCreated", "z")
    return found


def test_a_move_takes_from_the_pause_of_ci_until_everything_works() -> None:
    """And not as long as it is watched afterwards."""
    assert move_seconds(a_move().history) == {"v2": 3.0}


def test_the_steps_are_what_people_change_each_once_and_their_pushes() -> None:
    """A pause, rights, a pipeline, a push of the config repo."""
    assert move_steps(a_move().history) == {"v2": 4}


def test_only_what_happens_during_a_move_counts() -> None:
    """Not the end of a rollout before it, nor the next deploy."""
    found = a_move().history
    assert (pods_changed_by_moves(found), files_differing_after_moves(found)) == (0, 0)


def test_a_pod_counts_once_however_it_was_noticed() -> None:
    """As an event of the pod, as a difference between two looks, or both."""
    lies = ("environments/prod/users.yaml",)
    found = a_move("prod: Pod b", "prod: Pod c", differing=lies, made="b").history
    assert (pods_changed_by_moves(found), files_differing_after_moves(found)) == (2, 1)


def test_a_move_that_was_not_watched_to_its_end_has_no_answer() -> None:
    """None, and not 0: nobody looked."""
    told = Told("users")
    told.asked(10, "move", to="v2")
    for measure in (pods_changed_by_moves, files_differing_after_moves, move_seconds, move_steps):
        assert measure(told.history) is None
