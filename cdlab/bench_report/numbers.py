"""
The numbers of a results file: for each variant of a cell its times, and how it compares.

In: `Results`. Out: `Summary`. Medians, intervals and tests come from `statistics.py` and
`paired.py`; a censored run counts as longer than any other and is never left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdlab.bench.results import CellPlan, Results, RunLine
from cdlab.bench.stopping import pairing
from cdlab.paired import Pairing
from cdlab.statistics import median, p95


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """One variant in one cell."""

    cell: CellPlan
    variant: str
    runs: tuple[RunLine, ...]
    pairing: Pairing | None
    """Against the cell's first variant, in the blocks that have both; None there, or of none."""

    @property
    def seconds(self) -> list[float | None]:
        """Rollback times in the order of the blocks."""
        return [run.seconds for run in self.runs]

    @property
    def censored(self) -> int:
        """Runs that reached the deadline."""
        return sum(run.seconds is None for run in self.runs)

    @property
    def median(self) -> float | None:
        """Of the rollback time; None where that is a censored run, or there is none."""
        return median(self.seconds)

    @property
    def p95(self) -> float | None:
        """None below 59 runs."""
        return p95(self.seconds)

    @property
    def recovery(self) -> float | None:
        """Median of what the outside probe saw; None where most runs have none."""
        return median([run.recovery_seconds for run in self.runs])

    @property
    def is_base(self) -> bool:
        """Whether the others of the cell are compared with it."""
        return self.variant == self.cell.variants[0]

    @property
    def architecture(self) -> str:
        """`v1`, `v2`, `v3`; empty for a baseline without one, and where nothing was measured."""
        return self.runs[0].architecture if self.runs else ""

    def middle_run(self) -> RunLine | None:
        """The run with the median time, the earlier one of two; a censored one comes last."""
        ordered = sorted(self.runs, key=lambda r: math.inf if r.seconds is None else r.seconds)
        return ordered[(len(ordered) - 1) // 2] if ordered else None

    def stayed(self) -> tuple[int, int]:
        """How many runs stayed rolled back, of how many that say so."""
        said = [run.has_stayed for run in self.runs if run.has_stayed is not None]
        return sum(said), len(said)


def summaries(results: Results, cell: CellPlan) -> list[Summary]:
    """Every planned variant of a cell, in the order of the plan, also those without a run."""
    base = cell.variants[0]
    return [
        Summary(
            cell=cell,
            variant=variant,
            runs=results.of(cell.name, variant),
            pairing=(
                None if variant == base else pairing(cell.name, variant, base, results.counted)
            ),
        )
        for variant in cell.variants
    ]


def against(mine: Summary, other: Summary) -> Pairing | None:
    """How a variant compares with any other one of its cell, in the blocks that have both."""
    both = [*mine.runs, *other.runs]
    return pairing(mine.cell.name, mine.variant, other.variant, both)


def articles(found: Sequence[Summary]) -> dict[str, Summary]:
    """Architecture -> the first of its variants: the one that the article describes."""
    firsts: dict[str, Summary] = {}
    for each in found:
        if each.architecture and each.runs:
            firsts.setdefault(each.architecture, each)
    return dict(sorted(firsts.items()))


def measured(runs: Sequence[RunLine], name: str) -> float | None:
    """The median of a measure over the runs that have it; of several values the maximum's."""
    values = [_number(run.measures.get(name)) for run in runs]
    return median([each for each in values if each is not None])


def _number(value: Any) -> float | None:
    if isinstance(value, Mapping):
        return _number(value.get("maximum", value.get("one_manager")))
    return float(value) if isinstance(value, (bool, int, float)) else None
