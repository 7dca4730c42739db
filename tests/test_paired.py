"""Comparing two variants run by run: known answers, honest intervals, censored runs."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from cdlab.paired import Pairing, paired
from cdlab.random_streams import RandomStreams

scipy_stats = pytest.importorskip("scipy.stats")


def sample(seed: int, size: int, *, factor: float = 1.0) -> list[float]:
    """Lognormal seconds around 10."""
    streams = RandomStreams(seed)
    return [factor * streams.lognormal("test", str(size), 10.0, 0.5) for _ in range(size)]


def pairing(these: list[float | None], base: list[float | None]) -> Pairing:
    found = paired(these, base)
    assert found is not None
    return found


def test_known_ratios_give_the_known_answer() -> None:
    """Twice as fast in every pair: the ratio is 2, every pair is won, the interval a point."""
    base = [float(each) for each in range(1, 21)]
    found = pairing([each / 2 for each in base], base)
    assert found.ratio == pytest.approx(2.0)
    assert (found.win_rate, found.pairs, found.censored) == (1.0, 20, 0)
    assert (found.low, found.high) == (found.ratio, found.ratio)


def test_the_median_of_pairs_is_not_the_ratio_of_medians() -> None:
    """The pairs are 1/4, 1 and 4 times: the middle one is 1, whatever the samples' medians are."""
    found = pairing([4.0, 2.0, 1.0], [1.0, 2.0, 4.0])
    assert found.ratio == pytest.approx(1.0)
    assert found.win_rate == 0.5


def test_cliffs_delta_counts_all_pairs_of_runs() -> None:
    """By hand: of 9 pairs of runs this one is faster in 6, slower in 1, equal in 2."""
    found = pairing([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert found.cliffs_delta == pytest.approx((6 - 1) / 9)


def test_the_same_against_itself_makes_no_difference() -> None:
    """A/A: the interval leaves 1 out as seldom as it promises, within what 400 tries can tell."""
    tries = 400
    inside = sum(
        not pairing(sample(2 * n, 40), sample(2 * n + 1, 40)).is_different for n in range(tries)
    )
    assert inside >= scipy_stats.binom.ppf(0.01, tries, 0.95)


def test_a_difference_of_a_fifth_is_found() -> None:
    """The control: pairs that share their numbers and differ by 20 % with a little noise."""
    base = sample(1, 60)
    noise = [math.sqrt(each / 10) ** 0.1 for each in sample(2, 60)]
    found = pairing([b * 0.8 * n for b, n in zip(base, noise, strict=True)], base)
    assert found.is_different
    assert found.p_value is not None
    assert found.p_value < 0.001
    assert found.low is not None
    assert found.low < 1.25 < (found.high or 0)


def test_a_run_that_reached_the_deadline_is_longer_than_any_other() -> None:
    """It is lost to a run that ended, and leaves the ratio without an interval and says so."""
    base: list[float | None] = [10.0] * 11
    found = pairing([None, *[5.0] * 10], base)
    assert (found.pairs, found.censored) == (11, 1)
    assert found.win_rate == pytest.approx(10 / 11)
    assert found.ratio == pytest.approx(2.0)
    assert found.low is None
    assert "deadline" in found.missing
    assert pairing([None] * 11, base).ratio is None


def test_a_pair_of_two_such_runs_says_nothing() -> None:
    """Nobody knows which would have been first."""
    assert paired([None], [None]) is None
    assert pairing([None, 1.0], [None, 2.0]).pairs == 1


def test_a_few_runs_have_no_interval() -> None:
    """With one run there is a ratio, and a sentence in place of the interval."""
    found = pairing([1.0], [3.0])
    assert found.ratio == pytest.approx(3.0)
    assert found.low is None
    assert "10 runs" in found.missing


def test_the_same_numbers_give_the_same_interval() -> None:
    """The bootstrap has a seed of its own."""
    one, other = sample(1, 30), sample(2, 30)
    assert pairing(one, other) == pairing(one, other)


def test_no_scipy_is_no_reason_to_fail() -> None:
    """Without it the ratio and the win rate stand, and one line says what is missing."""
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from cdlab.paired import paired\n"
        "found = paired([1.0 + n for n in range(20)], [2.0 + n * n for n in range(20)])\n"
        "assert found.ratio and found.win_rate and found.low is None, found\n"
        "print(found.missing)\n"
        "assert 'numpy' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[statistics]" in done.stdout
