"""
The tables of a report, and the sentences that it leads with.

In: summaries of a cell, or a validation. Out: grids of text cells, sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cdlab.bench_report.numbers import Summary
from cdlab.bench_report.validation_file import Validated
from cdlab.report import pairings, wording
from cdlab.report.grid import Grid
from cdlab.report.wording import NOTHING
from cdlab.statistics import RUNS_FOR_P95

COLUMNS = (
    *("variant", "n", "censored", "median", "p95", "ratio"),
    *("95 % interval", "won", "p", "δ", "recovery", "stayed"),
)


def cell_table(found: Sequence[Summary]) -> Grid:
    """One row for each planned variant of a cell."""
    title = f"Cell {found[0].cell.name}: rollback time against {found[0].variant}"
    rows = tuple(_row(each) for each in found)
    firsts = tuple(number for number, each in enumerate(found) if each.is_base)
    return Grid(title, COLUMNS, rows, emphasised=firsts)


def lead(found: Sequence[Summary]) -> Iterator[str]:
    """A sentence for each variant: its median, and how many times as fast as the first it was."""
    base = found[0]
    for each in found:
        if not each.runs:
            yield f"{each.variant}: nothing measured."
            continue
        many = wording.count(len(each.runs), "run")
        many += f", {each.censored} censored" if each.censored else ""
        yield f"{each.variant}: {_median(each)} ({many}){_against(each, base)}."


def validation_table(found: Validated) -> Grid:
    """Every predicted number of every cell."""
    rows = []
    for cell in found.cells:
        for each in cell.predictions:
            rows.append(
                (
                    cell.name,
                    each.what,
                    str(cell.runs),
                    wording.seconds(each.real_seconds),
                    wording.seconds(each.predicted_seconds),
                    NOTHING if each.error is None else f"{100 * each.error:+.0f} %",
                    f"± {each.limit_seconds:.2f}",
                    "" if each.is_within else "over",
                )
            )
    columns = ("cell", "what", "n", "real, s", "predicted, s", "error", "limit, s", "")
    return Grid("What was predicted, and what came", columns, tuple(rows), text_columns=2)


def _row(each: Summary) -> tuple[str, ...]:
    stayed, said = each.stayed()
    compared = ("base", NOTHING, NOTHING, NOTHING, NOTHING) if each.is_base else (NOTHING,) * 5
    return (
        each.variant,
        str(len(each.runs)),
        str(each.censored),
        _seconds(each, each.median),
        _seconds(each, each.p95) if len(each.runs) >= RUNS_FOR_P95 else NOTHING,
        *(compared if each.pairing is None else pairings.cells_of(each.pairing)),
        wording.seconds(each.recovery),
        f"{stayed} of {said}" if said else NOTHING,
    )


def _seconds(each: Summary, value: float | None) -> str:
    if value is None and each.censored:
        return f"> {_deadline(each):g}"
    return wording.seconds(value)


def _deadline(each: Summary) -> float:
    return min(run.deadline_seconds for run in each.runs)


def _median(each: Summary) -> str:
    if each.median is None:
        return f"most runs were not back within {_deadline(each):g} s"
    return f"median {wording.seconds(each.median)} s"


def _against(each: Summary, base: Summary) -> str:
    pairing = each.pairing
    if pairing is None:
        return "" if each.is_base else f", in no block together with {base.variant}"
    pairs = wording.count(pairing.pairs, "pair")
    if pairing.ratio is None:
        words = {True: "slower", False: "faster"}[(pairing.win_rate or 0.0) < 0.5]
        return f", {words} than {base.variant} without a bound ({pairs})"
    words = wording.times(pairing.ratio)
    words = f"{words} as" if words == "the same" else f"{words} than"
    if pairing.low is None or pairing.high is None:
        return f", {words} {base.variant} ({pairs}, no interval)"
    return f", {words} {base.variant} (ratio {pairing.ratio:.2f}, 95 % interval " + (
        f"{pairing.low:.2f} to {pairing.high:.2f}, {pairs})"
    )
