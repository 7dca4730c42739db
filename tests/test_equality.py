"""What two runs of one scenario agree in, whatever wrote their histories."""

from __future__ import annotations

from dataclasses import replace

import pytest

import cdlab
from cdlab.equality import counts, differences
from cdlab.history import Event, History
from cdlab.model import Variant
from cdlab.runner import Run
from cdlab.scenario import Scenario


def play(architecture: str, *, seed: int = 1) -> Run:
    """The story rollback with small numbers."""
    rollback = "command" if architecture == "v3" else "revert"
    return cdlab.run(
        Scenario(architecture=architecture, seed=seed, variant=Variant(rollback=rollback))
    )


def with_event(history: History, kind: str, change: Event) -> History:
    """The same history with one more event, after the first of a kind."""
    place = history.of(kind)[0].seq + 1
    events = [*list(history)[:place], change, *list(history)[place:]]
    return History(event._replace(seq=seq) for seq, event in enumerate(events))


@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
@pytest.mark.parametrize("seed", [2, 3, 11])
def test_two_seeds_give_equal_counts(architecture: str, seed: int) -> None:
    """A seed changes how long things take and which build is over first, and no count."""
    one, other = play(architecture).history, play(architecture, seed=seed).history
    assert one.to_jsonl() != other.to_jsonl()
    assert differences(one, other) == []


def test_identifiers_are_renamed_by_first_causal_appearance() -> None:
    """The rollback of V1 builds the content of revision 1 once more, and gets its digest."""
    names = counts(play("v1").history)
    assert "rollback-1 front-end revision 3 from content 1" in names["builds"]
    assert "rollback-1 front-end revision 3 is digest 1" in names["image pushes"]


def test_a_rebuild_without_cache_is_seen() -> None:
    """Another digest for the same content is another name."""
    cached = play("v1").history
    scenario = Scenario(architecture="v1", variant=Variant(has_build_cache=False))
    found = differences(cached, cdlab.run(scenario).history)
    assert "rollback-1 front-end revision 3 is digest 3: sim 0, sim 1" in " | ".join(found)


def test_a_hidden_write_to_the_cluster_is_seen() -> None:
    """One `kubectl set image` more on one side is a difference."""
    history = play("v1").history
    hidden = history.of("ImageSet")[0]._replace(resource="production", principal="operator")
    (found,) = differences(history, with_event(history, "ImageSet", hidden))
    assert found.startswith("changes of desired state: deploy-1 operator production: set image")


def test_a_hidden_push_is_seen() -> None:
    """One accepted git push more on one side is a difference, also to the config repo."""
    history = play("v3").history
    pushed = next(e for e in history.of("CommitPushed") if e.component == "config-repo")
    found = differences(history, with_event(history, "ObservationEnded", pushed))
    assert [each.partition(":")[0] for each in found] == ["git pushes"]


def test_a_hidden_build_is_seen() -> None:
    """One build more is a difference even when it pushes nothing."""
    history = play("v2").history
    found = differences(history, with_event(history, "Shipped", history.of("ImageBuilt")[0]))
    assert [each.partition(":")[0] for each in found] == ["builds"]


def test_repeated_looks_are_no_difference() -> None:
    """The manager decides the same thing again at each look: how often is not compared."""
    history = play("v3").history
    skipped = next(e for e in history.of("Decided") if e.outcome == "skipped")
    assert differences(history, with_event(history, "ObservationEnded", skipped)) == []


def test_another_decision_is_seen() -> None:
    """A release where nobody released on the other side is a difference."""
    history = play("v3").history
    skipped = next(e for e in history.of("Decided") if e.outcome == "skipped")
    other = skipped._replace(outcome="ok", detail={**skipped.detail, "status": "superseded"})
    found = differences(history, with_event(history, "ObservationEnded", other))
    assert len(found) == 1
    assert "superseded" in found[0]


def test_another_variant_is_seen() -> None:
    """A rollback by force push and one by revert are told apart by what the push loses."""
    forced = Scenario(architecture="v1", variant=Variant(rollback="force-push"))
    found = differences(play("v1").history, cdlab.run(forced).history)
    assert any("loses 1" in each for each in found)


def test_times_bytes_and_attempts_are_not_compared() -> None:
    """The same events at other times and of other sizes are equal."""
    history = play("v2").history
    other = History(
        e._replace(t_us=e.t_us * 3, bytes=e.bytes + 7 if e.bytes else 0) for e in history
    )
    assert differences(history, other) == []


def test_a_censored_run_is_seen() -> None:
    """A run that was given up is not equal to one that ended."""
    history = play("v1").history
    events = list(history)
    events[-1] = replace_outcome(events[-1], "censored")
    assert "outcomes: run: censored: sim 0, sim 1" in differences(history, History(events))


def replace_outcome(event: Event, outcome: str) -> Event:
    """The same event with another end."""
    return event._replace(outcome=outcome)


def test_scenarios_of_one_run_do_not_share_a_seed() -> None:
    """The names of a history depend on nothing but the history."""
    run = play("v1")
    again = cdlab.run(replace(run.scenario))
    assert counts(run.history) == counts(again.history)
