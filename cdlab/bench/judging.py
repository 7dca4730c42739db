"""
What came out: of each cell a row a variant, how it compares with the first, and what disturbed it.

Pure. In: `Results`. Out: `Summary`, also as plain values for `FILE.summary.json`. Called by `cdlab
bench`. The rows of a table and of a file are the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cdlab.bench.outliers import is_outlier
from cdlab.bench.results import CellPlan, Results, RunLine
from cdlab.bench.stopping import HALF_WIDTH, half_width, pairing
from cdlab.paired import RUNS_FOR_INTERVAL, Pairing
from cdlab.statistics import median, p95

SCHEMA = "cdlab-bench-summary/1"
BUSY_SHARE = 0.1
"""Of the runs that count, from which a result is marked as one of a busy machine."""
OVERHEAD_SHARE = 0.05
"""Of a run: what the harness may take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A variant in a cell."""

    variant: str
    architecture: str
    runs: int
    censored: int
    """Runs that never came back, or not within the deadline. They stay in, as the longest."""
    seconds: float | None
    """Median rollback time. None where that is a censored run."""
    seconds_p95: float | None
    """None below 59 runs."""
    recovery_seconds: float | None
    """Median of what users saw."""
    recovery_missing: int
    """Runs in which no probe saw a recovery."""
    stayed: float | None
    """Share of the runs in which it stayed rolled back."""
    against_first: Pairing | None
    """None for the first variant of a cell itself."""
    busy: dict[str, int]
    """What disturbed its runs -> how many."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class CellSummary:
    """A cell with its rows."""

    name: str
    factor: str
    setting: str
    base: str
    blocks: int
    is_narrow: bool | None
    """Whether every interval is narrow enough for the stop rule; None where there are none."""
    rows: tuple[Row, ...]
    twins: str = ""
    """Of two names for the same variant: what the comparison says."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "rows": [row.to_dict() for row in self.rows]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """All that is said at the end."""

    results: Results
    cells: tuple[CellSummary, ...]
    busy: dict[str, int]
    """What disturbed runs -> how many of those that count."""
    is_busy: bool
    """Whether so many were disturbed that nobody should quote the numbers."""
    overhead_share: float | None
    """Of all runs together, the harness's own part of the time."""
    probe: dict[str, float]
    """Requests a second, share without an answer, share of a processor, and the longest time after
    an ask in which nobody answered; empty without a probe."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the schema."""
        opening = self.results.opening
        return {
            "schema": SCHEMA,
            "mode": opening.mode,
            "seed": opening.seed,
            "cdlab": opening.cdlab,
            "date": opening.date,
            "machine": dict(opening.machine),
            "settings": dict(opening.settings),
            "runs": len(self.results.counted),
            "warm_ups": len(self.results.runs) - len(self.results.counted),
            "remarks": [asdict(each) for each in self.results.remarks],
            "busy": self.busy,
            "is_busy": self.is_busy,
            "overhead_share": self.overhead_share,
            "probe": self.probe,
            "cells": [cell.to_dict() for cell in self.cells],
        }


def summary_of(results: Results) -> Summary:
    """Judge all that a file holds, finished or not."""
    counted = results.counted
    troubles = [trouble for run in counted for trouble in troubles_of(run, results)]
    disturbed = sum(bool(troubles_of(run, results)) for run in counted)
    return Summary(
        results=results,
        cells=tuple(_cell(cell, results) for cell in results.cells()),
        busy=dict(sorted(Counter(troubles).items())),
        is_busy=disturbed > BUSY_SHARE * len(counted),
        overhead_share=overhead_share(counted),
        probe=_probe(counted),
    )


def overhead_share(runs: Sequence[RunLine]) -> float | None:
    """Of all these runs together, the harness's own part of the time; None of no time at all."""
    wall = sum(run.wall_seconds for run in runs)
    return sum(run.overhead_seconds for run in runs) / wall if wall else None


def troubles_of(run: RunLine, results: Results) -> list[str]:
    """What disturbed a run, an outlier judged anew by all runs of its variant."""
    others = [each.seconds for each in results.of(run.cell, run.variant) if each is not run]
    noted = [trouble for trouble in run.busy if trouble != "outlier"]
    return [*noted, *(["outlier"] if is_outlier(run.seconds, others) else [])]


def _cell(cell: CellPlan, results: Results) -> CellSummary:
    base = cell.variants[0]
    rows = tuple(_row(cell, name, base, results) for name in cell.variants)
    widths = [half_width(row.against_first) for row in rows[1:]]
    known = [width for width in widths if width is not None]
    return CellSummary(
        name=cell.name,
        factor=cell.factor,
        setting=cell.setting,
        base=base,
        blocks=len(results.of(cell.name, base)),
        is_narrow=len(known) == len(widths) and max(known) <= HALF_WIDTH if known else None,
        rows=rows,
        twins=twins_said(cell, results) if results.opening.mode == "aa" else "",
    )


def _row(cell: CellPlan, variant: str, base: str, results: Results) -> Row:
    runs = results.of(cell.name, variant)
    seconds = [run.seconds for run in runs]
    seen = [run.recovery_seconds for run in runs]
    stayed = [run.has_stayed for run in runs if run.has_stayed is not None]
    troubles = Counter(trouble for run in runs for trouble in troubles_of(run, results))
    return Row(
        variant=variant,
        architecture=runs[0].architecture if runs else "",
        runs=len(runs),
        censored=seconds.count(None),
        seconds=median(seconds),
        seconds_p95=p95(seconds),
        recovery_seconds=median(seen),
        recovery_missing=seen.count(None),
        stayed=sum(stayed) / len(stayed) if stayed else None,
        against_first=(
            None if variant == base else pairing(cell.name, variant, base, results.counted)
        ),
        busy=dict(sorted(troubles.items())),
    )


def twins_said(cell: CellPlan, results: Results) -> str:
    """
    What a comparison of a variant with itself found, over all blocks and in repetitions of ten.

    One comparison in twenty finds a difference that is none; more of them mean that the blocks do
    not do what they are there for.
    """
    first, second = cell.variants
    blocks = sorted({run.block for run in results.of(cell.name, first)})
    chunks = [
        blocks[start : start + RUNS_FOR_INTERVAL]
        for start in range(0, len(blocks) - RUNS_FOR_INTERVAL + 1, RUNS_FOR_INTERVAL)
    ]
    judged = [
        pairing(cell.name, second, first, [r for r in results.counted if r.block in chunk])
        for chunk in chunks
    ]
    found = [each.is_different for each in judged if each is not None]
    whole = pairing(cell.name, second, first, results.counted)
    if whole is None or whole.is_different is None:
        why = whole.missing if whole else "no block is complete"
        return f"cannot be said: {why}"
    verdict = "a difference that is none" if whole.is_different else "no difference"
    repetitions = f"{sum(not each for each in found)} of {len(found)}"
    return f"{verdict}; {repetitions} repetitions of {RUNS_FOR_INTERVAL} blocks found none"


def _probe(runs: Sequence[RunLine]) -> dict[str, float]:
    probed = [run for run in runs if run.probe]
    requests, unanswered, seconds, cpu = (
        sum(run.probe[name] for run in probed)
        for name in ("requests", "unanswered", "seconds", "cpu_seconds")
    )
    if not requests or not seconds:
        return {}
    return {
        "requests_per_second": requests / seconds,
        "unanswered_share": unanswered / requests,
        "processor_share": cpu / seconds,
        "longest_gap_seconds": max(run.probe["longest_gap_seconds"] for run in probed),
    }
