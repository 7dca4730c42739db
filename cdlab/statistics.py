"""
Numbers over many runs: medians and quantiles, honest about how many runs they need.

Runs that hit the deadline are censored: they count as longer than all others and are never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

RUNS_FOR_P95 = 59
"""The least n for which the largest of n values is above the true p95 with 95 % confidence."""


def median(values: Sequence[float | None]) -> float | None:
    """The middle value; None when there is none, or when it is a censored one."""
    return quantile(values, 0.5)


def p95(values: Sequence[float | None]) -> float | None:
    """The 95th percentile; None below 59 runs, and when it is a censored one."""
    return quantile(values, 0.95) if len(values) >= RUNS_FOR_P95 else None


def quantile(values: Sequence[float | None], share: float) -> float | None:
    """Linear between the neighbours, as NumPy's default. None stands for a censored run."""
    if not values:
        return None
    ordered = sorted(math.inf if value is None else value for value in values)
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    if position == low:
        high = low  # infinity, if it is there, has no say: 0 times infinity is no number
    if math.isinf(ordered[high]):
        return None
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
