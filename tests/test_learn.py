"""`cdlab learn`: nothing of a participant's is lost, and progress survives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cdlab.cli import main
from cdlab.learning.exercises import exercise, exercises

FIRST, SECOND, *_ = exercises()
WORKSHOP = Path(__file__).parents[1] / "docs/workshop.md"


class Answer(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


Learn = Callable[..., Answer]


@pytest.fixture
def learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Learn:
    """Call `cdlab learn` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as caught:
            main.main(["learn", *arguments])
        said = capsys.readouterr()
        return Answer(int(caught.value.code or 0), said.out, said.err)

    return call


def file(name: str = FIRST) -> Path:
    """The participant's file of an exercise, in the folder where nobody names another one."""
    return Path("cdlab-exercises") / f"{name}.yaml"


def solve(name: str) -> None:
    """Do what somebody does who knows the solution."""
    file(name).write_text(exercise(name).text_of("solution"))


def test_an_exercise_from_its_start_to_its_explanation(learn: Learn) -> None:
    """Start, check, hint, solve, check: the explanation comes after success, and the next name."""
    explanation = exercise(FIRST).explanation.splitlines()[0]
    started = learn("start")
    assert exercise(FIRST).task in started.out
    red = learn("check")
    assert (red.code, explanation in red.out) == (1, False)
    assert "good_commits_lost is 0, and has to be >= 1" in red.out
    assert learn("hint").out == f"1. {exercise(FIRST).hints[0]}\n"
    solve(FIRST)
    green = learn("check", FIRST)
    assert (green.code, explanation in green.out) == (0, True)
    assert f"cdlab learn start {SECOND}" in green.out
    assert exercise(SECOND).task in learn("start").out


def test_an_exercise_goes_by_its_number_too(learn: Learn) -> None:
    """The list has both; a number that there is not is told like a name."""
    rows = json.loads(learn("list", "--json").out)["exercises"]
    assert [(row["number"], row["exercise"]) for row in rows] == list(enumerate(exercises(), 1))
    assert re.search(rf"^ +2 +{SECOND} ", learn("list").out, re.MULTILINE)
    assert exercise(SECOND).task in learn("start", "2").out
    assert learn("check", "2").code == 1
    assert 'no exercise "14"' in learn("start", "14").err


def test_the_numbers_of_the_workshop_are_those_of_the_list() -> None:
    """Whoever leads one says a number, and the room looks for it."""
    text = WORKSHOP.read_text(encoding="utf-8")
    rows = re.findall(r"Exercises (\d+)[^|]*\| `cdlab learn start(?: ([a-z0-9-]+))?`", text)
    assert len(rows) == text.count("| Exercises ") >= 3
    for number, name in rows:
        assert exercise(number).name == (name or FIRST)


def test_progress_survives_a_wrong_answer_that_comes_later(learn: Learn) -> None:
    """Solved is solved; checks, hints and a look at the solution are counted."""
    learn("start", FIRST)
    learn("hint", FIRST)
    solve(FIRST)
    learn("check", FIRST)
    learn("reset", FIRST)
    assert learn("check", FIRST).code == 1
    learn("solution", FIRST)
    found = json.loads(learn("progress", "--json").out)
    assert found["solved"] == [FIRST]
    assert found["exercises"][FIRST] == {
        "checks": 2, "hints": 1, "is_solved": True, "saw_solution": True,
    }  # fmt: skip
    assert found["next"] == SECOND
    assert f"1 of {len(exercises())} are solved" in learn("progress").out
    rows = json.loads(learn("list", "--json").out)["exercises"]
    assert [row["state"] for row in rows] == ["solved", *[""] * (len(exercises()) - 1)]


def test_hints_come_one_by_one_and_end(learn: Learn) -> None:
    """The last one stays the last."""
    learn("start", FIRST)
    left = [json.loads(learn("hint", "--json").out)["left"] for _ in range(4)]
    assert left == [2, 1, 0, 0]
    assert f"cdlab learn solution {FIRST}" in learn("hint").err


def test_the_last_exercise_says_that_it_is_the_last(learn: Learn) -> None:
    """Whoever has solved them all is told so, and `start` has nothing left."""
    for each in exercises().values():
        learn("start", each.name)
        mine = Path("cdlab-exercises", f"{each.name}{each.suffix}")
        mine.write_text(each.text_of("solution"))
        answer = learn("check")
        assert answer.code == 0
    assert "all exercises are solved" in answer.out
    assert "all exercises are solved" in learn("start").out


def test_start_overwrites_nothing_and_reset_keeps_what_was_there(learn: Learn) -> None:
    """Each copy has a name of its own, and the file is as at the beginning."""
    learn("start", FIRST)
    file().write_text("# my first thoughts\n")
    refused = learn("start", FIRST)
    assert (refused.code, file().read_text()) == (2, "# my first thoughts\n")
    assert f"cdlab learn reset {FIRST}" in refused.err
    assert learn("reset", FIRST).code == 0
    assert file().read_text() == exercise(FIRST).beginning
    file().write_text("# my second thoughts\n")
    assert learn("start", FIRST, "--force").code == 0
    kept = sorted(each.read_text() for each in file().parent.glob("*-kept-*"))
    assert kept == ["# my first thoughts\n", "# my second thoughts\n"]


def test_a_solution_is_shown_and_not_written(learn: Learn) -> None:
    """Also where nothing has begun; then there is nowhere to note it."""
    assert learn("solution", FIRST).out == exercise(FIRST).text_of("solution")
    assert not file().parent.exists()
    learn("start", FIRST)
    learn("solution", FIRST)
    assert file().read_text() == exercise(FIRST).beginning


@pytest.mark.parametrize("arguments", [("check",), ("hint",), ("check", FIRST), ("reset", FIRST)])
def test_what_has_not_begun_is_told_with_the_command_that_begins_it(
    learn: Learn, arguments: tuple[str, ...]
) -> None:
    """A missing folder or file is no traceback, and leaves no folder behind."""
    answer = learn(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert "cdlab learn start" in answer.err
    assert not file().parent.exists()


def test_the_folder_that_was_named_is_in_what_to_type_next(learn: Learn) -> None:
    """Else the next command would look elsewhere."""
    started = learn("start", FIRST, "--folder", "my work")
    assert f"cdlab learn check {FIRST} --folder 'my work'" in started.out
    assert Path("my work", f"{FIRST}.yaml").is_file()


def test_a_file_that_is_no_scenario_is_told_with_its_lines_and_counts_as_no_check(
    learn: Learn,
) -> None:
    """As `cdlab run` does, with nothing on standard output."""
    learn("start", FIRST)
    file().write_text("architecture: v1\nrollback: magic\n")
    answer = learn("check", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert f"{file()}:2: rollback" in answer.err
    assert json.loads(learn("progress", "--json").out)["exercises"][FIRST]["checks"] == 0


def test_check_answers_programs_too(learn: Learn) -> None:
    """Each figure of the goal with what it is, and whether that is all."""
    learn("start", FIRST)
    answer = learn("check", "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["is_solved"], found["exercise"]) == (1, False, FIRST)
    assert {
        "measure": "good_commits_lost", "expected": ">= 1", "found": "0", "holds": False,
    } in found["verdicts"]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"schema": "cdlab-progress/9", "current": "", "exercises": {}}',
        '{"schema": "cdlab-progress/1", "current": "", "exercises": {"x": {"checks": "many"}}}',
        '{"schema": "cdlab-progress/1", "current": "", "exercises": {"x": {"cheques": 1}}}',
    ],
)
def test_progress_that_cannot_be_read_is_left_as_it_is(learn: Learn, text: str) -> None:
    """It is somebody's; they are told where it is and what they can do."""
    learn("start", FIRST)
    progress = file().parent / "progress.json"
    progress.write_text(text)
    for command in ("progress", "check", "list", "hint", "start"):
        answer = learn(command)
        assert (answer.code, answer.out) == (2, "")
        assert str(progress) in answer.err
        assert "Traceback" not in answer.err
    assert progress.read_text() == text


def test_a_folder_that_cannot_be_made_is_told(learn: Learn) -> None:
    """Here there is a file of its name."""
    file().parent.write_text("mine")
    answer = learn("start", FIRST)
    assert answer.code == 2
    assert "cannot be written" in answer.err
    assert file().parent.read_text() == "mine"
