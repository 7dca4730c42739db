"""
What a report consists of, whatever it is written as: chapters of sentences, tables and figures.

Values without markup. Made by `chapters.py`, written by `html.py` and `markdown.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdlab.report.grid import Grid

if TYPE_CHECKING:
    from cdlab.plots.drawing import Drawn


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences."""

    text: str
    is_lead: bool = False
    """Whether it is what to remember."""


@dataclass(frozen=True, slots=True)
class Points:
    """A list; each point has a title and a sentence."""

    points: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A line to copy."""

    line: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, as it is and in words."""

    drawn: Drawn


@dataclass(frozen=True, slots=True)
class RawData:
    """A file that comes along."""

    name: str
    text: str


Block = Paragraph | Points | Command | Picture | RawData | Grid


@dataclass(frozen=True, slots=True)
class Chapter:
    """A title and what stands below it."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 2
    """Of its heading; the document's own is 1."""


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report."""

    title: str
    chapters: tuple[Chapter, ...]

    def pictures(self) -> Iterator[Drawn]:
        """All figures, in their order."""
        for chapter in self.chapters:
            for block in chapter.blocks:
                if isinstance(block, Picture):
                    yield block.drawn
