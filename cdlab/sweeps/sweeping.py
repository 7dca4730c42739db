"""
A sweep from its first cell to its last, in several processes, going on with what is there.

In: a plan, a file. Out: the file. Called by `cdlab sweep`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from cdlab.parallel import in_processes
from cdlab.sweeps import playing, table
from cdlab.sweeps.grid import Cell, Plan

Progress = Callable[[int, int, str], None]
"""Told how many cells are done, of how many, and what comes next."""


def sweep(plan: Plan, path: Path, *, processes: int, progress: Progress) -> int:
    """Play what is missing in the file and return how many cells were there already."""
    plan.refuse_too_many()
    cells = plan.cells()
    there = table.go_on(path, plan)
    missing = cells[there:]
    progress(there, len(cells), "")
    for done, (cell, found) in enumerate(
        zip(missing, _played(plan, missing, processes), strict=True), start=there + 1
    ):
        table.append(path, plan, cell, found)
        progress(done, len(cells), "")
    return there


def _played(plan: Plan, cells: list[Cell], processes: int) -> Iterator[list[playing.Outcome]]:
    play = partial(playing.play, plan)
    if processes == 1 or len(cells) == 1:
        return map(play, cells)
    return in_processes(play, cells, processes=processes, chunk=1)
