"""
The exercises as they lie in `cdlab/exercises`, a folder each, in the order of their numbers.

In: the name of an exercise, or its number. Out: its task, hints, goal and files. A folder has
`exercise.toml`, the file that participants begin with, a reference solution and wrong ones that are
plausible; the tests play all of them. Called by `checking.py`, `folder.py` and `cdlab learn`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cdlab.errors import NotFound
from cdlab.value_checks import meant

FOLDER = Path(__file__).parent.parent / "exercises"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why a run does not answer the exercise."""

    found: Mapping[str, Any]
    """Figures that tell it, written as expectations are."""
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Exercise:
    """One exercise, without anything of a participant."""

    number: int
    """Its place, from 1 on: people in a room speak of exercise 6."""
    name: str
    title: str
    task: str
    hints: Sequence[str]
    explanation: str
    """Shown when it is solved."""
    goal: Mapping[str, Any]
    """Figures that a run has to have, written as the expectations of a scenario file."""
    mistakes: Sequence[Mistake]
    folder: Path

    @property
    def suffix(self) -> str:
        """`.yaml` for a scenario file, `.py` for an architecture of one's own."""
        (start,) = self.folder.glob("start.*")
        return start.suffix

    def text_of(self, stem: str) -> str:
        """The text of one of its files: `start`, `solution`, `wrong-1` …"""
        return self.path_of(stem).read_text(encoding="utf-8")

    def path_of(self, stem: str) -> Path:
        """Where that file lies."""
        return self.folder / f"{stem}{self.suffix}"

    @property
    def beginning(self) -> str:
        """The file that a participant begins with: the task as a comment, and the start."""
        lines = [self.title, "", *self.task.splitlines(), "", f"cdlab learn check {self.name}"]
        return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n" + self.text_of("start")


@cache
def exercises() -> Mapping[str, Exercise]:
    """Name -> exercise, in the order in which they are best done."""
    folders = sorted(path.parent for path in FOLDER.glob("*/exercise.toml"))
    return {each.name: each for each in map(_read, folders)}


def exercise(name: str) -> Exercise:
    """Return the exercise of that name or number. Raises `NotFound` where there is none."""
    for each in exercises().values():
        if name in (each.name, str(each.number)):
            return each
    near = meant(name, exercises())
    raise NotFound(f'there is no exercise "{name}"{near}', help="cdlab learn list")


def _read(folder: Path) -> Exercise:
    import tomllib

    found = tomllib.loads((folder / "exercise.toml").read_text(encoding="utf-8"))
    number, _, name = folder.name.partition("-")
    return Exercise(
        number=int(number),
        name=name,
        title=found["title"],
        task=found["task"].strip(),
        hints=tuple(found["hints"]),
        explanation=found["explanation"].strip(),
        goal=found["goal"],
        mistakes=tuple(Mistake(each["found"], each["says"].strip()) for each in found["mistakes"]),
        folder=folder,
    )
