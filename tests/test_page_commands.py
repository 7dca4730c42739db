"""
The commands of the pages that explain one thing each: they run, in the page's order.

What needs the real cluster is run by `tests/kind/test_pages_on_kind.py`; the pages of the site that
a reader follows from top to bottom, and that about moving, have tests of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.scenario import load
from tests.offline import cut

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "docs" / "results" / "2026-11-30"
QUICKLY = {
    r"^cdlab run FILE": f"cdlab run {ROOT}/scenarios/v3/rollback.yaml",
    r"^cdlab run scenarios": f"cdlab run {ROOT}/scenarios",
    r"^cdlab compare STORY": "cdlab compare newer-commit --runs 1",
    r"^(cdlab compare older-build-last)$": r"\1 --runs 1",
    r"--shuffle-ties 20": "--shuffle-ties 2",
    r"^(cdlab sweep --out .*)": r"\1 --runs 2 --build-seconds 0,60 --poll-seconds event",
    r"^(cdlab sweep --build-seconds) .* --profile": (
        r"\1 0,60 --poll-seconds event,10 --microservices 2,3 --runs 1 --profile"
    ),
    r"^(cdlab bench --(quick|out|full|aa)((?!--substrate).)*)$": r"\1 --substrate sim --blocks 1",
    r"old.jsonl new.jsonl": "bench.jsonl bench.jsonl",
    r"^(cdlab advise team.toml.*)": r"\1 --runs 1",
    r"^(cdlab advise --ask .*)": r"yes '' | \1 --runs 1",
    r"^(cdlab validate .*)": r"\1 --runs 5",
}
"""What stands for a name of the reader's, for a real cluster, or for what would take minutes."""
ELSEWHERE = {
    "dashboard.md": "tests/test_page_commands.py",
    "how-to-move.md": "tests/test_how_to_move.py",
    "in-cluster-manager.md": "tests/kind/test_pages_on_kind.py",
    "index.md": "tests/test_site.py",
    "explanation.md": "tests/test_site.py",
    "notifications.md": "tests/kind/test_pages_on_kind.py",
    "results/index.md": "tests/bench_report/test_published.py",
    "tutorial.md": "tests/test_site.py",
    "workshop.md": "tests/test_site.py",
}
"""Pages whose commands another test runs."""
HERE = ("advise.md", "benchmark.md", "exercises.md", "figures.md", "stories.md", "validation.md")
ANSWERS = {
    "cdlab learn check": 1,
    "cdlab validate": 1,
    "cdlab rollback front-end production --bad": 1,
}
"""Commands whose answer is no, where the page has them, and the code that says so."""
TYPED = ("bash", "console")
"""The languages of blocks that people type: a test of the site runs those of the first."""
ON_KIND = ("cdlab up", "cdlab compare --substrate kind")
"""Commands that `tests/kind` runs, and what takes them for granted: a lab."""


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in one language; those that name none are what people type."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


def commands(page: str) -> list[str]:
    """The lines of a page's blocks that begin with the program's name, without their remarks."""
    lines = (line for block in blocks(page, "") for line in block.splitlines())
    found = [line.partition(" #")[0].rstrip() for line in lines]
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


def run(
    command: str, folder: Path, environment: Mapping[str, str], before: Sequence[str] = ()
) -> None:
    """As it is typed. It ends well, or with the no that it was asked for."""
    done = subprocess.run(
        [*before, "sh", "-c", command], capture_output=True, text=True, cwd=folder,
        env=environment, check=False,
    )  # fmt: skip
    wanted = next((code for start, code in ANSWERS.items() if command.startswith(start)), 0)
    assert done.returncode == wanted, f"{command}\n{done.stdout[-1000:]}{done.stderr[-1000:]}"


def test_no_page_is_left_out() -> None:
    """A page that gets its first command has to say who runs it, and who is named names it."""
    paths = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/*.md")]
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in paths]
    with_commands = {page for page in pages if commands(page) or blocks(page, "bash")}
    assert with_commands == {*HERE, *ELSEWHERE}
    for page, test in ELSEWHERE.items():
        assert page.removeprefix("results/") in (ROOT / test).read_text(encoding="utf-8"), page


def test_the_readme_has_no_command_that_no_page_has() -> None:
    """Whoever follows it from there finds a page, and that is tried."""

    def names(lines: Iterable[str]) -> set[str]:
        return {line.removeprefix(".venv/bin/").split()[1] for line in lines}

    of_pages = names(each for page in (*HERE, *ELSEWHERE) for each in commands(page))
    typed = [each for page in ELSEWHERE for kind in TYPED for each in blocks(page, kind)]
    lines = [line for block in typed for line in block.splitlines()]
    of_pages |= names(line for line in lines if line.startswith("cdlab "))
    assert names(commands("../README.md")) <= of_pages


@pytest.mark.slow
@pytest.mark.parametrize("name", HERE)
def test_the_commands_of_a_page_run(
    name: str, tmp_path: Path, environment: Mapping[str, str]
) -> None:
    """One after the other in one folder, as they are typed, without a network."""
    put_what_the_pages_speak_of(tmp_path)
    found = [each for each in commands(name) if each not in ON_KIND]
    assert len(found) >= 2
    for command in found:
        run(adapted(command), tmp_path, environment, cut())


def put_what_the_pages_speak_of(folder: Path) -> None:
    """Results of a benchmark and its validation, and histories of both sets."""
    shutil.copy(PUBLISHED / "main-cell.jsonl", folder / "results.jsonl")
    shutil.copy(PUBLISHED / "validation.json", folder)
    for number, name in enumerate(("calibration", "held-out")):
        history = worlds.run(replace(load(ROOT / "scenarios/v3/rollback.yaml"), seed=number))
        (folder / name).mkdir()
        history.history.save(folder / name / "run.jsonl")


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
