"""The Markdown report: a section for each thing, every measure, and text that stays text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.history import History
from cdlab.measures import MEASURES
from cdlab.report import wording
from cdlab.report.explanation import chapters
from cdlab.report.markdown import markdown_report
from cdlab.scenario import load

ROOT = Path(__file__).parent.parent
STORIES = sorted(
    path.relative_to(ROOT / "scenarios").with_suffix("").as_posix()
    for path in (ROOT / "scenarios").glob("v*/*.yaml")
)


@cache
def history_of(name: str) -> History:
    return worlds.run(load(ROOT / "scenarios" / f"{name}.yaml")).history


@pytest.mark.parametrize("name", STORIES)
def test_every_story_has_its_sections_and_measures(name: str) -> None:
    """Chapters of the story, and one row for each measure."""
    text = markdown_report(history_of(name))
    for heading in ("## What happened", "## Measures", "## Settings"):
        assert text.count(f"{heading}\n") == 1
    rows = text.partition("## Measures")[2].partition("## Settings")[0].splitlines()
    named = {row.split(" | ")[0].removeprefix("| ") for row in rows if row.startswith("| ")}
    assert named == {"measure", *map(wording.title, MEASURES)}
    assert text.count("\n### ") == len(chapters(history_of(name)))


def test_a_row_has_as_many_cells_as_its_table() -> None:
    """Also where a value has a bar in it."""
    for row in markdown_report(history_of("v3/rollback")).splitlines():
        if row.startswith("|"):
            assert row.count("|") in (3, 4)


def test_what_people_wrote_stays_text() -> None:
    """No tag, link or emphasis comes out of a reason."""
    evil = "<b>*a* [b](http://c) `d` | _e_\n# f"
    whole = History(
        event._replace(because=evil) if event.kind == "Decided" else event
        for event in history_of("v3/rollback")
    )
    text = markdown_report(whole)
    assert r"\<b>\*a\* \[b\](http://c) \`d\` | \_e\_ # f" in text
    assert "\n# f" not in text
