"""The report of a benchmark: every fact by name, nothing hidden, nothing from elsewhere."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from cdlab.bench.judging import overhead_share, troubles_of
from cdlab.bench.plans import cells_of
from cdlab.bench.results import Results, load
from cdlab.bench_report.chapters import Beside, Source, document
from cdlab.bench_report.document import Document
from cdlab.bench_report.facts import NOT_SAID, facts, replay
from cdlab.bench_report.html import html_report
from cdlab.bench_report.losses import threats, where_v3_loses
from cdlab.bench_report.markdown import markdown_report
from cdlab.bench_report.numbers import articles, measured, summaries
from cdlab.bench_report.tables import cell_table, lead
from cdlab.bench_report.validation_file import Number, Validated, ValidatedCell
from tests.bench_report.made_up import (
    CACHE,
    MAIN,
    NO_CACHE,
    OPENING,
    V2,
    V3,
    V3_CONFIG,
    run,
    whole,
    written,
)  # fmt: skip

FACTS = (
    "variants", "start event", "stop event", "replicas", "probes", "trigger mode and interval",
    "image size", "build load", "CI executors", "cache state", "costs profile", "n", "seeds",
    "machine", "versions", "warm-ups dropped", "censored", "busy marks", "remarks",
)  # fmt: skip
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
VALIDATED = Validated(
    held_out_error=-0.1, is_within=False, swapped=("a and b",),
    cells=(ValidatedCell(
        name="v1 revert, replicas 3", runs=2, differences=("seed 1: builds 1, not 2",),
        predictions=(Number(
            what="total", real_seconds=5.0, predicted_seconds=4.5, error=-0.1, limit_seconds=0.4,
            is_within=False,
        ),),
    ),),
)  # fmt: skip


class Page(HTMLParser):
    """What a browser would ask other hosts for, and the page's text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        links = ("src", "href", "xlink:href", "srcset", "action", "data", "poster")
        self.asked += [value or "" for name, value in attrs if name in links]

    def handle_data(self, data: str) -> None:
        self.words += data


def reported(path: Path, validation: Validated | None = None) -> Document:
    beside = Beside(validation=validation)
    return document([Source(path.name, path.read_text(encoding="utf-8"), load(path))], beside)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def results(path: Path) -> Results:
    return load(path)


@pytest.fixture(scope="module")
def html(path: Path) -> str:
    return html_report(reported(path, VALIDATED))


def test_every_fact_is_there_by_its_name(html: str, path: Path) -> None:
    """In the page and in the Markdown, with what the file says."""
    words, plain = Page(html).words, markdown_report(reported(path))
    for name in FACTS:
        assert name in words
        assert f"| {name} |" in plain
    for value in ("Example 3000", "v1.34", "cdlab's manager", "warm, declared",
                  "after 12 runs", "14 of 190", "not said in the file"):  # fmt: skip
        assert value in words, value
    assert replay(load(path), path.name) in words


def test_a_page_asks_nobody_for_anything(html: str) -> None:
    """Its links lead into itself or are the data; its styles and figures load nothing."""
    found = Page(html)
    assert all(each.startswith(("#", "data:")) for each in found.asked)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    hosts = set(re.findall(r"https?://([^/\"'<> ]+)", html))
    assert hosts <= {"www.w3.org"}  # names of XML's vocabularies, which nobody looks up


def test_the_raw_data_comes_along_byte_by_byte(html: str, path: Path) -> None:
    """As a download whose content is the file."""
    (data,) = re.findall(r'download="results.jsonl" href="data:[^,]*,([^"]*)"', html)
    assert base64.b64decode(data) == path.read_bytes()


def test_the_held_out_error_comes_first(html: str) -> None:
    """With what is over its limit, in which counts differ, and what comes in another order."""
    words = Page(html).words
    assert words.index("-10.0 % of the median") < words.index("V1 revert, cache: median")
    for each in ("Not every limit", "a and b", "builds 1, not 2"):
        assert each in words


def test_texts_of_a_file_stay_texts(tmp_path: Path) -> None:
    """A file from elsewhere puts no tag into the page and no link into the Markdown."""
    bad = written(
        tmp_path / "x.jsonl",
        [run("main", 1, CACHE, 4.0), run("main", 1, V3, 5.0)],
        replace(OPENING, machine={"cores": HOSTILE}, settings={HOSTILE: HOSTILE}),
    )
    made = reported(bad)
    assert not Page(html_report(made)).tags & {"script", "img"}
    assert not re.search(r"(?<!\\)<", markdown_report(made).replace("](<", ""))


def test_a_warm_up_counts_nowhere(results: Results) -> None:
    """Its 30 s are in no median; it is counted as dropped."""
    base = summaries(results, results.opening.cells[0])[0]
    assert len(base.runs) == 20
    assert max(each for each in base.seconds if each) < 6
    assert dict(facts(results))["warm-ups dropped"] == "1"


def test_censored_runs_are_counted_in_every_table_and_sentence(results: Results) -> None:
    """Two of V2's in the main cell; all of the config revert's, whose median has no number."""
    main, _, trigger, _ = results.opening.cells
    rows = {row[0]: row for row in cell_table(summaries(results, main)).rows}
    assert rows[V2][1:3] == ("20", "2")
    assert any("2 censored" in each for each in lead(summaries(results, main)) if V2 in each)
    row = cell_table(summaries(results, trigger)).rows[-1]
    assert row[:4] == (V3_CONFIG, "10", "10", "> 240")
    assert "most runs were not back within 240 s" in list(lead(summaries(results, trigger)))[-1]


def test_ratios_are_those_of_the_blocks(tmp_path: Path) -> None:
    """8 and 6 s against 4 and 2 s: half and a third as fast, in the middle 1/√6."""
    lines = [run("main", block, variant, seconds) for block, variant, seconds in (
        (1, CACHE, 4.0), (1, NO_CACHE, 8.0), (2, NO_CACHE, 6.0), (2, CACHE, 2.0), (3, CACHE, 9.0),
    )]  # fmt: skip
    results = load(written(tmp_path / "x.jsonl", lines))
    found = summaries(results, results.opening.cells[0])
    assert found[1].pairing is not None
    assert found[1].pairing.pairs == 2
    assert found[1].pairing.ratio == pytest.approx((1 / 2 * 1 / 3) ** 0.5)
    assert (found[0].median, found[1].median, found[2].median) == (4.0, 7.0, None)


def test_a_file_of_one_block_has_medians_and_no_interval(tmp_path: Path) -> None:
    """And the page says why."""
    lines = [run("main", 1, variant, 4.0) for variant in MAIN]
    words = Page(html_report(reported(written(tmp_path / "x.jsonl", lines)))).words
    assert "an interval wants 10 runs or more" in words
    assert "Below 10 pairs there is no interval, below 59 runs no p95" in words


def test_a_file_without_a_run_is_reported_as_that(tmp_path: Path) -> None:
    """Every fact is there, no figure is, and nothing is divided by nothing."""
    made = reported(written(tmp_path / "x.jsonl", []))
    assert not list(made.pictures())
    words = Page(html_report(made)).words
    assert "Nothing was measured" in words
    assert "0 of 0" in words


def test_a_cell_that_was_planned_and_not_measured_is_named(html: str) -> None:
    """Somebody stopped early; the reader is told what is missing."""
    assert "Planned, and nothing of it was measured: commit merge." in Page(html).words


def test_where_v3_loses_names_every_declared_loss(results: Results) -> None:
    """With its numbers; a time only where V3 was slower; what is not shown is said so."""
    found = [each for cell in results.cells() for each in summaries(results, cell)]
    points = list(where_v3_loses(found))
    said = dict(points)
    assert said["touch of a deploy"] == "4 in V1, 5 in V2, 6 in V3: kinds of box until a push runs"
    assert said["privilege in one manager"].endswith("one principal can write")  # 3 as V1, 4 in V2
    assert said["good commits withdrawn"].endswith("these runs do not show a loss")
    times = [text for title, text in points if title == "rollback time"]
    assert any(V3_CONFIG in text and "10 of them censored" in text for text in times)
    assert dict(where_v3_loses([]))["lead time"] == "not measured by these runs"


def test_an_aa_file_is_no_comparison(tmp_path: Path) -> None:
    """One variant twice: the page says what a difference would mean, and nothing about V3."""
    twins = (f"{CACHE}, twin A", f"{CACHE}, twin B")
    cell = replace(OPENING.cells[0], variants=twins)
    lines = [run("main", block, twin, 4.0 + block / 10) for block in range(1, 13) for twin in twins]
    opening = replace(OPENING, mode="aa", cells=(cell,))
    made = reported(written(tmp_path / "aa.jsonl", lines, opening))
    words = Page(html_report(made)).words
    assert "One variant under two names" in words
    assert "Where V3 loses" not in words
    assert f'cdlab bench --aa "{CACHE}" --' in words


def test_a_tried_benchmark_is_not_taken_for_a_measured_one(tmp_path: Path) -> None:
    """In the simulator: the page says so first, and that no profile is named."""
    opening = replace(OPENING, settings={"substrate": "sim"})
    tried = written(tmp_path / "x.jsonl", [run("main", 1, CACHE, 4.0)], opening)
    assert (
        "These runs are simulated: nothing was measured."
        in Page(html_report(reported(tried))).words
    )
    assert dict(facts(load(tried)))["costs profile"] == NOT_SAID


def test_a_p95_that_is_censored_is_no_missing_one(tmp_path: Path) -> None:
    """Of 60 runs four are censored: p95 is beyond the deadline, and not left empty."""
    lines = [run("main", n, CACHE, None if n > 56 else 4.0) for n in range(1, 61)]
    results = load(written(tmp_path / "x.jsonl", lines))
    row = cell_table(summaries(results, results.opening.cells[0])).rows[0]
    assert row[:5] == (CACHE, "60", "4", "4.00", "> 240")


def test_names_from_a_file_are_drawn_as_they_are(tmp_path: Path) -> None:
    """Long, empty, or with what a drawing program would take for a formula."""
    names = ("V1 $x^{$", "V3 " + "long " * 30, "")
    opening = replace(OPENING, cells=(replace(OPENING.cells[0], variants=names),))
    lines = [run("main", block, name, 4.0 + block) for block in (1, 2) for name in names]
    made = reported(written(tmp_path / "x.jsonl", lines, opening))
    assert "V1 $x^{$" in Page(html_report(made)).words


def test_threats_are_those_of_the_file(results: Results) -> None:
    """Busy marks, censored runs, few runs, the harness's share: 1 of 40 s, as the file says."""
    found = [each for cell in results.cells() for each in summaries(results, cell)]
    said = dict(threats(results, found))
    marked = sum(bool(troubles_of(each, results)) for each in results.counted)
    assert marked > sum("load" in each.busy for each in results.counted) > 0, "outliers, too"
    assert said["a busy machine"].startswith(f"{marked} of 190 runs")
    assert said["censored runs"].startswith("14 runs")
    assert overhead_share(results.counted) == 1 / 40
    assert said["the harness"].startswith("2.5 %")
    assert "early stopping" in said, "10 to 60 blocks"
    cells = tuple(replace(each, blocks_at_most=10) for each in results.opening.cells)
    fixed = replace(results, opening=replace(results.opening, mode="default", cells=cells))
    assert "early stopping" not in dict(threats(fixed, found))


def test_the_main_variants_are_the_first_of_each_architecture(results: Results) -> None:
    """A baseline without an architecture is none; of several values the maximum's counts."""
    main = articles(summaries(results, results.opening.cells[0]))
    assert {name: each.variant for name, each in main.items()} == {"v1": CACHE, "v2": V2, "v3": V3}
    assert measured(main["v2"].runs, "writable_resources") == 4
    assert measured(main["v1"].runs, "mediated_blast_radius") is None


def test_files_that_differ_are_not_compared_silently(path: Path, tmp_path: Path) -> None:
    """Each has its own chapters, and the page says in what they differ."""
    (tmp_path / "other").mkdir()
    other = whole(tmp_path / "other", machine={"cores": 64})
    sources = [Source(each.name, "", load(each)) for each in (path, other)]
    made = document(sources)
    words = Page(html_report(made)).words
    assert "The files differ in machine." in words
    names = [each.name for each in made.pictures()]
    assert len(names) == len(set(names))


def test_what_the_file_does_not_say_is_said(tmp_path: Path) -> None:
    """A bare file: not one fact is left out, and the line that replays it is made of its mode."""
    bare = load(written(tmp_path / "x.jsonl", [], replace(OPENING, settings={}, mode="quick")))
    said = dict(facts(bare))
    assert said["replicas"] == said["cache state"] == NOT_SAID
    assert replay(bare, "x.jsonl").endswith(" --seed 7 --out x.jsonl")
    own = replace(bare, opening=replace(bare.opening, settings={"replay": "cdlab bench --x"}))
    assert replay(own, "x.jsonl") == "cdlab bench --x"


@pytest.mark.parametrize(
    ("mode", "blocks", "settings", "line"),
    [
        ("default", None, {}, "cdlab bench --seed 7 --out x.jsonl"),
        ("default", 12, {}, "cdlab bench --blocks 12 --seed 7 --out x.jsonl"),
        ("quick", None, {}, "cdlab bench --quick --seed 7 --out x.jsonl"),
        ("full", 2, {}, "cdlab bench --full --blocks 2 --seed 7 --out x.jsonl"),
        (
            "quick",
            None,
            {"probe_interval_seconds": 0.05, "substrate": "sim"},
            "cdlab bench --quick --probe-seconds 0.05 --substrate sim --seed 7 --out x.jsonl",
        ),
    ],
)
def test_the_line_that_replays_a_file_asks_for_the_same(
    tmp_path: Path, mode: str, blocks: int | None, settings: dict[str, Any], line: str
) -> None:
    """Mode, a number of blocks that is not the mode's own, the probe and the substrate."""
    cells = cells_of(mode, blocks)
    opening = replace(OPENING, settings=settings, mode=mode, cells=cells)
    assert replay(load(written(tmp_path / "x.jsonl", [], opening)), "x.jsonl") == line
