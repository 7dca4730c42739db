"""
Phase bars: what the time of a rollback went to, a bar for each variant.

In: for each variant the phases of its median run, or of its only one. Out: a `Drawn`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdlab.plots.drawing import (
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    Drawn,
    runs,
    sheet,
    wrapped,
)
from cdlab.report import wording
from cdlab.rollback_time import PHASES

LOOKS: Mapping[str, tuple[str, str]] = {
    "revert": (SKY, ""),
    "notify": (SKY, "////"),
    "queue": (SKY, "xxxx"),
    "checkout": (SKY, "\\\\\\\\"),
    "build": (VERMILION, ""),
    "push": (ORANGE, "...."),
    "config": (GREEN, "||||"),
    "apply": (GREEN, "\\\\\\\\"),
    "earlier replicas": (PURPLE, "oo"),
    "schedule": (YELLOW, "xxxx"),
    "pull": (YELLOW, ""),
    "start": (PURPLE, "----"),
    "ready": (PURPLE, "++++"),
    "drain": (GREY, "||||"),
}
"""
Phase -> colour and hatch: blue is code, red the image, green the release, the rest the pods. Two
with the same hatch differ in how dark they are.
"""
FAINT = 0.002
"""A phase that is never a larger share of the longest bar gets no name in the legend."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseBar:
    """One variant."""

    label: str
    n: int
    censored: int = 0
    phases: Mapping[str, float]
    """Of the median run, in seconds; empty where that one is censored, or nothing was measured."""
    deadline_seconds: float

    @property
    def total(self) -> float:
        """Seconds of the median run."""
        return sum(self.phases.values())

    @property
    def said(self) -> str:
        """What stands at the end of the bar."""
        if self.phases:
            return f"{wording.seconds(self.total)} s"
        if not self.n:
            return "nothing measured"
        return f"not back within {wording.duration(self.deadline_seconds)}"


def phase_bars(bars: Sequence[PhaseBar], *, name: str = "phases") -> Drawn:
    """Stack the phases of each variant's median run, the first variant on top."""
    which = "median run" if any(bar.n > 1 for bar in bars) else "only run"
    longest = max((bar.total for bar in bars), default=0.0) or 1.0
    with sheet(0.95 + 0.42 * len(bars) + 0.5) as (figure, axes):
        shown: dict[str, Any] = {}
        for row, bar in enumerate(bars):
            shown.update(_bar(axes, row, bar, longest))
        axes.set_yticks(
            range(len(bars)), [f"{wrapped(bar.label)}\n{runs(bar.n, bar.censored)}" for bar in bars]
        )
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.set_xlim(0, longest * 1.16)
        axes.set_xlabel(f"seconds since somebody asked for the rollback, in the {which}")
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        legend = [shown[phase] for phase in PHASES if phase in shown]
        if legend:
            figure.legend(handles=legend, loc="outside lower center", ncols=6, handlelength=1.6)
    return Drawn(name, f"Where the time goes: phases of the {which}", figure, _alt(bars, which))


def _bar(axes: Any, row: int, bar: PhaseBar, longest: float) -> dict[str, Any]:
    """Draw one bar, and return its parts by phase for the legend."""
    parts, left = {}, 0.0
    for phase in PHASES:
        length = bar.phases.get(phase, 0.0)
        colour, hatch = LOOKS[phase]
        if length <= 0:
            continue
        (part,) = axes.barh(
            row, length, 0.62, left, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.5
        )
        part.set_label(phase)
        if length > FAINT * longest:
            parts[phase] = part
        left += length
    if bar.n and not bar.phases:  # the bar goes on beyond the figure
        axes.barh(
            row, longest * 1.16, 0.62, facecolor="none", edgecolor=INK, linestyle="--", hatch="//"
        )
        inside = {"facecolor": "white", "edgecolor": "none", "pad": 2.0}
        axes.text(longest * 0.58, row, bar.said, va="center", ha="center", color="black",
                  bbox=inside)  # fmt: skip
    else:
        axes.text(left + longest * 0.012, row, bar.said, va="center")
    return parts


def _alt(bars: Sequence[PhaseBar], which: str) -> str:
    return f"Stacked bars of the phases of each variant's {which}. " + " ".join(
        f"{bar.label} ({runs(bar.n, bar.censored)}): {bar.said}{_largest(bar)}." for bar in bars
    )


def _largest(bar: PhaseBar) -> str:
    if not bar.total:
        return ""
    phase = max(bar.phases, key=lambda each: bar.phases[each])
    return f", most of it {phase} with {wording.seconds(bar.phases[phase])} s"
