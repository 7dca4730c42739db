"""The command line: exit codes, what goes to which stream, and what is said about mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from cdlab import comparison, worlds
from cdlab.cli import main
from cdlab.errors import BuildFailed, SubstrateUnavailable
from cdlab.history import History
from cdlab.scenario import CHECKS
from cdlab.scenario_schema import scenario_schema

ROOT = Path(__file__).parent.parent
GOOD = "architecture: v1\nexpect:\n  rebuilds: 1\n"


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


class Cdlab:
    """Calls `main` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str | Path) -> Answer:
        with pytest.raises(SystemExit) as caught:
            main.main([str(each) for each in arguments])
        said = self.capsys.readouterr()
        code = caught.value.code
        return Answer(code if isinstance(code, int) else 1, said.out, said.err)


@pytest.fixture
def cdlab(capsys: pytest.CaptureFixture[str]) -> Cdlab:
    return Cdlab(capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rollback.yaml"
    path.write_text(GOOD)
    return path


def test_a_run_as_expected_exits_with_0_and_can_be_replayed(cdlab: Cdlab, file: Path) -> None:
    """The last line is the command that plays it once more."""
    answer = cdlab("run", file)
    assert answer.code == 0
    assert answer.out.rstrip().endswith(f"cdlab run {file} --substrate sim --seed 1")


def test_a_broken_expectation_exits_with_1(cdlab: Cdlab, tmp_path: Path) -> None:
    """And says which, and what was found instead."""
    path = tmp_path / "broken.yaml"
    path.write_text("architecture: v1\nexpect:\n  rebuilds: 0\n")
    answer = cdlab("run", path)
    assert answer.code == 1
    assert "BROKEN" in answer.out


def test_all_mistakes_of_a_file_are_listed_and_the_other_files_run(
    cdlab: Cdlab, file: Path, tmp_path: Path
) -> None:
    """With their lines, on standard error; the exit code is 2 in the end."""
    broken = tmp_path / "typos.yaml"
    broken.write_text("architecture: v4\nreplicas: many\nsede: 1\nexpect:\n  rebuild: 1\n")
    answer = cdlab("run", broken, file)
    assert answer.code == 2
    for line, word in ((1, "v4"), (2, "replicas"), (3, "sede"), (5, "rebuild")):
        assert any(
            text.startswith(f"{broken}:{line}:") and word in text
            for text in answer.err.splitlines()
        )
    assert "rollback in V1" in answer.out


def test_an_expectation_that_makes_no_sense_is_a_mistake_with_its_line(
    cdlab: Cdlab, tmp_path: Path
) -> None:
    """It is found before anything runs."""
    path = tmp_path / "operator.yaml"
    path.write_text('architecture: v1\nexpect:\n  rebuilds: "=> 1"\n')
    answer = cdlab("run", path)
    assert answer.code == 2
    assert f"{path}:3:" in answer.err
    assert answer.out == ""


def test_a_file_that_is_not_there_is_a_bad_scenario(cdlab: Cdlab, tmp_path: Path) -> None:
    """2, with its name, and no traceback."""
    answer = cdlab("run", tmp_path / "nothing.yaml")
    assert answer.code == 2
    assert "nothing.yaml" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "no-story"),
        ("compare", "--profile", "cheap"),
        ("compare", "--runs", "0"),
        ("compare", "--substrate", "cloud"),
        ("compare", "--history", "/no/such/folder/x.jsonl"),
        ("run",),
        ("sing",),
    ],
)
def test_wrong_usage_exits_with_2(cdlab: Cdlab, arguments: Sequence[str]) -> None:
    """Before anything runs, and with nothing on standard output."""
    answer = cdlab(*arguments)
    assert answer.code == 2
    assert answer.out == ""


def test_something_missing_exits_with_3_and_says_what_mends_it(
    cdlab: Cdlab, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message and one line of help."""

    def missing(*_: object, **__: object) -> None:
        raise SubstrateUnavailable("the lab is not running", help="cdlab up")

    monkeypatch.setattr(worlds, "run", missing)
    answer = cdlab("run", file, "--substrate", "kind")
    assert answer.code == 3
    assert "error: the lab is not running\nhelp: cdlab up\n" in answer.err


@pytest.mark.parametrize("error", [BuildFailed("no disk"), ZeroDivisionError("oops")])
def test_everything_else_exits_with_4(
    cdlab: Cdlab, file: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Without a traceback, unless it is asked for."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(worlds, "run", fail)
    answer = cdlab("run", file)
    assert answer.code == 4
    assert str(error) in answer.err
    assert "Traceback" not in answer.err
    assert "Traceback" in cdlab("--debug", "run", file).err


def test_json_stands_alone_on_standard_output(cdlab: Cdlab, file: Path) -> None:
    """Both commands; what a program reads has no word beside it."""
    compared = json.loads(cdlab("compare", "--runs", "1", "--json").out)
    assert compared["runs"] == 1
    played = json.loads(cdlab("run", file, "--json").out)
    (run,) = played["runs"]
    assert run["measures"]["rebuilds"] == 1
    assert run["expectations"] == [
        {"measure": "rebuilds", "expected": "1", "found": "1", "holds": True}
    ]


def test_the_json_of_a_comparison_has_the_promised_keys(cdlab: Cdlab) -> None:
    """The names that issue 3 gives, and p95 null below 59 runs."""
    found = json.loads(cdlab("compare", "--runs", "1", "--json").out)
    assert set(found) == {
        "story", "substrate", "profile", "seed", "runs", "architectures", "variants", "against_v1",
    }  # fmt: skip
    assert set(found["architectures"]) == {"v1", "v2", "v3"}
    for each in [*found["architectures"].values(), *found["variants"]]:
        assert {"variant", "rollback_seconds", "phases", "measures", "not_expressible"} <= set(each)
        assert set(each["rollback_seconds"]) == {"median", "p95", "values"}
        assert each["rollback_seconds"]["p95"] is None


def test_json_of_several_files_names_the_broken_one_too(
    cdlab: Cdlab, file: Path, tmp_path: Path
) -> None:
    """With its mistakes and their lines."""
    broken = tmp_path / "typo.yaml"
    broken.write_text("architecture: v9\n")
    answer = cdlab("run", broken, file, "--json")
    assert answer.code == 2
    first, second = json.loads(answer.out)["runs"]
    assert first["mistakes"][0]["line"] == 1
    assert second["is_finished"] is True


def test_the_history_of_a_run_is_written_to_the_file(
    cdlab: Cdlab, file: Path, tmp_path: Path
) -> None:
    """And names the seed that was asked for."""
    path = tmp_path / "out.jsonl"
    assert cdlab("run", file, "--seed", "7", "--history", path).code == 0
    assert History.load(path).settings["seed"] == 7


def test_the_histories_of_a_comparison_have_the_architecture_in_their_names(
    cdlab: Cdlab, tmp_path: Path
) -> None:
    """The first run of each architecture's own variant."""
    cdlab("compare", "--runs", "1", "--history", tmp_path / "out.jsonl")
    found = {path.name: History.load(path) for path in tmp_path.iterdir()}
    assert {name: h.settings["architecture"] for name, h in found.items()} == {
        "out-v1.jsonl": "v1",
        "out-v2.jsonl": "v2",
        "out-v3.jsonl": "v3",
    }


def test_histories_of_scenarios_with_the_same_name_have_the_folder_in_theirs(
    cdlab: Cdlab, tmp_path: Path
) -> None:
    """Every architecture has a `rollback.yaml`, and none overwrites another's history."""
    paths = [ROOT / "scenarios" / name / "rollback.yaml" for name in ("v1", "v2", "v3")]
    assert cdlab("run", *paths, "--history", tmp_path / "out.jsonl").code == 0
    found = {path.name: History.load(path) for path in tmp_path.iterdir()}
    assert {name: h.settings["architecture"] for name, h in found.items()} == {
        "out-v1-rollback.jsonl": "v1",
        "out-v2-rollback.jsonl": "v2",
        "out-v3-rollback.jsonl": "v3",
    }


@pytest.mark.parametrize("more", [("--history", "out.jsonl"), ("--substrate", "kind")])
def test_files_that_would_overwrite_each_other_are_refused_before_anything_runs(
    cdlab: Cdlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: Sequence[str]
) -> None:
    """The same folder and name twice: the history, or what a failure on kind leaves."""
    monkeypatch.chdir(tmp_path)
    for folder in ("a/v1", "b/v1"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.yaml").write_text(GOOD)
    answer = cdlab("run", "a/v1/x.yaml", "b/v1/x.yaml", *more)
    assert answer.code == 2
    assert "v1-x" in answer.err
    assert answer.out == ""
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.parametrize("command", ["run", "compare"])
@pytest.mark.parametrize("where", ["/proc/out.jsonl", "/no/such/folder/x.jsonl", "taken", "dir"])
def test_a_history_that_cannot_be_written_is_refused_before_anything_runs(
    cdlab: Cdlab, file: Path, tmp_path: Path, command: str, where: str
) -> None:
    """A folder that nobody can write, one that is not there, and a folder instead of a file."""
    for name in ("dir", "dir-v1", "taken", "taken-v3"):
        (tmp_path / name).mkdir()
    asked = [command, *([file] if command == "run" else ["--runs", "1"])]
    answer = cdlab(*asked, "--history", tmp_path / where)
    assert answer.code == 2
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_a_refused_history_leaves_no_file(cdlab: Cdlab, tmp_path: Path) -> None:
    """To find out whether a file can be written changes nothing."""
    (tmp_path / "out-v3.jsonl").mkdir()
    (tmp_path / "out-v1.jsonl").write_text("mine")
    assert cdlab("compare", "--runs", "1", "--history", tmp_path / "out.jsonl").code == 2
    assert {path.name for path in tmp_path.iterdir()} == {"out-v1.jsonl", "out-v3.jsonl"}
    assert (tmp_path / "out-v1.jsonl").read_text() == "mine"


def test_ctrl_c_says_so_and_exits_with_130(
    cdlab: Cdlab, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typer would say nothing."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worlds, "run", interrupt)
    answer = cdlab("run", file)
    assert (answer.code, answer.out) == (130, "")
    assert answer.err.splitlines()[-1] == "interrupted"


@pytest.mark.parametrize("seed", [-1, 2**63])
@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_seed_is_bounded_as_in_a_file(cdlab: Cdlab, file: Path, command: str, seed: int) -> None:
    """From 0 to 2^63 - 1, both included."""
    asked = [command, *([file] if command == "run" else ["--runs", "1"]), "--seed"]
    assert cdlab(*asked, str(seed)).code == 2
    assert cdlab(*asked, str(2**63 - 1)).code == 0
    assert cdlab("compare", "--runs", "2", "--seed", str(2**63 - 1)).code == 2


def test_commands_print_a_script_alone(cdlab: Cdlab, file: Path) -> None:
    """And refuse what would spoil it."""
    answer = cdlab("run", file, "--commands")
    assert answer.code == 0
    assert answer.out.startswith("#!/usr/bin/env bash\n")
    assert cdlab("run", file, "--commands", "--json").code == 2
    assert cdlab("run", file, file, "--commands").code == 2


def test_progress_never_goes_to_standard_output(
    cdlab: Cdlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal a line now and then, on standard error."""
    monkeypatch.setattr(comparison, "SIMULATED_RUNS", 50)
    answer = cdlab("compare", "--json")
    json.loads(answer.out)
    assert "of 650 runs are done" in answer.err


@pytest.mark.parametrize("how", ["--version", "version"])
def test_the_version_is_printed(cdlab: Cdlab, how: str) -> None:
    """By a command as well as by an option."""
    from cdlab.version import __version__

    assert cdlab(how).out == f"{__version__}\n"


def test_the_schema_accepts_every_scenario_of_the_project(cdlab: Cdlab) -> None:
    """It is a schema, it knows every setting, and it agrees with the files that we ship."""
    import yaml

    schema = json.loads(cdlab("schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) == set(CHECKS)
    for path in (ROOT / "scenarios").rglob("*.yaml"):
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"architecture": "v4"},
        {"architecture": "v1", "sede": 1},
        {"architecture": "v1", "replicas": 0},
        {"architecture": "v1", "merge": 1},
        {"architecture": "v1", "microservices": []},
        {"architecture": "v1", "microservices": ["Upper"]},
        {"architecture": "v3", "environments": {"staging": "sometimes"}},
        {"architecture": "v1", "expect": {"rebuild": 1}},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(wrong: dict[str, object]) -> None:
    """As far as one setting says nothing about another."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, scenario_schema())


def test_the_doctor_says_go_for_the_simulator(cdlab: Cdlab) -> None:
    """This machine runs these tests, so it can run the simulator."""
    answer = cdlab("doctor", "--substrate", "sim", "--json")
    assert answer.code == 0
    assert json.loads(answer.out)["sim"]["verdict"] == "go"


def test_the_node_image_comes_from_the_option_then_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CDLAB_NODE_IMAGE is read in the command line and nowhere below."""
    from cdlab.cli.machine import settings_from_environment

    monkeypatch.setenv("CDLAB_NODE_IMAGE", "kindest/node:of-the-environment")
    assert settings_from_environment().node_image == "kindest/node:of-the-environment"
    assert settings_from_environment("kindest/node:mine").node_image == "kindest/node:mine"


def test_no_colour_codes_where_there_is_no_terminal(cdlab: Cdlab, file: Path) -> None:
    """A pipe and a file get plain text."""
    assert "\x1b" not in cdlab("run", file).out


@pytest.mark.parametrize("command", ["schema", "compare --runs 1", "compare --runs 1 --json"])
def test_a_reader_that_has_seen_enough_is_no_error(command: str) -> None:
    """`cdlab compare | true` ends quietly, whether Rich, Typer or Python finds out."""
    entry = f"{Path(sys.executable).with_name('cdlab')} {command} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", entry], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
