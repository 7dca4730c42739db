"""
A benchmark's summary and a comparison of two as grids of strings, and what there is to say of them.

In: a `Summary` or `Change`s. Out: grids and sentences, which `page` prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cdlab.bench.changes import Change
from cdlab.bench.judging import OVERHEAD_SHARE, CellSummary, Row, Summary
from cdlab.bench.stopping import HALF_WIDTH
from cdlab.report import wording
from cdlab.report.grid import Grid
from cdlab.report.pairings import COLUMNS, cells_of
from cdlab.report.wording import NOTHING

TIMES = ("", "runs", "censored", "median", "p95", "users saw", "stayed")
"""Seconds; what users saw is the time until none of them got the bad content any more."""


def grids(summary: Summary) -> list[Grid]:
    """Two for each cell: how long it took, and how it compares."""
    return [grid for cell in summary.cells for grid in (_times(cell), _ratios(cell))]


def _times(cell: CellSummary) -> Grid:
    what = "main cell" if not cell.factor else f"{cell.factor}: {cell.setting}"
    title = f"Rollback time, {what}, {wording.count(cell.blocks, 'block')}"
    return Grid(title, TIMES, tuple(_row(row) for row in cell.rows))


def _row(row: Row) -> tuple[str, ...]:
    return (
        row.variant,
        str(row.runs),
        str(row.censored),
        wording.seconds(row.seconds),
        wording.seconds(row.seconds_p95),
        wording.seconds(row.recovery_seconds),
        wording.share_of_runs(row.stayed),
    )


def _ratios(cell: CellSummary) -> Grid:
    rows = [
        (row.variant, *cells_of(row.against_first))
        for row in cell.rows
        if row.against_first is not None
    ]
    return Grid(f"Against {cell.base}, block by block", COLUMNS, tuple(rows))


def sentences(summary: Summary) -> list[str]:
    """What the columns mean, how sure it is, and what disturbed it."""
    return [*_about(summary), *_quality(summary)]


def _about(summary: Summary) -> Iterator[str]:
    yield (
        "Seconds; users saw: until no probe got the bad content any more; p95 wants 59 runs. "
        "Median and interval (BCa) of the ratios of each block; won: the share of the blocks in "
        "which it was the faster one; p: Wilcoxon; Cliff's δ: from -1, always slower, to 1, "
        "always faster."
    )
    whys = [
        row.against_first.missing
        for cell in summary.cells
        for row in cell.rows
        if row.against_first and row.against_first.missing
    ]
    if whys:
        yield f"Without an interval: {'; '.join(dict.fromkeys(whys))}."
    wide = [cell.name for cell in summary.cells if cell.is_narrow is False]
    if wide:
        yield f"Wider than ±{HALF_WIDTH:.0%} of its ratio: an interval of {', '.join(wide)}."
    for cell in summary.cells:
        if cell.twins:
            yield f"The same variant under two names: {cell.twins}."


def _quality(summary: Summary) -> Iterator[str]:
    results = summary.results
    failed = sum(remark.what == "failed" for remark in results.remarks)
    resumed = sum(remark.what == "resumed" for remark in results.remarks)
    warm_ups = len(results.runs) - len(results.counted)
    yield (
        f"{wording.count(warm_ups, 'run')} to warm up dropped, {failed} failed and begun again, "
        f"gone on with {resumed} times."
    )
    is_simulated = results.opening.settings.get("substrate") == "sim"
    if summary.overhead_share is not None and not is_simulated:
        is_much = summary.overhead_share > OVERHEAD_SHARE
        judged = f", more than the {OVERHEAD_SHARE:.0%} it may take" if is_much else ""
        yield f"The harness took {summary.overhead_share:.1%} of the time{judged}."
    if summary.probe:
        probe = summary.probe
        yield (
            f"The probe sent {probe['requests_per_second']:.1f} requests a second, at "
            f"{probe['processor_share']:.2%} of a processor; at most "
            f"{probe['longest_gap_seconds']:.1f} s after an ask nobody answered."
        )
    if summary.busy:
        told = ", ".join(f"{what} in {count}" for what, count in summary.busy.items())
        mark = "A BUSY MACHINE, do not quote: " if summary.is_busy else "Disturbed: "
        yield f"{mark}{told} of {wording.count(len(results.counted), 'run')}."
    if is_simulated:
        yield "Simulated: to try the command, no measurement of anything."


def change_grid(changes: Sequence[Change]) -> Grid:
    """What became slower, row by row."""
    columns = ("", "cell", "runs", "old", "new", "ratio", "95 % interval", "")
    rows = tuple(
        (
            change.variant,
            change.cell,
            f"{change.runs[0]} / {change.runs[1]}",
            wording.seconds(change.old_seconds),
            wording.seconds(change.new_seconds),
            NOTHING if change.ratio is None else f"{change.ratio:.2f}",
            f"{_end(change.low)} – {_end(change.high)}",
            "SLOWER" if change.is_slower else "",
        )
        for change in changes
    )
    return Grid("Medians, new to old", columns, rows, text_columns=2)


def _end(value: float | None) -> str:
    return "∞" if value is None else f"{value:.2f}"
