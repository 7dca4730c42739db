"""
Answers of release management in a terminal: the matrix, tables, outcomes, diffs.

In: the values of `commands.py`. Out: text on a Rich console. Everything that comes from outside is
made visible first, so that no tag steers the terminal. Called by `asking.py` and `looking.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cdlab.cli.output import console
from cdlab.manager.commands import About, Answer, Ask, WorkloadStatus
from cdlab.manager.shown import one_line, short_tag, visible
from cdlab.manager.views import Cell, columns, diff_lines, matrix

STYLES = {"added": "green", "removed": "red", "file": "bold", "place": "cyan", "kept": ""}


def print_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table of plain texts; lines break between words, and nothing is cut off."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(each)) for each in row))
    console().print(table)


def print_matrix(about: About, status: Sequence[WorkloadStatus]) -> None:
    """Microservices × environments."""
    head = visible(f"{about.title}, {about.architecture.upper()}, {about.substrate}")
    console().print(head, style="bold", soft_wrap=True)
    rows = [
        [workload, *(_cell_text(cell) for _, cell in cells)]
        for workload, cells in matrix(about, status)
    ]
    print_table(["", *columns(about, status)], rows)


def _cell_text(cell: Cell | None) -> str:
    if cell is None:
        return "not there"
    status = cell.status
    lines = [f"{cell.running or '–'} {cell.health.word}"]
    if cell.desired:
        lines.append(f"wanted: {cell.desired}")
    if cell.drift:
        lines.append(f"drift for {cell.drift}")
    for kind, stop in cell.stops:
        word = "locked" if kind == "lock" else "held"
        lines.append(f"{word} by {one_line(stop.user)}: {one_line(stop.reason)}")
    if status.candidate:
        reason = f" ({status.candidate_reason})" if status.candidate_reason else ""
        lines.append(f"newest: {short_tag(status.candidate)}{reason}")
    if status.trouble:
        lines.append(status.trouble)
    return "\n".join([*lines, cell.policy, *status.conflicts, ""])


def print_answer(ask: Ask, answer: Answer) -> None:
    """What became of it; of a dry run the commit that it would make."""
    from rich.text import Text

    page = console()
    where = " in ".join(filter(None, (ask.workload, ask.environment))) or "everything"
    said = [f"{ask.command} of {where}: {answer.status}"]
    if answer.reason:
        said.append(answer.reason)
    if answer.image:
        said.append(answer.image)
    line = visible(", ".join(said))
    style = "bold" if answer.status in ("released", "planned", "skipped") else "bold red"
    page.print(Text(line, style), soft_wrap=True)
    if answer.revision:
        page.print(Text(f"commit {visible(answer.revision)}"), soft_wrap=True)
    if not answer.is_applied:
        page.print("committed; the cluster did not take it yet: cdlab sync", soft_wrap=True)
    for word, names in (("applied", answer.applied), ("deleted", answer.pruned)):
        for name in names:
            page.print(Text(visible(f"  {'would be ' * ask.is_dry_run}{word}: {name}")))
    if ask.is_dry_run:
        for each in visible(answer.commit_message).splitlines():
            page.print(Text(f"    {each}".rstrip()), soft_wrap=True)
        for line_of_diff in diff_lines(answer.diff):
            text = Text(visible(line_of_diff.text), STYLES[line_of_diff.kind])
            page.print(text, soft_wrap=True)
