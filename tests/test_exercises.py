"""The exercises: not solved is red, solved is green, and each mistake has words of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdlab import expectations
from cdlab.errors import NotFound, ScenarioError
from cdlab.event_kinds import KINDS
from cdlab.learning.checking import check
from cdlab.learning.exercises import Exercise, exercise, exercises
from cdlab.measures import MEASURES

ALL = list(exercises().values())
ATTEMPTS = [(each, path.stem) for each in ALL for path in sorted(each.folder.glob("wrong-*"))]


def name_of(value: object) -> str:
    """The name of a test's case."""
    return value.name if isinstance(value, Exercise) else str(value)


def test_there_are_about_a_dozen_from_v1_to_a_v4() -> None:
    """Each with a task, hints that lead up to a solution, and two wrong solutions or more."""
    assert len(ALL) >= 12
    for each in ALL:
        assert each.title
        assert each.task
        assert len(each.hints) >= 2
        assert len(list(each.folder.glob("wrong-*"))) >= 2
        assert len({mistake.says for mistake in each.mistakes}) == len(each.mistakes)


@pytest.mark.parametrize("each", ALL, ids=name_of)
def test_the_file_to_begin_with_is_not_solved(each: Exercise, tmp_path: Path) -> None:
    """And it can be run as it is written for the participant."""
    file = tmp_path / f"{each.name}{each.suffix}"
    file.write_text(each.beginning, encoding="utf-8")
    answer = check(each, file)
    assert not answer.is_solved
    assert [verdict for verdict in answer.verdicts if not verdict.holds]


@pytest.mark.parametrize("each", ALL, ids=name_of)
def test_the_solution_is_solved_and_explained(each: Exercise) -> None:
    """With the explanation that is shown only then."""
    answer = check(each, each.path_of("solution"))
    assert answer.is_solved, answer.verdicts
    assert answer.explanation == each.explanation


@pytest.mark.parametrize(("each", "wrong"), ATTEMPTS, ids=name_of)
def test_a_wrong_solution_is_told_what_is_wrong_with_it(each: Exercise, wrong: str) -> None:
    """In words that no other wrong solution of the exercise gets, nor the start."""
    answer = check(each, each.path_of(wrong))
    assert not answer.is_solved
    assert answer.explanation
    others = [path.stem for path in each.folder.glob("wrong-*") if path.stem != wrong]
    for other in [*others, "start"]:
        assert check(each, each.path_of(other)).explanation != answer.explanation


@pytest.mark.parametrize("each", ALL, ids=name_of)
def test_every_mistake_that_is_foreseen_is_made_by_a_wrong_solution(each: Exercise) -> None:
    """Words that nobody ever reads would rot."""
    wrong = [path.stem for path in each.folder.glob("wrong-*")]
    made = {check(each, each.path_of(stem)).explanation for stem in wrong}
    assert {mistake.says for mistake in each.mistakes} == made


@pytest.mark.parametrize("each", ALL, ids=name_of)
def test_an_exercise_looks_at_figures_that_there_are(each: Exercise) -> None:
    """A typing error in a goal would never come true, one in a mistake never be told."""
    for wanted in (each.goal, *(mistake.found for mistake in each.mistakes)):
        assert set(wanted) <= {*MEASURES, "settings", "events"}
        assert set(wanted.get("events", {})) <= set(KINDS)
        measured = {name: value for name, value in wanted.items() if name in MEASURES}
        assert expectations.mistakes(measured) == []


def test_the_text_of_a_file_is_not_looked_at(tmp_path: Path) -> None:
    """The same run by other words, in another order and with more of it, is as right."""
    file = tmp_path / "mine.yaml"
    file.write_text(
        "# mine\nseed: 7\nbatch: 4\nrollback: force-push\nstory: rollback\narchitecture: v1\n"
    )
    assert check(exercise("lose-a-good-commit"), file).is_solved


def test_an_unknown_exercise_is_named_with_the_one_that_was_meant() -> None:
    """And the command that lists them."""
    with pytest.raises(NotFound, match='did you mean "another-image"') as caught:
        exercise("another-imge")
    assert caught.value.help == "cdlab learn list"


V4 = (
    "from cdlab.architectures.v2 import V2\n\nclass V4(V2):\n"
    "    async def rollback(self, request):\n        "
)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("class V4(:\n", 1, "SyntaxError"),
        ("import nothing_of_that_name\n", 1, "ModuleNotFoundError"),
        ("x = 1\n", 0, "no class V4"),
        ("class V4:\n    def on_push(self): ...\n", 0, "rollback"),
        (f"{V4}return request.nothing\n", 5, "nothing"),
        (f"{V4}raise SystemExit(0)\n", 5, "SystemExit"),
        ("import sys\nsys.exit(0)\n", 2, "SystemExit"),
        (f"{V4}await self.developer.cluster.running('production', 'users')\n", 5, "Forbidden"),
    ],
)
def test_what_is_wrong_with_a_page_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, word: str
) -> None:
    """A mistake of Python's, a method that lacks, a right that V2 does not give."""
    file = tmp_path / "v4.py"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=word) as caught:
        check(exercise("write-your-own-v4"), file)
    assert caught.value.mistakes[0][0] == line
    assert list(tmp_path.iterdir()) == [file], "nothing is left beside it"


def test_what_a_page_prints_is_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is for the answer, which programs read; a dataclass may be in the file."""
    file = tmp_path / "v4.py"
    solution = exercise("write-your-own-v4").text_of("solution")
    more = "\nfrom dataclasses import dataclass\n\n\n@dataclass\nclass Note:\n    text: str\n"
    file.write_text(f"{solution}{more}\nprint(Note('hello'))\n")
    assert check(exercise("write-your-own-v4"), file).is_solved
    said = capsys.readouterr()
    assert said.out == ""
    assert "Note(text='hello')" in said.err
