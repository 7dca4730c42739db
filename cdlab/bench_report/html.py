"""
A report as one HTML file: figures, styles and raw data inside it, and nothing from elsewhere.

In: a `Document`. Out: the page's text. Everything that a file says is escaped. Called by
`cdlab report`.
"""

from __future__ import annotations

import base64
import re
from html import escape

from cdlab.bench_report.document import (
    Block,
    Chapter,
    Command,
    Document,
    Paragraph,
    Picture,
    Points,
    RawData,
)
from cdlab.plots.drawing import inline_svg
from cdlab.report.grid import Grid

STYLE = """
:root { color-scheme: light dark; --ink: #1b1d1f; --paper: #ffffff; --soft: #f2f4f5;
  --line: #8a9299; --link: #00558a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaec; --paper: #16181a; --soft: #22262a;
  --line: #7d868d; --link: #7cc4f5; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); }
main, nav, header { max-width: 68rem; margin: 0 auto; padding: 0 1rem; }
main { padding-bottom: 3rem; }
h1, h2, h3 { line-height: 1.2; margin: 2rem 0 0.6rem; }
p, li, dd { max-width: 44rem; overflow-wrap: anywhere; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.lead { font-weight: 600; margin: 0.3rem 0; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.85rem; }
caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 2rem); }
th, td { padding: 0.25rem 0.6rem; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--line); font-weight: inherit; }
thead th, .set-off th { font-weight: 600; }
.words { text-align: left; }
.long .words { white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }
figure { margin: 1.5rem 0; }
figure svg { display: block; width: 100%; min-width: 36rem; max-width: 50rem; height: auto; }
figcaption { font-weight: 600; }
details { font-size: 0.875rem; }
pre { background: var(--soft); padding: 0.6rem; overflow-x: auto; white-space: pre-wrap;
  overflow-wrap: anywhere; }
nav ol { columns: 16rem; padding-left: 1.2rem; }
@media print { :root { --ink: #000; --paper: #fff; --soft: #fff; --link: #000; }
  nav { display: none; } figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } th, td { white-space: normal; padding: 0.15rem 0.3rem; }
  table { font-size: 0.7rem; } figure svg { min-width: 0; } main { max-width: none; } }
"""
SET_OFF, BROKEN = ' class="set-off"', ' class="long"'
LONG = 40
"""A cell with more characters than that is broken into lines."""


def html_report(document: Document) -> str:
    """The whole page."""
    chapters = list(enumerate(document.chapters, start=1))
    contents = "".join(
        f'<li><a href="#chapter-{number}">{escape(chapter.title)}</a></li>'
        for number, chapter in chapters
    )
    body = "".join(_chapter(chapter, number) for number, chapter in chapters)
    title = escape(document.title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{title}</h1></header>\n"
        f'<nav aria-label="Contents"><ol>{contents}</ol></nav>\n<main>{body}</main>\n'
        "</body>\n</html>\n"
    )


def _chapter(chapter: Chapter, number: int) -> str:
    tag = f"h{chapter.level}"
    blocks = "\n".join(map(_block, chapter.blocks))
    return f'\n<{tag} id="chapter-{number}">{escape(chapter.title)}</{tag}>\n{blocks}\n'


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        how = ' class="lead"' if block.is_lead else ""
        return f"<p{how}>{escape(block.text)}</p>"
    if isinstance(block, Points):
        items = "".join(f"<li><b>{escape(t)}</b>: {escape(said)}</li>" for t, said in block.points)
        return f"<ul>{items}</ul>"
    if isinstance(block, Command):
        return f"<pre><code>{escape(block.line)}</code></pre>"
    if isinstance(block, RawData):
        return _raw(block)
    return _figure(block) if isinstance(block, Picture) else _table(block)


def _figure(block: Picture) -> str:
    drawn = block.drawn
    title, name = escape(drawn.title), escape(drawn.name)
    return (
        f'<figure id="{name}"><figcaption>{title}</figcaption>'
        f'<div class="scroll" tabindex="0" role="group" aria-label="{title}">'
        f"{inline_svg(drawn)}</div>"
        f"<details><summary>What it shows, in words</summary><p>{escape(drawn.alt)}</p></details>"
        "</figure>"
    )


def _table(grid: Grid) -> str:
    is_long = any(len(text) > LONG for row in grid.rows for text in row)

    def cells(row: tuple[str, ...], scope: str) -> str:
        made = ""
        for number, text in enumerate(row):
            tag = "th" if scope == "col" or number == 0 else "td"
            where = f' scope="{scope}"' if tag == "th" else ""
            words = ' class="words"' if number < grid.text_columns else ""
            made += f"<{tag}{where}{words}>{escape(text)}</{tag}>"
        return made

    rows = "".join(
        f"<tr{SET_OFF if n in grid.emphasised else ''}>{cells(row, 'row')}</tr>"
        for n, row in enumerate(grid.rows)
    )
    title = escape(grid.title)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{title}">'
        f"<table{BROKEN if is_long else ''}>"
        f"<caption><span>{title}</span></caption>"
        f"<thead><tr>{cells(grid.columns, 'col')}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _raw(block: RawData) -> str:
    data = base64.b64encode(block.text.encode()).decode()
    name = re.sub(r"[^\w.-]", "-", block.name)
    lines = block.text.count("\n")
    return (
        f'<p><a download="{escape(name)}" href="data:application/x-ndjson;base64,{data}">'
        f"{escape(block.name)}</a>, {lines} lines, inside this page.</p>"
    )
