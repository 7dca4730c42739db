"""
`cdlab calibrate`: a costs profile for the simulator from histories of real runs.

In: history files. Out: a TOML file with a distribution and a source for every cost that was seen.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cdlab.cli.output import console

if TYPE_CHECKING:
    from cdlab.history import History


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
    from cdlab.calibration import fingerprint, profile_text, samples
    from cdlab.history import History
    from cdlab.whole_files import write_whole

    runs = [History.load(path) for path in histories]
    substrates = sorted({str(run.settings["substrate"]) for run in runs})
    where = ", ".join(
        f"{name} {values[0]}" if len(values) == 1 else f"{name} {values[0]} to {values[-1]}"
        for name, values in _facts(runs).items()
    )
    found = samples(runs)
    source = f"measured in {len(runs)} runs on {' and '.join(substrates)}" + (
        f" ({where})" if where else ""
    )
    text = profile_text(
        found,
        description=f"Calibrated from {len(runs)} runs on {' and '.join(substrates)}",
        source=source,
        extends=extends,
        made_from=[fingerprint(run) for run in runs],
    )
    write_whole(out, text)
    console().print(f"{out}: {text.count(chr(10) + '[')} costs from {len(runs)} runs")


def _facts(runs: list[History]) -> dict[str, list[Any]]:
    """What the runs say of their machine, each with all its values in order."""
    found: dict[str, set[Any]] = defaultdict(set)
    for run in runs:
        for name, value in run.settings.get("facts", {}).items():
            found[name].add(value)
    found.pop("tie_seed", None)
    return {name: sorted(found[name]) for name in sorted(found)}
