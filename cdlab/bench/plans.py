"""
What is run in which order: cells, blocks, a random order in each, and when it is enough.

Pure: the plan of a mode, and from all that a file holds what comes next, so that a benchmark that
was ended goes on where it was. In: `Opening` and runs. Out: `CellPlan`s and `Planned` runs. Called
by `benchmark.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdlab.bench.results import MAIN_CELL, CellPlan, Opening, RunLine
from cdlab.bench.stopping import is_narrow
from cdlab.bench.variants import FACTORS, MAIN, architecture_of, twins
from cdlab.errors import ResultsError
from cdlab.random_streams import Stream

MODES = ("default", "quick", "full", "aa")
DEFAULT_BLOCKS, FEWEST_BLOCKS = 30, 10
QUICK_BLOCKS, FULL_BLOCKS, FACTOR_BLOCKS = 3, 60, 10
WARM_UP = 0
"""The number of the block that is run first and not counted."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A run that is to be made."""

    cell: str
    block: int
    position: int
    variant: str

    @property
    def is_warm_up(self) -> bool:
        """Whether it only warms caches."""
        return self.block == WARM_UP


def cells_of(mode: str, blocks: int | None, twin: str = MAIN[0]) -> tuple[CellPlan, ...]:
    """
    The cells of a mode. *blocks* is how many of each, instead of the mode's own number.

    Only the default mode stops early: where the number of blocks is fixed beforehand, an interval
    covers what it says.
    """
    least, most = {
        "default": (FEWEST_BLOCKS, DEFAULT_BLOCKS),
        "quick": (QUICK_BLOCKS, QUICK_BLOCKS),
        "full": (FULL_BLOCKS, FULL_BLOCKS),
        "aa": (DEFAULT_BLOCKS, DEFAULT_BLOCKS),
    }[mode]
    if blocks is not None:
        least = most = blocks
    variants = twins(twin) if mode == "aa" else MAIN
    main = CellPlan(name=MAIN_CELL, variants=variants, blocks_at_least=least, blocks_at_most=most)
    if mode != "full":
        return (main,)
    each = blocks or FACTOR_BLOCKS
    return (main, *(
        CellPlan(
            name=factor.cell,
            factor=factor.name,
            setting=factor.setting,
            variants=factor.variants,
            blocks_at_least=each,
            blocks_at_most=each,
        )
        for factor in FACTORS
    ))  # fmt: skip


def order(seed: int, cell: CellPlan, block: int) -> tuple[str, ...]:
    """The variants of a block in the order in which they are run: any is as likely as another."""
    stream = Stream(seed, "bench order", f"{cell.name} {block}")
    left, ordered = list(cell.variants), []
    while left:
        ordered.append(left.pop(stream.integers(0, len(left))))
    return tuple(ordered)


def warm_up(opening: Opening) -> tuple[Planned, ...]:
    """
    What comes before anything counts, each time that a benchmark is begun or gone on with.

    The first variant of each architecture: between variants of one there is nothing else to warm.
    """
    cell, found = opening.cells[0], list[Planned]()
    for variant in cell.variants:
        if architecture_of(variant) not in ("", *(architecture_of(p.variant) for p in found)):
            found.append(Planned(cell.name, WARM_UP, len(found) + 1, variant))
    return tuple(found)


def left(opening: Opening, runs: Sequence[RunLine]) -> Iterator[Planned]:
    """
    The runs that are missing in a file, in their order, as if nothing stopped early.

    A block that was begun is completed first, in the order that it had.
    """
    there = {(run.cell, run.block, run.variant) for run in runs if not run.is_warm_up}
    for cell in opening.cells:
        if is_complete(cell, runs):
            continue
        for block in range(1, cell.blocks_at_most + 1):
            for planned in _block(opening.seed, cell, block):
                if (cell.name, block, planned.variant) not in there:
                    yield planned


def is_complete(cell: CellPlan, runs: Sequence[RunLine]) -> bool:
    """Whether a cell has all its blocks, or enough of them and narrow intervals."""
    counts = [
        sum(not run.is_warm_up and (run.cell, run.variant) == (cell.name, variant) for run in runs)
        for variant in cell.variants
    ]
    whole = min(counts)
    if max(counts) != whole or whole < cell.blocks_at_least:
        return False
    return whole >= cell.blocks_at_most or is_narrow(cell, runs)


def _block(seed: int, cell: CellPlan, block: int) -> tuple[Planned, ...]:
    ordered = enumerate(order(seed, cell, block), start=1)
    return tuple(Planned(cell.name, block, position, variant) for position, variant in ordered)


def require_same(path: str, there: Opening, asked: Opening) -> None:
    """Raise `ResultsError` where a file holds another benchmark than the one that is asked for."""
    pairs: Mapping[str, tuple[Any, Any]] = {
        "mode": (there.mode, asked.mode),
        "seed": (there.seed, asked.seed),
        "version of cdlab": (there.cdlab, asked.cdlab),
        "plan of cells": (there.cells, asked.cells),
        **_by_name("setting", there.settings, asked.settings),
        **_by_name("machine's", there.machine, asked.machine),
    }
    for what, (was, now) in pairs.items():
        if was != now:
            told = "" if isinstance(was, tuple) else f': "{was}" there, "{now}" now'
            raise ResultsError(
                path,
                1,
                f"holds a benchmark with another {what}{told}",
                help="name another file by --out, or ask for the same",
            )


def _by_name(
    what: str, there: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    names = sorted({*there, *now})
    return {f"{what} {name}": (there.get(name), now.get(name)) for name in names}
