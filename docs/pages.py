"""
What the documentation site has that no file here has: references, pictures and figures.

MkDocs calls `on_files` and `on_page_markdown` when it builds the site. Everything is made of the
program: the commands' own help, docstrings, runs in the simulator with the seed 1. A page asks for
a picture by a comment, `<!-- picture: v1 -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cdlab import worlds
from cdlab.architectures import ARCHITECTURES
from cdlab.report.diagram import picture
from cdlab.report.swim_lanes import swim_lanes
from cdlab.report.timeline import Bar, svg
from cdlab.report.walk import Frame
from cdlab.runner import Run
from cdlab.scenario import load

ROOT = Path(__file__).parent.parent
MODULES: Mapping[str, tuple[str, ...]] = {
    "What notebooks and programs use": (
        "cdlab",
        "cdlab.workshop",
        "cdlab.scenario",
        "cdlab.runner",
    ),
    "The architectures": tuple(f"cdlab.architectures.{name}" for name in ARCHITECTURES),
    "The boxes": ("cdlab.ports", "cdlab.model", "cdlab.errors"),
    "What is written down, and what is made of it": ("cdlab.history", "cdlab.measures"),
    "Time": ("cdlab.kernel",),
}
"""Heading -> the modules below it."""


def modules_page() -> str:
    """A page that mkdocstrings fills with docstrings."""
    parts = [
        "# Modules",
        "From the docstrings. What may be relied on is the [Python API](python-api.md).",
    ]
    for heading, names in MODULES.items():
        parts += [f"## {heading}", *(f"::: {name}" for name in names)]
    return "\n\n".join(parts) + "\n"


@cache
def rollback(architecture: str) -> Run:
    """The scenario of the package, as `cdlab run scenarios/v1/rollback.yaml` plays it."""
    return worlds.run(load(ROOT / "scenarios" / architecture / "rollback.yaml"))


def _picture(architecture: str) -> str:
    lines = picture(architecture, Frame(0.0, ""))
    return "\n".join(["```text", *(line.plain for line in lines), "```"])


def _lanes(architecture: str) -> str:
    return f"<figure>{swim_lanes(rollback(architecture).history)}</figure>"


def _phases(_: str) -> str:
    bars = [Bar(name.upper(), rollback(name).phases) for name in ARCHITECTURES]
    return f"<figure>{svg(bars)}</figure>"


def _table(name: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name} -->\n```\n(.*?)```", text, re.DOTALL)
    if found is None:
        raise ValueError(f'the README has no block "{name}"')
    return f"```text\n{found[1]}```"


MAKERS: Mapping[str, Callable[[str], str]] = {
    "picture": _picture,
    "lanes": _lanes,
    "phases": _phases,
    "table": _table,
}
"""What a comment can ask for -> what makes it."""
WANTED = re.compile(rf"<!-- ({'|'.join(MAKERS)}): ([a-z0-9]+) -->")


def filled(markdown: str) -> str:
    """A page with its pictures in the place of the comments that ask for them."""
    return WANTED.sub(lambda found: MAKERS[found[1]](found[2]), markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made of the program."""
    from mkdocs.structure.files import File

    from cdlab.cli.main import app
    from cdlab.cli.reference import reference

    made = {"reference-cli.md": reference(app), "reference-modules.md": modules_page()}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill a page before it is rendered."""
    return filled(markdown)
