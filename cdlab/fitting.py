"""
A distribution for some samples, and how well it fits.

In: seconds, or shares of a period. Out: the fields of a cost in a profile, see
`substrates/sim/costs.py`. Everything is taken from quartiles, so that one slow call decides
nothing. Pure; called by `calibration.py`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

QUARTILES_IN_SIGMAS = 1.349
"""How many standard deviations lie between the quartiles of a normal distribution."""
SOME = 0.2
"""A share of the samples in the middle of a period that is too large for chance."""
FEW = 0.05
"""A share of samples of no time that still may be lognormal: such a one has none."""

Fields = dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Fit:
    """One distribution."""

    fields: Fields
    """`distribution` and its numbers, as a profile has them."""
    distance: float
    """The largest difference between the two distribution functions (Kolmogorov), 0 to 1."""


def fitted(seconds: Sequence[float]) -> Fit:
    """Lognormal or uniform, whichever is closer; constant where they are all the same, or zero."""
    median = statistics.median(seconds)
    if min(seconds) == max(seconds) or median <= 0:
        value = round(max(median, 0.0), 4)
        return Fit({"distribution": "constant", "value": value}, distance(seconds, _step(value)))
    fits = [_uniform(seconds)]
    if sum(each <= 0 for each in seconds) <= FEW * len(seconds):
        fits.append(_lognormal(seconds))
    return min(fits, key=lambda fit: fit.distance)


def _step(value: float) -> Callable[[float], float]:
    return lambda x: float(x >= value)


def _lognormal(seconds: Sequence[float]) -> Fit:
    """Samples of no time count as the shortest that is not."""
    least = min(each for each in seconds if each > 0)
    logs = [math.log(max(each, least)) for each in seconds]
    low, middle, high = statistics.quantiles(logs, n=4)
    normal = statistics.NormalDist(middle, max((high - low) / QUARTILES_IN_SIGMAS, 1e-9))
    median, sigma = round(statistics.median(seconds), 4), round(normal.stdev, 3)
    fields: Fields = {"distribution": "lognormal", "median": max(median, 0.0001), "sigma": sigma}
    return Fit(fields, distance(seconds, lambda x: normal.cdf(math.log(x)) if x > 0 else 0.0))


def _uniform(seconds: Sequence[float]) -> Fit:
    """Twice as wide as the middle half."""
    first, _, third = statistics.quantiles(seconds, n=4)
    half = (third - first) / 2
    low, high = round(max(first - half, 0.0), 4), round(third + half, 4)
    width = max(high - low, 1e-9)
    fields: Fields = {"distribution": "uniform", "low": low, "high": high}
    return Fit(fields, distance(seconds, lambda x: min(max((x - low) / width, 0.0), 1.0)))


def fitted_shares(shares: Sequence[float]) -> Fit:
    """
    For the wait for a readiness probe, in periods: at once or a period later, or anything between.

    The kubelet probes as soon as a container runs; what does not listen yet waits for the next.
    """
    early = [each for each in shares if each <= 0.5]
    if sum(0.15 < each < 0.85 for each in shares) > SOME * len(shares):
        uniform: Fields = {"distribution": "uniform", "low": 0, "high": 1}
        return Fit(uniform, distance(shares, lambda x: min(max(x, 0.0), 1.0)))
    value = round(statistics.median(early), 4) if early else 1.0
    chance = round(1 - len(early) / len(shares), 4)
    fields: Fields = {"distribution": "constant", "value": value}
    if chance:
        fields = {"distribution": "either", "value": value, "other": 1, "chance": chance}
    return Fit(fields, 0.0)


def distance(samples: Sequence[float], cdf: Callable[[float], float]) -> float:
    """
    The largest difference between the samples' distribution function and another one.

    Equal samples are one step.
    """
    ordered, count = sorted(samples), len(samples)
    found = 0.0
    for index, each in enumerate(ordered):
        is_last = index + 1 == count or ordered[index + 1] != each
        is_first = index == 0 or ordered[index - 1] != each
        if is_last:
            found = max(found, (index + 1) / count - cdf(each))
        if is_first:
            found = max(found, cdf(math.nextafter(each, -math.inf)) - index / count)
    return found
