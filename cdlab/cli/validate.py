"""
`cdlab validate`: how far a costs profile is off on runs that it was not made from.

In: history files of real runs, a profile. Out: the error that counts, and every number of every
cell with its limit; exit code 1 where one does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli.output import BROKEN, OK, console, print_json, say

if TYPE_CHECKING:
    from cdlab.history import History
    from cdlab.scenario import Scenario
    from cdlab.validation import Cell, Validation

RUNS = 200
"""Simulated runs of each cell."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(validate)


def validate(
    histories: Annotated[list[Path], typer.Argument(help="History files of runs on kind.")],
    *,
    profile: Annotated[str, typer.Option(help="A profile, or a .toml file.")] = "kind",
    runs: Annotated[int, typer.Option(min=5, max=10_000, help="Simulated, a cell.")] = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Predict runs that a profile was not made from, and say how far off that is."""
    from cdlab.history import History
    from cdlab.validation import validate as compute

    held_out = [History.load(path) for path in histories]
    _refuse_used(histories, held_out, profile)
    say(f"simulating {runs} runs of each cell")
    found = compute(held_out, profile=profile, runs=runs, play=_play)
    if as_json:
        print_json(_plain(found))
    else:
        _show(found)
    raise typer.Exit(OK if found.is_within else BROKEN)


def _play(scenario: Scenario, pace: Mapping[str, float]) -> History:
    from dataclasses import replace

    from cdlab import worlds
    from cdlab.assembly import Pace
    from cdlab.runner import run_in

    world = worlds.simulated(scenario)
    return run_in(replace(world, pace=Pace(**pace)), scenario).history


def _refuse_used(paths: Sequence[Path], histories: Sequence[History], profile: str) -> None:
    """A profile predicts the runs that it was made from rather well."""
    from cdlab.calibration import fingerprint
    from cdlab.substrates.sim.costs import load_profile

    made_from = set(load_profile(profile).made_from)
    for path, history in zip(paths, histories, strict=True):
        if fingerprint(history) in made_from:
            raise typer.BadParameter(f'the profile "{profile}" was made from {path}, among others')


def _plain(found: Validation) -> dict[str, object]:
    return {
        "schema": "cdlab-validation/1",
        "held_out_error": found.held_out_error,
        "is_within": found.is_within,
        "swapped": list(found.swapped),
        "cells": [
            {
                "name": cell.name,
                "runs": cell.runs,
                "differences": list(cell.differences),
                "predictions": [
                    {
                        "what": each.what,
                        "real_seconds": each.real,
                        "predicted_seconds": each.predicted,
                        "error": each.error,
                        "limit_seconds": each.limit_seconds,
                        "is_within": each.is_within,
                    }
                    for each in cell.predictions
                ],
            }
            for cell in found.cells
        ],
    }


def _show(found: Validation) -> None:
    screen = console()
    error = found.held_out_error
    worst = "no cell has a total" if error is None else f"{error:+.1%} in the worst cell"
    screen.print(f"held-out error of the median rollback: {worst}", style="bold")
    for cell in found.cells:
        screen.print(_table(cell))
        for each in cell.differences:
            screen.print(f"  counts differ: {each}", style="red")
    for pair in found.swapped:
        screen.print(f"the other order: {pair}", style="red")
    screen.print("every limit holds" if found.is_within else "not every limit holds")


def _table(cell: Cell) -> object:
    from rich import box
    from rich.table import Table

    title = f"{cell.name}: {cell.runs} real run{'s' * (cell.runs > 1)}"
    table = Table(
        "", title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )  # fmt: skip
    for name in ("kind", "predicted", "error", "limit", ""):
        table.add_column(name, justify="right")
    for each in cell.predictions:
        error = "–" if each.error is None else f"{each.error:+.0%}"
        verdict = "" if each.is_within else "over"
        limit = f"± {each.limit_seconds:.2f} s"
        table.add_row(
            each.what, _seconds(each.real), _seconds(each.predicted), error, limit, verdict
        )
    return table


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f} s"
