"""The pages for readers name everything that a scenario file can say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from cdlab.architectures import ARCHITECTURES
from cdlab.cli.main import app
from cdlab.fault_plans import CATALOGUE, SELECTORS
from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.scenario import parse
from cdlab.stories import SETTINGS_OF, STORIES
from cdlab.stories.steps import STEPS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/stories.md").read_text(encoding="utf-8")
COMMAND = typer.main.get_command(app)
WAYS = {each for architecture in ARCHITECTURES.values() for each in architecture.rollbacks}


@pytest.mark.parametrize(
    "word",
    sorted({*STORIES, *SETTINGS_OF, *CATALOGUE, *SELECTORS, *STEPS, *BOXES, *ACTORS, *WAYS}),
)
def test_everything_that_a_scenario_can_say_is_explained(word: str) -> None:
    """A story, setting, fault, step, box or way to roll back that is added gets its words."""
    assert f"`{word}`" in PAGE or f"{word}:" in PAGE


def test_nothing_else_is_promised() -> None:
    """Every row of the tables begins with something that is there."""
    rows = re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([a-z_-]+)`", row)}
    assert named == {*STORIES, *CATALOGUE, *STEPS}


def test_the_example_is_a_scenario() -> None:
    """It loads, and what it expects is a measure."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert parse(text).batch == 10


@pytest.mark.parametrize("page", ["README.md", "docs/stories.md", "docs/dashboard.md"])
def test_every_command_and_option_of_the_pages_exists(page: str) -> None:
    """Renamed options would make a page lie."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.findall(r"^(?:\.venv/bin/)?cdlab (.*)$", text, re.MULTILINE)
    assert lines
    for line in lines:
        name, *rest = line.partition("#")[0].split()
        command = COMMAND.commands[name]  # type: ignore[attr-defined]
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        assert {each for each in rest if each.startswith("--")} <= known, line
