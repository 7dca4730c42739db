"""What is run in which order: every variant once a block, in any order, until it is enough."""

from __future__ import annotations

from collections import Counter

import pytest

from cdlab.bench.plans import MODES, Planned, cells_of, left, order, require_same, warm_up
from cdlab.bench.results import BASELINES, RunLine
from cdlab.bench.variants import BY_CELL, FACTORS, MAIN, SCENARIOS, scenario_of
from cdlab.errors import ResultsError
from tests.bench.fake_bench import FIRST, SECOND, cell, line, opening


def runs_of(*blocks: int) -> list[RunLine]:
    """Whole blocks of the main cell, in which the second variant is always twice as fast."""
    return [
        line(Planned("main", block, 1, name), seconds)
        for block in blocks
        for name, seconds in ((FIRST, 4.0 + block), (SECOND, 2.0 + block / 2))
    ]


def test_a_block_holds_every_variant_once() -> None:
    """In an order that the seed, the cell and the block decide, and nothing else."""
    (main,) = cells_of("default", None)
    for block in range(1, 20):
        assert sorted(order(7, main, block)) == sorted(MAIN)
        assert order(7, main, block) == order(7, main, block)
    assert len({order(7, main, block) for block in range(1, 20)}) > 10
    assert order(7, main, 1) != order(8, main, 1)


def test_every_variant_is_first_as_often_as_another() -> None:
    """Over 600 blocks each of six about 100 times: 4.5 standard deviations are 41."""
    (main,) = cells_of("default", None)
    firsts = Counter(order(1, main, block)[0] for block in range(600))
    assert set(firsts) == set(MAIN)
    assert max(abs(count - 100) for count in firsts.values()) <= 41


def test_the_full_plan_changes_one_thing_at_a_time() -> None:
    """Each cell has its factor, at least ten blocks, and a base that the main cell has too."""
    main, *others = cells_of("full", None)
    assert main.blocks_at_least == main.blocks_at_most == 60
    assert [each.name for each in others] == [factor.cell for factor in FACTORS]
    for each in others:
        assert each.blocks_at_least >= 10
        assert each.variants[0] == main.variants[0]
        changed = BY_CELL[each.name].changes
        assert len({key for key in changed if key != "payload_kib"}) <= 1


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "default"])
def test_only_the_default_mode_may_stop_early(mode: str) -> None:
    """Elsewhere the number of blocks is fixed, and intervals cover what they say."""
    assert all(c.blocks_at_least == c.blocks_at_most for c in cells_of(mode, None))
    (default,) = cells_of("default", None)
    assert (default.blocks_at_least, default.blocks_at_most) == (10, 30)
    (asked,) = cells_of("default", 12)
    assert (asked.blocks_at_least, asked.blocks_at_most) == (12, 12)


@pytest.mark.parametrize("variant", SCENARIOS)
def test_every_variant_can_be_played_in_every_cell(variant: str) -> None:
    """With one microservice in the main cell, and with a poll only where something polls."""
    assert len(scenario_of(variant, "main", seed=3).microservices) == 1
    for name in BY_CELL:
        scenario = scenario_of(variant, name, seed=3)
        polls = scenario.variant.poll_interval_seconds is not None
        assert polls == ("poll" in name and scenario.architecture == "v3")


def test_the_baselines_stand_in_the_main_cell() -> None:
    """And the twins of a variant play what it plays."""
    assert set(BASELINES) <= set(MAIN)
    (twins,) = cells_of("aa", None, "V3 command")
    for name in twins.variants:
        assert scenario_of(name, "main", seed=1) == scenario_of("V3 command", "main", seed=1)
    assert len(warm_up(opening(twins, mode="aa"))) == 1


def test_the_warm_up_plays_each_architecture_once() -> None:
    """The first of its variants; what Kubernetes does alone warms nothing else."""
    planned = warm_up(opening(*cells_of("quick", None)))
    assert [each.variant for each in planned] == [
        "V1 revert, cache", "V2 revert, cache", "V3 command",
    ]  # fmt: skip
    assert all(each.is_warm_up for each in planned)


def test_a_block_that_was_begun_is_completed_first() -> None:
    """Whichever of its runs is missing."""
    asked = opening(cell(3, 3))
    there = runs_of(1, 2)
    del there[1]
    missing = list(left(asked, there))
    assert [(each.block, each.variant) for each in missing[:1]] == [(1, SECOND)]
    assert [each.block for each in missing] == [1, 3, 3]


def test_a_cell_ends_when_its_intervals_are_narrow() -> None:
    """Not before the fewest blocks, not in the middle of one, and at the last whatever they are."""
    asked = opening(cell(10, 30))
    assert list(left(asked, runs_of(*range(1, 10))))
    assert not list(left(asked, runs_of(*range(1, 11))))  # always twice as fast: no width
    assert list(left(asked, [*runs_of(*range(1, 11)), runs_of(11)[0]]))
    noisy = [
        line(Planned("main", block, 1, name), 1.0 + (block * 7 + len(name)) % 11)
        for block in range(1, 31)
        for name in (FIRST, SECOND)
    ]
    assert list(left(asked, noisy[:-2]))
    assert not list(left(asked, noisy))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"mode": "quick"}, "mode"),
        ({"seed": 2}, "seed"),
        ({"cdlab": "0.2"}, "version"),
        ({"machine": {"cores": 2, "processor": "Q"}}, "processor"),
        ({"settings": {"substrate": "sim", "deadline_seconds": 240.0}}, "substrate"),
        ({"cells": (cell(2, 5),)}, "plan of cells"),
    ],
)
def test_a_file_of_another_benchmark_is_refused(change: dict[str, object], word: str) -> None:
    """With what differs; the date may."""
    from dataclasses import replace

    require_same("x", opening(), replace(opening(), date="later"))
    with pytest.raises(ResultsError, match=word):
        require_same("x", opening(), replace(opening(), **change))  # type: ignore[arg-type]
