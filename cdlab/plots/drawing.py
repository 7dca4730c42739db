"""
What all figures share: paper, ink, colours, and how a figure becomes bytes.

The colours are those of Okabe and Ito, which people with any colour vision tell apart; no figure
says anything by colour alone. In: a function that draws. Out: a `Drawn`. The same values give the
same bytes: no date, no chance, and no setting of Matplotlib stays changed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"
GREY = "#999999"
INK = "#1b1d1f"
"""Of all text and lines. In a page it becomes the colour of the page's text."""
WIDTH = 6.6
"""Inches."""
SETTINGS: Any = {
    "font.family": ["DejaVu Sans"],  # comes with Matplotlib: the same everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.18,
    "grid.linewidth": 0.5,
    "axes.linewidth": 0.7,
    "hatch.linewidth": 0.6,
    "hatch.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar is a dollar
    "svg.fonttype": "path",
    "svg.hashsalt": "cdlab",
    "savefig.dpi": 150,
}
LABEL = 32
"""Characters of a name in one line."""
LEGEND = 40
"""Characters of a name that leave room for another one beside it."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: Sequence[Any] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
LINE_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure with what it says to whoever does not see it."""

    name: str
    """What its file is called, without an ending."""
    title: str
    figure: Figure = field(repr=False)
    alt: str
    """Sentences, with the numbers that the figure shows."""


@contextmanager
def sheet(height: float, *, rows: int = 1, columns: int = 1) -> Iterator[tuple[Figure, Any]]:
    """A new figure and its axes, under the settings of this project alone."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        yield figure, figure.subplots(rows, columns, squeeze=rows == columns == 1)


def svg(drawn: Drawn) -> str:
    """The figure as an SVG file, on white paper."""
    return _saved(drawn, "svg", facecolor="white").decode()


def png(drawn: Drawn) -> bytes:
    """The figure as a PNG file, on white paper."""
    return _saved(drawn, "png", facecolor="white")


def inline_svg(drawn: Drawn) -> str:
    """
    The figure as an element of a page: the page's ink on the page's paper.

    Its ids begin with the figure's name, so that several figures can stand in one page.
    """
    text = _saved(drawn, "svg", facecolor="none").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' width="[^"]*pt"| height="[^"]*pt"', "", text, count=2)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{drawn.name}-", text)
    label = drawn.alt.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    text = text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return text.replace(INK, "currentColor").strip()


def text_on(colour: tuple[float, ...]) -> str:
    """Black or white, whichever is read better on a colour (red, green, blue from 0 to 1)."""
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour[:3]
    )
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (light + 0.05) ** 2 > 0.05 * 1.05 else "#ffffff"


def plain_ticks(axis: Any, places: Sequence[float], word: Callable[[float], str]) -> None:
    """Ticks at these places alone, each with its words."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axis.set_major_locator(FixedLocator(list(places)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FixedFormatter([word(each) for each in places]))


def log_places(low: float, high: float, *, most: int = 7) -> list[float]:
    """Round numbers from about *low* to about *high*: 1, 2, 5, 10 …, or powers of ten alone."""
    fine = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    for digits in (fine, (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
        found = [
            digit * 10.0**power
            for power in range(-4, 8)
            for digit in digits
            if low * 0.999 <= digit * 10.0**power <= high * 1.001
        ]
        if len(found) <= most:
            break
    return found


def without_frame(axes: Axes) -> None:
    """Take away the left and upper lines and the marks of a table-like axis."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def wrapped(label: str) -> str:
    """A name beside a row, in lines that leave room for the row."""
    return "\n".join(wrap(label, LABEL) or [""])


def legend_below(figure: Figure, axes: Axes) -> None:
    """What the lines are, below the figure, in as many columns as there is room for."""
    names = [str(each) for each in axes.get_legend_handles_labels()[1]]
    columns = 2 if max(map(len, names), default=0) <= LEGEND else 1
    if names:
        figure.legend(loc="outside lower center", ncols=columns, handlelength=3.4)


def runs(n: int, censored: int = 0) -> str:
    """`n = 30`, `n = 30, 2 censored`."""
    return f"n = {n}" + (f", {censored} censored" if censored else "")


def _saved(drawn: Drawn, kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    meta = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context(SETTINGS):
        drawn.figure.savefig(out, format=kind, metadata=meta, **how)
    return out.getvalue()
