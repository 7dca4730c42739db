"""
A table as plain text cells, before anything knows how it is drawn.

Made by `tables`, `outcomes`, `vector` and `pairings`; drawn by `page` with Rich and by `html`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: titles, rows of the same length, and which rows begin a new block."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    emphasised: tuple[int, ...] = ()
    """Rows to set off: the article's own variants."""
    last_of_block: tuple[int, ...] = ()
    text_columns: int = 1
    """How many columns from the left hold words; the rest are numbers, set to the right."""
    is_dense: bool = False
    """Whether columns stand close to each other."""

    @property
    def gaps(self) -> int:
        """Characters between the columns and at both edges."""
        return 1 + len(self.columns) + (0 if self.is_dense else len(self.columns) - 1)

    def widths(self) -> list[int]:
        """The longest line of each column, its title included."""
        return [
            max(len(line) for text in column for line in text.split("\n"))
            for column in zip(self.columns, *self.rows, strict=True)
        ]
