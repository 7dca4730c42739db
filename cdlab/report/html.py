"""
Comparisons and runs as HTML for notebooks: a table and inline SVG, nothing from elsewhere.

In: a `Comparison` or a `Run`. Out: one HTML element; every text in it is escaped. Called by
`_repr_html_` through `report`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from cdlab import expectations
from cdlab.report import findings, losses, pairings, tables, vector, wording
from cdlab.report.grid import Grid
from cdlab.report.timeline import LOOKS, Bar, shown_phases, svg

if TYPE_CHECKING:
    from cdlab.comparison import Comparison
    from cdlab.runner import Run


def comparison_html(comparison: Comparison) -> str:
    """The tables, charts and findings of a comparison."""
    parts = [_title(f"The story {comparison.story} in V1, V2 and V3")]
    parts += [_table(grid) for grid in tables.variants(comparison, is_wide=True)]
    parts += [_paragraph(note) for note in tables.notes(comparison)]
    parts += [_table(grid) for grid in pairings.pairings(comparison)]
    parts += [_paragraph(note) for note in pairings.notes(comparison)]
    for title, bars in tables.charts(comparison).items():
        parts += [_title(title), svg(bars), _legend(bars)]
    parts.append(_table(vector.vector(comparison)))
    parts += [_paragraph(note) for note in vector.notes(comparison)]
    for title, found in (
        ("Where V3 loses", losses.where_v3_loses(comparison)),
        ("Rollout undo, out of band", findings.rollout_undos(comparison)),
        ("What did not stay rolled back", findings.relapses(comparison)),
        ("Not expressible", findings.not_expressible(comparison)),
    ):
        parts += _list(title, found)
    parts += [_paragraph(line) for line in findings.provenance(comparison)]
    parts.append(f"<code>{escape(findings.replay(comparison))}</code>")
    return _whole(parts)


def run_html(run: Run) -> str:
    """The outcome, the phases, the measures and the expectations of a run."""
    label = f"{run.scenario.architecture.upper()} {run.scenario.variant.label()}"
    state = "" if run.is_finished else ", censored: the deadline passed"
    parts = [_title(f"{run.scenario.story} in {label}{state}")]
    if run.phases:
        bars = [Bar(label, run.phases)]
        parts += [svg(bars), _legend(bars)]
    rows = [(wording.title(m), wording.value_of(m, value)) for m, value in run.measures.items()]
    parts.append(_table(Grid("", ("measure", "value"), tuple(rows))))
    verdicts = expectations.judge(run.scenario.expect, run.measures)
    if verdicts:
        cells = [("ok" if v.holds else "BROKEN", v.measure, v.expected, v.found) for v in verdicts]
        columns = ("", "measure", "expected", "found")
        parts.append(_table(Grid("Expectations", columns, tuple(cells), text_columns=4)))
    settings = run.history.settings
    parts.append(
        _paragraph(
            f"substrate {settings['substrate']}, profile {settings['profile']}, "
            f"seed {run.scenario.seed}, cdlab {settings['version']}"
        )
    )
    return _whole(parts)


def grid_html(grid: Grid) -> str:
    """A table by itself."""
    return _whole([_table(grid)])


def _whole(parts: Sequence[str]) -> str:
    return f'<div class="cdlab" style="overflow-x: auto">{"".join(parts)}</div>'


def _title(text: str) -> str:
    return f'<p style="margin: 1em 0 0.3em"><b>{escape(text)}</b></p>'


def _paragraph(text: str) -> str:
    return f'<p style="margin: 0.2em 0">{escape(text)}</p>'


def _list(title: str, found: Sequence[findings.Finding]) -> list[str]:
    if not found:
        return []
    items = "".join(
        f"<li><b>{escape(each.title)}</b>: {escape(each.text)}"
        + ("" if each.is_shown else " <i>(not shown by these runs)</i>")
        + "</li>"
        for each in found
    )
    return [_title(title), f"<ul>{items}</ul>"]


def _table(grid: Grid) -> str:
    def cell(tag: str, number: int, text: str) -> str:
        side = "left" if number < grid.text_columns else "right"
        return f'<{tag} style="text-align: {side}">{escape(text)}</{tag}>'

    head = "".join(cell("th", number, text) for number, text in enumerate(grid.columns))
    body = "".join(
        "<tr>"
        + "".join(cell("th" if i in grid.emphasised else "td", n, t) for n, t in enumerate(row))
        + "</tr>"
        for i, row in enumerate(grid.rows)
    )
    caption = f"<caption>{escape(grid.title)}</caption>" if grid.title else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _legend(bars: list[Bar]) -> str:
    items = " · ".join(
        f'<span style="color: {LOOKS[name].colour}">■</span> {LOOKS[name].letter} {escape(name)}: '
        f"{escape(LOOKS[name].meaning)}"
        for name in shown_phases(bars)
    )
    return f'<p style="margin: 0.2em 0; font-size: smaller">{items}</p>'
