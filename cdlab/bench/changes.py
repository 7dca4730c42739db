"""
Two benchmarks of different times: what became slower.

Pure. In: two `Results` and a threshold. Out: a `Change` a variant and cell, with an interval of the
ratio of medians. Called by `cdlab bench --compare`. The runs of two files share no block, so they
are compared as two samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cdlab.bench.results import CellPlan, Opening, Results
from cdlab.errors import ResultsError
from cdlab.installing import install_command
from cdlab.paired import CONFIDENCE, RESAMPLES
from cdlab.statistics import median

THRESHOLD = 0.10


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A variant in both files."""

    cell: str
    variant: str
    runs: tuple[int, int]
    """Old, new."""
    old_seconds: float | None
    new_seconds: float | None
    """Medians; None where that is a censored run."""
    ratio: float | None
    """New / old."""
    low: float | None = None
    high: float | None = None
    """95 % interval, percentile bootstrap of both samples. `high` None with `low`: no bound."""
    is_slower: bool = False
    """By more than the threshold, and the interval leaves out 1."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def require_comparable(
    old: Opening, new: Opening, paths: tuple[str, str], *, is_other_machine_meant: bool
) -> None:
    """Raise `ResultsError` where two files differ in more than when they were made."""
    there, now = old.settings, new.settings
    # With other settings the same name is another measurement; a file may not know one yet.
    for name in sorted({*there} & {*now}):
        if there.get(name) != now.get(name):
            what = f'{name} is "{now.get(name)}", and "{there.get(name)}" in {paths[0]}'
            raise ResultsError(paths[1], 1, what, help="measure both in the same way")
    names = sorted({*old.machine, *new.machine})
    other = [name for name in names if old.machine.get(name) != new.machine.get(name)]
    if other and not is_other_machine_meant:
        told = "; ".join(
            f'{name} "{new.machine.get(name)}", and "{old.machine.get(name)}" before'
            for name in other
        )
        raise ResultsError(
            paths[1], 1, f"another machine: {told}", help="--other-machine if that is meant"
        )


def changes(old: Results, new: Results, *, threshold: float = THRESHOLD) -> tuple[Change, ...]:
    """Every variant of every cell that both files have, in the order of the new one."""
    theirs = {cell.name: cell for cell in old.cells()}
    return tuple(
        _change(cell, variant, old, new, threshold)
        for cell in new.cells()
        if cell.name in theirs and _is_same(cell, theirs[cell.name])
        for variant in cell.variants
        if old.of(cell.name, variant) and new.of(cell.name, variant)
    )


def _is_same(one: CellPlan, other: CellPlan) -> bool:
    return (one.factor, one.setting) == (other.factor, other.setting)


def _change(cell: CellPlan, variant: str, old: Results, new: Results, threshold: float) -> Change:
    before = [run.seconds for run in old.of(cell.name, variant)]
    after = [run.seconds for run in new.of(cell.name, variant)]
    was, now = median(before), median(after)
    low, high = interval(before, after)
    ratio = now / was if was and now is not None else None
    # A median that is censored now and was not before is longer than any number.
    is_much = now is None if ratio is None else ratio > 1 + threshold
    return Change(
        cell=cell.name,
        variant=variant,
        runs=(len(before), len(after)),
        old_seconds=was,
        new_seconds=now,
        ratio=ratio,
        low=_finite(low),
        high=_finite(high),
        is_slower=was is not None and is_much and low > 1,
    )


def interval(before: Sequence[float | None], after: Sequence[float | None]) -> tuple[float, float]:
    """
    Of the ratio of the medians, after / before, by resampling each. Infinite where it has no bound.

    Raises ResultsError where NumPy is missing, which comes with SciPy.
    """
    try:
        import numpy
    except ImportError as error:
        raise ResultsError(
            "--compare", 0, "an interval needs SciPy", help=install_command("statistics")
        ) from error
    generator = numpy.random.default_rng(1)

    def medians(values: Sequence[float | None]) -> Any:
        known = numpy.asarray([math.inf if each is None else each for each in values])
        drawn = numpy.sort(generator.choice(known, (RESAMPLES, len(known))), axis=1)
        half = len(known) // 2
        return drawn[:, half] if len(known) % 2 else (drawn[:, half - 1] + drawn[:, half]) / 2

    with numpy.errstate(invalid="ignore", divide="ignore"):
        ratios = medians(after) / medians(before)
    ratios[numpy.isnan(ratios)] = 1.0  # never against never
    tail = (1 - CONFIDENCE) / 2
    ends = numpy.quantile(ratios, [tail, 1 - tail], method="nearest")
    return float(ends[0]), float(ends[1])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
