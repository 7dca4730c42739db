"""
`cdlab demo`: a rollback told in the terminal, with the article's picture lighting up box by box.

In: an architecture and how fast to go. Out: frames on standard output: a picture that changes in a
terminal, one text under the other elsewhere. The run comes first and is told from its history, on
kind as well: nothing is shown that did not happen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli.output import BROKEN, GREATEST_SEED, OK, Substrate, console, say

if TYPE_CHECKING:
    from rich.console import Console, Group

    from cdlab.report.walk import Frame


class Architecture(StrEnum):
    """The architectures as an argument's values."""

    v1 = "v1"
    v2 = "v2"
    v3 = "v3"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(demo)


def demo(
    architecture: Annotated[Architecture, typer.Argument()],
    *,
    pace: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="For each frame; 0: all at once.")
    ] = 2.0,
    step: Annotated[bool, typer.Option("--step", help="Go on at Enter instead.")] = False,
    substrate: Annotated[
        Substrate, typer.Option(help="Where to play it, before it is told.")
    ] = Substrate.sim,
    seed: Annotated[int, typer.Option(min=0, max=GREATEST_SEED, help="Of the run.")] = 1,
) -> None:
    """Walk through a rollback, with the picture of the architecture lighting up box by box."""
    from cdlab import worlds
    from cdlab.report.walk import as_text, frames
    from cdlab.scenario import parse

    scenario = replace(parse(f"architecture: {architecture}\n"), seed=seed)
    if substrate is Substrate.kind:
        say("playing it on the real cluster first, which takes a minute or two; then it is told")
    run = worlds.run(scenario, substrate=substrate)
    shown = frames(run.history)
    page = console()
    if page.is_terminal and (pace or step):
        wait = _enter if step else lambda: time.sleep(pace)
        show(page, architecture, shown, wait)
    else:
        for frame in shown:
            page.print(as_text(frame, page.width), soft_wrap=True)
    raise typer.Exit(OK if run.is_finished else BROKEN)


def show(
    page: Console, architecture: str, shown: Sequence[Frame], wait: Callable[[], object]
) -> None:
    """One frame after the other on the whole screen; the last one stays when it is over."""
    from rich.live import Live

    def screen(number: int) -> Group:
        from rich.console import Group

        from cdlab.report.diagram import page as drawn

        progress = f"{number + 1} of {len(shown)}"
        return Group(*drawn(architecture, shown[number], progress, page.size))

    with Live(screen(0), console=page, screen=True, auto_refresh=False) as live:
        for number in range(len(shown)):
            live.update(screen(number), refresh=True)
            wait()
    page.print(screen(len(shown) - 1))


def _enter() -> None:
    sys.stdin.readline()
