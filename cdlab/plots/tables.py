"""
Tables as pictures: the coupling measures as a heat map, and the outage matrix.

In: names and numbers. Out: a `Drawn`. Every cell has its number or word: shades help, and say
nothing by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.patches import Rectangle

from cdlab.plots.drawing import INK, SKY, VERMILION, Drawn, sheet, text_on, without_frame, wrapped
from cdlab.report import wording

BOXES: Mapping[str, str] = {"ci": "CI", "api-server": "API-server"}
"""What stands in words where a box has letters."""
ATTEMPTED: Mapping[bool | None, tuple[str, str, str]] = {
    True: (SKY, "", "yes"),
    False: (VERMILION, "///", "no"),
    None: ("none", "", "–"),
}
"""Whether an attempt went through -> colour, hatch and word. None: there is no such box."""
LIGHTEST, DARKEST = 0.04, 0.82
"""Of the colour map. Beyond that a cell looks like paper, or like ink."""


def coupling_map(
    rows: Mapping[str, Sequence[float | None]],
    columns: Mapping[str, int],
    *,
    name: str = "coupling",
) -> Drawn:
    """
    Shade each measure by its share of the row's largest value; *columns* is each one's n.

    A measure without an answer is crossed out.
    """
    heads = [f"{wrapped(each)}\nn = {n}" for each, n in columns.items()]
    shades = colormaps["Blues"]
    with sheet(0.7 + 0.27 * len(rows)) as (figure, axes):
        for y, values in enumerate(rows.values()):
            most = max((each for each in values if each is not None), default=0.0)
            for x, value in enumerate(values):
                share = 0.0 if value is None or not most else value / most
                colour = shades(LIGHTEST + (DARKEST - LIGHTEST) * share)
                _cell(axes, (x, y), wording.number(value), colour, "xx" if value is None else "")
        _frame(axes, heads, list(rows))
    said = [
        f"{label}: " + ", ".join(
            f"{column} {wording.number(value)}"
            for column, value in zip(columns, values, strict=True)
        )
        for label, values in rows.items()
    ]  # fmt: skip
    counts = ", ".join(f"{each} n = {n}" for each, n in columns.items())
    alt = f"A table of counts and shares ({counts}), darker for more. " + "; ".join(said) + "."
    return Drawn(name, "What is tied to what", figure, alt)


def outage_map(
    matrices: Mapping[str, Mapping[str, Mapping[str, bool]]], *, name: str = "outages"
) -> Drawn:
    """Draw what went through while a box was down: architecture -> operation -> box -> whether."""
    boxes = list(dict.fromkeys(b for m in matrices.values() for cells in m.values() for b in cells))
    rows = [(a, operation, cells) for a, m in matrices.items() for operation, cells in m.items()]
    attempts = sum(len(cells) for _, _, cells in rows)
    with sheet(1.0 + 0.3 * len(rows)) as (figure, axes):
        for y, (_, _, cells) in enumerate(rows):
            for x, box in enumerate(boxes):
                colour, hatch, word = ATTEMPTED[cells.get(box)]
                _cell(axes, (x, y), word, colour, hatch)
        heads = [BOXES.get(each, each).replace("-", "\n") + "\ndown" for each in boxes]
        _frame(axes, heads, [f"{a.upper()} {operation}" for a, operation, _ in rows])
        axes.set_xlabel(f"n = {attempts} cells, one attempt each in the simulator; –: no such box")
    failed = [
        f"{a.upper()} {operation}: "
        + (", ".join(box for box, went in cells.items() if not went) or "none")
        for a, operation, cells in rows
    ]
    alt = f"Without which boxes what fails, {attempts} attempts. {'; '.join(failed)}."
    return Drawn(name, "What can be done while a box is down", figure, alt)


def _cell(axes: Any, at: tuple[int, int], word: str, colour: Any, hatch: str) -> None:
    from matplotlib.colors import to_rgb

    x, y = at
    axes.add_patch(
        Rectangle(
            (x - 0.48, y - 0.45),
            0.96,
            0.9,
            facecolor=colour,
            edgecolor=INK,
            hatch=hatch,
            linewidth=0.5,
        )
    )
    ink = INK if colour == "none" else text_on(to_rgb(colour))
    behind = {"facecolor": colour, "edgecolor": "none", "pad": 1.5} if hatch else None
    axes.text(x, y, word, ha="center", va="center", color=ink, bbox=behind)


def _frame(axes: Any, heads: Sequence[str], rows: Sequence[str]) -> None:
    axes.set_xlim(-0.5, len(heads) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(heads)), heads)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), rows)
    without_frame(axes)
