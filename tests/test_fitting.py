"""Distributions fitted to samples: what went in comes out, and how well it fits is told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdlab.fitting import distance, fitted, fitted_shares
from cdlab.random_streams import RandomStreams

COUNT = 400


def lognormal(count: int = COUNT) -> list[float]:
    stream = RandomStreams(1)
    return [stream.lognormal("a", "b", 1.0, 0.3) for _ in range(count)]


def uniform(low: float, high: float) -> list[float]:
    stream = RandomStreams(1)
    return [stream.uniform("a", "b", low, high) for _ in range(COUNT)]


def test_the_kind_of_distribution_is_found_by_its_shape() -> None:
    """Lognormal draws are fitted by a lognormal, even ones by a uniform distribution."""
    assert fitted(lognormal()).fields["distribution"] == "lognormal"
    even = fitted(uniform(0.2, 1.2))
    assert even.fields["distribution"] == "uniform"
    assert float(even.fields["low"]) == pytest.approx(0.2, abs=0.1)
    assert float(even.fields["high"]) == pytest.approx(1.2, abs=0.1)


def test_one_slow_call_decides_no_spread() -> None:
    """By quartiles: a call of an hour among a hundred of a second changes nothing."""
    seconds = lognormal(100)
    before, after = fitted(seconds).fields, fitted([*seconds[:-1], 3600.0]).fields
    assert float(after["sigma"]) == pytest.approx(float(before["sigma"]), rel=0.1)


def test_what_never_varies_is_constant() -> None:
    """Also what takes no time, or seemed to be over before it began."""
    assert fitted([2.0] * 5).fields == {"distribution": "constant", "value": 2.0}
    assert fitted([-0.1, 0.0, 0.0, 0.0, 0.2]).fields == {"distribution": "constant", "value": 0.0}


def test_a_wait_for_a_probe_is_nothing_or_a_period() -> None:
    """The share of those that waited is the chance; waits of all lengths are even ones."""
    shares = [0.02] * 93 + [1.0] * 7
    assert fitted_shares(shares).fields == {
        "distribution": "either", "value": 0.02, "other": 1, "chance": 0.07,
    }  # fmt: skip
    assert fitted_shares([0.01] * 9).fields == {"distribution": "constant", "value": 0.01}
    assert fitted_shares([1.0] * 9).fields["chance"] == 1.0
    assert fitted_shares(uniform(0.0, 1.0)).fields["distribution"] == "uniform"


def test_the_distance_is_that_of_kolmogorov() -> None:
    """By hand: three samples against the even distribution on [0, 1]."""
    assert distance([0.1, 0.2, 0.9], lambda x: x) == pytest.approx(2 / 3 - 0.2)
    assert distance([0.5], lambda x: float(x >= 0.5)) == 0.0


@given(st.lists(st.floats(0.001, 1000), min_size=5, max_size=50))
def test_any_samples_have_a_fit(seconds: list[float]) -> None:
    """With finite numbers that a profile takes, and a distance between 0 and 1."""
    fit = fitted(seconds)
    numbers = [each for each in fit.fields.values() if isinstance(each, int | float)]
    assert all(math.isfinite(each) and each >= 0 for each in numbers)
    assert 0 <= fit.distance <= 1
