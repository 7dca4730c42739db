"""
The simulator against the real cluster: the error of each predicted cell.

In: for each cell what was measured and what was predicted. Out: a `Drawn`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdlab.plots.drawing import BLUE, GREY, INK, VERMILION, Drawn, sheet, wrapped
from cdlab.report import wording


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicted:
    """The total of one cell."""

    label: str
    n: int
    """Real runs."""
    real_seconds: float | None
    """None where the median run was censored."""
    predicted_seconds: float | None
    limit_seconds: float

    @property
    def error(self) -> float | None:
        """As a share of the real one."""
        if not self.real_seconds or self.predicted_seconds is None:
            return None
        return self.predicted_seconds / self.real_seconds - 1

    @property
    def is_within(self) -> bool:
        """Whether the limit holds."""
        if self.real_seconds is None or self.predicted_seconds is None:
            return self.real_seconds is self.predicted_seconds
        return abs(self.predicted_seconds - self.real_seconds) <= self.limit_seconds


def agreement(cells: Sequence[Predicted], *, name: str = "agreement") -> Drawn:
    """Draw the error of each cell's median with the limit that was declared before measuring."""
    errors = [100 * each.error for each in cells if each.error is not None]
    reach = 1.25 * max([*map(abs, errors), 12.0])
    with sheet(1.1 + 0.42 * len(cells)) as (figure, axes):
        axes.axvline(0, color=INK, linewidth=0.9)
        for row, cell in enumerate(cells):
            if cell.error is None or not cell.real_seconds:
                axes.text(0, row, "  no number: censored", va="center")
                continue
            limit = 100 * cell.limit_seconds / cell.real_seconds
            axes.barh(row, 2 * limit, 0.7, -limit, color=GREY, alpha=0.35, linewidth=0)
            marker, colour = ("o", BLUE) if cell.is_within else ("X", VERMILION)
            axes.plot([0, 100 * cell.error], [row, row], color=INK, linewidth=0.8)
            axes.plot(100 * cell.error, row, marker, color=colour, markersize=8)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(len(cells) - 0.5, -0.5)
        axes.set_yticks(range(len(cells)), [f"{wrapped(c.label)}\nn = {c.n} real" for c in cells])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(
            "error of the predicted median, % of the real one.\n"
            "Grey: the limit. Circle: within it. Cross: over it."
        )
        axes.grid(axis="x")
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(len(cells)), [_told(each) for each in cells])
        right.spines["right"].set_visible(False)
        right.tick_params(length=0)
    said = [f"{c.label} (n = {c.n}): {_told(c).replace(chr(10), ', ')}, "
            f"{'within' if c.is_within else 'over'} its limit." for c in cells]  # fmt: skip
    alt = "The error of the simulator's median in each cell. " + " ".join(said)
    return Drawn(name, "The simulator against the real cluster", figure, alt)


def _told(cell: Predicted) -> str:
    if cell.error is None:
        return "censored"
    return (
        f"{100 * cell.error:+.0f} %: {wording.seconds(cell.real_seconds)} s real\n"
        f"{wording.seconds(cell.predicted_seconds)} s predicted"
    )
