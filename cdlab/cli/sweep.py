"""
`cdlab sweep`: a grid of build times, poll intervals and sizes on the simulator, as a table.

In: the values of each axis. Out: a CSV file, one row a run, and a figure with the break-even.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli import output
from cdlab.cli.kept import refuse_unwritable
from cdlab.cli.output import GREATEST_SEED, counting, say

if TYPE_CHECKING:
    from cdlab.sweeps.grid import Plan


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(sweep)


def sweep(
    *,
    build_seconds: Annotated[
        str, typer.Option(metavar="S,S", help="Medians of a build without a cache.")
    ] = "0,10,60,240",
    poll_seconds: Annotated[
        str, typer.Option(metavar="S,S", help="How often the manager looks; `event`: it is told.")
    ] = "event,10,60,300",
    microservices: Annotated[str, typer.Option(metavar="N,N")] = "3",
    replicas: Annotated[str, typer.Option(metavar="N,N")] = "2",
    runs: Annotated[
        int, typer.Option(min=1, max=10_000, help="Of each variant in each cell.")
    ] = 20,
    seed: Annotated[
        int, typer.Option(min=0, max=GREATEST_SEED // 2, help="Of the first; the next counts on.")
    ] = 1,
    profile: Annotated[
        str, typer.Option(help="What all else costs; a .toml file, too.")
    ] = "lean-ci",
    out: Annotated[
        Path, typer.Option(metavar="FILE.csv", help="The table; gone on with if it is there.")
    ],
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svg", help="Draw where V3 is faster, with the break-even."),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--against-no-cache/--against-cache", help="V1's build, in the figure.")
    ] = True,
) -> None:
    """Play rollbacks over a grid on all processors; same command, same table, also resumed."""
    from cdlab import plots
    from cdlab.bench.variants import V1_NO_CACHE, V1_REVERT
    from cdlab.sweeps import grid, sweeping

    axes = (build_seconds, poll_seconds, microservices, replicas)
    plan = grid.plan_of(axes, runs=runs, seed=seed, profile=profile)
    if figure is not None:
        plots.require()
    refuse_unwritable([each for each in (out, figure) if each is not None])
    with counting("cell", lines_every=5) as progress:
        there = sweeping.sweep(plan, out, processes=output.processors(), progress=progress)
    say(f"{out}: {len(plan.cells())} cells" + (f", {there} of them from before" if there else ""))
    if figure is not None:
        _draw(out, figure, V1_NO_CACHE if no_cache else V1_REVERT, plan)


def _draw(table: Path, figure: Path, base: str, plan: Plan) -> None:
    from cdlab.plots.drawing import svg
    from cdlab.sweeps.pictures import MOST_PANELS, heat_map
    from cdlab.sweeps.ratios import COMPARED, Sweep
    from cdlab.sweeps.table import read
    from cdlab.whole_files import write_whole

    rows, _ = read(table)
    write_whole(figure, svg(heat_map(Sweep(rows), base)))
    panels = len(COMPARED) * len(plan.microservices) * len(plan.replicas)
    left = f"; {panels - MOST_PANELS} panels are left out" if panels > MOST_PANELS else ""
    say(f"wrote {figure}{left}")
