"""
The article's picture of an architecture, drawn with characters, with some of its boxes lit.

In: an architecture's name, a frame of a walk, the room there is. Out: lines for a Rich console. The
boxes stand in the same places in V1, V2 and V3: the release manager is where CI's arrow to
Kubernetes went through. What is lit has a double border and heavy arrows, so that it shows without
colour. Called by `cdlab demo`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cdlab.report.walk import (
    BOXES,
    CI,
    CODE,
    CONFIG,
    DEVELOPER,
    KUBERNETES,
    MANAGER,
    REGISTRY,
    Arrow,
    Frame,
    in_words,
)

if TYPE_CHECKING:
    from rich.text import Text

WIDTH, HEIGHT = 79, 15
"""Of the picture, in characters; a terminal with less gets a list."""
BOX_WIDTH, BOX_HEIGHT = 19, 3
CORNERS: Mapping[str, tuple[int, int]] = {
    DEVELOPER: (0, 0),
    CODE: (30, 0),
    CI: (60, 0),
    CONFIG: (0, 6),
    MANAGER: (30, 6),
    REGISTRY: (60, 6),
    KUBERNETES: (30, 12),
}
"""Box -> column and row of its upper left corner."""
Path = Sequence[tuple[int, int]]
COMMITTING: Mapping[Arrow, Path] = {
    (DEVELOPER, CODE): ((19, 1), (29, 1)),
    (CODE, CI): ((49, 1), (59, 1)),
    (CI, REGISTRY): ((69, 3), (69, 5)),
    (REGISTRY, KUBERNETES): ((69, 9), (69, 13), (49, 13)),
}
PATHS: Mapping[str, Mapping[Arrow, Path]] = {
    "v1": {**COMMITTING, (CI, KUBERNETES): ((65, 3), (65, 4), (39, 4), (39, 11))},
    "v2": {
        **COMMITTING,
        (CI, CONFIG): ((62, 2), (62, 3), (9, 3), (9, 5)),
        (CI, KUBERNETES): ((65, 3), (65, 4), (39, 4), (39, 11)),
    },
    "v3": {
        **COMMITTING,
        (DEVELOPER, MANAGER): ((9, 3), (9, 4), (39, 4), (39, 5)),
        (REGISTRY, MANAGER): ((59, 7), (49, 7)),
        (MANAGER, CONFIG): ((29, 7), (19, 7)),
        (MANAGER, KUBERNETES): ((39, 9), (39, 11)),
    },
}
"""Architecture -> each arrow of its picture, with the corners of its way."""
LIGHT = "─│┌┐└┘"
HEAVY = "━┃┏┓┗┛"
DOUBLE = "═║╔╗╚╝"
HEADS: Mapping[tuple[int, int], str] = {(1, 0): "►", (-1, 0): "◄", (0, 1): "▼", (0, -1): "▲"}
TURNS: Mapping[tuple[tuple[int, int], tuple[int, int]], int] = {
    ((0, 1), (1, 0)): 4,
    ((0, 1), (-1, 0)): 5,
    ((1, 0), (0, 1)): 3,
    ((-1, 0), (0, 1)): 2,
}
"""Direction before and after a corner -> which of the characters it is."""
LIT, FAILED, UNLIT = "bold yellow", "bold red", "dim"


class _Canvas:
    """Characters with styles, in rows."""

    def __init__(self) -> None:
        self.cells = [[(" ", "")] * WIDTH for _ in range(HEIGHT)]

    def put(self, x: int, y: int, text: str, style: str) -> None:
        """Write from left to right."""
        for offset, character in enumerate(text):
            self.cells[y][x + offset] = (character, style)

    def box(self, name: str, style: str, border: str) -> None:
        """A box with its name in the middle."""
        (x, y), inner = CORNERS[name], BOX_WIDTH - 2
        across, down, corners = border[0], border[1], border[2:]
        self.put(x, y, corners[0] + across * inner + corners[1], style)
        self.put(x, y + 1, down + name.center(inner) + down, style)
        self.put(x, y + 2, corners[2] + across * inner + corners[3], style)

    def arrow(self, path: Path, style: str, strokes: str) -> None:
        """A line along a path, with its head at the end."""
        x, y = path[0]
        before = None
        for to_x, to_y in path[1:]:
            way = ((to_x > x) - (to_x < x), (to_y > y) - (to_y < y))
            if before is not None:
                self.put(x, y, strokes[TURNS[before, way]], style)
            else:
                self.put(x, y, strokes[way[0] == 0], style)
            while (x, y) != (to_x, to_y):
                x, y = x + way[0], y + way[1]
                self.put(x, y, strokes[way[0] == 0], style)
            before = way
        if before is not None:
            self.put(x, y, HEADS[before], style)

    def lines(self) -> list[Text]:
        """The rows as text."""
        from rich.text import Text

        rows = []
        for row in self.cells:
            line = Text(no_wrap=True)
            for character, style in row:
                line.append(character, style)
            line.rstrip()
            rows.append(line)
        return rows


def picture(architecture: str, frame: Frame) -> list[Text]:
    """The picture, `WIDTH` by `HEIGHT` characters."""
    canvas = _Canvas()
    style = FAILED if frame.has_failed else LIT
    paths = PATHS[architecture]
    # What is lit comes last, so that it lies above what is not.
    for arrow, path in sorted(paths.items(), key=lambda each: each[0] in frame.arrows):
        is_lit = arrow in frame.arrows
        canvas.arrow(path, style if is_lit else UNLIT, HEAVY if is_lit else LIGHT)
    for box in BOXES[architecture]:
        is_lit = box in frame.lit
        canvas.box(box, style if is_lit else UNLIT, DOUBLE if is_lit else LIGHT)
    return canvas.lines()


def listing(architecture: str, frame: Frame) -> list[Text]:
    """The boxes under one another, for a terminal that is too small for the picture."""
    from rich.text import Text

    style = FAILED if frame.has_failed else LIT
    lines = [
        Text(f"{'●' if box in frame.lit else '○'} {box}", style if box in frame.lit else UNLIT)
        for box in BOXES[architecture]
    ]
    return [*lines, Text(in_words(frame) if frame.arrows else "", style)]


def page(architecture: str, frame: Frame, progress: str, size: tuple[int, int]) -> list[Text]:
    """A whole screen: title, picture, what serves, time and sentence. *size* is width, height."""
    from rich.text import Text

    width, height = size
    title = f"cdlab demo {architecture}"
    head = Text(f"{title}{progress.rjust(min(width, WIDTH) - len(title))}", "bold")
    serving = ", ".join(f"{where} serves {version}" for where, version in frame.serving)
    said = Text(f"{frame.at_seconds:.1f} s  {frame.text}", FAILED if frame.has_failed else "bold")
    words = [Text(serving or "nothing is deployed yet"), said]
    # Title, a blank line above and below, what serves, and two lines of a sentence.
    is_large = width >= WIDTH and height >= HEIGHT + 6
    drawn = (picture if is_large else listing)(architecture, frame)
    return [head, Text(), *drawn, Text(), *words]
