"""
Comparisons and runs as people see them in a terminal; the HTML of notebooks comes from here too.

In: a `Comparison`, or a history with its verdicts. Out: text on a Rich console, or HTML. Called by
the CLI and by `_repr_html_`. Nothing is computed here: numbers come from `measures`, sentences from
`findings`, cells from `report_tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cdlab.expectations import Verdict
from cdlab.history import History
from cdlab.measures import measure
from cdlab.model import Variant
from cdlab.report import findings, losses, pairings, tables, timeline, vector, wording
from cdlab.report.explanation import explanation
from cdlab.report.grid import Grid
from cdlab.report.html import comparison_html, run_html
from cdlab.report.narration import Told, story_of
from cdlab.report.timeline import Bar
from cdlab.rollback_time import phases
from cdlab.served import is_finished

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from cdlab.comparison import Comparison

__all__ = [
    "comparison_html",
    "print_comparison",
    "print_explained",
    "print_history",
    "run_html",
]


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Everything about a comparison, most important first."""
    v3 = comparison.main.get("v3")
    _heading(console, f"The story {comparison.story} in V1, V2 and V3")
    for grid in _fitting(console, comparison):
        console.print(_table(grid, console))
    _sentences(console, tables.notes(comparison))
    for grid in pairings.pairings(comparison):
        console.print()
        console.print(_table(grid, console))
    _sentences(console, pairings.notes(comparison))
    for title, bars in tables.charts(comparison).items():
        _chart(console, title, bars)
    console.print(_table(vector.vector(comparison), console))
    _sentences(console, vector.notes(comparison))
    if v3 is not None:
        _findings(console, "Where V3 loses", losses.where_v3_loses(comparison))
    _findings(console, "Rollout undo, out of band", findings.rollout_undos(comparison))
    _findings(console, "What did not stay rolled back", findings.relapses(comparison))
    _findings(console, "Not expressible", findings.not_expressible(comparison))
    _heading(console, "To replay it")
    _sentences(console, findings.provenance(comparison))
    _command(console, findings.replay(comparison))


def _fitting(console: Console, comparison: Comparison) -> list[Grid]:
    """One table of all columns where they fit side by side, else two."""
    whole = tables.variants(comparison, is_wide=True)
    if all(sum(grid.widths()) + grid.gaps <= console.width for grid in whole):
        return whole
    return tables.variants(comparison, is_wide=False)


def print_history(
    console: Console, history: History, verdicts: Sequence[Verdict], *, name: str, replay: str
) -> None:
    """One run: what happened, how long it took, every measure, and what was expected of it."""
    settings = history.settings
    variant = Variant(**settings["variant"]).label()
    architecture = settings["architecture"].upper()
    _heading(console, f"{name}: {settings['story']} in {architecture} ({variant})")
    _story(console, story_of(history))
    if found := phases(history):
        _chart(console, "Phases of the rollback", [Bar(f"{architecture} {variant}", found)])
    console.print(_table(_measures(measure(history)), console))
    _ending(console, history, verdicts, replay)


def print_explained(
    console: Console, history: History, verdicts: Sequence[Verdict], *, replay: str
) -> None:
    """One run told as a story, and what was expected of it."""
    for line in explanation(history, console.width).splitlines():
        console.print(line, soft_wrap=True, style="bold" if line.endswith("]") else None)
    _ending(console, history, verdicts, replay)


def print_grids(
    console: Console, heading: str, grids: Sequence[Grid], sentences: Sequence[str]
) -> None:
    """Tables under a heading, and what there is to say of them."""
    _heading(console, heading)
    for grid in grids:
        console.print(_table(grid, console))
    _sentences(console, sentences)


def _ending(console: Console, history: History, verdicts: Sequence[Verdict], replay: str) -> None:
    settings = history.settings
    if not is_finished(history):
        deadline = wording.duration(settings["pace"]["deadline_seconds"])
        _sentences(console, [f"Censored: the story had not ended after {deadline}."])
    if verdicts:
        console.print(_table(_verdicts(verdicts), console))
    profile = f", profile {settings['profile']}" if settings["profile"] else ""
    where = f"substrate {settings['substrate']}{profile}, cdlab {settings['version']}"
    _sentences(console, [where])
    _command(console, replay)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(text, style="bold", markup=False, highlight=False)


def _sentences(console: Console, sentences: Sequence[str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for sentence in sentences:
        console.print(Padding(Text(sentence), (0, 0, 0, 2), expand=False))


def _command(console: Console, command: str) -> None:
    """A line to copy: it is never broken."""
    console.print(f"  {command}", soft_wrap=True, markup=False, highlight=False)


def _findings(console: Console, title: str, found: Sequence[findings.Finding]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if not found:
        return
    _heading(console, title)
    for finding in found:
        text = Text.assemble((finding.title, "bold"), f": {finding.text}")
        if not finding.is_shown:
            text.append(" (not shown by these runs)", style="italic")
        console.print(Padding(text, (0, 0, 0, 2), expand=False))


LEAST_WORDS = 8
"""A column of words that is narrower than this is not worth keeping the numbers whole for."""


def _table(grid: Grid, console: Console) -> Table:
    """The grid; where it is too wide, the first column of words is broken into lines."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    widths = grid.widths()
    flexible = grid.text_columns - 1
    room = console.width - grid.gaps - sum(widths) + widths[flexible]
    table = Table(
        title=Text(grid.title) if grid.title else None,
        title_style="bold",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 0) if grid.is_dense else (0, 1),
        pad_edge=False,
        collapse_padding=True,
    )
    for number, column in enumerate(grid.columns):
        width = min(widths[number], room) if number == flexible else widths[number]
        table.add_column(
            Text(column),
            justify="left" if number < grid.text_columns else "right",
            vertical="bottom",
            overflow="fold",
            width=width if room >= LEAST_WORDS else None,
        )
    for number, row in enumerate(grid.rows):
        table.add_row(
            *map(Text, row),
            style="bold" if number in grid.emphasised else None,
            end_section=number in grid.last_of_block,
        )
    return table


def _chart(console: Console, title: str, bars: list[Bar]) -> None:
    _heading(console, title)
    has_colour = bool(console.color_system) and not console.no_color
    for line in timeline.chart(bars, console.width, has_colour=has_colour):
        console.print(line, soft_wrap=True, highlight=False)
    console.print(_table(tables.phase_seconds(bars), console))


def _story(console: Console, told: Sequence[Told]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for line in told:
        style = "bold" if line.is_request else "red" if line.has_failed else None
        table.add_row(Text(f"{line.at_seconds:.1f}"), Text(line.who), Text(line.what), style=style)
    console.print(table)


def _measures(measures: dict[str, Any]) -> Grid:
    rows = [(wording.title(name), wording.value_of(name, each)) for name, each in measures.items()]
    return Grid("Measures", ("measure", "value"), tuple(rows))


def _verdicts(verdicts: Sequence[Verdict]) -> Grid:
    rows = [
        ("ok" if each.holds else "BROKEN", each.measure, each.expected, each.found)
        for each in verdicts
    ]
    return Grid("Expectations", ("", "measure", "expected", "found"), tuple(rows), text_columns=4)
