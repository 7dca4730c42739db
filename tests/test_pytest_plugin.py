"""The pytest plugin as somebody uses it: a folder with scenarios and tests, and `pytest`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NO_DOCKER = "unix:///nowhere/docker.sock"
SCENARIO = "architecture: v1\nstory: first-deployment\nprofile: constant\n"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty folder where no Docker can be found, and no lab."""
    monkeypatch.setenv("DOCKER_HOST", NO_DOCKER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("CDLAB_REQUIRE_KIND", raising=False)
    return pytester


def write(project: pytest.Pytester, test: str, scenario: str = SCENARIO) -> None:
    """A test module and the scenario file beside it."""
    (project.path / "first.yaml").write_text(scenario)
    project.makepyfile(test_it=test)


def played(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest in a process of its own."""
    return project.runpytest_subprocess("-p", "no:cacheprovider", *options)


PASSES = """
def test_it(run_scenario):
    assert run_scenario("first").is_finished
"""
NEEDS_KIND = """
import pytest

@pytest.mark.kind
def test_it():
    pass
"""


def test_run_scenario_plays_the_file_beside_the_test(project: pytest.Pytester) -> None:
    """The name of the file is all that a test has to say."""
    write(project, PASSES)
    played(project).assert_outcomes(passed=1)


def test_a_file_is_played_once_a_session(project: pytest.Pytester) -> None:
    """Tests that name the same file get the same run."""
    write(
        project,
        """
        runs = []

        def test_one(run_scenario):
            runs.append(run_scenario("first"))

        def test_two(run_scenario):
            assert run_scenario("first") is runs[0]
        """,
    )
    played(project).assert_outcomes(passed=2)


def test_a_seed_takes_the_place_of_the_files(project: pytest.Pytester) -> None:
    """`--cdlab-seed` reaches the run, and the fixtures say what was asked for."""
    write(
        project,
        """
        def test_it(run_scenario, cdlab_seed, cdlab_substrate):
            assert (cdlab_seed, cdlab_substrate) == (7, "sim")
            assert run_scenario("first").history.settings["seed"] == 7
        """,
    )
    played(project, "--cdlab-seed=7").assert_outcomes(passed=1)


def test_histories_are_kept_where_they_are_asked_for(project: pytest.Pytester) -> None:
    """`--cdlab-history-dir` makes the folder and names the files after what was played."""
    write(project, PASSES)
    played(project, "--cdlab-history-dir=kept/here").assert_outcomes(passed=1)
    assert [each.name for each in (project.path / "kept/here").iterdir()] == ["first-sim-1.jsonl"]


def test_a_failure_tells_the_story_and_how_to_replay_it(project: pytest.Pytester) -> None:
    """Who reads only the failure's output knows what happened and what to type."""
    write(project, 'def test_it(run_scenario):\n    assert not run_scenario("first").history')
    result = played(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*cdlab first.yaml*", "*operator applies manifests in staging*", "*users serves 2*"]
    )
    result.stdout.fnmatch_lines(["replay: cdlab run first.yaml --substrate sim --seed 1"])


def test_a_broken_file_lists_its_mistakes_and_others_still_run(project: pytest.Pytester) -> None:
    """The failure is the list with line numbers, without a traceback."""
    write(project, PASSES + '\n\ndef test_other(run_scenario):\n    run_scenario("broken")\n')
    (project.path / "broken.yaml").write_text("architecture: v4\nstori: rollback\n")
    result = played(project)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*broken.yaml:1: architecture*", "*broken.yaml:2:*story*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_kind_test_is_skipped_with_the_reason(project: pytest.Pytester) -> None:
    """Nobody asked for kind and there is no lab: skipped, and it says why and what to do."""
    write(project, NEEDS_KIND)
    result = played(project, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*SKIPPED*needs kind: the lab is not running*"])


@pytest.mark.parametrize("option", ["--cdlab-require-kind", "--cdlab-substrate=kind"])
def test_kind_that_was_asked_for_and_is_missing_fails(
    project: pytest.Pytester, option: str
) -> None:
    """Asked for kind without Docker: it ends before the first test, with what to do."""
    write(project, PASSES + NEEDS_KIND.replace("test_it", "test_on_kind"))
    result = played(project, option)
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*kind was asked for, and *", "*try: *"])
    result.stdout.no_fnmatch_line("*passed*")


def test_the_environment_can_ask_for_kind(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`CDLAB_REQUIRE_KIND=1` is what CI sets; 0 asks for nothing."""
    write(project, NEEDS_KIND)
    monkeypatch.setenv("CDLAB_REQUIRE_KIND", "0")
    played(project).assert_outcomes(skipped=1)
    monkeypatch.setenv("CDLAB_REQUIRE_KIND", "1")
    assert played(project).ret == 3


def test_requiring_kind_matters_only_where_a_test_needs_it(project: pytest.Pytester) -> None:
    """Simulator tests alone run without Docker whatever was required."""
    write(project, PASSES)
    played(project, "--cdlab-require-kind").assert_outcomes(passed=1)


def test_listing_tests_starts_nothing(project: pytest.Pytester) -> None:
    """`--collect-only` works on every machine."""
    write(project, NEEDS_KIND)
    assert played(project, "--collect-only", "--cdlab-substrate=kind").ret == 0


def test_kind_cluster_is_ours(project: pytest.Pytester) -> None:
    """Of two fixtures of that name, the lab's is taken; with another name pytest-kind's own."""
    write(project, "def test_it(kind_cluster):\n    pass\n")
    ours = played(project, "--fixtures-per-test")
    ours.stdout.fnmatch_lines(["kind_cluster*pytest_kind_cluster.py*"])
    theirs = played(project, "--fixtures-per-test", "--cluster-name=mine")
    theirs.stdout.fnmatch_lines(["kind_cluster*pytest_kind/plugin.py*"])


def test_an_unknown_substrate_is_a_usage_error(project: pytest.Pytester) -> None:
    """pytest itself says which there are."""
    write(project, PASSES)
    result = played(project, "--cdlab-substrate=moon")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--cdlab-substrate*sim*kind*"])


MANY = """
import os, pathlib, pytest

KIND = pytest.param("kind", marks=pytest.mark.kind)

@pytest.mark.parametrize("where", ["sim", KIND])
@pytest.mark.parametrize("number", range(40))
def test_it(number, where):
    with open(f"{where}.workers", "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)
"""
PRETEND_A_LAB = """
from cdlab import pytest_plugin

pytest_plugin.SessionLab.running = lambda self: None
"""


SLOW_TO_TELL = (
    PRETEND_A_LAB
    + """
import hashlib
from cdlab.testing import one_worker

def slowly(config, ids, tell=one_worker.tell_who_needs_it):
    hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000)
    tell(config, ids)

one_worker.tell_who_needs_it = slowly
"""
)


@pytest.mark.parametrize("conftest", [PRETEND_A_LAB, SLOW_TO_TELL], ids=["at once", "slowly"])
def test_runs_on_kind_stay_in_one_worker(project: pytest.Pytester, conftest: str) -> None:
    """With pytest-xdist and `--dist loadgroup`, however long workers take to tell what they are."""
    write(project, MANY)
    project.makeconftest(conftest)
    played(project, "-n", "2", "--dist", "loadgroup").assert_outcomes(passed=80)
    kind, sim = ((project.path / f"{w}.workers").read_text().split() for w in ("kind", "sim"))
    assert (len(kind), len(set(kind))) == (40, 1)
    assert (len(sim), len({*sim, *kind})) == (40, 2)


@pytest.mark.parametrize("heavy", ["docker", "kubernetes", "git", "yaml", "rich", "typer"])
def test_loading_the_plugin_loads_nothing_heavy(heavy: str) -> None:
    """Every pytest of the environment loads the plugin, also one that never uses it."""
    program = f"import cdlab.pytest_plugin, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.kind
def test_kind_cluster_yields_the_running_lab(kind_cluster: Any, cdlab_lab: Any) -> None:
    """pytest-kind's fixture is bound to our cluster: kubectl and its Python client work."""
    assert kind_cluster.name == cdlab_lab.settings.cluster_name
    nodes = kind_cluster.kubectl("get", "nodes", "--output=name")
    assert len(nodes.splitlines()) == 3
    assert kind_cluster.api.url.startswith("https://")
    assert not Path(".pytest-kind").exists()
