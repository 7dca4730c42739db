"""
A participant's folder: a file for each exercise that has begun, and how far they are.

In: exercises and what was done with them. Out: files. Nothing of the participant's is overwritten:
what has to make room is kept under another name. Called by `cdlab learn`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cdlab.errors import InTheWay, NotFound, NotUnderstood, NotWritable
from cdlab.learning import DEFAULT_FOLDER
from cdlab.learning.exercises import Exercise, exercises
from cdlab.whole_files import write_whole

SCHEMA = "cdlab-progress/1"
PROGRESS = "progress.json"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far somebody is with one exercise."""

    checks: int = 0
    hints: int = 0
    """How many were shown."""
    is_solved: bool = False
    saw_solution: bool = False
    """Before or after it was solved."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody is with all of them."""

    current: str = ""
    """The exercise that was begun last; empty before the first."""
    standings: Mapping[str, Standing] = field(default_factory=dict)
    """Those that were begun, and perhaps some of another version of cdlab."""

    def of(self, exercise: Exercise) -> Standing:
        """How far they are with one."""
        return self.standings.get(exercise.name, Standing())

    def with_standing(self, exercise: Exercise, standing: Standing) -> Progress:
        """The same with another standing of one exercise."""
        return replace(self, standings={**self.standings, exercise.name: standing})

    @property
    def solved(self) -> list[str]:
        """The names of those that are solved, in the order of the exercises."""
        return [name for name, each in exercises().items() if self.of(each).is_solved]

    @property
    def next(self) -> Exercise | None:
        """The first that is not solved; None after the last."""
        return next((each for each in exercises().values() if not self.of(each).is_solved), None)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where one participant works. It need not exist before the first exercise begins."""

    path: Path

    def command(self, name: str, exercise: Exercise | None = None) -> str:
        """The command of `cdlab learn` to type for an exercise in this folder."""
        words = ["cdlab", "learn", name, *([exercise.name] if exercise else [])]
        elsewhere = [] if self.path == DEFAULT_FOLDER else ["--folder", str(self.path)]
        return shlex.join([*words, *elsewhere])

    def file_of(self, exercise: Exercise) -> Path:
        """Where the participant edits an exercise."""
        return self.path / f"{exercise.name}{exercise.suffix}"

    def begun(self, exercise: Exercise) -> Path:
        """The same, of an exercise that has begun. Raises `NotFound` where there is no file."""
        file = self.file_of(exercise)
        if not file.is_file():
            raise NotFound(f'there is no file "{file}"', help=self.command("start", exercise))
        return file

    def start(self, exercise: Exercise, *, is_forced: bool = False) -> Path | None:
        """
        Write the file that the participant begins with, and return where an older one is kept.

        Raises `InTheWay` for a file that is there already, unless *is_forced*.
        """
        file, kept = self.file_of(exercise), None
        if file.exists():
            if not is_forced:
                raise InTheWay(
                    f'"{file}" is there already',
                    help=f"go on with it, or keep it and begin again: "
                    f"{self.command('reset', exercise)}",
                )
            kept = self._free(exercise)
        progress = self.progress()
        with _writing(file):
            self.path.mkdir(parents=True, exist_ok=True)
            if kept:
                file.rename(kept)
            write_whole(file, exercise.beginning)
        standing = progress.of(exercise)
        self.save(replace(progress.with_standing(exercise, standing), current=exercise.name))
        return kept

    def current(self) -> Exercise:
        """The exercise that was begun last. Raises `NotFound` before the first."""
        name = self.progress().current
        if name not in exercises():
            raise NotFound(f'no exercise has begun in "{self.path}"', help=self.command("start"))
        return exercises()[name]

    def progress(self) -> Progress:
        """How far the participant is. Raises `NotUnderstood` for a file that is no progress."""
        file = self.path / PROGRESS
        if not file.exists():
            return Progress()
        try:
            return _progress(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotUnderstood(
                f'"{file}" is not what cdlab wrote there: {error}',
                help="mend it, or move it away: progress is counted anew, your exercises stay",
            ) from error

    def save(self, progress: Progress) -> None:
        """Write down how far the participant is."""
        standings = {name: asdict(each) for name, each in progress.standings.items()}
        plain = {"schema": SCHEMA, "current": progress.current, "exercises": standings}
        with _writing(self.path / PROGRESS):
            write_whole(self.path / PROGRESS, json.dumps(plain, indent=2) + "\n")

    def _free(self, exercise: Exercise) -> Path:
        """A name beside the exercise's that nothing has."""
        file, number = self.file_of(exercise), 1
        while (kept := file.with_name(f"{file.stem}-kept-{number}{file.suffix}")).exists():
            number += 1
        return kept


def _progress(plain: Any) -> Progress:
    if plain["schema"] != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    standings = {name: Standing(**each) for name, each in plain["exercises"].items()}
    for each in standings.values():
        wrong = [f.name for f in fields(each) if type(getattr(each, f.name)) is not type(f.default)]
        if wrong:
            raise ValueError(f"{wrong[0]} is {getattr(each, wrong[0])!r}")
    return Progress(str(plain["current"]), standings)


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritable(
            f'"{file}" cannot be written: {error.strerror or error}',
            help="name another folder with --folder",
        ) from error
