"""
How the simulator's time for an event grows with the number of microservices.

Every size takes turns with the smallest one, so that a ratio is of two measurements side by side;
what is printed is the median of the rounds. Usage: bench_scale.py [--quick]
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from statistics import median
from typing import NamedTuple

from measuring import clocked, is_quick

from cdlab import worlds
from cdlab.model import Environment, Variant
from cdlab.runner import Run
from cdlab.scenario import Scenario

SMALLEST = 3
SIZES = (3, 10, 30) if is_quick() else (3, 10, 30, 100, 300, 1_000)
EVENTS = 1_000 if is_quick() else 20_000
"""A measurement plays as many runs as it takes to get about so many."""
ROUNDS = 1 if is_quick() else 5
TARGET = 1.25


class Cost(NamedTuple):
    """What some runs cost, in seconds for each of their events."""

    runs: float
    measures: float
    events: float
    """In a run."""
    censored: int
    """How many of them were given up."""


def of_size(architecture: str, size: int) -> Scenario:
    """A rollback of the first of so many microservices."""
    return Scenario(
        architecture=architecture,
        microservices=("front-end", *(f"service-{number + 1}" for number in range(size - 1))),
        environments=(Environment("staging"), Environment("production")),
        variant=Variant(rollback="command" if architecture == "v3" else "revert"),
        executors=8,
    )


def played(scenario: Scenario, seeds: range) -> list[Run]:
    """The same scenario with different random numbers."""
    return [worlds.run(replace(scenario, seed=seed)) for seed in seeds]


def measured(runs: list[Run]) -> None:
    """Compute all that can be computed."""
    for run in runs:
        assert run.measures, "reading them computes them"
        _ = run.phases  # empty where a run was given up


def cost(scenario: Scenario, seeds: range) -> Cost:
    """Play some runs and compute their measures."""
    run_seconds, runs = clocked(partial(played, scenario, seeds))
    measure_seconds, _ = clocked(partial(measured, runs))
    events = sum(len(run.history) for run in runs)
    return Cost(
        run_seconds / events,
        measure_seconds / events,
        events / len(runs),
        sum(not run.is_finished for run in runs),
    )


def curve(architecture: str) -> None:
    """A line for each size."""
    smallest = of_size(architecture, SMALLEST)
    events = cost(smallest, range(2)).events
    for size in SIZES:
        scenario, rounds = of_size(architecture, size), []
        small_runs = max(1, round(EVENTS / events))
        runs = max(1, round(EVENTS / (events * size / SMALLEST)))
        for number in range(ROUNDS):
            first = 1_000 * (number + 1)
            small = cost(smallest, range(first, first + small_runs))
            rounds.append((small, cost(scenario, range(first + 500, first + 500 + runs))))
        found = [large for _, large in rounds]
        each, in_a_run = median(large.runs for large in found), found[-1].events
        ratio = median(large.runs / small.runs for small, large in rounds)
        measures = median(large.measures for large in found)
        censored = sum(large.censored for large in found)
        print(
            f"{architecture:4} {size:13} {in_a_run:8.0f} {each * 1e6:9.1f} {ratio:8.2f}"
            f" {measures * 1e6:9.1f} {censored:6} of {runs * ROUNDS}",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    print(
        f"{'':4} {'microservices':>13} {'events':>8} {'us/event':>9} {'ratio':>8}"
        f" {'measures':>9} {'given up':>9}"
    )
    for architecture in ("v1", "v2", "v3"):
        curve(architecture)
    print(f"target: a ratio to {SMALLEST} microservices of at most {TARGET}")


if __name__ == "__main__":
    main()
