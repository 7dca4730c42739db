"""
A rollback as a bar of phases: the geometry that the terminal and the SVG share.

In: phases by name, in seconds. Out: segments on one axis, cut into cells for a terminal or drawn as
SVG. Phases are told apart by a letter and a pattern as well as by colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import floor, log10
from typing import TYPE_CHECKING

from cdlab.report import wording
from cdlab.rollback_time import PHASES

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class Look:
    """How a phase is drawn."""

    letter: str
    colour: str
    pattern: str
    """What fills the bar where there is no colour."""
    meaning: str


_CODE, _BUILD, _RELEASE, _PODS = "·", "█", "▒", "░"
LOOKS: Mapping[str, Look] = {
    "revert": Look("R", "#56b4e9", _CODE, "somebody reverts in the code repo and pushes"),
    "notify": Look("N", "#3f8fc0", _CODE, "CI hears of the push"),
    "queue": Look("Q", "#2b6f9c", _CODE, "until an executor or the manager is free"),
    "checkout": Look("C", "#1d5478", _CODE, "CI clones the code repo"),
    "build": Look("B", "#d55e00", _BUILD, "docker build"),
    "push": Look("P", "#e69f00", _BUILD, "docker push"),
    "config": Look("G", "#009e73", _RELEASE, "clone, edit, commit and push the config repo"),
    "apply": Look("A", "#00735a", _RELEASE, "kubectl apply, set image or rollout undo"),
    "earlier replicas": Look("E", "#cc79a7", _PODS, "replicas that are replaced before the last"),
    "schedule": Look("S", "#b5638f", _PODS, "the last pod is bound to a node"),
    "pull": Look("I", "#9c4f78", _PODS, "its image is pulled"),
    "start": Look("T", "#8a6bb8", _PODS, "its container starts"),
    "ready": Look("Y", "#6f4fa0", _PODS, "its first readiness probe succeeds"),
    "drain": Look("D", "#777777", _PODS, "the last bad pod stops to serve"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart."""

    label: str
    phases: Mapping[str, float]
    """Phase -> seconds."""

    @property
    def total(self) -> float:
        """Seconds from the first phase's begin to the last one's end."""
        return sum(self.phases.values())

    def cells(self, per_cell: float) -> list[tuple[str, int]]:
        """
        The phases with the number of cells that each covers.

        Edges are rounded, not lengths, so that every edge is at most half a cell off and the bar
        as a whole has the right length.
        """
        edges, position = [0], 0.0
        for length in self.phases.values():
            position += length
            edges.append(round(position / per_cell))
        lengths = [end - start for start, end in pairwise(edges)]
        return [(name, n) for name, n in zip(self.phases, lengths, strict=True) if n]


def ticks(longest: float, most: int) -> list[float]:
    """Round numbers from 0 to at least *longest*, at most about *most* of them."""
    if longest <= 0:
        return [0.0, 1.0]
    raw = longest / max(most, 1)
    power = 10.0 ** floor(log10(raw))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= raw)
    count = -int(-longest // step)
    return [number * step for number in range(count + 1)]


def chart(bars: Sequence[Bar], width: int, *, has_colour: bool) -> list[Text]:
    """The bars under one another, with the axis that they share; *width* in characters."""
    from rich.text import Text

    margin = max(len(bar.label) for bar in bars) + 1
    tail = max(len(wording.seconds(bar.total)) for bar in bars) + 3
    room = max(width - margin - tail, 10)
    marks = ticks(max(bar.total for bar in bars), room // 10)
    per_cell = marks[-1] / room
    lines = []
    for bar in bars:
        line = Text(bar.label.ljust(margin), no_wrap=True)
        for phase, length in bar.cells(per_cell):
            line.append_text(_segment(phase, length, has_colour))
        line.append(f" {wording.seconds(bar.total)} s", style="bold")
        lines.append(line)
    return [*lines, *_axis(marks, per_cell, margin, width)]


def _segment(phase: str, length: int, has_colour: bool) -> Text:
    from rich.text import Text

    look = LOOKS[phase]
    if has_colour:
        return Text(look.letter.ljust(length), style=f"bold #ffffff on {look.colour}")
    return Text(look.letter.ljust(length, look.pattern))


def _axis(marks: Sequence[float], per_cell: float, margin: int, width: int) -> list[Text]:
    from rich.text import Text

    places = [margin + round(mark / per_cell) for mark in marks]
    line = ["─" if place >= margin else " " for place in range(places[-1] + 1)]
    numbers = [" "] * (width + 1)
    for place, mark in zip(places, marks, strict=True):
        line[place] = "┴"
        text = f"{mark:g}" + (" s" if mark == marks[-1] else "")
        numbers[place : place + len(text)] = text
    return [
        Text("".join(line), style="dim", no_wrap=True),
        Text("".join(numbers).rstrip()[:width], style="dim", no_wrap=True),
    ]


def shown_phases(bars: Sequence[Bar]) -> list[str]:
    """The phases that take any time in any bar, in the order of the critical path."""
    return [name for name in PHASES if any(bar.phases.get(name, 0.0) > 0 for bar in bars)]


ROW, LABEL_WIDTH, CHART_WIDTH = 26, 190, 560


def svg(bars: Sequence[Bar]) -> str:
    """The same chart as one SVG element without scripts, links or fonts of its own."""
    marks = ticks(max(bar.total for bar in bars), 8)
    scale = CHART_WIDTH / marks[-1]
    height = ROW * len(bars) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{LABEL_WIDTH + 640}" '
        f'height="{height}" font-family="sans-serif" font-size="12" fill="currentColor">'
        "<title>Phases of the rollback on one time axis</title>"
    ]
    for number, bar in enumerate(bars):
        parts.append(_svg_bar(bar, number * ROW, scale))
    for mark in marks:
        x = LABEL_WIDTH + mark * scale
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 22}" '
            'stroke="currentColor" stroke-opacity="0.2"/>'
            f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{mark:g} s</text>'
        )
    return "".join(parts) + "</svg>"


def _svg_bar(bar: Bar, y: int, scale: float) -> str:
    parts = [f'<text x="0" y="{y + 17}">{escape(bar.label)}</text>']
    x = float(LABEL_WIDTH)
    for phase, length in bar.phases.items():
        wide, look = length * scale, LOOKS[phase]
        if wide <= 0:
            continue
        hint = f"{phase}: {wording.seconds(length)} s, {look.meaning}"
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 3}" width="{wide:.1f}" height="{ROW - 6}" '
            f'fill="{look.colour}"><title>{escape(hint)}</title></rect>'
        )
        if wide >= 12:
            parts.append(f'<text x="{x + 3:.1f}" y="{y + 17}" fill="#ffffff">{look.letter}</text>')
        x += wide
    parts.append(f'<text x="{x + 5:.1f}" y="{y + 17}">{wording.seconds(bar.total)} s</text>')
    return "".join(parts)
