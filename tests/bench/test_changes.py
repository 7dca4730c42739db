"""Two benchmarks compared: what is slower, and which files are no comparison."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdlab.bench.changes import changes, require_comparable
from cdlab.bench.plans import Planned
from cdlab.bench.results import Opening, Results
from cdlab.errors import ResultsError
from tests.bench.fake_bench import FIRST, SECOND, cell, line, opening

SPREAD = (0.98, 0.99, 1.0, 1.0, 1.0, 1.0, 1.0, 1.01, 1.02, 1.0)


def results_of(first: float, second: float | None, name: str = "main") -> Results:
    """Ten blocks around these times."""
    runs = [
        line(Planned(name, block, 1, variant), None if seconds is None else seconds * share)
        for block, share in enumerate(SPREAD, start=1)
        for variant, seconds in ((FIRST, first), (SECOND, second))
    ]
    return Results(opening(cell(2, 10, name)), tuple(runs), ())


def slower(old: Results, new: Results, threshold: float = 0.10) -> list[str]:
    """The variants that are said to be slower."""
    return [each.variant for each in changes(old, new, threshold=threshold) if each.is_slower]


def test_what_is_slower_by_more_than_the_threshold_is_named() -> None:
    """And nothing that is faster, the same, or slower by less."""
    old = results_of(4.0, 2.0)
    assert slower(old, results_of(4.0, 2.5)) == [SECOND]
    assert slower(old, results_of(4.0, 2.1)) == []
    assert slower(old, results_of(4.0, 2.1), threshold=0.03) == [SECOND]
    assert slower(old, results_of(1.0, 2.0)) == []


def test_a_difference_within_the_noise_is_none() -> None:
    """However large the ratio of the medians, its interval has to leave out 1."""
    noisy = [1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0, 5.0, 9.0]
    old = results_of(4.0, 2.0)
    wild = [
        replace(run, seconds=noisy[run.block - 1]) if run.variant == FIRST else run
        for run in old.runs
    ]
    found = changes(old, Results(old.opening, tuple(wild), ()))[0]
    assert found.ratio is not None
    assert found.ratio > 1.1
    assert not found.is_slower
    assert found.low is not None
    assert found.low < 1


def test_what_never_comes_back_any_more_is_slower() -> None:
    """It has no ratio and no bound; and the other way round it is none."""
    old, new = results_of(4.0, 2.0), results_of(4.0, None)
    found = changes(old, new)[1]
    assert (found.ratio, found.high, found.is_slower) == (None, None, True)
    assert slower(new, old) == []
    assert slower(new, new) == []


def test_only_what_both_files_have_is_compared() -> None:
    """A cell that one of them lacks is left out."""
    assert changes(results_of(4.0, 2.0), results_of(4.0, 2.0, "replicas 6")) == ()


@pytest.mark.parametrize(
    ("change", "is_meant", "word"),
    [
        ({"machine": {"cores": 8, "processor": "P"}}, False, "another machine: cores"),
        ({"machine": {"cores": 2}}, False, "another machine: processor"),
        ({"settings": {"substrate": "sim", "deadline_seconds": 240.0}}, True, "substrate"),
        ({"settings": {"substrate": "kind", "deadline_seconds": 90.0}}, True, "deadline"),
    ],
)
def test_other_machines_and_settings_are_refused(
    change: dict[str, object], is_meant: bool, word: str
) -> None:
    """The machine may be another one if that is meant; what was measured may not."""
    other: Opening = replace(opening(), **change)  # type: ignore[arg-type]
    with pytest.raises(ResultsError, match=word):
        require_comparable(opening(), other, ("old", "new"), is_other_machine_meant=is_meant)


def test_another_machine_may_be_meant() -> None:
    """And the same one, at another time, needs no word."""
    elsewhere = replace(opening(), machine={"cores": 8})
    require_comparable(opening(), elsewhere, ("old", "new"), is_other_machine_meant=True)
    later = replace(opening(), date="later", seed=9)
    require_comparable(opening(), later, ("old", "new"), is_other_machine_meant=False)
