"""
Each variant against V1, run by run: the grid with the interval, the win rate and the test.

In: a `Comparison`. Out: a grid of strings, or none where nothing was rolled back.
"""

from __future__ import annotations

from cdlab.comparison import Comparison
from cdlab.paired import Pairing
from cdlab.report import findings, wording
from cdlab.report.tables import Grid
from cdlab.report.wording import NOTHING
from cdlab.stories import WITHOUT_ROLLBACK

TITLE = "Times as fast as V1, over runs that share their random numbers"
COLUMNS = ("", "median", "95 % interval", "won", "p", "Cliff's δ")


def pairings(comparison: Comparison) -> list[Grid]:
    """One row for each variant but V1's own."""
    found = comparison.against_v1()
    if not found or comparison.story in WITHOUT_ROLLBACK:
        return []
    results = {findings.row_name(each): each for each in comparison.results}
    rows = tuple((name, *_cells(found[name])) for name in results if name in found)
    return [Grid(TITLE, COLUMNS, rows)]


def missing(comparison: Comparison) -> str:
    """Why there is no interval where there is none; empty when there are all."""
    whys = [each.missing for each in comparison.against_v1().values() if each.missing]
    return "; ".join(dict.fromkeys(whys))


def _cells(pairing: Pairing) -> tuple[str, ...]:
    interval = NOTHING
    if pairing.low is not None and pairing.high is not None:
        interval = f"{pairing.low:.2f} – {pairing.high:.2f}"
    return (
        wording.times(pairing.ratio),
        interval,
        NOTHING if pairing.win_rate is None else f"{pairing.win_rate:.0%}",
        _p_value(pairing.p_value),
        NOTHING if pairing.cliffs_delta is None else f"{pairing.cliffs_delta:+.2f}",
    )


def _p_value(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
