"""
A report as Markdown: the same sentences and tables, and each figure as a link or in words.

In: a `Document`, and the folder of its figures if they were written. Out: text. Called by
`cdlab report --markdown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cdlab.bench_report.document import (
    Block,
    Command,
    Document,
    Paragraph,
    Picture,
    Points,
    RawData,
)
from cdlab.report.grid import Grid


def markdown_report(document: Document, figures: str = "") -> str:
    """The whole page; *figures* is the folder of the SVG files as seen from it."""
    lines = [f"# {_plain(document.title)}", ""]
    for chapter in document.chapters:
        lines += ["#" * chapter.level + f" {_plain(chapter.title)}", ""]
        for block in chapter.blocks:
            lines += [*_block(block, figures), ""]
    return "\n".join(lines).rstrip() + "\n"


def _block(block: Block, figures: str) -> Iterator[str]:
    if isinstance(block, Paragraph):
        text = _plain(block.text)
        yield f"**{text}**" if block.is_lead else text
    elif isinstance(block, Points):
        yield from (f"- **{_plain(title)}**: {_plain(said)}" for title, said in block.points)
    elif isinstance(block, Command):
        yield from ("```", block.line.replace("```", "` ` `"), "```")
    elif isinstance(block, RawData):
        yield f"Raw data: [{_plain(block.name)}](<{block.name}>), {block.text.count(chr(10))} lines"
    elif isinstance(block, Picture):
        drawn = block.drawn
        if figures:
            yield f"![{_plain(drawn.alt)}](<{figures}/{drawn.name}.svg>)"
        else:
            yield f"*{_plain(drawn.title)}.* {_plain(drawn.alt)}"
    else:
        yield from _table(block)


def _table(grid: Grid) -> Iterator[str]:
    yield from (f"*{_plain(grid.title)}*", "")
    yield _row(grid.columns)
    sides = ["---" if n < grid.text_columns else "---:" for n in range(len(grid.columns))]
    yield f"|{'|'.join(sides)}|"
    yield from map(_row, grid.rows)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_plain(each).replace("|", "&#124;") for each in cells) + " |"


def _plain(text: str) -> str:
    """What could be taken for a link, a tag or emphasis is written so that it is not."""
    return re.sub(r"([\\`*_\[\]<])", r"\\\1", " ".join(text.split()))
