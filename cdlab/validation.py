"""
How far the simulator is off: what it predicts for runs it was not calibrated on.

In: histories of real runs, a costs profile, and how to play a scenario. Out: for each cell, that is
each set of runs that differ only in their seeds, the total and the phases as they were and as they
are predicted, with the limits that were declared before measuring, and whether the counts agree.
Called by `cdlab validate`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from cdlab.equality import differences
from cdlab.history import History
from cdlab.rollback_time import PHASES, phases, rollback_seconds
from cdlab.scenario import Scenario
from cdlab.statistics import median, p95

TOTAL_LIMIT = 0.10
"""The median of the whole rollback: at most so far off. Declared in docs/validation.md."""
PHASE_LIMIT, PHASE_SECONDS = 0.15, 0.15
"""The median of a phase: the larger of the two, a share and seconds."""
P95_LIMIT = 0.20
EQUIVALENT = 0.05
"""Two variants whose medians are closer than that may swap their places."""
TOTAL, TAIL = "total", "p95 of the total"

Play = Callable[[Scenario, Mapping[str, float]], History]
"""Plays a scenario in the simulator at the pace of a real run (fields of `Pace`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """One number of a cell, in seconds."""

    what: str
    """`total`, `p95 of the total` or the name of a phase."""
    real: float | None
    """None where a run was censored: such a number has no error."""
    predicted: float | None
    limit_seconds: float

    @property
    def error(self) -> float | None:
        """(predicted - real) / real; None where there is no such number."""
        if self.real is None or self.predicted is None or not self.real:
            return None
        return self.predicted / self.real - 1

    @property
    def is_within(self) -> bool:
        """Whether the limit holds."""
        if self.real is None or self.predicted is None:
            return self.real is self.predicted
        return abs(self.predicted - self.real) <= self.limit_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Runs that differ only in their seeds."""

    scenario: Scenario
    name: str
    """The architecture, and what is not as in most cells."""
    runs: int
    predictions: tuple[Prediction, ...]
    """The total first."""
    differences: tuple[str, ...]
    """Where the counts of a real run are not those of the simulated one with its seed."""

    @property
    def total(self) -> Prediction:
        """The whole rollback."""
        return self.predictions[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """All cells."""

    cells: tuple[Cell, ...]
    swapped: tuple[str, ...]
    """Pairs of variants of the same case of which the simulator has the other one faster."""

    @property
    def held_out_error(self) -> float | None:
        """The error of the total in the worst cell, as a share; None where none has one."""
        errors = [each.total.error for each in self.cells if each.total.error is not None]
        return max(errors, key=abs, default=None)

    @property
    def is_within(self) -> bool:
        """Whether every limit holds in every cell."""
        are_within = all(each.is_within for cell in self.cells for each in cell.predictions)
        return are_within and not self.swapped and not any(c.differences for c in self.cells)


def validate(histories: Iterable[History], *, profile: str, runs: int, play: Play) -> Validation:
    """Predict every cell of *histories* with *runs* simulated runs of other seeds."""
    grouped: dict[str, list[History]] = defaultdict(list)
    for history in histories:
        grouped[_key(history)].append(history)
    names = _names([Scenario.of(each[0].settings) for each in grouped.values()])
    cells = tuple(
        _cell(name, real, profile, runs, play)
        for name, real in zip(names, grouped.values(), strict=True)
    )
    return Validation(cells=cells, swapped=tuple(_swapped(cells)))


def _key(history: History) -> str:
    settings = Scenario.of(history.settings).settings() | {"seed": 0}
    return json.dumps([settings, history.settings["pace"]], sort_keys=True)


def _cell(name: str, real: Sequence[History], profile: str, runs: int, play: Play) -> Cell:
    pace = real[0].settings["pace"]
    scenario = replace(Scenario.of(real[0].settings), profile=profile)
    seeds = [int(each.settings["seed"]) for each in real]
    beside = [play(replace(scenario, seed=seed), pace) for seed in seeds]
    first = max(seeds) + 1
    simulated = [play(replace(scenario, seed=first + n), pace) for n in range(runs)]
    unequal = [
        f"seed {seed}: {each}"
        for seed, ours, theirs in zip(seeds, beside, real, strict=True)
        for each in differences(ours, theirs)
    ]
    return Cell(
        scenario=scenario,
        name=name,
        runs=len(real),
        predictions=tuple(_predictions(real, simulated)),
        differences=tuple(unequal),
    )


def _predictions(real: Sequence[History], simulated: Sequence[History]) -> Iterable[Prediction]:
    totals = [[rollback_seconds(each) for each in group] for group in (real, simulated)]
    middle, predicted = (median(each) for each in totals)
    limit = TOTAL_LIMIT * (middle or 0.0)
    yield Prediction(what=TOTAL, real=middle, predicted=predicted, limit_seconds=limit)
    tail = p95(totals[0])
    if tail is not None:
        limit = P95_LIMIT * tail
        yield Prediction(what=TAIL, real=tail, predicted=p95(totals[1]), limit_seconds=limit)
    parts = [[phases(each) for each in group] for group in (real, simulated)]
    for phase in PHASES:
        middle, predicted = (median([each.get(phase) for each in group]) for group in parts)
        if middle or predicted:
            limit = max(PHASE_LIMIT * (middle or 0.0), PHASE_SECONDS)
            yield Prediction(what=phase, real=middle, predicted=predicted, limit_seconds=limit)


def _names(scenarios: Sequence[Scenario]) -> list[str]:
    """The architecture and its rollback, and every setting that is not the same everywhere."""
    plain = [{**each.settings(), **each.settings()["variant"]} for each in scenarios]
    left_out = {"architecture", "rollback", "variant", "environments", "seed", "profile"}
    telling = [
        key
        for key in (plain[0] if plain else ())
        if key not in left_out and any(each[key] != plain[0][key] for each in plain)
    ]
    return [
        ", ".join(
            [
                f"{each['architecture']} {each['rollback']}",
                *(_told(key, each[key]) for key in telling),
            ]
        )
        for each in plain
    ]


def _told(key: str, value: object) -> str:
    shown = len(value) if isinstance(value, list) else value
    return f"{key.removeprefix('has_').removeprefix('is_')} {shown}"


def _swapped(cells: Sequence[Cell]) -> Iterable[str]:
    """Variants of one case that do not come in the order in which they really came."""
    for one, other in combinations(cells, 2):
        really = _ratio(one.total.real, other.total.real)
        predicted = _ratio(one.total.predicted, other.total.predicted)
        if _case(one) != _case(other) or really is None or predicted is None:
            continue
        if abs(really - 1) > EQUIVALENT and (really < 1) != (predicted < 1):
            yield f"{one.name} and {other.name}"


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _case(cell: Cell) -> tuple[object, ...]:
    """What variants of one case have in common: everything but who delivers, and how."""
    plain = cell.scenario.settings()
    of_the_variant = ("architecture", "variant", "environments", "seed", "profile")
    return tuple(json.dumps(plain[key]) for key in sorted(plain) if key not in of_the_variant)
