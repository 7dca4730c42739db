"""
A run as Markdown: what was played, the story, the phases of the rollback and every measure.

In: a history, and nothing else. Out: text for a page, a ticket or a review. What people wrote into
the history stays text. Called by the CLI (`--markdown`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cdlab.history import History
from cdlab.measures import measure
from cdlab.report import wording
from cdlab.report.explanation import Chapter, chapters, closing, opening
from cdlab.report.timeline import LOOKS
from cdlab.rollback_time import phases


def markdown_report(history: History) -> str:
    """The whole page."""
    settings = history.settings
    lines = [f"# {settings['story']} in {settings['architecture'].upper()}", "", opening(history)]
    if end := closing(history):
        lines += ["", end]
    lines += ["", "## What happened"]
    for chapter in chapters(history):
        lines += _chapter(chapter)
    if found := phases(history):
        rows = ((n, wording.seconds(s), LOOKS[n].meaning) for n, s in found.items() if s > 0)
        lines += ["", "## Phases of the rollback", "", *_table(("phase", "s", "what it is"), rows)]
    measured = measure(history)
    answers = (
        (wording.title(name), wording.value_of(name, each)) for name, each in measured.items()
    )
    lines += ["", "## Measures", "", *_table(("measure", "value"), answers)]
    chosen = ((name, _setting(value)) for name, value in settings.items())
    lines += ["", "## Settings", "", *_table(("setting", "value"), chosen)]
    return "\n".join(_escaped(lines)) + "\n"


def _chapter(chapter: Chapter) -> list[str]:
    lines = ["", f"### {chapter.title}", ""]
    lines += [f"- {each.at_seconds:.1f} s: {each.text}" for each in chapter.sentences]
    if chapter.omission:
        lines += [*([""] if chapter.sentences else []), chapter.omission]
    return lines


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(each.replace('|', '&#124;') for each in row)} |"


def _setting(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_setting(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_setting, value)) or wording.NOTHING
    return wording.NOTHING if value is None else str(value)


def _escaped(lines: Iterable[str]) -> Iterator[str]:
    """What could be taken for a link, a tag or emphasis is written so that it is not."""
    for line in lines:
        yield re.sub(r"([\\`*_\[\]<])", r"\\\1", " ".join(line.split()))
