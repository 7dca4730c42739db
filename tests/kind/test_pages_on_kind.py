"""What the pages say of the real cluster: their commands, a demo, a notebook's last cell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.test_page_commands import ROOT, commands

pytestmark = [pytest.mark.kind, pytest.mark.usefixtures("cdlab_lab")]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
ENDLESS = " --follow"
"""What goes on until it is interrupted; without it the command prints what there is."""


@pytest.fixture
def here(tmp_path: Path) -> tuple[Path, Mapping[str, str]]:
    """A folder with what the pages speak of, and the program of this installation on the PATH."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    (tmp_path / "secret.txt").write_text("forty-two\n")
    return tmp_path, {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def run(command: str, here: tuple[Path, Mapping[str, str]]) -> str:
    folder, environment = here
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, cwd=folder, env=environment,
        check=False, timeout=400, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}{done.stderr[-1000:]}"
    return done.stdout


def test_the_manager_is_installed_as_its_pages_say(here: tuple[Path, Mapping[str, str]]) -> None:
    """In the cluster, its logs, with a webhook, and gone again: in-cluster-manager.md first."""
    up, install, logs, uninstall = commands("in-cluster-manager.md")
    (with_webhook,) = commands("notifications.md")
    try:
        for command in (up, install, logs.removesuffix(ENDLESS), with_webhook):
            run(command, here)
    finally:
        run(f"{uninstall} --with-application", here)


@pytest.mark.parametrize(
    ("architecture", "box"),
    [
        pytest.param("v1", "CI", marks=pytest.mark.slow_kind),
        pytest.param("v2", "config repo", marks=pytest.mark.slow_kind),
        ("v3", "release manager"),
    ],
)
def test_a_demo_is_told_of_the_real_cluster(
    here: tuple[Path, Mapping[str, str]], architecture: str, box: str
) -> None:
    """The same picture and chapters as in the simulator, with times that were measured."""
    told = run(f"cdlab demo {architecture} --substrate kind --pace 0", here)
    assert box in told
    assert "kind" in told


def on_kind(path: Path) -> object:
    """One notebook in every suite; all of them take minutes."""
    is_first = path.stem == "03_v3"
    return pytest.param(path, id=path.stem, marks=() if is_first else pytest.mark.slow_kind)


@pytest.mark.parametrize("script", [on_kind(path) for path in NOTEBOOKS])
def test_a_notebook_plays_its_last_cell_on_kind(script: Path) -> None:
    """As somebody with a lab runs it: `is_wanted=True`. What it shows is a run, and no excuse."""
    text = script.read_text(encoding="utf-8")
    assert text.count("workshop.on_kind(") == text.count("is_wanted=False") == 1
    wanted = text.replace("is_wanted=False", "is_wanted=True")
    program = wanted.replace("workshop.on_kind(", "shown = workshop.on_kind(")
    asked = (
        "\nprint(type(shown).__name__, shown.history.settings['substrate'], shown.is_finished)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program + asked], cwd=script.parent, capture_output=True, text=True,
        check=False, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "Run kind True"
