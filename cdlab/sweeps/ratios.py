"""
Who is faster where: the paired ratios of a sweep's table, cell by cell.

In: rows. Out: ratios as the figures take them. Pairs are the runs of one seed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cdlab.bench.variants import V1_NO_CACHE, V3_COMMAND, V3_CONFIG_REVERT
from cdlab.paired import Pairing, paired
from cdlab.report import wording
from cdlab.sweeps.grid import Cell
from cdlab.sweeps.table import Row

COMPARED = (V3_COMMAND, V3_CONFIG_REVERT)
BASE = V1_NO_CACHE


@dataclass(frozen=True, slots=True)
class Axes:
    """The values of a table that differ, sorted."""

    builds: tuple[float, ...]
    polls: tuple[float | None, ...]
    """The event first."""
    others: tuple[tuple[int, int], ...]
    """Microservices and replicas."""


class Sweep:
    """A table, to be asked for ratios."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.seconds: dict[tuple[Cell, str], dict[int, float | None]] = defaultdict(dict)
        for row in rows:
            self.seconds[row.cell, row.variant][row.seed] = row.rollback_seconds
        cells = {row.cell for row in rows}
        self.axes = Axes(
            tuple(sorted({each.build_seconds for each in cells})),
            tuple(sorted({each.poll_seconds for each in cells}, key=lambda each: each or 0.0)),
            tuple(sorted({(each.microservices, each.replicas) for each in cells})),
        )

    def pairing(self, cell: Cell, variant: str, base: str = BASE) -> Pairing | None:
        """One variant against another in a cell, over the seeds that both have."""
        mine = self.seconds.get((cell, variant), {})
        others = self.seconds.get((cell, base), {})
        seeds = sorted(mine.keys() & others.keys())
        return paired([mine[each] for each in seeds], [others[each] for each in seeds])

    def runs(self) -> int:
        """The fewest runs that a variant has in a cell."""
        return min((len(each) for each in self.seconds.values()), default=0)

    def held(self) -> Iterator[tuple[int, int, str]]:
        """The combinations of the other settings, each with its words."""
        for microservices, replicas in self.axes.others:
            words = f"{wording.count(microservices, 'microservice')}, "
            yield microservices, replicas, words + wording.count(replicas, "replica")
