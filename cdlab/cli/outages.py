"""
`cdlab outages`: what can still be done while a box is down, every cell attempted.

In: a seed. Out: a table or JSON on standard output.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cdlab.cli.output import GREATEST_SEED, console, print_json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(outages)


def outages(
    *,
    seed: Annotated[int, typer.Option(min=0, max=GREATEST_SEED, help="Of every run.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Attempt to deploy, roll back and rebuild in the simulator, with each box down in turn."""
    from rich import box
    from rich.table import Table

    from cdlab.architectures import ARCHITECTURES
    from cdlab.outages import outage_matrix

    found = {name: outage_matrix(name, seed=seed) for name in ARCHITECTURES}
    if as_json:
        print_json(found)
        return
    boxes = list(dict.fromkeys(each for matrix in found.values() for each in matrix["deploy"]))
    table = Table(
        "",
        "without",
        *(each.replace("-", " ") for each in boxes),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name, matrix in found.items():
        for operation, cells in matrix.items():
            said = (("no", "yes")[cells[each]] if each in cells else "–" for each in boxes)
            table.add_row(name.upper(), operation, *said)
    console().print(table)
