"""
`cdlab learn`: exercises that are edited in a folder of the participant's and checked by running.

In: the name of an exercise or none, and a folder. Out: the task, a hint, an answer on standard
output, or JSON; an exit code, 1 for an exercise that is not solved yet.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli.output import BROKEN, OK, group, print_json, say
from cdlab.learning import DEFAULT_FOLDER

if TYPE_CHECKING:
    from cdlab.learning.checking import Answer
    from cdlab.learning.exercises import Exercise
    from cdlab.learning.folder import Folder, Progress

FolderOption = Annotated[
    Path, typer.Option("--folder", metavar="DIR", help="Where you work and your progress is kept.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Name = Annotated[str, typer.Argument(metavar="EXERCISE", help="Name or number, as in the list.")]
Latest = Annotated[
    str, typer.Argument(metavar="EXERCISE", help="[default: the one that began last]")
]
app = group(
    "learn",
    "Exercises: predict, change a file, and see in the simulator whether you were right.",
)


@app.command(name="list")
def list_all(*, folder: FolderOption = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Show all exercises, and which of them you have solved."""
    from cdlab.cli.telling import print_table
    from cdlab.learning.exercises import exercises

    place = _folder(folder)
    found = place.progress()
    rows = [
        (each.number, _state(place, found, each), each.name, each.title)
        for each in exercises().values()
    ]
    if as_json:
        keys = ("number", "state", "exercise", "title")
        print_json({"exercises": [dict(zip(keys, row, strict=True)) for row in rows]})
    else:
        print_table(("", "", "exercise", "task"), [(f"{row[0]:2}", *row[1:]) for row in rows])


@app.command()
def start(
    exercise: Annotated[
        str, typer.Argument(help="[default: the first that is not solved]")
    ] = "",
    *,
    folder: FolderOption = DEFAULT_FOLDER,
    force: Annotated[
        bool, typer.Option("--force", help="Begin again where a file is; a copy is kept.")
    ] = False,
) -> None:  # fmt: skip
    """Write the file of an exercise into your folder, and print its task."""
    from cdlab.learning.exercises import exercise as named

    place = _folder(folder)
    chosen = named(exercise) if exercise else place.progress().next
    if chosen is None:
        typer.echo("all exercises are solved; name one to do it again")
        return
    _begin(place, chosen, is_forced=force)


@app.command()
def check(
    exercise: Latest = "", *, folder: FolderOption = DEFAULT_FOLDER, as_json: Json = False
) -> None:
    """Run your file in the simulator and say whether it does what is asked for."""
    from cdlab.learning import checking

    place = _folder(folder)
    chosen = _chosen(place, exercise)
    file = place.begun(chosen)
    progress = place.progress()
    answer = checking.check(chosen, file)
    before = progress.of(chosen)
    is_solved = answer.is_solved or before.is_solved
    standing = replace(before, checks=before.checks + 1, is_solved=is_solved)
    progress = progress.with_standing(chosen, standing)
    place.save(progress)
    following = progress.next
    if as_json:
        told = {"exercise": chosen.name, "file": str(file), **answer.to_dict()}
        print_json({**told, "next": following and following.name})
    else:
        _show(place, chosen, answer, following)
    raise typer.Exit(OK if answer.is_solved else BROKEN)


@app.command()
def hint(
    exercise: Latest = "", *, folder: FolderOption = DEFAULT_FOLDER, as_json: Json = False
) -> None:
    """Show one hint more than last time."""
    place = _folder(folder)
    chosen = _chosen(place, exercise)
    place.begun(chosen)
    progress = place.progress()
    before = progress.of(chosen)
    shown = min(before.hints + 1, len(chosen.hints))
    place.save(progress.with_standing(chosen, replace(before, hints=shown)))
    hints, left = list(chosen.hints[:shown]), len(chosen.hints) - shown
    if as_json:
        print_json({"exercise": chosen.name, "hints": hints, "left": left})
        return
    for number, each in enumerate(hints, start=1):
        typer.echo(f"{number}. {each}")
    more = place.command("hint" if left else "solution", chosen)
    say(f"there {'is' if left == 1 else 'are'} {left or 'no'} more: {more}")


@app.command()
def solution(exercise: Name, *, folder: FolderOption = DEFAULT_FOLDER) -> None:
    """Print a solution. Your own file stays as it is."""
    from cdlab.learning.exercises import exercise as named

    place, chosen = _folder(folder), named(exercise)
    typer.echo(chosen.text_of("solution"), nl=False)
    if folder.is_dir():
        progress = place.progress()
        seen = replace(progress.of(chosen), saw_solution=True)
        place.save(progress.with_standing(chosen, seen))


@app.command()
def reset(exercise: Name, *, folder: FolderOption = DEFAULT_FOLDER) -> None:
    """Begin an exercise again. Your file is kept under another name."""
    from cdlab.learning.exercises import exercise as named

    place, chosen = _folder(folder), named(exercise)
    place.begun(chosen)
    _begin(place, chosen, is_forced=True)


@app.command()
def progress(*, folder: FolderOption = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Say how many exercises are solved, what each took, and which is next."""
    from cdlab.cli.telling import print_table
    from cdlab.learning.exercises import exercises

    place = _folder(folder)
    found = place.progress()
    begun = {name: found.of(each) for name, each in exercises().items() if name in found.standings}
    if as_json:
        print_json(
            {
                "solved": found.solved,
                "exercises": {name: asdict(each) for name, each in begun.items()},
                "next": found.next and found.next.name,
                "of": len(exercises()),
            }
        )
        return
    if begun:
        names = ("", "exercise", "checks", "hints", "solution")
        print_table(names, [
            (_state(place, found, exercises()[name]), name, str(each.checks), str(each.hints),
             "seen" if each.saw_solution else "")
            for name, each in begun.items()
        ])  # fmt: skip
    typer.echo(f"{len(found.solved)} of {len(exercises())} are solved")
    if found.next:
        typer.echo(f"next: {place.command('start', found.next)}")


def _folder(path: Path) -> Folder:
    from cdlab.learning.folder import Folder

    return Folder(path)


def _chosen(place: Folder, name: str) -> Exercise:
    from cdlab.learning.exercises import exercise as named

    return named(name) if name else place.current()


def _state(place: Folder, progress: Progress, exercise: Exercise) -> str:
    if progress.of(exercise).is_solved:
        return "solved"
    return "begun" if place.file_of(exercise).exists() else ""


def _begin(place: Folder, chosen: Exercise, *, is_forced: bool) -> None:
    kept = place.start(chosen, is_forced=is_forced)
    if kept is not None:
        say(f"kept {kept}")
    say(f"wrote {place.file_of(chosen)}")
    typer.echo(f"{chosen.title}\n\n{chosen.task}\n")
    typer.echo(f"edit {place.file_of(chosen)}, then: {place.command('check', chosen)}")


def _show(place: Folder, chosen: Exercise, answer: Answer, following: Exercise | None) -> None:
    from cdlab.learning.checking import missing

    typer.echo(f"{chosen.title}: {'solved' if answer.is_solved else 'not yet'}\n")
    for figure, what in missing(answer).items():
        typer.echo(f"  {figure} is {what}")
    if answer.explanation:
        typer.echo(f"{'' if answer.is_solved else chr(10)}{answer.explanation}")
    if not answer.is_solved:
        say(f"\nhelp: {place.command('hint', chosen)}")
    elif following is not None:
        typer.echo(f"\nnext: {place.command('start', following)}")
    else:
        typer.echo("\nThat was the last one: all exercises are solved.")
