"""
`cdlab doctor`: what this machine can run; with files, what the laptops of a room can.

In: a substrate, or reports that `cdlab doctor --json` wrote on other machines. Out: findings with
the commands that mend them, as a table or as JSON; exit code 3 where something is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cdlab.cli.machine import Json, settings_from_environment, table
from cdlab.cli.output import MISSING, OK, Substrate, print_json
from cdlab.version import __version__


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(doctor)


def doctor(
    reports: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="REPORT.json",
            help="What `cdlab doctor --json` wrote on the laptops of a room.  "
            "[default: examine this machine]",
        ),
    ] = None,
    *,
    substrate: Annotated[
        Substrate | None, typer.Option(help="Examine for one substrate.  [default: both]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say for each substrate whether this machine can run it, and what to do where it cannot."""
    if reports:
        if substrate:
            raise typer.BadParameter("a report has what it has; --substrate goes without files")
        raise typer.Exit(_room(reports, as_json=as_json))
    from cdlab.substrates.kind.doctor import examine, verdict

    settings = settings_from_environment()
    names = [substrate.value] if substrate else [each.value for each in Substrate]
    found = {name: examine(name, settings) for name in names}
    verdicts = {name: verdict(findings) for name, findings in found.items()}
    if as_json:
        examined = {
            name: {"verdict": verdicts[name], "findings": [asdict(each) for each in findings]}
            for name, findings in found.items()
        }
        print_json({"cdlab": __version__, **examined})
    else:
        for name, findings in found.items():
            rows = [(each.state, each.name, each.detail) for each in findings]
            table(("state", name, "found"), rows)
            for each in findings:
                if each.help:
                    typer.echo(f"  {each.name}: {each.help}")
            typer.echo(f"{name}: {verdicts[name]}\n")
    raise typer.Exit(OK if all(each == "go" for each in verdicts.values()) else MISSING)


def _room(reports: Sequence[Path], *, as_json: bool) -> int:
    """All laptops in one table, and below it what to bring to whom."""
    from cdlab.cli.telling import print_table
    from cdlab.room import load, wants

    # A Command Prompt leaves `*` to the program.
    matching = [sorted(each.parent.glob(each.name)) or [each] for each in reports]
    laptops = [load(path) for paths in matching for path in paths]
    lacking = wants(laptops)
    if as_json:
        print_json(
            {"laptops": [asdict(each) for each in laptops], "wants": [asdict(w) for w in lacking]}
        )
    else:
        rows = [
            (
                each.name,
                each.version,
                ", ".join(" ".join(pair) for pair in each.verdicts),
                ", ".join(each.missing),
            )
            for each in laptops
        ]
        print_table(("laptop", "cdlab", "can run", "missing"), rows)
        for want in lacking:
            count = f"{len(want.laptops)} of {len(laptops)}"
            typer.echo(f"{want.what}: {count}: {', '.join(want.laptops)}\n    {want.mend}")
    return MISSING if any(want.is_in_the_way for want in lacking) else OK
