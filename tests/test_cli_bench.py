"""`cdlab bench`: what it writes and prints, and what it refuses. In the simulator, at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.assembly import World
from cdlab.bench.benchmark import Standing
from cdlab.bench.plans import Planned
from cdlab.bench.results import Results, append, load, start
from cdlab.cli import main
from cdlab.cli.bench import told
from cdlab.scenario import Scenario

SIM = ("--substrate", "sim")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Bench = Callable[..., Answer]


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    """Calls the command in this process."""

    def call(*arguments: str | Path) -> Answer:
        with pytest.raises(SystemExit) as caught:
            main.main(["bench", *map(str, arguments)])
        said = capsys.readouterr()
        return Answer(int(caught.value.code or 0), said.out, said.err)

    return call


@pytest.fixture
def file(bench: Bench, tmp_path: Path) -> Path:
    """The results of a quick benchmark."""
    path = tmp_path / "old.jsonl"
    assert bench("--quick", *SIM, "--out", path).code == 0
    return path


def slowed(path: Path, new: Path, factor: float, **machine: str) -> Path:
    """The same results, all of V3's rollbacks longer by a factor, maybe of another machine."""
    from dataclasses import replace

    found = load(path)
    start(new, replace(found.opening, machine={**found.opening.machine, **machine}))
    for run in found.runs:
        seconds = run.seconds if run.seconds is None or run.architecture != "v3" else (
            run.seconds * factor
        )  # fmt: skip
        append(new, replace(run, seconds=seconds))
    return new


def counted(results: Results) -> dict[str, int]:
    """Variant -> its runs."""
    return {name: len(results.of("main", name)) for name in results.opening.cells[0].variants}


def test_quick_runs_three_blocks_and_writes_a_summary(file: Path) -> None:
    """Of all six variants, under the names that others look for."""
    assert counted(load(file)) == {
        "V1 revert, cache": 3,
        "V1 revert, no cache": 3,
        "V2 revert, cache": 3,
        "V3 command": 3,
        "bare image patch": 3,
        "V1 rollout-undo": 3,
    }
    summary = json.loads(file.with_name("old.jsonl.summary.json").read_text())
    assert summary["schema"] == "cdlab-bench-summary/1"
    assert summary["settings"]["substrate"] == "sim"
    assert (summary["settings"]["replicas"], summary["settings"]["microservices"]) == (2, 1)


def test_the_table_has_a_row_a_variant_and_says_what_it_is(bench: Bench, file: Path) -> None:
    """Asked again it runs nothing, and prints the same."""
    before = file.read_bytes()
    answer = bench("--quick", *SIM, "--out", file)
    assert (answer.code, file.read_bytes()) == (0, before)
    for words in ("V3 command", "bare image patch", "against V1 revert, cache", "Simulated"):
        assert words.lower() in answer.out.lower()


def test_json_is_the_summary_alone(bench: Bench, file: Path) -> None:
    """What is in the file beside the results."""
    printed = json.loads(bench("--quick", *SIM, "--out", file, "--json").out)
    assert printed == json.loads(file.with_name("old.jsonl.summary.json").read_text())


@pytest.mark.parametrize("more", [("--seed", "2"), ("--blocks", "4"), ("--full",)])
def test_a_file_of_another_benchmark_is_refused(
    bench: Bench, file: Path, more: tuple[str, ...]
) -> None:
    """With what differs and what to do, and nothing is run."""
    before = file.read_bytes()
    mode = () if "--full" in more else ("--quick",)
    answer = bench(*mode, *SIM, "--out", file, *more)
    assert (answer.code, file.read_bytes()) == (2, before)
    assert "another" in answer.err
    assert "--out" in answer.err


def test_a_benchmark_that_was_cut_off_is_gone_on_with(bench: Bench, file: Path) -> None:
    """In the middle of a line: that run is made again, and the rest with it."""
    text = file.read_bytes()
    file.write_bytes(text[: len(text) // 2])
    assert bench("--quick", *SIM, "--out", file).code == 0
    found = load(file)
    assert set(counted(found).values()) == {3}
    assert [each.what for each in found.remarks] == ["resumed", "ended"]


def test_a_comparison_fails_where_something_became_slower(
    bench: Bench, file: Path, tmp_path: Path
) -> None:
    """By its exit code, and by name; the same file twice, and a higher threshold, do not."""
    new = slowed(file, tmp_path / "new.jsonl", 1.5)
    assert bench("--compare", file, file).code == 0
    answer = bench("--compare", file, new)
    assert answer.code == 1
    assert "slower: V3 command" in answer.err
    assert bench("--compare", file, new, "--threshold", "1").code == 0
    assert bench("--compare", new, file).code == 0
    found = json.loads(bench("--compare", file, new, "--json").out)["changes"]
    assert [each["variant"] for each in found if each["is_slower"]] == ["V3 command"]


def test_another_machine_is_compared_only_if_that_is_meant(
    bench: Bench, file: Path, tmp_path: Path
) -> None:
    """It is refused with what differs; another schema is refused always."""
    new = slowed(file, tmp_path / "new.jsonl", 1.0, processor="another")
    answer = bench("--compare", file, new)
    assert answer.code == 2
    assert "processor" in answer.err
    assert bench("--compare", file, new, "--other-machine").code == 0
    new.write_text(new.read_text().replace("cdlab-bench/1", "cdlab-bench/9"))
    answer = bench("--compare", file, new, "--other-machine")
    assert answer.code == 2
    assert "cdlab-bench/9" in answer.err


def test_a_variant_against_itself_is_no_difference(bench: Bench, tmp_path: Path) -> None:
    """In the simulator the twins even take the same time."""
    answer = bench("--aa", "V3 command", *SIM, "--blocks", "10", "--out", tmp_path / "aa.jsonl")
    assert answer.code == 0
    assert "no difference; 1 of 1" in " ".join(answer.out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--quick", "--full"), "two plans"),
        (("--aa", "V9"), "no variant"),
        (("--out", "/no/such/folder/x.jsonl"), "does not exist"),
        (("--compare", "/no/such", "/no/such"), "cannot be read"),
        (("--blocks", "0"), "--blocks"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    """With exit code 2 and a word about it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worlds, "simulated", None)
    answer = bench(*SIM, *arguments)
    assert answer.code == 2
    assert words in answer.err
    assert answer.out == ""
    assert not list(tmp_path.iterdir())


def test_histories_are_kept_where_that_is_asked_for(bench: Bench, tmp_path: Path) -> None:
    """One of each run that counts, for `cdlab calibrate`, `cdlab validate` and `cdlab show`."""
    from cdlab.history import History

    folder = tmp_path / "kept"
    bench(*SIM, "--blocks", "1", "--out", tmp_path / "x.jsonl", "--histories", folder)
    assert len(list(folder.iterdir())) == 6
    kept = History.load(folder / "main-1-V3-command.jsonl")
    assert kept.settings["architecture"] == "v3"


@pytest.mark.parametrize(
    ("block", "seconds_left", "said"),
    [
        (0, None, "warm-up: V3 command"),
        (4, 150.0, "main, block 4: V3 command, about 2 min left"),
    ],
)
def test_the_display_names_the_run_and_the_time_left(
    block: int, seconds_left: float | None, said: str
) -> None:
    """Unknown before the first run; less where the stop rule ends it."""
    following = Planned("main", block, 1, "V3 command")
    assert told(Standing(0, 18, following, seconds_left)) == said


def test_ctrl_c_says_how_to_go_on(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured stays, and the same command measures the rest."""
    path, real, calls = tmp_path / "x.jsonl", worlds.simulated, []

    def simulated(scenario: Scenario) -> World:
        calls.append(scenario)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(scenario)

    monkeypatch.setattr(worlds, "simulated", simulated)
    answer = bench("--quick", *SIM, "--out", path)
    assert answer.code == 130
    assert f"{path}; the same command goes on" in answer.err
    assert len(load(path).counted) == 2
    assert bench("--quick", *SIM, "--out", path).code == 0
    assert set(counted(load(path)).values()) == {3}
