"""
The files that a history becomes, by the option that asks for each.

In: a history and the files that were asked for. Out: each of them, whole or not at all. Called by
`play` and `show`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cdlab.errors import CdlabError
from cdlab.history import History
from cdlab.whole_files import write_whole

Files = Mapping[str, Path]
"""Option without its dashes -> the file that it names."""

HistoryOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write the history as JSON lines. With several scenarios, FILE out.jsonl becomes "
        "out-FOLDER-NAME.jsonl for each, as with the other files.",
    ),
]
MarkdownOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the run as a Markdown report.")
]
SvgOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write it as swim lanes, for a browser.")
]
TraceOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write it as a trace that opens in Perfetto.")
]
MermaidOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write it as a Mermaid sequence diagram.")
]
ExplainOption = Annotated[
    bool, typer.Option("--explain", help="Tell the run as a story, decisions with their reasons.")
]
TieSeedOption = Annotated[
    int | None, typer.Option(min=0, help="Shuffle what happens at the same instant.")
]
ShuffleTiesOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Play it in N orders of simultaneous events, and say what depends on them.",
    ),
]


def asked_for(**files: Path | None) -> Files:
    """The files that were asked for. Refuses a name that is given twice."""
    chosen = {option: path for option, path in files.items() if path is not None}
    for path in chosen.values():
        same = [f"--{option}" for option, each in chosen.items() if each == path]
        if len(same) > 1:
            raise typer.BadParameter(f'{" and ".join(same)} name the same file "{path}"')
    return chosen


def write(history: History, files: Files) -> None:
    """Write every file. One that cannot be written is left as it was."""
    texts = {option: text_of(history, option) for option in files}
    for option, path in files.items():
        try:
            write_whole(path, texts[option])
        except OSError as error:
            raise CdlabError(
                f'"{path}" could not be written: {error.strerror}', help="name another file"
            ) from error


def text_of(history: History, option: str) -> str:
    """What an option writes. Modules are imported when they are asked for."""
    match option:
        case "history":
            return history.to_jsonl()
        case "markdown":
            from cdlab.report.markdown import markdown_report

            return markdown_report(history)
        case "svg":
            from cdlab.report.swim_lanes import swim_lanes

            return swim_lanes(history)
        case "trace":
            from cdlab.report.trace import chrome_trace

            return chrome_trace(history)
        case _:
            from cdlab.report.mermaid import sequence_diagram

            return sequence_diagram(history)
