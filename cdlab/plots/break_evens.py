"""
Where the faster variant changes: the ratio along one setting, and over two of them.

In: ratios for each setting. Out: a `Drawn`, with the break-even marked, that is where the ratio is
1. Between two settings that were played it is interpolated, on the logarithm of the ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from cdlab.plots.drawing import (
    INK,
    LINE_COLOURS,
    LINES,
    MARKERS,
    Drawn,
    legend_below,
    log_places,
    plain_ticks,
    runs,
    sheet,
    text_on,
)

STEPS = 20
"""Pieces of a line from one setting that was played to the next."""
EVENT = 0.0
"""Where a poll interval stands on an axis that is none: the manager hears of it at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratios:
    """A variant along one setting."""

    label: str
    points: Mapping[float, float | None]
    """Setting -> how many times as fast; None where it has no bound, or nothing was paired."""
    n: int
    """Pairs of each point."""
    censored: int = 0
    """Pairs with a censored run, over all points."""

    def break_evens(self) -> list[float]:
        """The settings at which it is as fast as the base."""
        known = [(x, math.log(y)) for x, y in sorted(self.points.items()) if y]
        found = [x for x, y in known if y == 0]
        found += [
            x0 + (x1 - x0) * y0 / (y0 - y1) for (x0, y0), (x1, y1) in pairwise(known) if y0 * y1 < 0
        ]
        return sorted(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """Ratios over two settings."""

    title: str
    ratios: Sequence[Sequence[float | None]]
    """Row by row, as `ys`."""
    n: int
    """Pairs of each cell."""
    censored: int = 0
    """Pairs with a censored run, over all cells."""


def ratio_lines(
    lines: Sequence[Ratios], *, along: str, base: str, name: str, held: str = ""
) -> Drawn:
    """Draw the ratio of each variant to *base* along a setting; *held* says what stays as it is."""
    places = sorted({x for line in lines for x in line.points})
    known = [y for line in lines for y in line.points.values() if y]
    low, high = min([*known, 0.8]) / 1.2, max([*known, 1.25]) * 1.2
    with sheet(3.3 + 0.2 * len(lines)) as (figure, axes):
        axes.set_yscale("log")
        axes.axhline(1, color=INK, linewidth=1.2)
        for number, line in enumerate(lines):
            _line(axes, number, line)
        axes.set_xscale("symlog", linthresh=min([x for x in places if x > 0], default=1.0))
        word = (lambda x: f"{x:g}") if along.startswith("build") else _poll
        plain_ticks(axes.xaxis, places, word)
        plain_ticks(axes.yaxis, log_places(low, high), lambda each: f"{each:g}")
        axes.set_ylim(low, high)
        axes.margins(x=0.06)
        axes.set_xlabel(f"{along}, s; a ring marks the break-even" + (f"\n{held}" if held else ""))
        axes.set_ylabel(f"times as fast as\n{base}")
        axes.grid()
        legend_below(figure, axes)
    return Drawn(
        name,
        f"The ratio against the {along}",
        figure,
        _lines_alt(lines, f"{along}{' (' * bool(held)}{held}{')' * bool(held)}", base),
    )


def ratio_maps(
    panels: Sequence[Panel], *, builds: Sequence[float], polls: Sequence[float], base: str
) -> Drawn:
    """
    Draw how many times as fast as *base*, build times to the right and poll intervals upwards.

    Cells in which the base is the faster one are hatched, and the thick line is the break-even.
    """
    known = [abs(math.log(r)) for p in panels for row in p.ratios for r in row if r]
    scale = Normalize(-max([*known, 0.1]), max([*known, 0.1]))
    columns = min(2, len(panels))
    count = math.ceil(len(panels) / columns)
    with sheet(0.9 + count * (1.25 + 0.42 * len(polls)), rows=count, columns=columns) as (
        figure,
        grid,
    ):
        every = [grid] if len(panels) == 1 else list(grid.flat)
        for axes in every[len(panels) :]:
            axes.set_axis_off()
        for axes, panel in zip(every, panels, strict=False):
            _map(axes, panel, scale)
            axes.set_xticks(range(len(builds)), [f"{each:g}" for each in builds])
            axes.set_yticks(range(len(polls)), [_poll(each) for each in polls])
            axes.set_xlabel("build time, s")
            axes.set_ylabel("poll interval, s")
        figure.suptitle(
            f"Times as fast as {base}; hatched: slower; thick line: break-even", fontsize=9
        )
    return Drawn("break-even", f"Where it is faster than {base}", figure, _maps_alt(panels, base))


def _poll(seconds: float) -> str:
    return "event" if seconds == EVENT else f"{seconds:g}"


def _line(axes: Any, number: int, line: Ratios) -> None:
    xs, ys = _between([(x, y) for x, y in sorted(line.points.items()) if y])
    colour = LINE_COLOURS[number % len(LINE_COLOURS)]
    axes.plot(
        xs,
        ys,
        color=colour,
        linestyle=LINES[number % len(LINES)],
        marker=MARKERS[number % len(MARKERS)],
        markersize=5,
        markevery=STEPS,
        label=f"{line.label} ({runs(line.n, line.censored)})",
    )
    for each in line.break_evens():
        axes.plot(each, 1, "o", markersize=11, markerfacecolor="none", color=INK, mew=1.6)


def _between(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """The points and what lies between them, interpolated as the break-even is."""
    xs, ys = [x for x, _ in points[:1]], [y for _, y in points[:1]]
    for (x0, y0), (x1, y1) in pairwise(points):
        for step in range(1, STEPS + 1):
            share = step / STEPS
            xs.append(x0 + (x1 - x0) * share)
            ys.append(y0 * (y1 / y0) ** share)
    return xs, ys


def _map(axes: Any, panel: Panel, scale: Normalize) -> None:
    shades = colormaps["PuOr"]
    for y, row in enumerate(panel.ratios):
        for x, ratio in enumerate(row):
            colour = shades(scale(math.log(ratio))) if ratio else (1.0, 1.0, 1.0, 1.0)
            hatch = "" if ratio is None else "////" if ratio < 1 else ""
            axes.add_patch(
                Rectangle(
                    (x - 0.5, y - 0.5),
                    1,
                    1,
                    facecolor=colour,
                    hatch=hatch,
                    edgecolor=INK,
                    linewidth=0.3,
                )
            )
            behind = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}
            word = _ratio(ratio)
            ink = {"color": text_on(colour), "fontsize": 8, "bbox": behind, "zorder": 5}
            axes.text(x, y, word, ha="center", va="center", **ink)
    rows, columns = len(panel.ratios), len(panel.ratios[0])
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(-0.5, rows - 0.5)
    axes.set_title(f"{panel.title}\n{_of_panel(panel)}")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
    for xs, ys in break_even_lines(panel.ratios):
        axes.plot(xs, ys, color="white", linewidth=4.2)
        axes.plot(xs, ys, color="black", linewidth=2.2)


def break_even_lines(
    ratios: Sequence[Sequence[float | None]],
) -> list[tuple[list[float], list[float]]]:
    """
    The line on which the ratio is 1, in the numbers of columns and rows: pieces of (xs, ys).

    From the middle of an outer cell to its edge the ratio is taken to stay as it is. In a grid of
    one row or column the line crosses the cells at a right angle.
    """
    logs = [[math.log(each) if each else math.nan for each in row] for row in ratios]
    rows, columns = len(logs), len(logs[0])
    if rows > 1 and columns > 1:
        from contourpy import contour_generator  # comes with Matplotlib

        wide = [[row[0], *row, row[-1]] for row in logs]
        xs, ys = ([-0.5, *range(n), n - 0.5] for n in (columns, rows))
        made: Any = contour_generator(xs, ys, [wide[0], *wide, wide[-1]]).lines(0.0)
        return [([float(x) for x, _ in line], [float(y) for _, y in line]) for line in made]
    flat = logs[0] if rows == 1 else [row[0] for row in logs]
    places = [float(n) for n, each in enumerate(flat) if each == 0]
    places += [n + a / (a - b) for n, (a, b) in enumerate(pairwise(flat)) if a * b < 0]
    across = [-0.5, 0.5]
    return [([each, each], across) if rows == 1 else (across, [each, each]) for each in places]


def _lines_alt(lines: Sequence[Ratios], along: str, base: str) -> str:
    said = []
    for line in lines:
        points = ", ".join(
            f"{'no ratio' if y is None else f'{y:.3g}'} at {x:g} s"
            for x, y in sorted(line.points.items())
        )
        crossed = ", ".join(f"{each:.3g} s" for each in line.break_evens())
        end = f"break-even at {crossed}" if crossed else "no break-even in this range"
        said.append(f"{line.label} ({runs(line.n, line.censored)}): {points}; {end}.")
    return f"How many times as fast as {base} along the {along}. " + " ".join(said)


def _ratio(ratio: float | None) -> str:
    """With two decimals around 1, where they matter, and two digits elsewhere."""
    if ratio is None:
        return "none"
    if ratio >= 9.95:
        return f"{ratio:.0f}"
    return f"{ratio:.2f}" if ratio >= 0.095 else f"{ratio:.2g}"


def _of_panel(panel: Panel) -> str:
    lost = f"; {panel.censored} pairs in all censored" if panel.censored else ""
    return f"n = {panel.n} a cell{lost}"


def _maps_alt(panels: Sequence[Panel], base: str) -> str:
    said = []
    for panel in panels:
        known = [each for row in panel.ratios for each in row if each]
        missing = sum(each is None for row in panel.ratios for each in row)
        slower = sum(each < 1 for each in known)
        span = f"from {min(known):.3g} to {max(known):.3g}" if known else "nowhere a ratio"
        line = "a break-even line runs through it" if break_even_lines(panel.ratios) else (
            "no break-even line"
        )  # fmt: skip
        none = f", {missing} without a ratio" if missing else ""
        title = panel.title.replace("\n", ", ")
        said.append(
            f"{title} ({_of_panel(panel)}): {span}, slower in {slower} of "
            f"{len(known)} cells{none}; {line}."
        )
    return f"How many times as fast as {base}, by build time and poll interval. " + " ".join(said)
