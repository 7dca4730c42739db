"""
`cdlab show`: what `cdlab run` says and writes about a run, from a history that was kept.

In: a history file. Out: the report or the story on standard output, files. Nothing runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdlab.cli import kept, output
from cdlab.cli.outputs import (
    ExplainOption,
    Files,
    MarkdownOption,
    MermaidOption,
    SvgOption,
    TraceOption,
    asked_for,
    write,
)
from cdlab.errors import HistoryError, ManifestError
from cdlab.history import History


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(show)


def show(
    history: Annotated[Path, typer.Argument(metavar="HISTORY.jsonl")],
    *,
    explain: ExplainOption = False,
    markdown: MarkdownOption = None,
    svg: SvgOption = None,
    trace: TraceOption = None,
    mermaid: MermaidOption = None,
) -> None:
    """Show a run again, from the history that it left."""
    files = asked_for(markdown=markdown, svg=svg, trace=trace, mermaid=mermaid)
    if history in files.values():
        raise typer.BadParameter(f'"{history}" is the history itself')
    kept.refuse_unwritable(files.values())
    _show(history, files, is_explained=explain)


TROUBLE = (KeyError, IndexError, TypeError, AttributeError, ValueError, ManifestError)
"""What a report runs into where an event is not as its kind should be."""


def _show(path: Path, files: Files, *, is_explained: bool) -> None:
    from cdlab.report.page import print_explained, print_history

    history = History.load(path)
    again = f"cdlab show {path}"
    console = output.console()
    try:
        # All of it before the first line: half a report is worse than none.
        with console.capture() as report:
            if is_explained:
                print_explained(console, history, (), replay=again)
            else:
                print_history(console, history, (), name=str(path), replay=again)
        write(history, files)
    except TROUBLE as error:
        what = f"nothing can be told of this run: {error!r}"
        raise HistoryError(str(path), _line_of_trouble(history), what) from error
    console.file.write(report.get())


def _line_of_trouble(history: History) -> int:
    """The first event that cannot be put into words; 0 where it is none by itself."""
    from cdlab.report.narration import tell

    for event in history:
        try:
            tell(event)
        except TROUBLE:
            return event.seq + 1
    return 0
