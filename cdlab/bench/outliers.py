"""
Runs that lie far from the others of their variant: kept, counted, and said.

Pure. Something on the machine may have come between; nothing is ever dropped for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdlab.statistics import quantile

FEWEST = 8
"""Fewer others say too little about what is usual."""
FAR = 3.0
"""Interquartile ranges beyond a quartile: "far out" for Tukey. One normal run in 425,000."""
LEAST_SECONDS = 0.5
"""Nearer is none, however alike the others are: a readiness probe comes once a second."""


def is_outlier(seconds: float | None, others: Sequence[float | None]) -> bool:
    """Whether a run lies far outside what the others took. A censored one is its own remark."""
    known = [each for each in others if each is not None]
    if seconds is None or len(known) < FEWEST:
        return False
    low, high = quantile(known, 0.25), quantile(known, 0.75)
    assert low is not None, "nothing known is censored"
    assert high is not None, "nothing known is censored"
    margin = max(FAR * (high - low), LEAST_SECONDS)
    return not low - margin <= seconds <= high + margin
