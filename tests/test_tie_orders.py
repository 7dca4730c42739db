"""Shuffled ties: what depends on the order is found, with a seed that shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cdlab import tie_orders as module
from cdlab.equality import counts
from cdlab.errors import BuildFailed
from cdlab.runner import Run
from cdlab.scenario import Scenario, load
from cdlab.tie_orders import shuffled, tie_orders

ROOT = Path(__file__).parent.parent / "scenarios"


@pytest.mark.parametrize("name", ["v1/rollback", "v2/two-teams", "v3/rollback", "v3/two-teams"])
def test_nothing_depends_on_the_order_of_simultaneous_events(name: str) -> None:
    """Counts and expectations are the same, also where three teams push at one instant."""
    found = tie_orders(load(ROOT / f"{name}.yaml"), 8)
    assert (found.orders, found.differences, found.broken) == (8, (), ())


def test_the_orders_are_not_all_the_same() -> None:
    """Otherwise the test above would say nothing: the histories do differ."""
    scenario = load(ROOT / "v2/two-teams.yaml")
    histories = {shuffled(scenario, seed).history.to_jsonl().partition("\n")[2] for seed in (1, 2)}
    assert len(histories) == 2


def test_an_order_can_be_played_again_and_says_which_it_was() -> None:
    """One tie seed is one run, byte for byte."""
    scenario = load(ROOT / "v3/rollback.yaml")
    one, other = shuffled(scenario, 5).history, shuffled(scenario, 5).history
    assert one.to_jsonl() == other.to_jsonl()
    assert one.settings["facts"] == {"tie_seed": 5}


def test_what_depends_on_the_order_has_the_seeds_that_show_it() -> None:
    """With constant costs a pod's replacement falls together with the end of the load."""
    scenario = replace(load(ROOT / "v2/under-load.yaml"), profile="constant")
    found = tie_orders(scenario, 10)
    assert found.differences
    usual = counts(module.worlds.run(scenario).history)
    for seed in found.differences[0].tie_seeds:
        assert counts(shuffled(scenario, seed).history) != usual
    others = set(range(1, 11)) - {seed for each in found.differences for seed in each.tie_seeds}
    for seed in others:
        assert counts(shuffled(scenario, seed).history) == usual


def test_a_broken_expectation_is_named_with_its_order() -> None:
    """Also when it breaks without shuffling."""
    scenario = load(ROOT / "v1/rollback.yaml")
    found = tie_orders(replace(scenario, expect={"rebuilds": 0}), 2)
    assert found.broken == (None, 1, 2)
    assert not found.differences


def test_a_run_that_fails_in_one_order_is_reported_and_not_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others are played all the same."""

    def fails(scenario: Scenario, tie_seed: int) -> Run:
        if tie_seed == 2:
            raise BuildFailed("no disk")
        return shuffled(scenario, tie_seed)

    monkeypatch.setattr(module, "shuffled", fails)
    found = tie_orders(load(ROOT / "v1/rollback.yaml"), 3)
    assert found.broken == (2,)
    (difference,) = found.differences
    assert difference.tie_seeds == (2,)
    assert "no disk" in difference.what
