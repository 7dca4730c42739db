"""
Values that show themselves: in a notebook as pictures and tables, elsewhere as text.

In: SVG, text, grids, and functions that draw. Out: one value for each cell that shows something.
Called by `workshop.py`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cdlab.errors import SubstrateUnavailable

if TYPE_CHECKING:
    from cdlab.plots.drawing import Drawn
    from cdlab.report.grid import Grid

WIDTH_PIXELS = 660
"""Of a figure in a page. It has half as many again, for screens that show them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing that a notebook shows."""

    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        return self.svg


@dataclass(frozen=True, slots=True)
class Words:
    """Text that a notebook shows as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Figures:
    """A table: HTML in a notebook, text elsewhere."""

    grid: Grid

    def __repr__(self) -> str:
        rows, widths = [self.grid.columns, *self.grid.rows], self.grid.widths()
        return "\n".join(
            "  ".join(
                text.ljust(width) if number < self.grid.text_columns else text.rjust(width)
                for number, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        from cdlab.report.html import grid_html

        return grid_html(self.grid)


@dataclass(frozen=True, slots=True)
class Chart:
    """
    A figure in a notebook, its numbers as a table elsewhere.

    Where Matplotlib is missing there is the table alone, and what installs it.
    """

    numbers: Figures
    png: bytes = field(default=b"", repr=False)
    alt: str = ""
    """What the figure says to whoever does not see it."""
    missing: str = ""
    """Why there is no figure."""

    def __repr__(self) -> str:
        return f"{self.missing}\n{self.numbers}".lstrip()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        if not self.png:
            return {"text/plain": repr(self)}, {}
        shown = {"image/png": b64encode(self.png).decode(), "text/plain": repr(self)}
        return shown, {"image/png": {"alt": self.alt, "width": WIDTH_PIXELS}}

    @classmethod
    def of(cls, numbers: Grid, draw: Callable[[], Drawn]) -> Chart:
        """What *draw* draws of the numbers; it is called where Matplotlib is installed."""
        from cdlab import plots

        table = Figures(numbers)
        try:
            plots.require()
        except SubstrateUnavailable as error:
            return cls(table, missing=f"Not drawn: {error.message}. {error.help}")
        from cdlab.plots.drawing import png

        drawn = draw()
        return cls(table, png(drawn), drawn.alt)
