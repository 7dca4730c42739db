"""
What a sweep plays: every combination of some settings, and in each the same variants and seeds.

In: the texts of an axis, as somebody types them. Out: a `Plan` and its cells, in a fixed order.
`NotUnderstood` says what is wrong with an axis. Called by `cdlab sweep`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from cdlab.bench.variants import ARTICLE, SCENARIOS, V3_CONFIG_REVERT
from cdlab.errors import NotUnderstood
from cdlab.model import Variant

T = TypeVar("T")

EVENT = "event"
"""In the place of a poll interval: the manager is told, and does not poll."""
MOST_RUNS = 500_000
MOST_SECONDS = 86_400.0
MOST_MICROSERVICES, MOST_REPLICAS = 200, 100

VARIANTS: Mapping[str, tuple[str, Variant]] = {
    name: (SCENARIOS[name].architecture, SCENARIOS[name].variant)
    for name in (*ARTICLE, V3_CONFIG_REVERT)
}
"""Name -> architecture and variant. Those of V3 poll as the cell says."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination."""

    build_seconds: float
    """The median of a build without a cache."""
    poll_seconds: float | None
    """None: the manager is told."""
    microservices: int
    replicas: int

    def texts(self) -> tuple[str, ...]:
        """As they stand in the table, in the order of the fields."""
        poll = EVENT if self.poll_seconds is None else f"{self.poll_seconds:g}"
        return (f"{self.build_seconds:g}", poll, str(self.microservices), str(self.replicas))


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A whole sweep."""

    build_seconds: tuple[float, ...]
    poll_seconds: tuple[float | None, ...]
    microservices: tuple[int, ...]
    replicas: tuple[int, ...]
    runs: int
    """Of each variant in each cell."""
    seed: int
    """Of the first run; the next counts on, the same in every cell."""
    profile: str

    def cells(self) -> list[Cell]:
        """In the order of the table: the build time changes last."""
        axes = (self.build_seconds, self.poll_seconds, self.microservices, self.replicas)
        return [Cell(*each) for each in product(*axes)]

    def refuse_too_many(self) -> None:
        """Raise `NotUnderstood` for a sweep that nobody would wait for."""
        count = len(self.cells()) * self.runs * len(VARIANTS)
        if count > MOST_RUNS:
            raise NotUnderstood(
                f"{count:,} runs: {len(self.cells()):,} cells, {self.runs} runs of each of "
                f"{len(VARIANTS)} variants; at most {MOST_RUNS:,}",
                help="take fewer values, or fewer --runs",
            )


def plan_of(axes: tuple[str, str, str, str], *, runs: int, seed: int, profile: str) -> Plan:
    """A plan from the texts of its axes, in the order of the fields of a cell."""
    builds, polls, microservices, replicas = axes
    return Plan(
        build_seconds=seconds_of("--build-seconds", builds),
        poll_seconds=polls_of("--poll-seconds", polls),
        microservices=counts_of("--microservices", microservices, MOST_MICROSERVICES),
        replicas=counts_of("--replicas", replicas, MOST_REPLICAS),
        runs=runs,
        seed=seed,
        profile=profile,
    )


def seconds_of(option: str, text: str) -> tuple[float, ...]:
    """`0,10,60` -> build times."""
    return _distinct(option, text, [_seconds(option, each, 0.0) for each in _parts(option, text)])


def polls_of(option: str, text: str) -> tuple[float | None, ...]:
    """`event,10,60` -> poll intervals, None for `event`."""
    values = [
        None if each == EVENT else _seconds(option, each, 1.0) for each in _parts(option, text)
    ]
    return _distinct(option, text, values)


def counts_of(option: str, text: str, most: int) -> tuple[int, ...]:
    """`2,3,10` -> numbers from 1 to *most*."""
    values = []
    for each in _parts(option, text):
        if not (each.isascii() and each.isdigit() and 1 <= int(each) <= most):
            raise _wrong(option, f'"{each}" is no whole number from 1 to {most}')
        values.append(int(each))
    return _distinct(option, text, values)


def _parts(option: str, text: str) -> list[str]:
    parts = [each.strip() for each in text.split(",")]
    if not all(parts):
        raise _wrong(option, f'"{text}" has nothing between two commas' if text.strip() else
                     "names no value")  # fmt: skip
    return parts


def _seconds(option: str, text: str, least: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= MOST_SECONDS:
        named = f", or {EVENT}" if option == "--poll-seconds" else ""
        raise _wrong(option, f'"{text}" is no time from {least:g} to 86400 seconds{named}')
    return value


def _distinct(option: str, text: str, values: Sequence[T]) -> tuple[T, ...]:
    if len(set(values)) != len(values):
        raise _wrong(option, f'"{text}" names a value twice')
    return tuple(values)


def _wrong(option: str, what: str) -> NotUnderstood:
    return NotUnderstood(f"{option}: {what}", help=f"values with commas between: {option} 1,10,60")
