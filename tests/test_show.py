"""`cdlab show` and the outputs of `cdlab run`: the same of a run and of its history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cdlab.cli import main

ROOT = Path(__file__).parent.parent
V3 = ROOT / "scenarios" / "v3" / "rollback.yaml"
V1 = ROOT / "scenarios" / "v1" / "rollback.yaml"
OPTIONS = ("markdown", "svg", "trace", "mermaid")


class Cdlab:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object) -> tuple[Any, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.main([str(each) for each in arguments])
        return caught.value.code, *self.capsys.readouterr()


@pytest.fixture
def cdlab(capsys: pytest.CaptureFixture[str]) -> Cdlab:
    return Cdlab(capsys)


@pytest.fixture
def history(cdlab: Cdlab, tmp_path: Path) -> Path:
    path = tmp_path / "history.jsonl"
    assert cdlab("run", V3, "--history", path)[0] == 0
    return path


def with_third(text: str, **fields: Any) -> str:
    """The history with other fields in its third line."""
    lines = text.splitlines(keepends=True)
    lines[2] = json.dumps({**json.loads(lines[2]), **fields}) + "\n"
    return "".join(lines)


def test_a_history_gives_the_same_files_as_its_run(
    cdlab: Cdlab, history: Path, tmp_path: Path
) -> None:
    """Byte for byte: every output is a function of the history."""
    asked = [each for o in OPTIONS for each in (f"--{o}", tmp_path / f"run.{o}")]
    again = [each for o in OPTIONS for each in (f"--{o}", tmp_path / f"show.{o}")]
    assert cdlab("run", V3, *asked)[0] == 0
    assert cdlab("show", history, *again)[0] == 0
    for option in OPTIONS:
        text = (tmp_path / f"run.{option}").read_bytes()
        assert text
        assert text == (tmp_path / f"show.{option}").read_bytes()


@pytest.mark.parametrize("option", [(), ("--explain",)])
def test_a_history_is_told_as_its_run_was(
    cdlab: Cdlab, history: Path, option: Sequence[str]
) -> None:
    """The same report or story; what a file expects and its name are not in the history."""
    _, ran, _ = cdlab("run", V3, *option)
    code, shown, _ = cdlab("show", history, *option)
    assert code == 0
    start, end = (" people ", "Expectations")
    expected = ran.partition(start)[2].partition(end)[0].rstrip()
    assert expected
    assert shown.partition(start)[2].startswith(expected)
    assert f"cdlab show {history}" in shown


def test_the_story_goes_with_the_verdicts_and_the_replay(cdlab: Cdlab) -> None:
    """What is told does not hide whether it was as expected."""
    code, out, _ = cdlab("run", V3, "--explain")
    assert code == 0
    assert "At 952.3 s people ask for a rollback of front-end in production." in out
    assert "divergence_after_rollback" in out
    assert out.rstrip().endswith(f"cdlab run {V3} --substrate sim --seed 1")


def test_several_scenarios_have_a_file_each(cdlab: Cdlab, tmp_path: Path) -> None:
    """Named like their histories."""
    assert cdlab("run", V1, V3, "--svg", tmp_path / "out.svg")[0] == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "out-v1-rollback.svg",
        "out-v3-rollback.svg",
    ]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[: text.index('{"seq":3,') + 99], "4: the line is cut off"),
        (lambda text: text.replace('{"seq":7,', '{"seq":8,'), "8: event 8 stands where 7"),
        (lambda text: "hello\n", "1: not JSON"),
        (lambda text: "".join(text.splitlines(keepends=True)[:20]), "20: the run goes on after"),
        (lambda text: text[: text.rindex('{"seq"')], " the run goes on after this"),
        (lambda text: with_third(text, t_us="abc"), "3: not an event of a history: t_us is"),
        (lambda text: with_third(text, t_us=-9), "3: it began at 0 µs and was over at -9 µs"),
        (lambda text: with_third(text, causes=[99999]), "3: 99999 in its causes is no earlier"),
        (lambda text: with_third(text, kind="Bogus"), '3: "Bogus" is no kind of event'),
        (lambda text: with_third(text, detail={}), "3: the detail of RepositoryCloned lacks"),
        (lambda text: "", "1: not a history"),
        (lambda text: text.replace("cdlab-history/1", "cdlab-history/9"), "1: not a history"),
    ],
)
def test_a_spoilt_history_is_refused_with_its_line(
    cdlab: Cdlab, history: Path, tmp_path: Path, spoil: Any, said: str
) -> None:
    """Truncated or foreign: exit code 2, nothing printed and nothing written."""
    history.write_text(spoil(history.read_text()))
    code, out, err = cdlab("show", history, "--svg", tmp_path / "x.svg")
    assert (code, out) == (2, "")
    assert err.startswith(f"{history}:")
    assert f":{said}" in err
    assert not (tmp_path / "x.svg").exists()


def test_a_history_whose_events_lack_something_is_refused(cdlab: Cdlab, history: Path) -> None:
    """It has the form of one, and nothing can be told of it: at its line, and nothing is said."""
    text = history.read_text().replace('"detail":{"intent":"rollback",', '"detail":{')
    history.write_text(text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if '"intent":"rollback-1"' in each)
    code, out, err = cdlab("show", history)
    assert (code, out) == (2, "")
    assert err == f'{history}:{line}: the detail of IntentDeclared lacks "intent"\n'


def test_what_only_the_report_finds_out_is_refused_before_it_says_anything(
    cdlab: Cdlab, history: Path, tmp_path: Path
) -> None:
    """A manifest that is none, at its line; an architecture that nobody has, without one."""
    text = history.read_text()
    number = max(n for n, line in enumerate(text.splitlines(), 1) if "ManifestsApplied" in line)
    lines = text.splitlines(keepends=True)
    event = json.loads(lines[number - 1])
    event["detail"] = {"changed": True, "manifest": "{"}
    lines[number - 1] = json.dumps(event) + "\n"
    places = {
        f":{number}": "".join(lines),
        "": text.replace('"architecture":"v3"', '"architecture":"v9"'),
    }
    for place, spoilt in places.items():
        history.write_text(spoilt)
        code, out, err = cdlab("show", history, "--svg", tmp_path / "x.svg")
        assert (code, out) == (2, "")
        assert err.startswith(f"{history}{place}: nothing can be told of this run: ")
        assert not (tmp_path / "x.svg").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "HISTORY", "--svg", "HISTORY"),
        ("show", "HISTORY", "--svg", "x", "--trace", "x"),
        ("run", V3, "--svg", "x", "--trace", "x"),
        ("show", "HISTORY", "--svg", "/no/such/folder/x.svg"),
        ("run", V3, "--svg", "/no/such/folder/x.svg"),
        ("run", V3, "--explain", "--json"),
        ("run", V3, "--explain", "--commands"),
        ("run", V3, "--shuffle-ties", "0"),
        ("run", V3, "--shuffle-ties", "2", "--explain"),
        ("run", V3, "--shuffle-ties", "2", "--svg", "x"),
    ],
)
def test_what_contradicts_itself_is_refused(
    cdlab: Cdlab, history: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[object]
) -> None:
    """Before anything runs, and nothing is written."""
    monkeypatch.chdir(history.parent)
    before = history.read_text()
    code, out, _ = cdlab(*(history if each == "HISTORY" else each for each in arguments))
    assert (code, out) == (2, "")
    assert [each.name for each in history.parent.iterdir()] == ["history.jsonl"]
    assert history.read_text() == before


@pytest.mark.parametrize("option", [("--shuffle-ties", "2"), ("--tie-seed", "2")])
def test_on_kind_ties_cannot_be_shuffled(cdlab: Cdlab, option: Sequence[str]) -> None:
    """Refused with the reason, without a look for a lab."""
    code, _, err = cdlab("run", V3, "--substrate", "kind", *option)
    assert code == 2
    assert "nobody chooses the order" in " ".join(err.replace("│", " ").split())


def test_shuffled_ties_are_reported(cdlab: Cdlab) -> None:
    """In a sentence, or as JSON with the seeds."""
    code, out, _ = cdlab("run", V3, "--shuffle-ties", "3")
    assert code == 0
    assert "3 orders" in out
    assert "the same in all" in out
    code, out, _ = cdlab("run", V3, "--shuffle-ties", "3", "--json")
    (found,) = json.loads(out)["runs"]
    assert (found["orders"], found["differences"], found["broken"]) == (3, [], [])


def test_an_order_that_breaks_an_expectation_is_an_exit_code(cdlab: Cdlab, tmp_path: Path) -> None:
    """1, as when it breaks without shuffling."""
    path = tmp_path / "broken.yaml"
    path.write_text("architecture: v1\nexpect:\n  rebuilds: 0\n")
    assert cdlab("run", path, "--shuffle-ties", "2")[0] == 1


def test_the_replay_of_a_shuffled_run_has_its_order(cdlab: Cdlab) -> None:
    """The command that plays it once more plays the same order."""
    _, out, _ = cdlab("run", V3, "--tie-seed", "7")
    assert out.rstrip().endswith("--seed 1 --tie-seed 7")
