"""The page about the Python API says what happens: its examples are run, in the page's order."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

from cdlab import workshop, worlds
from cdlab.errors import NotFound, ScenarioError, SubstrateUnavailable
from cdlab.measures import MEASURES
from cdlab.scenario import parse

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/python-api.md"


def test_the_examples_of_the_page_are_true() -> None:
    """All blocks share their names, as a reader would type them one after the other."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    names: dict[str, Any] = {}
    said: list[str] = []
    runner = doctest.DocTestRunner()
    for number, block in enumerate(blocks, start=1):
        example = doctest.DocTestParser().get_doctest(block, names, f"block {number}", PAGE.name, 0)
        runner.run(example, out=said.append, clear_globs=False)
        names.update(example.globs)
    assert runner.failures == 0, "".join(said)
    assert runner.tries >= 15


def test_every_public_name_of_the_workshop_has_its_row() -> None:
    """And no other has one."""
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    functions = [
        name
        for name, each in vars(workshop).items()
        if getattr(each, "__module__", "") == workshop.__name__ and name.islower()
    ]
    assert rows == functions


def test_all_measures_that_a_run_has_are_shown_where_none_is_named() -> None:
    """Those that no run has are left out, and the order is that of the measures."""
    run = worlds.run(parse("architecture: v1"))
    shown = [row[0] for row in workshop.beside({"mine": run}).grid.rows]
    assert shown == [name for name in MEASURES if run.measures[name] is not None]


def test_figures_are_a_table_in_a_notebook() -> None:
    """With what stands in it escaped."""
    run = worlds.run(parse("architecture: v1"))
    html = workshop.beside({"<b>": run}, "rebuilds")._repr_html_()
    assert "<table>" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_an_unknown_measure_is_named() -> None:
    """Before anything is shown."""
    with pytest.raises(NotFound, match="rebuilds"):
        workshop.beside({}, "rebuild")


def test_a_setting_that_one_architecture_does_not_have_is_told() -> None:
    """`hold` is V3's: the three cannot play it alike."""
    with pytest.raises(ScenarioError, match="hold: v1 has no release manager"):
        workshop.in_all("hold: false")


def test_kind_is_asked_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab that happens to be there changes no output; one that is not there ends nothing."""
    asked: list[str] = []

    def missing(scenario: object, *, substrate: str) -> None:
        asked.append(substrate)
        raise SubstrateUnavailable("the lab is not running", help="cdlab up")

    monkeypatch.setattr(worlds, "run", missing)
    scenario = parse("architecture: v1")
    assert repr(workshop.on_kind(scenario, is_wanted=False)) == workshop.OFF
    assert asked == []
    told = repr(workshop.on_kind(scenario, is_wanted=True))
    assert told == "Not played on kind: the lab is not running. cdlab up"
    assert asked == ["kind"]
