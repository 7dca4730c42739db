"""
The commands of the pages that explain one thing each: they run, in the page's order.

What needs the real cluster is run by `tests/kind`; the pages about moving, validation and advice
have tests of their own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
QUICKLY = {
    r"^cdlab run FILE": f"cdlab run {ROOT}/scenarios/v3/rollback.yaml",
    r"^cdlab compare STORY": "cdlab compare newer-commit --runs 1",
    r"--shuffle-ties 20": "--shuffle-ties 2",
}
"""What stands for a name of the reader's, or for what would take half a minute."""


def commands(page: str) -> list[str]:
    """The lines of a page's blocks that begin with the program's name, without their remarks."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    plain = [block for language, block in blocks if not language]
    found = [line.partition(" #")[0].rstrip() for block in plain for line in block.splitlines()]
    return [line for line in found if line.startswith("cdlab ")]


def adapted(command: str) -> str:
    for pattern, words in QUICKLY.items():
        command = re.sub(pattern, words, command)
    return command


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """A home of its own, and the program of this installation on the PATH."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}


def run(command: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Neither wrong usage nor anything missing nor a mistake of the program's own: 0 or 1."""
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, cwd=folder, env=environment,
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), f"{command}\n{done.stdout[-1000:]}{done.stderr[-1000:]}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exercises.md", "stories.md"])
def test_the_commands_of_a_page_run(
    name: str, tmp_path: Path, environment: Mapping[str, str]
) -> None:
    """One after the other in one folder, as they are typed."""
    found = commands(name)
    assert len(found) >= 3
    for command in found:
        run(adapted(command), tmp_path, environment)


@pytest.fixture
def dashboard(tmp_path: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """A simulated world that the commands find."""
    command = ["cdlab", "dashboard", "--port", "0"]
    server = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    )
    assert server.stderr is not None
    for line in server.stderr:
        if line.startswith("Ctrl-C"):
            break
    yield
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.usefixtures("dashboard")
def test_the_commands_beside_the_dashboard_run(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    """All but those that serve until they are interrupted."""
    found = [each for each in commands("dashboard.md") if not each.startswith("cdlab dashboard")]
    assert len(found) >= 8
    for command in found:
        run(command, tmp_path, environment)
