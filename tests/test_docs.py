"""The pages for readers name everything that a scenario file can say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from cdlab import environment_policies, policies
from cdlab.architectures import ARCHITECTURES
from cdlab.cli.main import app
from cdlab.fault_plans import CATALOGUE, SELECTORS
from cdlab.learning.exercises import exercises
from cdlab.reasons import Reason
from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.scenario import parse
from cdlab.stories import SETTINGS_OF, STORIES
from cdlab.stories.steps import STEPS

ROOT = Path(__file__).parent.parent
POLICIES = (ROOT / "docs/policies.md").read_text(encoding="utf-8")
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
    named = {word for row in rows for word in re.findall(r"`([a-z0-9_-]+)`", row)}
    assert named == {*STORIES, *CATALOGUE, *STEPS}


def test_the_example_is_a_scenario() -> None:
    """It loads, and what it expects is a measure."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert parse(text).batch == 10


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/stories.md",
        "docs/dashboard.md",
        "docs/how-to-move.md",
        "docs/exercises.md",
        "docs/advise.md",
        "docs/figures.md",
        "docs/benchmark.md",
        "docs/results/index.md",
    ],
)
def test_every_command_and_option_of_the_pages_exists(page: str) -> None:
    """Renamed options would make a page lie."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.findall(r"^(?:\.venv/bin/)?cdlab (.*)$", text, re.MULTILINE)
    assert lines
    for line in lines:
        name, *rest = line.partition("#")[0].split()
        command = COMMAND.commands[name]  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        assert {each for each in rest if each.startswith("--")} <= known, line


def test_every_part_of_a_policy_and_every_reason_has_its_row() -> None:
    """And nothing else has one; the keys of an environment stand in the order of the code."""
    rows = re.findall(r"^\| `([^`]*)` \|", POLICIES, re.MULTILINE)
    annotations = list(policies._ANNOTATIONS)
    keys, reasons = list(environment_policies._KEYS), [str(each) for each in Reason]
    assert sorted(rows[: len(annotations)]) == sorted(annotations)
    assert [each for each in rows if each in keys] == keys
    assert rows[-len(reasons) :] == sorted(reasons, key=rows.index)
    assert {each.partition(":")[0] for each in rows} >= {"newest", "glob", "regexp", "semver"}


def test_the_examples_of_policies_are_policies() -> None:
    """The manifest and the policy of an environment are read, and say what the page says."""
    manifest, of_environment = re.findall(r"```yaml\n(.*?)```", POLICIES, re.DOTALL)
    policy = policies.policy_of(manifest, "users")
    assert (policy.is_automated, str(policy.tag), policy.branch) == (
        True, "semver:^1.4", "release/*",
    )  # fmt: skip
    assert policy.hold
    assert policy.hold.bad
    defaults = environment_policies.environment_policy(of_environment, "policy.yaml")
    assert (defaults.is_automated, defaults.drift, str(defaults.tag)) == (True, "report", "glob:v*")
    assert defaults.lock


def test_every_exercise_has_its_row() -> None:
    """In the order in which `cdlab learn list` shows them, and no other."""
    text = (ROOT / "docs/exercises.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]*)` \| ([^|]*) \| [^|]+ \|$", text, re.MULTILINE)
    assert rows == [(name, each.title) for name, each in exercises().items()]


def test_the_table_of_a_sweep_has_the_columns_that_its_page_names() -> None:
    """And every option that the page lists is one."""
    from cdlab.sweeps.table import COLUMNS

    page = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    own = [each for each in COLUMNS if each in ("seed", "variant", "outcome") or "_seconds" in each]
    for each in own[2:]:
        assert f"`{each}`" in page, each
    options = {option for each in COMMAND.commands["sweep"].params for option in each.opts}  # type: ignore[attr-defined]
    assert set(re.findall(r"`(--[a-z-]+)`", page)) <= options | {"--against-cache"}
