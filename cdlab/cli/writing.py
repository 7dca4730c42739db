"""
`cdlab schema` and `cdlab init`: what the package knows about files, and the files it brings along.

`init` copies scenarios, services, notebooks and pages for somebody who installed a wheel, where
they lie inside the package; in a checkout they lie beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cdlab.cli.output import USAGE, print_json, say

FOLDERS = ("scenarios", "services", "notebooks", "docs")
MADE = ("__pycache__", "*.pyc", ".ipynb_checkpoints", ".pytest_cache")
OF_THE_SITE = ("results", "pages.py", "site.css", "iframe-worker.js")
"""In `docs`: megabytes of raw data, and what only the site is built with. No wheel has them."""
LEFT_OUT = shutil.ignore_patterns(*MADE, *OF_THE_SITE)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(schema)
    app.command()(init)


def schema() -> None:
    """Print the JSON Schema of a scenario file, for editors and other programs."""
    from cdlab.scenario_schema import scenario_schema

    print_json(scenario_schema())


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Created if it does not exist.")],
) -> None:
    """Write scenarios, services, notebooks and pages to DIR. Nothing is overwritten."""
    sources = {name: found for name in FOLDERS if (found := _source(name)) is not None}
    taken = [folder / name for name in sources if (folder / name).exists()]
    if folder.exists() and not folder.is_dir():
        taken = [folder]
    if taken:
        say(f"error: there is already: {', '.join(map(str, taken))}")
        say("help: name a folder that does not exist, or move that out of the way")
        raise typer.Exit(USAGE)
    is_new = not folder.exists()
    try:
        _copy_all(sources, folder)
    except BaseException:
        for name in sources:
            shutil.rmtree(folder / name, ignore_errors=True)
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    for name in sources:
        say(f"wrote {folder / name}")
    say(f"next: cd {folder} && cdlab run scenarios/v1/rollback.yaml")


def _copy_all(sources: Mapping[str, Path], folder: Path) -> None:
    """Copy all folders beside their places, then put them there: all of them, or none."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / ".part"
    try:
        for name, source in sources.items():
            shutil.copytree(source, part / name, ignore=LEFT_OUT)
        for name in sources:
            (part / name).rename(folder / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _source(name: str) -> Path | None:
    """Where a folder lies: in the package of a wheel, or beside it in a checkout."""
    here = Path(__file__).parent.parent
    for place in (here / f"_{name}", here.parent / name):
        if place.is_dir():
            return place
    return None
