"""The reports: what stands in tables, charts and sentences, at every width and without colour."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree

import pytest
from rich.console import Console

import cdlab
from cdlab.comparison import Comparison, Result, Row, Sample
from cdlab.expectations import judge
from cdlab.measures import MEASURES
from cdlab.model import Variant
from cdlab.report import findings, losses, outcomes, tables, vector, wording
from cdlab.report.narration import story_of
from cdlab.report.page import comparison_html, print_comparison, print_history, run_html
from cdlab.report.timeline import LOOKS, Bar, chart, ticks
from cdlab.scenario import Scenario


@cache
def compared(runs: int = 2, story: str = "rollback") -> Comparison:
    return cdlab.compare(story, runs=runs)


def printed(width: int, comparison: Comparison | None = None) -> str:
    file = io.StringIO()
    print_comparison(Console(file=file, width=width), comparison or compared())
    return file.getvalue()


def sample(seed: int, seconds: float | None) -> Sample:
    """A run whose rollback took so long; None for one that hit the deadline."""
    scenario = Scenario(architecture="v1", seed=seed)
    return Sample(scenario, seconds is not None, {"rollback_seconds": seconds}, {})


def result(*runs: Sample) -> Result:
    return Result(Row(runs[0].scenario, "fake"), compared().results[0].first, runs)


def test_the_ratio_pairs_runs_of_the_same_seed() -> None:
    """Seed by seed 2x, 4x and 3x faster: the median is 3, whatever order they ran in."""
    base = result(sample(1, 20.0), sample(2, 40.0), sample(3, 60.0))
    other = result(sample(3, 20.0), sample(1, 10.0), sample(2, 10.0))
    assert findings.paired_ratio(other, base) == pytest.approx(3.0)


def test_a_censored_run_counts_as_slower_than_all_others() -> None:
    """Two of three never ended: the median ratio says slower, not a number of the one that did."""
    base = result(sample(1, 20.0), sample(2, 20.0), sample(3, 20.0))
    other = result(sample(1, 10.0), sample(2, None), sample(3, None))
    assert findings.paired_ratio(other, base) == 0.0
    assert wording.times(0.0) == "slower"


def test_seeds_without_a_partner_are_left_out() -> None:
    """Only common seeds can be compared."""
    base = result(sample(1, 20.0))
    assert findings.paired_ratio(result(sample(1, 10.0), sample(2, 1.0)), base) == 2.0


def test_no_quantile_is_printed_below_59_runs() -> None:
    """A single run says nothing about spread, and the report says so."""
    text = printed(110, compared(1))
    assert "p95 below 59 runs" in text
    assert "single run says nothing about spread" in text
    (grid,) = tables.variants(compared(1), is_wide=True)
    assert "p95" not in grid.columns


def test_the_p95_has_a_column_from_59_runs_on() -> None:
    """59 is the least number for which it is one."""
    seconds = [sample(n, float(n)) for n in range(59)]
    line = outcomes.Line(result(*seconds), {}, None)
    assert tables._p95(line) == "55.1"
    assert tables._p95(replace(line, result=result(*seconds[:58]))) == wording.NOTHING


@pytest.mark.parametrize("width", [60, 80, 100, 110, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """At every width, but for the command at the end, which has to stay whole to be copied."""
    lines = [line for line in printed(width).splitlines() if "--substrate" not in line]
    assert max(map(len, lines)) <= width


def test_80_columns_lose_no_number_of_the_wide_table() -> None:
    """The narrow report has the same cells in two tables."""
    (wide,) = tables.variants(compared(), is_wide=True)
    narrow = tables.variants(compared(), is_wide=False)
    assert wide.columns == (*narrow[0].columns, *narrow[1].columns[1:])
    assert "…" not in printed(80)


def test_every_section_is_there() -> None:
    """Times, phases, coupling, losses, undo, relapses, what cannot be expressed, replay."""
    text = printed(110)
    for heading in (
        "Phases of the rollback, builds from a warm cache",
        "The same without a build cache",
        "What is tied to what",
        "Where V3 loses",
        "Rollout undo, out of band",
        "What did not stay rolled back",
        "Not expressible",
        "cdlab compare rollback --substrate sim --runs 2 --seed 1 --profile lean-ci",
    ):
        assert heading in text


def test_all_declared_losses_of_v3_are_shown_by_the_runs() -> None:
    """The five that were declared before, and the step more that measuring has found."""
    lost = losses.where_v3_loses(compared())
    assert {each.title.partition(",")[0] for each in lost if each.is_shown} == {
        "touch of a deploy",
        "components to deploy",
        "lead time",
        "privilege in one manager",
        "the cluster behind whoever writes the config repo",
        "steps until a push is in a manual production",
    }
    (rest,) = (each for each in lost if not each.is_shown)
    assert rest.title == "good commits withdrawn"
    assert "rollback-batch" in rest.text, "which scenario has some"


def test_the_vector_has_a_row_for_every_measure() -> None:
    """In blocks, each measure once; what nobody asked for says so, and nothing is left out."""
    named = [name for block in vector.BLOCKS for name in block]
    assert sorted([*named, *vector.NOT_COMPARED]) == sorted(MEASURES)
    grid = vector.vector(compared())
    assert len(grid.rows) == len(named)
    rows = {row[0]: row[1:] for row in grid.rows}
    assert rows["blast radius through the config repo"] == ("–", "0", "1")
    assert rows["writable resources: CI / manager / most"][2] == "1 / 3 / 3"
    assert set(rows["requests dropped"]) == {vector.NOT_SEEN}
    assert "under-load" in vector.notes(compared())[1]
    assert "do not rank by it" in vector.notes(compared())[0]


def test_the_legend_explains_the_columns_that_are_there() -> None:
    """And no other."""
    (words, *_) = tables.notes(compared(1, "two-teams"))
    assert "Pushes rejected" in words
    assert "Unmet needs" not in words
    (words, *_) = tables.notes(compared(1, "incompatible-services"))
    assert "Unmet needs" in words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.12, 0.15, "6.7 – 8.3× slower"),
        (3.7, 7.4, "3.7 – 7.4× faster"),
        (0.95, 1.02, "1.05× slower – 1.02× faster"),
        (1.0, 1.0, "the same"),
        (1.0, 1.2, "the same – 1.20× faster"),
        (None, None, "–"),
    ],
)
def test_an_interval_points_where_its_median_points(
    low: float | None, high: float | None, words: str
) -> None:
    """Slower beside slower, with the smaller factor first."""
    assert wording.interval(low, high) == words


def test_an_undo_is_reported_with_what_it_leaves() -> None:
    """Fast, contradicted by a repo, and undone by the next push."""
    for finding in findings.rollout_undos(compared()):
        assert "contradicts what runs (2 of 2 runs)" in finding.text
        assert "next push brings the bad change back (2 of 2 runs)" in finding.text


def test_the_row_without_a_hold_is_said_not_to_stay() -> None:
    """The naive variant of V3 is the lesson of the hold."""
    (finding,) = findings.relapses(compared())
    assert finding.title == "V3 command, no hold"


def test_a_promotion_is_not_expressible_in_v1_and_v2() -> None:
    """Both answers come with the architecture's own reason."""
    found = findings.not_expressible(compared())
    assert [each.title for each in found] == ["V1 promotion", "V2 promotion"]
    assert all(each.text for each in found)
    assert set(compared().to_dict()["architectures"]["v1"]["not_expressible"]) == {"promotion"}


def test_a_story_without_a_rollback_has_no_rollback_columns() -> None:
    """What no row can answer is not shown as a column of dashes."""
    comparison = compared(1, "first-deployment")
    text = printed(110, comparison)
    assert "median" not in [c for grid in tables.variants(comparison, is_wide=True)
                            for c in grid.columns]  # fmt: skip
    assert "components" in text or "writable resources" in text


def test_a_story_without_a_rollback_has_no_empty_sections() -> None:
    """No sentence of dashes about an undo that nobody asked for, no legend of a missing table."""
    text = printed(110, compared(1, "first-deployment"))
    for absent in ("– s", "Rollout undo", "Lead time", "no deploy that could", "Against V1"):
        assert absent not in text
    assert "privilege in one manager" in text


def test_the_bootstrap_is_told_where_it_is_the_story() -> None:
    """The operator's hand-run apply is what the first deployment in V1 is about."""
    for story, is_told in (("first-deployment", True), ("rollback", False)):
        run = cdlab.run(Scenario(architecture="v1", story=story))
        told = [(line.who, line.what) for line in story_of(run.history)]
        assert (("operator", "applies manifests in production (users)") in told) is is_told


def test_a_timeline_of_several_runs_says_of_which_it_is() -> None:
    """Its total is one run's and not the table's median."""
    assert all("the run nearest the median" in title for title in tables.charts(compared(2)))
    assert not any("the run nearest" in title for title in tables.charts(compared(1)))


def test_a_bar_is_as_long_as_its_phases() -> None:
    """Edges are rounded, so that no rounding adds up."""
    bar = Bar("x", {"revert": 0.4, "build": 0.4, "push": 0.4, "start": 8.8})
    assert sum(length for _, length in bar.cells(1.0)) == 10
    assert [name for name, _ in bar.cells(1.0)] == ["build", "start"]


def test_phases_are_told_apart_without_colour() -> None:
    """Each begins with a letter of its own."""
    assert len({look.letter for look in LOOKS.values()}) == len(LOOKS)
    lines = chart([Bar("V1", {"build": 20.0, "start": 5.0})], 60, has_colour=False)
    assert re.search(r"V1 B█+T░+ 25\.0 s", lines[0].plain)


def test_bars_share_one_axis() -> None:
    """A rollback of twice the time is twice as long."""
    lines = chart([Bar("a", {"build": 30.0}), Bar("b", {"build": 15.0})], 90, has_colour=False)
    long, short = (line.plain.count("█") + 1 for line in lines[:2])
    assert abs(long - 2 * short) <= 1


@pytest.mark.parametrize("longest", [0.03, 0.9, 7.0, 28.8, 241.0, 5000.0])
def test_an_axis_reaches_the_longest_bar_in_round_steps(longest: float) -> None:
    """Steps of 1, 2 or 5, and no more marks than there is room for."""
    marks = ticks(longest, 6)
    assert marks[-1] >= longest
    assert len(marks) <= 8


def test_no_colour_is_sent_when_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves a terminal with the patterns and without colour codes."""
    monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    print_comparison(Console(file=file, width=100, force_terminal=True), compared())
    assert "█" in file.getvalue()
    assert not re.search(r"\x1b\[[0-9;]*(3|4)8;", file.getvalue())


def elements(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html)


def test_the_html_of_a_comparison_is_whole_and_brings_everything_along() -> None:
    """Well-formed, with a table and an SVG, and nothing that is fetched from elsewhere."""
    html = comparison_html(compared())
    tags = {each.tag.rpartition("}")[2] for each in elements(html).iter()}
    assert {"table", "svg", "rect", "ul"} <= tags
    assert not {"script", "img", "link", "style"} & tags
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_html_escapes_what_comes_from_outside() -> None:
    """A name with a tag in it stays text."""
    comparison = compared()
    evil = "<script>alert(1)</script>"
    rows = [replace(each, row=replace(each.row, label=evil)) for each in comparison.results]
    html = comparison_html(replace(comparison, results=tuple(rows)))
    assert "<script>" not in html
    elements(html)


def test_a_run_shows_its_story_measures_and_verdicts() -> None:
    """Who did what, when; what was measured; what was expected."""
    run = cdlab.run(Scenario(architecture="v3", variant=Variant(rollback="command")))
    verdicts = judge({"rebuilds": 0, "touch_of_a_deploy": "< 5"}, run.measures)
    file = io.StringIO()
    console, replay = Console(file=file, width=100), "cdlab run x.yaml"
    print_history(console, run.history, verdicts, name="x.yaml", replay=replay)
    text = file.getvalue()
    assert "ask for a rollback of front-end in production" in text
    assert re.search(r"ok +rebuilds", text)
    assert re.search(r"BROKEN +touch_of_a_deploy", text)
    assert "cdlab run x.yaml" in text
    elements(run_html(run))
