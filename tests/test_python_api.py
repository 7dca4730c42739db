"""The page about the Python API says what happens: its examples are run, in the page's order."""

from __future__ import annotations

import doctest
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cdlab import compare, plots, workshop, worlds
from cdlab.errors import NotFound, ScenarioError, SubstrateUnavailable
from cdlab.installing import install_command
from cdlab.measures import MEASURES
from cdlab.report import wording
from cdlab.rollback_time import PHASES
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
        if getattr(each, "__module__", "") == workshop.__name__ and re.match("[a-z]", name)
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


def test_a_chart_has_the_numbers_that_it_is_drawn_from() -> None:
    """The phases of each run, in their order; a phase that no run has is left out."""
    runs = workshop.in_all("profile: constant")
    rows = workshop.phases(runs).numbers.grid.rows
    assert [row[0] for row in rows] == [
        p for p in PHASES if any(r.phases[p] for r in runs.values())
    ]
    build = next(row for row in rows if row[0] == "build")
    assert build == ("build", *(wording.seconds(run.phases["build"]) for run in runs.values()))


def test_without_matplotlib_a_chart_is_its_numbers_and_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lesson goes on."""
    monkeypatch.setattr(plots, "find_spec", lambda _: None)
    chart = workshop.ties(workshop.in_all(""), "rebuilds")
    assert repr(chart) == (
        "Not drawn: figures need Matplotlib, which is not installed. "
        f"{install_command('figures')}\nmeasure   V1  V2  V3\nrebuilds   1   1   0"
    )
    assert list(chart._repr_mimebundle_()[0]) == ["text/plain"]


def test_a_run_that_was_censored_has_no_phases_and_says_so() -> None:
    """A bar without phases, with the deadline; where nobody rolled back nothing was measured."""
    pytest.importorskip("matplotlib")
    run = worlds.run(parse("architecture: v1"))
    lost = replace(run, is_finished=False)
    lost.__dict__["phases"] = {}
    quiet = worlds.run(parse("architecture: v1\nstory: first-deployment"))
    alt = workshop.phases({"lost": lost, "nobody asked": quiet}).alt
    assert "lost (n = 1, 1 censored): not back within 30 days" in alt
    assert "nobody asked (n = 0): nothing measured" in alt


def test_a_line_is_drawn_for_the_variants_that_are_named() -> None:
    """Those that stand for their architectures where none is; an unknown one is refused."""
    pytest.importorskip("matplotlib")
    found = compare(runs=2)
    shown = [row[0] for row in workshop.distribution(found).numbers.grid.rows]
    assert shown == ["V1 revert, cache", "V2 revert, cache", "V3 command"]
    (row,) = workshop.distribution(found, "V1 redeploy").numbers.grid.rows
    seconds = sorted(found.results[3].rollback_seconds)  # type: ignore[type-var]
    assert row[:3] == ("V1 redeploy", "2", wording.seconds(seconds[0]))
    with pytest.raises(NotFound, match="did you mean"):
        workshop.distribution(found, "V1 redploy")


def test_a_measure_that_is_no_number_is_no_map() -> None:
    """A table has it."""
    with pytest.raises(NotFound, match='"serves_at_end" is no number'):
        workshop.ties(workshop.in_all(""), "rebuilds", "serves_at_end")
