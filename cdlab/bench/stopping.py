"""
When a cell has been measured often enough: the stop rule of the default mode.

Pure. In: the runs so far. Out: whether every interval is narrow. Looking again and again and
stopping at the first narrow interval makes intervals cover less often than they say, which
`docs/benchmark.md` tells with numbers; modes with a fixed number of blocks do not do it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdlab.bench.results import CellPlan, RunLine
from cdlab.paired import Pairing, paired

HALF_WIDTH = 0.05
"""The half-width of a 95 % interval, relative to the ratio, at which it is narrow enough."""


def seconds_by_block(cell: str, variant: str, runs: Sequence[RunLine]) -> dict[int, float | None]:
    """Block -> rollback time of a variant, the warm-up left out; None where it was censored."""
    return {
        run.block: run.seconds
        for run in runs
        if not run.is_warm_up and (run.cell, run.variant) == (cell, variant)
    }


def pairing(cell: str, variant: str, base: str, runs: Sequence[RunLine]) -> Pairing | None:
    """A variant against another one, block by block; None where no block has both."""
    mine, other = (seconds_by_block(cell, name, runs) for name in (variant, base))
    both = sorted(block for block in mine if block in other)
    return paired([mine[each] for each in both], [other[each] for each in both])


def half_width(found: Pairing | None) -> float | None:
    """Of the interval of a ratio, relative to it; None without one."""
    if found is None or found.ratio is None or found.low is None or found.high is None:
        return None
    return (found.high - found.low) / 2 / found.ratio


def is_narrow(cell: CellPlan, runs: Sequence[RunLine]) -> bool:
    """Whether the interval of each variant against the first one is narrow enough."""
    base, *others = cell.variants
    widths = [half_width(pairing(cell.name, name, base, runs)) for name in others]
    return all(width is not None and width <= HALF_WIDTH for width in widths)
