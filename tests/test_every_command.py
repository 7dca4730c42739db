"""
Every command that a page, the README or CONTRIBUTING has is run by a test, or named with a reason.

What other tests run is found where they find it: blocks of the site's pages, of the pages that
explain one thing each, and those that need a cluster. The rest is run here, or stands in `NOT_RUN`.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests import test_page_commands as pages
from tests.manager_web import conftest as web
from tests.manager_web.conftest import TOKEN
from tests.offline import cut
from tests.test_page_commands import ROOT, TYPED, adapted, commands
from tests.test_playground import Desk
from tests.test_site import PAGES as FROM_TOP_TO_BOTTOM
from tests.test_site import steps

environment, serve = pages.environment, web.serve
"""Fixtures of those tests."""

PROGRAMS = (
    "cdlab", "curl", "docker", "export", "git", "hostname", "ipconfig", "jupyter", "kubectl",
    "make", "pip", "py", "python3?", r"\S+/python", "source", "sudo", r"CDLAB_\w+=\S+ make",
)  # fmt: skip
COMMAND = re.compile(rf"(?:{'|'.join(PROGRAMS)}) \S.*")
"""Its name alone is the name of a program; with a word behind it somebody may type it."""

RUN: Mapping[str, str] = {
    "cdlab run scenarios/v3/rollback.yaml": "",
    "cdlab run scenarios/v3/rollback.yaml --explain": "",
    "cdlab run scenarios/v3/move-from-v1.yaml --explain": "",
    "cdlab run FILE --history out.jsonl": "",
    "cdlab run FILE --shuffle-ties 100": "cdlab run FILE --shuffle-ties 2",
    "cdlab show out.jsonl": "",
    "cdlab schema": "",
    "cdlab compare --runs 1 --json": "",
    "cdlab calibrate run.jsonl --out mine.toml": "",
    "cdlab validate other.jsonl --profile mine.toml": "",
    "cdlab validate --json": "cdlab validate other.jsonl --profile mine.toml --json",
    "cdlab sweep --out sweep.csv --figure map.svg": "",
    "cdlab report main-cell.jsonl --validation validation.json --out report.html"
    " --markdown text.md --figures figures": "",
    "cdlab init my-folder": "",
    "cdlab init other": "",
    "cdlab doctor room/*.json": "",
    "cdlab learn start make-the-config-repo-lie": "",
    "cdlab learn start have-automation-undo-a-rollback": "",
    "cdlab learn reset NAME": "cdlab learn reset make-the-config-repo-lie",
    "cdlab demo v1 --step": "yes '' | cdlab demo v1 --step",
    "cdlab demo v3 --step": "yes '' | cdlab demo v3 --step",
    "cdlab --install-completion": "bash -c 'cdlab --install-completion && true'",
}
"""Command -> what is run in its place, empty where that is itself; one after the other, here."""
BESIDE_A_DASHBOARD = (
    "cdlab rollback front-end production --dry-run",
    "cdlab policy",
    "cdlab sync --prune",
    "cdlab workloads",
    "curl -s localhost:8420/",
    "cdlab lock production -m audit",
)
"""Beginnings of commands that speak to one, in an order in which none bars another."""
INSTEAD: Mapping[str, str] = {"cdlab policy": "cdlab policy production --drift report --dry-run"}
PLANNED = 'grep \'"status": *"planned"\''
"""What the request of the page about HTTP is answered with, as that page says."""
SERVES = "cdlab dashboard"
"""What begins so goes on until it is ended."""

NOT_RUN: Mapping[str, str] = {
    r"(kubectl|git|pip) [a-z]+( undo| image| restart)?": "a name for what is done",
    r"py .*|ipconfig .*|hostname -I": "of one system alone; not every machine has it",
    r"sudo apt .*": "changes the machine",
    r"docker build .*…": "a part of the reader's own build",
    r"python3 -m http.server .*": "Python's own: tests/test_wheelhouse.py serves a stick so",
    r"pip install --no-index --trusted-host HOST .*": "tests/test_wheelhouse.py installs by it",
    r"pip install \"./cdlab-.*|python3 -m venv cdlab-venv|source cdlab-venv/bin/activate": (
        "tests/test_stick.py runs them in a new folder"
    ),
    r"cdlab prefetch stick --only wheels": "an index of packages: tests/test_stick.py fills one",
    r"cdlab prefetch stick( --load)?": "Docker: tests/test_prefetch.py, with an engine in memory",
    r"export CDLAB_NODE_IMAGE=": "a part of a line that tests/test_prefetch.py reads",
    r"make (check|test)|CDLAB_\w+=\d+ make test.*": "all tests, and more than all: .ci/run",
    r"make demo|source .venv/bin/activate|pip install -e '.\[notebooks\]'": (
        "install into the checkout, as .ci/run does; the rest of the page is run without them"
    ),
    r"make docs": "tests/test_site.py builds the site by the command in it",
    r"jupyter lab notebooks": "opens a browser: tests/test_notebooks.py runs all of them",
    r"python tests/test_(golden|notebooks).py": "write what those files compare with",
    r"make (compare-kind|test-kind-all)|cdlab (up|down)": "a cluster: .ci/run has them run on one",
    r"cdlab .* --substrate kind.*": "a cluster: tests/kind/test_stories.py and its neighbours",
    r"cdlab bench --blocks .*": "a cluster for an hour: tests/kind/test_bench.py runs a short one",
    r"cdlab sweep --profile kind .*": "minutes: tests/bench_report/test_published.py plays a cell",
    r"cdlab validate histories/.*": "what that hour wrote: tests/bench_report/test_published.py",
    r"kubectl -n cdlab-shop-production .*": "a cluster: tests/kind/test_notifications.py asks it",
    r"kubectl (--context shop|diff --server-side) .*|export CDLAB_CONTEXT=shop": (
        "a cluster of the reader's own with V1 in it; tests/kind/test_move.py moves such a one"
    ),
    r"cdlab export config .*": "the same cluster: tests/test_cli_export.py, with an API in memory",
    r"git (-C config|clone|commit|push) .*|kubectl apply --server-side .*": (
        "a config repo of the reader's own: tests/test_how_to_move.py has one for those blocks"
    ),
    r"cdlab (images|promote|rollback|history|resume) users .*": (
        "the reader's own workload; the same of another one is run beside a dashboard"
    ),
}
"""
Pattern of whole commands -> why nobody runs them as they stand, or what runs something like it. The
first that fits counts.
"""


def sources() -> list[Path]:
    """What people read; the reports of a benchmark are written by a program that a test runs."""
    found = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/*.md")]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(found)]


def has_them(path: Path) -> set[str]:
    """The commands in a page's blocks and sentences, without remarks and the place of programs."""
    text = path.read_text(encoding="utf-8")
    fence = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    typed = [block for name, block in fence.findall(text) if name in ("", *TYPED)]
    lines = "".join(typed).replace("\\\n", "").splitlines()
    lines += re.findall(r"`([^`\n]+)`", fence.sub("", text))
    plain = (line.partition(" #")[0].strip().removeprefix(".venv/bin/") for line in lines)
    return {each for each in plain if COMMAND.fullmatch(each)}


@cache
def run_by_others() -> set[str]:
    """The commands that `test_site.py`, `test_page_commands.py` and `tests/kind` take."""
    found = {line.partition(" #")[0].strip()
             for page in FROM_TOP_TO_BOTTOM for block, _ in steps(page)
             for line in block.splitlines()}  # fmt: skip
    for page in (*pages.HERE, "dashboard.md", "in-cluster-manager.md", "notifications.md"):
        found |= {each for each in commands(page) if not each.startswith(SERVES)}
    return found


@cache
def every() -> set[str]:
    """All commands of all sources."""
    return {command for path in sources() for command in has_them(path)}


def is_run(command: str) -> bool:
    """By a test, as it stands or with more words behind it: then it is only named."""
    ran = {*run_by_others(), *RUN}
    starts = (SERVES, *BESIDE_A_DASHBOARD)
    return command.startswith(starts) or any(f"{each} ".startswith(f"{command} ") for each in ran)


def test_every_command_is_run_or_named_with_a_reason() -> None:
    """A new one fails here until somebody runs it, or says why nobody can."""
    left = {each for each in every() if not is_run(each)}
    assert len(left) < len(every()) / 2
    assert sorted(e for e in left if not any(re.fullmatch(p, e) for p in NOT_RUN)) == []


def test_nothing_is_named_that_no_page_has() -> None:
    """Each pattern is the first that fits a command, and the tests that a reason names exist."""
    left = {each for each in every() if not is_run(each)}
    used = {next((p for p in NOT_RUN if re.fullmatch(p, each)), "") for each in left}
    assert set(NOT_RUN) - used == set()
    assert set(RUN) <= every()
    assert [
        each for each in BESIDE_A_DASHBOARD if not any(c.startswith(each) for c in every())
    ] == []
    for path in re.findall(r"(?:tests/|\.ci/)\S+?(?=[\s:;,]|$)", "\n".join(NOT_RUN.values())):
        assert (ROOT / path).exists(), path


@pytest.mark.slow
def test_what_no_other_test_runs_is_run_here(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    """In one folder, in the order of the table, without a network."""
    pages.put_what_the_pages_speak_of(tmp_path)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    shutil.copy(tmp_path / "results.jsonl", tmp_path / "main-cell.jsonl")
    for name, file in (("calibration", "run.jsonl"), ("held-out", "other.jsonl")):
        shutil.copy(tmp_path / name / "run.jsonl", tmp_path / file)
    (tmp_path / "room").mkdir()
    pages.run("cdlab doctor --substrate sim --json > room/ana.json", tmp_path, environment)
    for command, instead in RUN.items():
        typed = (instead or command).replace("FILE", "scenarios/v3/rollback.yaml")
        pages.run(adapted(typed), tmp_path, environment, cut())


@pytest.fixture
def released() -> Iterator[Desk]:
    """A simulated world whose production has something to go back to."""
    desk = Desk("v3")
    desk.run(desk.world.push("front-end", "v2"))
    desk.wait()
    desk.ask(command="promote", workload="front-end", source="staging")
    desk.wait()
    yield desk
    desk.inner.close()


@pytest.mark.slow
def test_what_speaks_to_a_dashboard_is_run_beside_one(
    tmp_path: Path, environment: Mapping[str, str], released: Desk, serve: Callable[..., str]
) -> None:
    """By command, and by a program's request, with the address and token of the one that runs."""
    url = serve(released.inner)
    variables = {**environment, "CDLAB_SERVER": url, "CDLAB_TOKEN": TOKEN}
    for start in BESIDE_A_DASHBOARD:
        for command in sorted(each for each in every() if each.startswith(start)):
            typed = INSTEAD.get(command, command)
            if command.startswith("curl "):
                typed = f"{command.replace('localhost:8420', url)} | {PLANNED}"
            pages.run(typed, tmp_path, variables)


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(each for each in every() if each.startswith(SERVES)))
def test_what_serves_does_so_until_it_is_ended(
    command: str, tmp_path: Path, environment: Mapping[str, str]
) -> None:
    """It says where the page is first; at its own port where nobody else can have it."""
    port = "" if cut() or "--port" in command else " --port 0"
    server = subprocess.Popen(
        [*cut(), "sh", "-c", f"exec {command}{port}"], stderr=subprocess.PIPE, text=True,
        cwd=tmp_path, env={**environment},
    )  # fmt: skip
    assert server.stderr is not None
    said = "".join(iter(server.stderr.readline, "Ctrl-C ends it\n"))
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=60)
    assert "the page: http://127.0.0.1:" in said
    assert server.returncode == 128 + signal.SIGTERM
