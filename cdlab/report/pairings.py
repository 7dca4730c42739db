"""
Each variant against V1, run by run: the grid with the interval, the win rate and the test.

In: a `Comparison`. Out: a grid of strings, or none where nothing was rolled back.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdlab.comparison import Comparison
from cdlab.paired import Pairing
from cdlab.report import wording
from cdlab.report.grid import Grid
from cdlab.report.wording import NOTHING
from cdlab.stories import WITHOUT_ROLLBACK

TITLE = "Rollback time against V1, over runs that {}"
SHARED: Mapping[str, str] = {"sim": "share their random numbers", "kind": "took turns"}
"""Substrate -> what the runs of a pair have in common."""
COLUMNS = ("", "median", "95 % interval", "won", "p", "Cliff's δ")


def pairings(comparison: Comparison) -> list[Grid]:
    """One row for each variant but V1's own; none of one pair, which says nothing of spread."""
    found = comparison.against_v1()
    is_single = len(comparison.results[0].runs) == 1
    if not found or is_single or comparison.story in WITHOUT_ROLLBACK:
        return []
    results = {each.name: each for each in comparison.results}
    rows = tuple((name, *cells_of(found[name])) for name in results if name in found)
    return [Grid(TITLE.format(SHARED[comparison.substrate]), COLUMNS, rows)]


def notes(comparison: Comparison) -> list[str]:
    """What the columns mean, and why there is no interval where there is none."""
    if not pairings(comparison):
        return []
    said = [
        "Median and interval of the paired ratios. Won: share of the pairs in "
        "which it was the faster one, a tie as half. p: Wilcoxon. Cliff's δ: from -1, always "
        "slower, to 1, always faster."
    ]
    whys = [each.missing for each in comparison.against_v1().values() if each.missing]
    if whys:
        said.append(f"Without an interval: {'; '.join(dict.fromkeys(whys))}.")
    return said


def cells_of(pairing: Pairing) -> tuple[str, ...]:
    """Of a row: what stands under `COLUMNS` after the name."""
    return (
        _median(pairing),
        wording.interval(pairing.low, pairing.high),
        NOTHING if pairing.win_rate is None else f"{pairing.win_rate:.0%}",
        _p_value(pairing.p_value),
        NOTHING if pairing.cliffs_delta is None else f"{pairing.cliffs_delta:+.2f}",
    )


def _median(pairing: Pairing) -> str:
    """The ratio; where one of the middle pair never came back, who did."""
    if pairing.ratio is None and pairing.win_rate is not None and pairing.win_rate != 0.5:
        return "faster" if pairing.win_rate > 0.5 else "slower"
    return wording.times(pairing.ratio)


def _p_value(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
