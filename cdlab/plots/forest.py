"""
Paired ratios with their intervals, one below the other: a forest plot.

In: a `Pairing` for each row, made by `paired.py`. Out: a `Drawn`. Where so many pairs are censored
that the ratio has no bound, an arrow says to which side; a row with any has a hollow mark.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from cdlab.paired import Pairing
from cdlab.plots.drawing import BLUE, GREY, INK, Drawn, log_places, plain_ticks, sheet, wrapped
from cdlab.report import wording

EQUIVALENT = 0.05
"""Two variants that are closer than that are called equivalent, as in docs/validation.md."""


def forest(
    rows: Mapping[str, Pairing | None], *, base: str, name: str = "ratios", about: str = ""
) -> Drawn:
    """Draw how many times as fast as *base* each row is. None: nothing could be paired."""
    ends = [
        end
        for each in rows.values()
        if each is not None
        for end in (each.ratio, each.low, each.high)
        if end is not None
    ]
    low, high = min([*ends, 0.8]) / 1.15, max([*ends, 1.25]) * 1.15
    with sheet(1.15 + 0.46 * len(rows)) as (figure, axes):
        axes.set_xscale("log")
        axes.axvspan(1 / (1 + EQUIVALENT), 1 + EQUIVALENT, color=GREY, alpha=0.35, linewidth=0)
        axes.axvline(1, color=INK, linewidth=0.9)
        for row, pairing in enumerate(rows.values()):
            _row(axes, row, pairing, (low, high))
        axes.set_xlim(low, high)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        plain_ticks(axes.xaxis, log_places(low, high), lambda each: f"{each:g}")
        axes.set_yticks(range(len(rows)), [f"{wrapped(k)}\n{pairs(v)}" for k, v in rows.items()])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(_axis(base))
        axes.grid(axis="x")
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(len(rows)), [told(each) for each in rows.values()])
        right.spines["right"].set_visible(False)
        right.tick_params(length=0)
    title = f"{about}: r" if about else "R"
    title += f"ollback time against {base}, in pairs"
    return Drawn(name, title, figure, _alt(rows, base))


def _axis(base: str) -> str:
    what = f"times as fast as {base}, logarithmic. Right of 1: faster; 0.5: 2× slower."
    how = "Median of the paired ratios and 95 % interval; the grey band is ± 5 %."
    return "\n".join([*wrap(what, 84), how])


def pairs(pairing: Pairing | None) -> str:
    """`n = 30 pairs, 2 censored`."""
    if pairing is None:
        return "n = 0 pairs"
    return f"n = {wording.count(pairing.pairs, 'pair')}" + (
        f", {pairing.censored} censored" if pairing.censored else ""
    )


def told(pairing: Pairing | None) -> str:
    """
    The ratio in words: `2.1× faster`, and its interval in the same ones, or what is in its place.
    """
    if pairing is None:
        return "no pairs"
    if pairing.ratio is None:
        rate = pairing.win_rate or 0.0
        return "even" if rate == 0.5 else f"{'faster' if rate > 0.5 else 'slower'}\nno bound"
    words = wording.times(pairing.ratio)
    if pairing.low is None or pairing.high is None:
        return f"{words}\nno interval"
    return f"{words}\n{wording.interval(pairing.low, pairing.high)}"


def _row(axes: Any, row: int, pairing: Pairing | None, limits: tuple[float, float]) -> None:
    if pairing is None:
        return
    if pairing.ratio is None:
        if (pairing.win_rate or 0.0) == 0.5:
            return
        is_faster = (pairing.win_rate or 0.0) > 0.5
        end = limits[1] / 1.03 if is_faster else limits[0] * 1.03
        how = {"arrowstyle": "->", "color": INK, "linestyle": "--", "linewidth": 1.3}
        axes.annotate("", xy=(end, row), xytext=(1, row), arrowprops=how)
        return
    if pairing.low is not None and pairing.high is not None:
        axes.plot([pairing.low, pairing.high], [row, row], color=INK, linewidth=1.6)
        axes.plot([pairing.low, pairing.high], [row, row], "|", color=INK, markersize=8)
    face = "none" if pairing.censored else BLUE
    axes.plot(pairing.ratio, row, "D", color=BLUE, markerfacecolor=face, markersize=6)


def _alt(rows: Mapping[str, Pairing | None], base: str) -> str:
    said = []
    for label, each in rows.items():
        words = told(each).replace("\n", ", ")
        inside = each is not None and None not in (each.low, each.high) and (
            abs(math.log(each.low or 1)) <= math.log(1 + EQUIVALENT)
            and abs(math.log(each.high or 1)) <= math.log(1 + EQUIVALENT)
        )  # fmt: skip
        said.append(f"{label} ({pairs(each)}): {words}{', equivalent' if inside else ''}.")
    return f"How many times as fast as {base}, with 95 % intervals. " + " ".join(said)
