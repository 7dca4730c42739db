"""
`cdlab up`, `status` and `down`: the life of the lab that the kind substrate runs on.

In: options and the environment variables CDLAB_*, which are read here and nowhere below. Out: what
was done, line by line on standard error; what there is, on standard output.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli.output import MISSING, OK, Substrate, console, print_json, say
from cdlab.errors import CdlabError, ManagerUnavailable, SubstrateUnavailable

if TYPE_CHECKING:
    from cdlab.substrates.kind.pieces import Piece
    from cdlab.substrates.kind.settings import KindSettings

NodeImage = Annotated[
    str | None,
    typer.Option(
        "--node-image", metavar="IMAGE", help="Of the kind nodes.  [env: CDLAB_NODE_IMAGE]"
    ),
]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Of release management.  [env: CDLAB_SERVER]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (up, status, down):
        app.command()(command)


def settings_from_environment(node_image: str | None = None) -> KindSettings:
    """The lab's settings from CDLAB_*; an option on the command line goes first."""
    from cdlab.substrates.kind.settings import KindSettings

    settings = KindSettings.from_environment(os.environ)
    return replace(settings, node_image=node_image) if node_image else settings


def up(
    check: Annotated[
        bool, typer.Option("--check", help="Say what would be done; do nothing.")
    ] = False,
    node_image: NodeImage = None,
) -> None:
    """Start the lab: a kind cluster, a registry and a git server. Safe to repeat."""
    from cdlab.substrates.kind import lifecycle

    settings = settings_from_environment(node_image)
    if not check:
        lifecycle.up(settings, say)
        return
    differences = lifecycle.check(settings)
    for each in differences:
        typer.echo(f"{each.piece}: {each.found}; up would {each.action}")
    if not differences:
        typer.echo("the lab is up; there is nothing to do")
    raise typer.Exit(MISSING if differences else OK)


def status(server: ServerOption = None, as_json: Json = False) -> None:
    """
    Show the lab, and what its release management says of every workload, where it answers.

    Exits with 3 unless every piece of the lab runs; with 0, too, where the release management of a
    simulated world answers, which needs no lab.
    """
    from cdlab.cli import servers, telling
    from cdlab.manager.wire import plain

    releases, trouble = None, ""
    try:
        client = servers.client(server)
        releases = (client.about(), client.status())
    except CdlabError as error:
        if server is not None:  # it was asked for
            raise
        trouble = "" if isinstance(error, ManagerUnavailable) else error.message
    pieces, is_up = _pieces(is_needed=releases is None)
    if as_json:
        told = releases and {"about": plain(releases[0]), "workloads": plain(releases[1])}
        print_json({"is_up": is_up, "pieces": list(map(asdict, pieces)), "releases": told})
    else:
        if pieces:
            rows = [(each.state, each.name, each.address, each.detail) for each in pieces]
            table(("state", "piece", "address", "detail"), rows)
        typer.echo("the lab is up" if is_up else "the lab is not up: cdlab up")
        if releases is not None:
            telling.print_matrix(*releases)
        elif trouble:
            say(f"release management: {trouble}")
    is_elsewhere = releases is not None and releases[0].substrate != Substrate.kind
    raise typer.Exit(OK if is_up or is_elsewhere else MISSING)


def _pieces(*, is_needed: bool) -> tuple[tuple[Piece, ...], bool]:
    """The pieces of the lab and whether all run; none where this machine cannot have a lab."""
    from cdlab.substrates.kind import lifecycle

    try:
        found = lifecycle.status(settings_from_environment())
    except SubstrateUnavailable as error:
        if is_needed:
            raise
        say(f"the lab: {error.message}")
        return (), False
    return found.pieces, found.is_up


def down() -> None:
    """Remove the lab and everything that its runs left. Safe to repeat."""
    from cdlab.substrates.kind import lifecycle

    lifecycle.down(settings_from_environment(), say)


def table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows that begin with a state; those in trouble are bold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        has_trouble = row[0] not in ("ok", "running")
        table.add_row(*map(Text, row), style="bold" if has_trouble else None)
    console().print(table)
