"""
Two variants compared run by run: how many times as fast, with an interval, and how often.

Runs of one seed share their random numbers, so that each pair differs by the variant alone. In:
seconds of the same seeds, None for a run that reached the deadline. Out: a `Pairing`. SciPy
computes the interval and the tests; without it the ratio and the win rate are there all the same.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cdlab.installing import install_command

RESAMPLES = 2000
CONFIDENCE = 0.95
RUNS_FOR_INTERVAL = 10
"""Below that a bootstrap of the median says next to nothing."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """What one variant is against another over the same seeds."""

    pairs: int
    censored: int
    """Pairs in which a run never came back or reached the deadline: longer than any other."""
    ratio: float | None
    """Median of base / this: how many times as fast. None where that is a censored pair."""
    win_rate: float | None
    """Share of the pairs in which this one was faster; a tie counts half."""
    low: float | None = None
    high: float | None = None
    """95 % interval of the ratio, BCa bootstrap."""
    p_value: float | None = None
    """Wilcoxon signed-rank test of the log ratios, two-sided."""
    cliffs_delta: float | None = None
    """From -1, always slower, to 1, always faster, over all pairs of all seeds."""
    missing: str = ""
    """Why there is no interval."""

    @property
    def is_different(self) -> bool | None:
        """Whether the interval leaves out 1; None without one."""
        return None if self.low is None or self.high is None else not self.low <= 1 <= self.high

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def paired(these: Sequence[float | None], base: Sequence[float | None]) -> Pairing | None:
    """Compare two samples of the same seeds in the same order. None where nothing can be paired."""
    logs = [_log_ratio(mine, other) for mine, other in zip(these, base, strict=True)]
    known = [each for each in logs if each is not None]
    if not known:
        return None
    # A censored run is longer than any other: the ratio has no bound on that side.
    middle = _middle(known)
    censored = sum(math.isinf(each) for each in known)
    wins = sum(1.0 if each > 0 else 0.5 if each == 0 else 0.0 for each in known) / len(known)
    ratio = None if middle is None else math.exp(middle)
    delta = _cliffs_delta(these, base)
    found = Pairing(len(known), censored, ratio, wins, cliffs_delta=delta)
    return _with_interval(found, known)


def _log_ratio(mine: float | None, other: float | None) -> float | None:
    """Positive where this one was faster; infinite where one run is censored, None where both."""
    if mine is None or other is None:
        return None if mine is other else (math.inf if other is None else -math.inf)
    if mine <= 0 or other <= 0:
        return 0.0 if mine == other else math.copysign(math.inf, other - mine)
    return math.log(other / mine)


def _middle(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    half = len(ordered) // 2
    middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return middle if math.isfinite(middle) else None


def _cliffs_delta(these: Sequence[float | None], base: Sequence[float | None]) -> float:
    mine = sorted(math.inf if each is None else each for each in these)
    others = sorted(math.inf if each is None else each for each in base)
    score = sum(len(others) - bisect_right(others, x) - bisect_left(others, x) for x in mine)
    return score / (len(mine) * len(others))


def _with_interval(found: Pairing, logs: Sequence[float]) -> Pairing:
    if found.censored:
        return replace(found, missing="a run never came back within its deadline: no bound")
    if found.pairs < RUNS_FOR_INTERVAL:
        return replace(found, missing=f"an interval wants {RUNS_FOR_INTERVAL} runs or more")
    if max(logs) == min(logs):
        return replace(found, low=found.ratio, high=found.ratio, p_value=None)
    try:
        from scipy import stats
    except ImportError:
        missing = f"an interval needs SciPy: {install_command('statistics')}"
        return replace(found, missing=missing)
    import numpy  # comes with SciPy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it cannot be calculated, its ends are no numbers
        done = stats.bootstrap(
            (numpy.asarray(logs),),
            numpy.median,
            confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES,
            method="BCa",
            random_state=numpy.random.default_rng(1),
        ).confidence_interval
    low, high = math.exp(done.low), math.exp(done.high)
    p_value = float(stats.wilcoxon(logs).pvalue)
    if math.isnan(low) or math.isnan(high):
        return replace(found, p_value=p_value, missing="nearly all ratios are the same")
    return replace(found, low=low, high=high, p_value=p_value)
