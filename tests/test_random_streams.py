"""Named, seeded random numbers."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys

import pytest

from cdlab.random_streams import RandomStreams

EXPECTED = 0.9266747367482452


def test_the_nth_draw_does_not_depend_on_other_streams() -> None:
    """What is drawn in between, for other purposes or entities, changes nothing."""
    alone, busy = RandomStreams(7), RandomStreams(7)
    expected = [alone.uniform("docker build", "users") for _ in range(3)]
    drawn = []
    for _ in range(3):
        busy.lognormal("docker build", "orders", 90, 0.3)
        drawn.append(busy.uniform("docker build", "users"))
        busy.integers("push", "users", 0, 9)
    assert drawn == expected


def test_every_method_takes_one_number_of_its_stream() -> None:
    """Draws can be told by their number, whatever the earlier ones were used for."""
    streams = RandomStreams(7)
    streams.lognormal("build", "users", 90, 0.3)
    streams.integers("build", "users", 0, 9)
    streams.stream("build", "users").exponential(5)
    assert streams.uniform("build", "users") == streams.draw("build", "users", 3)
    assert streams.stream("build", "users").counter == 4


def test_seed_purpose_and_entity_are_kept_apart() -> None:
    """No two names share a stream by running into each other."""
    names = [(1, "a", "bc"), (1, "ab", "c"), (1, "abc", ""), (11, "a", "bc"), (1, "a'", "bc")]
    assert len({RandomStreams(seed).draw(*name, 0) for seed, *name in names}) == len(names)


def test_draws_are_the_same_in_every_process() -> None:
    """Neither PYTHONHASHSEED nor the Python version has a say: these numbers are written down."""
    code = "import cdlab.random_streams as r; print(r.RandomStreams(1).draw('a', 'b', 0))"
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert float(done.stdout) == RandomStreams(1).draw("a", "b", 0) == EXPECTED


def test_uniform_draws_are_even() -> None:
    """Mean and spread of 4000 draws are within three standard errors."""
    stream = RandomStreams(1).stream("test")
    draws = [stream.uniform(10, 20) for _ in range(4000)]
    assert min(draws) >= 10
    assert max(draws) < 20
    assert statistics.fmean(draws) == pytest.approx(15, abs=3 * 10 / math.sqrt(12 * 4000))


def test_whole_numbers_cover_their_range() -> None:
    """The upper bound is not included, and an empty range is a mistake."""
    stream = RandomStreams(1).stream("test")
    assert {stream.integers(3, 6) for _ in range(100)} == {3, 4, 5}
    with pytest.raises(ValueError, match="no whole number"):
        stream.integers(3, 3)


def test_lognormal_draws_have_their_median_and_sigma() -> None:
    """Their logarithms are normal, within three standard errors."""
    stream = RandomStreams(1).stream("test")
    logs = [math.log(stream.lognormal(90, 0.5)) for _ in range(4000)]
    assert statistics.fmean(logs) == pytest.approx(math.log(90), abs=3 * 0.5 / math.sqrt(4000))
    assert statistics.stdev(logs) == pytest.approx(0.5, abs=3 * 0.5 / math.sqrt(2 * 4000))


def test_exponential_draws_have_their_mean() -> None:
    """The mean of 4000 is within three standard errors."""
    stream = RandomStreams(1).stream("test")
    draws = [stream.exponential(5) for _ in range(4000)]
    assert statistics.fmean(draws) == pytest.approx(5, abs=3 * 5 / math.sqrt(4000))
