"""
The chapters of a report, the most important first.

In: results files that were read, and a validation where there is one. Out: a `Document`. Called by
`cdlab report`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdlab.bench.results import MAIN_CELL, CellPlan, Results
from cdlab.bench_report import pictures
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
from cdlab.bench_report.facts import facts, is_simulated, replay
from cdlab.bench_report.losses import threats, where_v3_loses
from cdlab.bench_report.numbers import Summary, summaries
from cdlab.bench_report.tables import cell_table, lead, validation_table
from cdlab.bench_report.validation_file import Validated
from cdlab.plots.drawing import Drawn
from cdlab.report.grid import Grid

TITLE = "Rollback in three architectures, measured"


AA = (
    "One variant under two names, in the same blocks: whatever differs is chance, and an interval "
    "without 1 would be a false alarm, which is expected once in twenty files."
)


@dataclass(frozen=True, slots=True)
class Source:
    """A results file."""

    name: str
    text: str
    """All of it, to come along."""
    results: Results


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """What else a report shows."""

    validation: Validated | None = None
    figures: tuple[Drawn, ...] = ()
    """Of the simulator: outages, a sweep."""


def document(sources: Sequence[Source], beside: Beside = Beside()) -> Document:
    """The whole report."""
    chapters: list[Chapter] = []
    if beside.validation is not None:
        chapters.append(_validation(beside.validation))
    if len(sources) > 1 and (differing := _differing(sources)):
        chapters.append(Chapter("More than one file", (Paragraph(differing),)))
    for number, source in enumerate(sources, start=1):
        chapters += _of_source(source, f"r{number}", is_only=len(sources) == 1)
    if beside.figures:
        said = Paragraph("These runs are simulated, not measured: each figure says how many.")
        drawn = tuple(Picture(each) for each in beside.figures)
        chapters.append(Chapter("From the simulator", (said, *drawn)))
    return Document(TITLE, tuple(chapters))


def _of_source(source: Source, name: str, *, is_only: bool) -> Iterator[Chapter]:
    results = source.results
    cells = {cell.name: summaries(results, cell) for cell in results.cells()}
    found = [each for of_cell in cells.values() for each in of_cell]
    level = 2 if is_only else 3
    if not is_only:
        yield Chapter(f"The file {source.name}", ())
    yield Chapter("Rollback time", tuple(_times(results, cells, name)), level)
    others = {key: each for key, each in cells.items() if key != MAIN_CELL}
    if others:
        yield Chapter("One factor at a time", tuple(_factors(results, others, name)), level)
    if any(each.architecture == "v3" for each in found):
        yield Chapter("Where V3 loses", (Points(tuple(where_v3_loses(found))),), level)
    coupling = pictures.of_coupling(cells.get(MAIN_CELL, found), name)
    if coupling is not None:
        said = "Medians over the runs, of the first variant of each architecture."
        yield Chapter("What is tied to what", (Paragraph(said), Picture(coupling)), level)
    points = Points(tuple(threats(results, found)))
    yield Chapter("Threats to validity", (points,), level)
    table = Grid("The facts", ("fact", "here"), tuple(facts(results)), text_columns=2)
    again = "The same once more; then this report, from the file that it writes:"
    blocks = (
        *(table, Paragraph(again), Command(replay(results, source.name))),
        *(Command(f"cdlab report {source.name} --out report.html"),),
        *(Paragraph("The raw data, a line a run:"), RawData(source.name, source.text)),
    )
    yield Chapter("What was run", blocks, level)


def _times(results: Results, cells: Mapping[str, Sequence[Summary]], name: str) -> Iterator[Block]:
    if not cells:
        yield Paragraph("Nothing was measured: the file has no run that counts.", is_lead=True)
        return
    first = cells.get(MAIN_CELL) or next(iter(cells.values()))
    if is_simulated(results):
        yield Paragraph("These runs are simulated: nothing was measured.", is_lead=True)
    for text in lead(first):
        yield Paragraph(text, is_lead=True)
    if results.opening.mode == "aa":
        yield Paragraph(AA)
    yield cell_table(first)
    yield Paragraph(
        "Median and p95 of the rollback time, in seconds. Ratios are medians over pairs of the "
        "same block, with a 95 % interval (BCa bootstrap). Won: share of the pairs in which it was "
        "the faster one. p: Wilcoxon. δ: Cliff's, from -1, always slower, to 1, always faster. "
        "Recovery: the median until an outside probe never saw the bad content again."
    )
    missing = {each.pairing.missing for each in first if each.pairing and each.pairing.missing}
    if missing:
        yield Paragraph(f"Without an interval: {'; '.join(sorted(missing))}.")
    for drawn in pictures.of_cell(first, name):
        yield Picture(drawn)


def _factors(
    results: Results, cells: Mapping[str, Sequence[Summary]], name: str
) -> Iterator[Block]:
    yield Paragraph("Each cell changes one thing of the main cell and leaves the rest as it is.")
    unmeasured = [each.name for each in results.opening.cells if _is_missing(each, results)]
    if unmeasured:
        yield Paragraph(f"Planned, and nothing of it was measured: {', '.join(unmeasured)}.")
    for drawn in pictures.of_factors(cells, name):
        yield Picture(drawn)
    for found in cells.values():
        yield cell_table(found)


def _is_missing(cell: CellPlan, results: Results) -> bool:
    return cell.name not in {each.name for each in results.cells()}


def _validation(found: Validated) -> Chapter:
    error = found.held_out_error
    if error is None:
        headline = "The held-out error is unknown: no cell has a total that was not censored."
    else:
        headline = (
            f"Held-out error of the simulator: {100 * error:+.1f} % of the median rollback time in "
            f"the worst of {len(found.cells)} cells that it was not calibrated on."
        )
    verdict = (
        "Every limit that was declared before measuring holds."
        if found.is_within
        else "Not every limit that was declared before measuring holds; see the table."
    )
    extra = [f"The simulator has the other one faster: {each}." for each in found.swapped]
    counts = [f"Counts differ in {c.name}: {each}." for c in found.cells for each in c.differences]
    blocks: list[Block] = [
        Paragraph(headline, is_lead=True),
        Paragraph(" ".join([verdict, *extra, *counts])),
    ]
    if found.cells:
        blocks += [Picture(pictures.of_validation(found)), validation_table(found)]
    return Chapter("How far the simulator is off", tuple(blocks))


def _differing(sources: Sequence[Source]) -> str:
    """In what the files differ that makes their seconds incomparable; empty for nothing."""
    openings = [each.results.opening for each in sources]
    kept: dict[str, list[Any]] = {
        "mode": [each.mode for each in openings],
        "version of cdlab": [each.cdlab for each in openings],
        "machine": [
            {k: v for k, v in each.machine.items() if k not in ("date", "load")}
            for each in openings
        ],
        "settings": [each.settings for each in openings],
    }
    names = [name for name, values in kept.items() if any(v != values[0] for v in values)]
    if not names:
        return ""
    return (
        f"The files differ in {', '.join(names)}. Each is shown by itself, and no number of one is "
        "compared with one of another."
    )
