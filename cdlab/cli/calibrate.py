"""
`cdlab calibrate`: a costs profile for the simulator from histories of real runs.

In: history files. Out: a TOML file with a distribution and a source for every cost that was seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdlab.cli.output import console


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(calibrate)


def calibrate(
    histories: Annotated[list[Path], typer.Argument(help="History files of runs on kind.")],
    *,
    out: Annotated[Path, typer.Option("--out", help="The profile to write, a .toml file.")],
    extends: Annotated[
        str, typer.Option("--extends", help="The profile for what histories do not show.")
    ] = "lean-ci",
) -> None:
    """Make a costs profile from what happened; `cdlab compare --profile FILE` uses it."""
    from cdlab.calibration import profile_text, samples
    from cdlab.history import History
    from cdlab.whole_files import write_whole

    runs = [History.load(path) for path in histories]
    substrates = sorted({str(run.settings["substrate"]) for run in runs})
    facts: dict[str, object] = next(
        (run.settings["facts"] for run in runs if "facts" in run.settings), {}
    )
    where = ", ".join(f"{key} {facts[key]}" for key in sorted(facts) if key != "tie_seed")
    found = samples(runs)
    source = f"measured in {len(runs)} runs on {' and '.join(substrates)}" + (
        f" ({where})" if where else ""
    )
    text = profile_text(
        found,
        description=f"Calibrated from {len(runs)} runs on {' and '.join(substrates)}",
        source=source,
        extends=extends,
    )
    write_whole(out, text)
    console().print(f"{out}: {text.count('[')} costs from {len(runs)} runs")
