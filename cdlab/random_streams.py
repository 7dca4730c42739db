"""
Random numbers that depend on what they are for, never on who asked first.

In go a seed, a purpose ("docker build") and an entity ("users"), out come numbers. The n-th draw is
the hash of (seed, purpose, entity, n), so the n-th build of a microservice takes the same time in
every architecture, whatever else is drawn in between. Used by the simulator's costs and by fault
plans. The same on every Python version and under every PYTHONHASHSEED; of lognormal draws the
last bit may depend on the C library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct

_HALVES = Struct(">QQ").unpack
_UNIT = 2.0**-53


def _hash(seed: int, purpose: str, entity: str, counter: int) -> tuple[float, float]:
    """Return two independent numbers from [0, 1), multiples of 2**-53 as a float holds exactly."""
    return _draw(_name(seed, purpose, entity), counter)


def _name(seed: int, purpose: str, entity: str) -> str:
    """What all draws of a stream are hashes of, up to the counter."""
    # A list's repr keeps ("a", "bc") and ("ab", "c") apart.
    return repr([seed, purpose, entity])[:-1]


def _draw(name: str, counter: int) -> tuple[float, float]:
    digest = blake2b(f"{name}, {counter}]".encode(), digest_size=16).digest()
    first, second = _HALVES(digest)
    return (first >> 11) * _UNIT, (second >> 11) * _UNIT


@dataclass
class Stream:
    """The draws for one purpose and entity. Each method that draws takes exactly one of them."""

    seed: int
    purpose: str
    entity: str = ""
    counter: int = 0
    """The number of the next draw; they count from 0."""

    def __post_init__(self) -> None:
        self._name = _name(self.seed, self.purpose, self.entity)

    def _next(self) -> tuple[float, float]:
        self.counter += 1
        return _draw(self._name, self.counter - 1)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draw evenly from `low` up to, not including, `high`."""
        return low + (high - low) * self._next()[0]

    def integers(self, low: int, high: int) -> int:
        """Draw a whole number from `low` up to, not including, `high`."""
        if low >= high:
            raise ValueError(f"no whole number from {low} up to, not including, {high}")
        return low + math.floor((high - low) * self._next()[0])

    def lognormal(self, median: float, sigma: float) -> float:
        """Draw a positive number; `sigma` is the standard deviation of its natural logarithm."""
        first, second = self._next()
        # Box and Muller's normal number; statistics.NormalDist would cost 12 ms at import.
        normal = math.sqrt(-2 * math.log1p(-first)) * math.cos(2 * math.pi * second)
        return median * math.exp(sigma * normal)

    def exponential(self, mean: float) -> float:
        """Draw the time until the next of many events that are independent of each other."""
        return -mean * math.log1p(-self._next()[0])


class RandomStreams:
    """All streams of a run, each counting its own draws."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[tuple[str, str], Stream] = {}

    def stream(self, purpose: str, entity: str = "") -> Stream:
        """Return the one stream for that purpose and entity."""
        key = (purpose, entity)
        if key not in self._streams:
            self._streams[key] = Stream(self.seed, purpose, entity)
        return self._streams[key]

    def draw(self, purpose: str, entity: str, counter: int) -> float:
        """Return the number from [0, 1) that is draw number `counter`; count nothing."""
        return _hash(self.seed, purpose, entity, counter)[0]

    def uniform(self, purpose: str, entity: str, low: float = 0.0, high: float = 1.0) -> float:
        """Draw evenly from `low` up to, not including, `high`."""
        return self.stream(purpose, entity).uniform(low, high)

    def lognormal(self, purpose: str, entity: str, median: float, sigma: float) -> float:
        """Draw a positive number; `sigma` is the standard deviation of its natural logarithm."""
        return self.stream(purpose, entity).lognormal(median, sigma)

    def integers(self, purpose: str, entity: str, low: int, high: int) -> int:
        """Draw a whole number from `low` up to, not including, `high`."""
        return self.stream(purpose, entity).integers(low, high)
