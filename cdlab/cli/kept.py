"""
The files that a run leaves: what was asked for, and a folder where a kind run failed.

In: what was asked for, and what came of it. Out: names, none of them given twice, and the files.
Called by `play`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cdlab.cli.output import say
from cdlab.errors import CdlabError

if TYPE_CHECKING:
    from cdlab.runner import Run
    from cdlab.substrates.kind.lab import Lab

FOLDER = Path("artifacts")
"""Where the folders of failed runs lie, from where the command was given."""


def name_of(scenario: Path) -> str:
    """`scenarios/v1/rollback.yaml` -> `v1-rollback`: every architecture has a `rollback.yaml`."""
    whole = Path(os.path.abspath(scenario))
    return "-".join(filter(None, (whole.parent.name, whole.stem)))


def refuse_same_names(scenarios: Sequence[Path]) -> None:
    """Refuse scenarios whose files would overwrite each other, before anything runs."""
    for name, count in Counter(map(name_of, scenarios)).items():
        if count > 1:
            same = ", ".join(str(path) for path in scenarios if name_of(path) == name)
            raise typer.BadParameter(
                f'{same}: what they leave would be named "{name}" alike; run them one by one'
            )


def beside(path: Path, name: str) -> Path:
    """`out.jsonl`, `v1` -> `out-v1.jsonl`."""
    return path.with_name(f"{path.stem}-{name}{path.suffix}")


def file_of(file: Path, scenario: Path, scenarios: Sequence[Path]) -> Path:
    """The file itself for one scenario, and one beside it for each of several."""
    return file if len(scenarios) == 1 else beside(file, name_of(scenario))


def refuse_unwritable(files: Iterable[Path]) -> None:
    """Refuse a file that could not be written, before anything runs for minutes."""
    for path in files:
        if not path.absolute().parent.is_dir():
            raise typer.BadParameter(f'the folder of "{path}" does not exist')
        if path.is_dir():
            raise typer.BadParameter(f'"{path}" is a folder; name a file')
        try:
            _try_to_write(path)
        except OSError as error:
            raise typer.BadParameter(f'"{path}" cannot be written: {error.strerror}') from None


def _try_to_write(path: Path) -> None:
    """Nothing is changed, and a pipe that somebody reads is not opened: that would end it."""
    is_new = not path.exists()
    if is_new or path.is_file():
        path.open("a").close()
    if is_new:
        path.unlink()


def keep(outcome: Run | Exception, name: str, *, path: str = "", replay: str = "") -> None:
    """
    Write the folder of a kind run that failed, and say where it is.

    Nothing is kept of an error that came before the run began. Never raises, for the failure that
    it documents matters more.
    """
    history = getattr(outcome, "history", None)
    if history is None or history.settings["substrate"] != "kind":
        return
    from cdlab.testing import failure_folder

    folder = FOLDER / f"{name}-kind-{history.settings['seed']}"
    try:
        failure_folder.collect(outcome, _lab(), folder, path=path, replay=replay)
    except OSError as error:
        say(f"nothing could be kept in {folder}: {error}")
    else:
        say(f"kept in: {folder}")


def _lab() -> Lab | None:
    """The lab that the environment names, without a look at whether it still runs."""
    from cdlab.cli.machine import settings_from_environment
    from cdlab.substrates.kind.lab import kept_lab

    with suppress(CdlabError):
        return kept_lab(settings_from_environment())
    return None
