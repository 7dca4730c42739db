"""
The three architectures beside each other: the same story, many runs, a row for each variant.

In the simulator the runs of all rows share their random numbers: the n-th build of a microservice
takes the same time in each. On kind they share the machine, and the rows take turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cdlab import worlds
from cdlab.comparison_rows import Row, rows
from cdlab.paired import Pairing, paired
from cdlab.runner import Run
from cdlab.scenario import Scenario
from cdlab.statistics import median, p95

__all__ = ["Comparison", "Means", "Result", "Row", "Sample", "compare", "not_expressible", "rows"]

SIMULATED_RUNS, REAL_RUNS = 200, 1
SEEDS_WORTH_A_PROCESS = 20
"""Starting one costs as much as simulating a few seeds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a comparison keeps of a run. Hundreds of histories would cost more than to make them."""

    scenario: Scenario
    is_finished: bool
    measures: dict[str, Any]
    phases: dict[str, float]

    @classmethod
    def of(cls, run: Run) -> Sample:
        """The numbers of a run, without its history."""
        return cls(run.scenario, run.is_finished, run.measures, run.phases)


@dataclass(frozen=True, slots=True)
class Result:
    """A row with its runs."""

    row: Row
    first: Run
    """The run of the first seed, with its history."""
    runs: tuple[Sample, ...]
    """All runs, the first among them."""

    @property
    def name(self) -> str:
        """`V1 revert, cache`; `V1` alone where nobody rolls back."""
        return f"{self.row.scenario.architecture.upper()} {self.row.label}".rstrip()

    @property
    def rollback_seconds(self) -> list[float | None]:
        """Of each run; None where the deadline passed first."""
        return [run.measures["rollback_seconds"] for run in self.runs]

    def phases(self) -> dict[str, float]:
        """The phases of the run whose rollback took the median time, so that they sum to it."""
        # A censored run has none and counts as longer than all others, as in the median.
        ordered = sorted(self.runs, key=lambda run: sum(run.phases.values()) or math.inf)
        return ordered[(len(ordered) - 1) // 2].phases if ordered else {}

    def measures(self) -> dict[str, Any]:
        """Each measure over all runs: the value if they agree, else the mean or the shares."""
        names = self.runs[0].measures
        return {name: _agreed([run.measures[name] for run in self.runs]) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """The row as plain values."""
        seconds = self.rollback_seconds
        return {
            "architecture": self.row.scenario.architecture,
            "variant": self.row.label,
            "rollback_seconds": {
                "median": median(seconds),
                "p95": p95(seconds),
                "values": seconds,
            },
            "phases": self.phases(),
            "measures": self.measures(),
            "not_expressible": not_expressible(self.first),
        }


@dataclass(frozen=True)
class Comparison:
    """All rows. Shows itself as a table in a notebook and in a terminal."""

    story: str
    substrate: str
    profile: str | None
    seed: int
    results: tuple[Result, ...] = field(repr=False)

    @property
    def main(self) -> dict[str, Result]:
        """Architecture -> the row that stands for it."""
        return {r.row.scenario.architecture: r for r in self.results if r.row.is_main}

    def against_v1(self) -> dict[str, Pairing]:
        """Row -> how its rollback times compare with those of V1's main row, run by run."""
        base = self.main.get("v1")
        found = {
            each.name: paired(each.rollback_seconds, base.rollback_seconds)
            for each in self.results
            if base is not None and each is not base
        }
        return {name: pairing for name, pairing in found.items() if pairing is not None}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `cdlab compare --json` prints them."""
        return {
            "story": self.story,
            "substrate": self.substrate,
            "profile": self.profile,
            "seed": self.seed,
            "runs": len(self.results[0].runs),
            "architectures": {name: result.to_dict() for name, result in self.main.items()},
            "variants": [result.to_dict() for result in self.results],
            "against_v1": {name: each.to_dict() for name, each in self.against_v1().items()},
        }

    def _repr_html_(self) -> str:
        from cdlab.report.page import comparison_html

        return comparison_html(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """With what a comparison is made. None of it changes a number."""

    processes: int = 1
    """How many seeds to simulate at once; more than one only where `__main__` can be imported."""
    progress: Callable[[int, int, str], None] = lambda done, total, what: None
    """Called with the runs that are done, their total, and what comes next."""


def compare(
    story: str = "rollback",
    *,
    substrate: str = "sim",
    runs: int | None = None,
    seed: int = 1,
    profile: str = "lean-ci",
    means: Means = Means(),
) -> Comparison:
    """Play a story on every architecture and variant: 200 times in the simulator, once on kind."""
    count = runs or (SIMULATED_RUNS if substrate == "sim" else REAL_RUNS)
    chosen = tuple(
        row if substrate == "sim" else row.on_kind()
        for row in rows(story, profile=profile, seed=seed)
        if substrate == "sim" or row.is_worth_a_cluster
    )
    first: list[Run] = []
    for done, row in enumerate(chosen):
        means.progress(done, count * len(chosen), f"{row.scenario.architecture} {row.label}")
        first.append(worlds.run(row.scenario, substrate=substrate))
    found = [[Sample.of(run)] for run in first]
    for number, samples in enumerate(_later(chosen, count, substrate, means), start=1):
        means.progress((number + 1) * len(chosen), count * len(chosen), "")
        for of_row, sample in zip(found, samples, strict=True):
            of_row.append(sample)
    results = tuple(
        Result(row, run, tuple(samples))
        for row, run, samples in zip(chosen, first, found, strict=True)
    )
    return Comparison(story, substrate, profile if substrate == "sim" else None, seed, results)


def _later(
    chosen: tuple[Row, ...], count: int, substrate: str, means: Means
) -> Iterator[list[Sample]]:
    """The runs of all rows for every seed after the first, seed by seed and in order."""
    seeds = range(chosen[0].scenario.seed + 1, chosen[0].scenario.seed + count)
    if substrate != "sim" or means.processes == 1 or count < SEEDS_WORTH_A_PROCESS:
        for seed in seeds:
            yield _samples(chosen, substrate, seed)
        return
    from functools import partial

    from cdlab.parallel import in_processes

    play = partial(_samples, chosen, substrate)
    yield from in_processes(play, seeds, processes=means.processes)


def _samples(chosen: tuple[Row, ...], substrate: str, seed: int) -> list[Sample]:
    """One run of each row. Rows of one seed share most of their manifests, and so a cache."""
    scenarios = (replace(row.scenario, seed=seed) for row in chosen)
    return [Sample.of(worlds.run(scenario, substrate=substrate)) for scenario in scenarios]


def not_expressible(run: Run) -> dict[str, str]:
    """`promotion` or `rollback`, where the architecture was asked for it and has none -> why."""
    return {
        event.kind.removesuffix("Refused").lower(): event.because
        for event in run.history
        if event.outcome == "not expressible"
    }


def _agreed(values: Sequence[Any]) -> Any:
    """
    One value for those of many runs, of which runs without an answer are left out.

    The value where they agree; of numbers the mean, and of yes and no the share of yes; of words
    the share of each; mappings key by key.
    """
    answers = [value for value in values if value is not None]
    if not answers:
        return None
    if all(value == answers[0] for value in answers):
        return answers[0]
    if all(isinstance(value, Mapping) for value in answers):
        keys = dict.fromkeys(key for value in answers for key in value)
        return {key: _agreed([value.get(key) for value in answers]) for key in keys}
    if all(isinstance(value, (int, float)) for value in answers):
        return sum(answers) / len(answers)
    return {word: answers.count(word) / len(answers) for word in sorted(set(map(str, answers)))}
