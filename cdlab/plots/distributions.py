"""
The distribution of rollback times: which share of the runs was back after so many seconds.

In: seconds of each run, None for a censored one. Out: a `Drawn`. A censored run is never back, so
that the line of a variant that has some ends below 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    wrapped,
)
from cdlab.report import wording
from cdlab.statistics import median

WIDE = 12.0
"""From this ratio of the longest to the shortest time on, the axis is logarithmic."""


def ecdf(seconds: Mapping[str, Sequence[float | None]], *, name: str = "ecdf") -> Drawn:
    """Draw a step line for each variant."""
    known = [each for values in seconds.values() for each in values if each is not None]
    with sheet(3.5 + 0.15 * len(seconds)) as (figure, axes):
        low, high = (min(known), max(known)) if known else (1.0, 10.0)
        is_wide = low > 0 and high / low > WIDE
        left, right = (low * 0.85, high * 1.25) if is_wide else (0.0, high * 1.08)
        for number, (label, values) in enumerate(seconds.items()):
            _line(axes, number, label, values, (left, right))
        if is_wide:
            axes.set_xscale("log")
            plain_ticks(axes.xaxis, log_places(left, right), lambda each: f"{each:g}")
        axes.set_xlim(left, right)
        axes.set_ylim(0, 1.04)
        plain_ticks(axes.yaxis, [0, 0.25, 0.5, 0.75, 1], lambda each: f"{100 * each:g} %")
        axes.set_xlabel("seconds since somebody asked" + (", logarithmic" if is_wide else ""))
        axes.set_ylabel("share of runs that are back")
        axes.grid()
        axes.axhline(0.5, color=INK, linewidth=0.8, alpha=0.5)
        legend_below(figure, axes)
    return Drawn(name, "How rollback times are distributed", figure, _alt(seconds))


def steps_of(values: Sequence[float | None]) -> tuple[list[float], list[float]]:
    """Where the line steps up, and to which share of all runs, the censored among them."""
    known = sorted(each for each in values if each is not None)
    return known, [(number + 1) / len(values) for number in range(len(known))]


def _line(
    axes: Any,
    number: int,
    label: str,
    values: Sequence[float | None],
    ends: tuple[float, float],
) -> None:
    xs, ys = steps_of(values)
    censored = len(values) - len(xs)
    colour = LINE_COLOURS[number % len(LINE_COLOURS)]
    axes.step(
        [ends[0], *xs, ends[1]],
        [0.0, *ys, ys[-1] if ys else 0.0],
        where="post",
        color=colour,
        linestyle=LINES[number % len(LINES)],
        linewidth=1.6,
        marker=MARKERS[number % len(MARKERS)],
        markersize=4,
        markevery=max(1, (len(xs) + 2) // 6),
        label=f"{wrapped(label)} ({runs(len(values), censored)})",
    )
    if censored:  # says that the line goes on at this height for ever
        axes.plot(ends[1], ys[-1] if ys else 0.0, marker=5, color=INK, markersize=9, clip_on=False)


def _alt(seconds: Mapping[str, Sequence[float | None]]) -> str:
    said = []
    for label, values in seconds.items():
        middle = median(values)
        censored = sum(each is None for each in values)
        half = "not half of them came back" if middle is None else (
            f"half of them are back after {wording.seconds(middle)} s"
        )  # fmt: skip
        end = f", and the line ends at {1 - censored / len(values):.0%}" if censored else ""
        said.append(f"{label} ({runs(len(values), censored)}): {half}{end}.".replace("%", " %"))
    return "A step line for each variant, the share of runs back by then. " + " ".join(said)
