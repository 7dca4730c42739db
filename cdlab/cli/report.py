"""
`cdlab report`: results of a benchmark as one page of HTML, and as Markdown.

In: results files, and what belongs beside them. Out: files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli.kept import refuse_unwritable
from cdlab.cli.output import say

if TYPE_CHECKING:
    from cdlab.bench_report.chapters import Beside
    from cdlab.bench_report.document import Document


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(report)


def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Files of `cdlab bench`.")
    ],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")],
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the same as Markdown, too.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each figure as an SVG file, too.")
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What `cdlab validate --json` printed: comes first."),
    ] = None,
    sweep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `cdlab sweep` wrote, as figures.")
    ] = None,
) -> None:
    """Write figures, medians, ratios and facts of a benchmark as one HTML file."""
    from cdlab import plots

    plots.require()
    refuse_unwritable([each for each in (out, markdown) if each is not None])
    if figures is not None and (figures.exists() and not figures.is_dir()):
        raise typer.BadParameter(f'"{figures}" is no folder')
    from cdlab.bench.results import load
    from cdlab.bench_report.chapters import Source, document

    sources = [Source(path.name, _text(path), load(path)) for path in results]
    made = document(sources, _beside(validation, sweep))
    _write(made, out, markdown, figures)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _beside(validation: Path | None, sweep: Path | None) -> Beside:
    from cdlab.architectures import ARCHITECTURES
    from cdlab.bench_report.chapters import Beside
    from cdlab.bench_report.validation_file import load_validation
    from cdlab.outages import outage_matrix
    from cdlab.plots.tables import outage_map

    read = load_validation(validation) if validation is not None else None
    drawn = [outage_map({name: outage_matrix(name) for name in ARCHITECTURES})]
    if sweep is not None:
        from cdlab.sweeps import pictures, table
        from cdlab.sweeps.ratios import Sweep

        swept = Sweep(table.read(sweep)[0])
        drawn += [pictures.heat_map(swept), *pictures.lines(swept)]
    return Beside(validation=read, figures=tuple(drawn))


def _write(made: Document, out: Path, markdown: Path | None, figures: Path | None) -> None:
    from cdlab.bench_report.html import html_report
    from cdlab.bench_report.markdown import markdown_report
    from cdlab.plots.drawing import svg
    from cdlab.whole_files import write_whole

    write_whole(out, html_report(made))
    say(f"wrote {out}")
    if figures is not None:
        figures.mkdir(parents=True, exist_ok=True)
        for drawn in made.pictures():
            write_whole(figures / f"{drawn.name}.svg", svg(drawn))
        say(f"wrote {figures}")
    if markdown is not None:
        where = "" if figures is None else _seen_from(markdown, figures)
        write_whole(markdown, markdown_report(made, where))
        say(f"wrote {markdown}")


def _seen_from(page: Path, folder: Path) -> str:
    import os

    return Path(os.path.relpath(folder, page.parent)).as_posix()
