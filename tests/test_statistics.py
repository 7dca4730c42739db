"""Medians and quantiles that say nothing where too little is known."""

from __future__ import annotations

import pytest

from cdlab.statistics import RUNS_FOR_P95, median, p95, quantile


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([3.0], 3.0),
        ([4.0, 1.0], 2.5),
        ([3.0, 1.0, 2.0], 2.0),
        ([9.0, 1.0, 2.0, 4.0], 3.0),
        ([0.0, 0.0], 0.0),
    ],
)
def test_the_median_is_the_middle(values: list[float], expected: float | None) -> None:
    """Of an even number it is half-way between the two in the middle, in any order."""
    assert median(values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, None], 2.0),
        ([1.0, None, None], None),
        ([1.0, None], None),
        ([None], None),
        ([1.0, 2.0, 3.0, None], 2.5),
    ],
)
def test_a_censored_run_counts_as_longer_than_all_others(
    values: list[float | None], expected: float | None
) -> None:
    """Dropping the runs that hit the deadline would make the slow look fast."""
    assert median(values) == expected


def test_p95_needs_59_runs() -> None:
    """One run less, and the largest of them may well lie below the true 95th percentile."""
    assert 0.95 ** (RUNS_FOR_P95 - 1) > 0.05 >= 0.95**RUNS_FOR_P95
    assert p95([1.0] * 58) is None
    assert p95([1.0] * 59) == 1.0


def test_p95_of_the_numbers_to_100() -> None:
    """Linear between neighbours: position 0.95 * 100 of 0 to 100."""
    assert p95([float(n) for n in range(101)]) == pytest.approx(95.0)


def test_p95_is_unknown_when_it_is_a_censored_run() -> None:
    """4 of 100 may be censored, 6 may not."""
    numbers: list[float | None] = [float(n) for n in range(100)]
    assert p95(numbers[:96] + [None] * 4) is not None
    assert p95(numbers[:94] + [None] * 6) is None


def test_a_quantile_is_linear_between_neighbours() -> None:
    """As NumPy does it by default."""
    assert quantile([10.0, 20.0, 40.0], 0.75) == 30.0
    assert quantile([10.0, 20.0, 40.0], 1.0) == 40.0
    assert quantile([10.0, 20.0, None], 0.5) == 20.0
