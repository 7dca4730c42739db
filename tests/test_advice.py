"""`cdlab advise`: every answer comes from runs, by one rule, with what would change it."""

from __future__ import annotations

import io
import json
import re
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdlab.advice.advice import advise, unmet_by_answer
from cdlab.advice.break_evens import build_break_even, rollback_break_evens
from cdlab.advice.needs import NEEDS
from cdlab.advice.options import OPTIONS, Played, play, rollback_seconds, simulated
from cdlab.advice.questions import QUESTIONS, assumed, team_text
from cdlab.advice.rule import best, choose
from cdlab.advice.team import EXAMPLE, LIMITS, Team, load_team, team_of
from cdlab.cli import main
from cdlab.errors import ScenarioError
from cdlab.measures import MEASURES
from cdlab.stories import STORIES

ROOT = Path(__file__).parent.parent
SMALL = Team(microservices=2, replicas=1)


@cache
def played() -> dict[str, Played]:
    """Every option of a small team, played once: label -> option."""
    return {each.option.label: each for each in play(SMALL, runs=1)}


def file(folder: Path, text: str) -> Path:
    """A team's file."""
    path = folder / "team.toml"
    path.write_text(text)
    return path


def test_the_example_is_a_team_that_says_everything(tmp_path: Path) -> None:
    """Nothing is assumed, and each of its values counts."""
    team, assumed = load_team(file(tmp_path, EXAMPLE))
    assert assumed == ()
    assert (team.microservices, team.needs) == (8, ("only-production",))
    assert {*LIMITS, "build_cache", "needs"} == {each.name for each in fields(Team)}


def test_what_a_file_does_not_say_is_assumed_and_named(tmp_path: Path) -> None:
    """A cached build takes a tenth of the build that the file names."""
    team, assumed = load_team(file(tmp_path, "build_minutes = 20\n"))
    assert team == Team(build_minutes=20.0, cached_build_minutes=2.0)
    assert "cached_build_minutes" in assumed
    assert "build_minutes" not in assumed


def test_all_mistakes_of_a_file_are_told_with_their_lines(tmp_path: Path) -> None:
    """Each with what would be right."""
    text = 'microservices = "many"\nbad_release_rate = 1.5\nneeds = ["recrd"]\npushes = 3\n'
    text += "build_cache = 1\nreplicas = 2.5\nenvironments = true\n"
    with pytest.raises(ScenarioError) as caught:
        load_team(file(tmp_path, text))
    found = dict(caught.value.mistakes)
    for line, word in (
        (1, "a whole number from 1 to 30"), (2, "from 0 to 1"), (3, '"record"'),
        (4, "pushes_a_day"), (5, "true or false"), (6, "whole"), (7, "whole"),
    ):  # fmt: skip
        assert word in found[line]


@pytest.mark.parametrize("text", ["nonsense", "microservices = nan\n", "pushes_a_day = inf\n"])
def test_a_file_that_is_no_team_is_refused(tmp_path: Path, text: str) -> None:
    """Also with numbers that are none."""
    with pytest.raises(ScenarioError):
        load_team(file(tmp_path, text))
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_team(tmp_path / "nothing.toml")


def test_needs_are_decided_by_measures_that_there_are() -> None:
    """Each by a story that there is, and each has its row on the page, in this order."""
    assert {need.measure for need in NEEDS.values()} <= set(MEASURES)
    assert {need.story for need in NEEDS.values()} <= set(STORIES)
    page = (ROOT / "docs/advise.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| `\w+` \|$", page, re.MULTILINE) == list(NEEDS)
    for each in fields(Team):
        assert f"`{each.name}`" in page


def test_an_auditors_controls_are_needs() -> None:
    """Each need is in the table of controls or named beside it, once, and the example is a team."""
    page = (ROOT / "docs/advise.md").read_text(encoding="utf-8")
    section = page.partition("## What an auditor would ask")[2].partition("\n## ")[0]
    before, table, example = section.strip().split("\n\n")
    controls = [each for row in table.splitlines() for each in re.findall("`([a-z-]+)`", row)]
    others = re.findall("`([a-z-]+)`", before)
    assert sorted([*controls, *others]) == sorted(NEEDS)
    told = team_of(example.split("`")[1], ROOT / "team.toml")
    assert set(told.team.needs) < set(controls)


def test_what_the_article_says_comes_out_of_the_runs() -> None:
    """Which needs each of its three variants meets, for a team with two environments."""

    def met(label: str) -> set[str]:
        return {name for name, (is_met, _) in played()[label].answers.items() if is_met}

    assert met("V2 revert") - met("V1 revert") == {"one-source"}
    assert met("V3 command") - met("V2 revert") == {
        "only-production", "without-ci", "ci-without-keys",
    }  # fmt: skip
    assert met("V2 revert") - met("V3 command") == {"repo-is-not-enough"}
    assert not played()["V1 redeploy"].answers["no-relapse"][0]
    assert not played()["V3 command"].answers["approval"][0]
    with_approval = play(replace(SMALL, needs=("approval",)), runs=1)[-1]
    assert with_approval.answers["approval"][0]


def test_longer_builds_make_only_rollbacks_that_build_longer() -> None:
    """The team's own number is what is simulated: ten minutes more of a build that is cached."""
    longer = replace(SMALL, cached_build_minutes=SMALL.cached_build_minutes * 10)
    for option in OPTIONS:
        before = played()[option.label].rollback_seconds
        after = rollback_seconds(longer, option, runs=1)
        assert before is not None
        assert after is not None
        is_built = option.variant.rollback == "revert"
        assert (after > before + 30) if is_built else (after == before)


def test_how_often_a_team_pushes_is_counted_and_not_played_again() -> None:
    """Twice the pushes are twice the minutes, of the same runs."""
    busy = replace(SMALL, pushes_a_day=20.0, needs=("record",))
    assert simulated(busy) == simulated(SMALL)
    for each in played().values():
        assert each.bad_minutes(busy) == pytest.approx(2 * each.bad_minutes(SMALL))
        assert each.waiting_minutes(busy) == pytest.approx(2 * each.waiting_minutes(SMALL))


NAMES = st.lists(st.sampled_from(list(NEEDS)), unique=True).map(tuple)
PUSHES = st.floats(0, 500)
WORTH = st.floats(0, 1000)


def position(each: Played) -> int:
    """How many boxes: of the architecture, whatever the variant."""
    return int(each.option.architecture[1:])


@given(needs=NAMES, pushes=PUSHES, worth=WORTH, more=WORTH)
def test_who_wants_fewer_boxes_is_never_told_to_run_more(
    needs: tuple[str, ...], pushes: float, worth: float, more: float
) -> None:
    """Whatever a team needs, a box that has to be worth more is not taken for less."""
    options = list(played().values())
    team = replace(SMALL, needs=needs, pushes_a_day=pushes, worth_minutes_a_month=worth)
    modest = replace(team, worth_minutes_a_month=worth + more)
    assert position(choose(options, modest).played) <= position(choose(options, team).played)


@given(needs=NAMES, pushes=PUSHES, worth=WORTH)
def test_no_architecture_that_meets_more_needs_is_passed_over(
    needs: tuple[str, ...], pushes: float, worth: float
) -> None:
    """And there is a reason for each step, taken or not."""
    team = replace(SMALL, needs=needs, pushes_a_day=pushes, worth_minutes_a_month=worth)
    options = list(played().values())
    choice = choose(options, team)
    assert len(choice.played.unmet(team)) == min(len(each.unmet(team)) for each in options)
    assert len(choice.reasons) == len(best(options, team)) - 1


def test_a_break_even_of_builds_is_where_the_box_is_worth_it() -> None:
    """A little above it is, a little below it is not; by the same runs."""
    team = replace(SMALL, pushes_a_day=20.0)
    found = re.search(r"from cached_build_minutes ([\d.]+) on", build_break_even(team, runs=1))
    assert found
    for factor, is_worth_it in ((0.9, False), (1.1, True)):
        other = replace(team, cached_build_minutes=float(found[1]) * factor)
        one, three = (rollback_seconds(other, each, runs=1) for each in (OPTIONS[0], OPTIONS[-1]))
        assert one is not None
        assert three is not None
        saved = team.rollbacks_a_month * (one - three) / 60
        assert (saved > team.worth_minutes_a_month) is is_worth_it
    never = build_break_even(replace(team, bad_release_rate=0.0), runs=1)
    assert "for no cached_build_minutes" in never


def test_a_break_even_of_rollbacks_is_where_time_alone_decides() -> None:
    """Just below it the article's V1 stays, just above it V3 is taken."""
    article = [each for each in played().values() if each.option.architecture != "v2"]
    article = [each for each in article if each.option.is_in_article]
    (told,) = rollback_break_evens(article, SMALL)
    found = re.search(r"from ([\d.e+]+) rollbacks", told)
    assert found
    for factor, architecture in ((0.98, "V1"), (1.02, "V3")):
        pushes = float(found[1]) * factor / (30 * SMALL.bad_release_rate)
        team = replace(SMALL, pushes_a_day=pushes)
        assert choose(article, team).architecture == architecture


@pytest.mark.slow
def test_an_answer_says_what_would_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """One input at a time: each number of the team, its cache, each need; and some change it."""
    monkeypatch.setattr("cdlab.advice.advice.play", lambda team, **_: tuple(played().values()))
    found = advise(SMALL, runs=1)
    assert {each.what for each in found.changes} == {*LIMITS, "build_cache", *NEEDS}
    others = {each.what: each.label for each in found.changes if each.is_other}
    assert others["without-ci"] == "V3 command"
    assert "without-ci" in unmet_by_answer(found)
    assert found.of_article.played.option.is_in_article


def test_questions_make_the_file_of_a_team() -> None:
    """Each is asked until it is understood; what is not known is left out, and so assumed."""
    answers = {
        "microservices": ["many", "0", "8"],
        "build_minutes": ["6.5"],
        "build_cache": ["maybe", "no"],
        "needs": ["without-cj", "without-ci, record"],
    }
    said: list[str] = []
    left = {QUESTIONS[name]: list(given) for name, given in answers.items()}

    def answer(question: str, assumed: str) -> str:
        assert assumed
        return left[question].pop(0) if left.get(question) else ""

    told = team_of(team_text(answer, said.append), Path("answers"))
    assert told.team == Team(
        microservices=8,
        build_minutes=6.5,
        cached_build_minutes=0.65,
        build_cache=False,
        needs=("without-ci", "record"),
    )
    assert set(told.assumed) == {each.name for each in fields(Team)} - set(answers)
    mistakes = [each.partition(" is ")[0] for each in said if not each.startswith("needs: ")]
    assert mistakes == ["microservices", "microservices", "build_cache", "needs"]
    assert not any(left.values())


def test_every_field_is_asked_for_and_assumed_as_the_team_assumes_it() -> None:
    """A new field without a question would never be asked for."""
    assert list(QUESTIONS) == [each.name for each in fields(Team)]
    given = {QUESTIONS[name]: assumed(name) for name in QUESTIONS if name[:6] != "cached"}
    text = team_text(lambda question, _: given.get(question, ""), lambda line: None)
    assert team_of(text, Path("answers")).team == Team()


def test_answers_are_kept_in_a_new_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of somebody's is not written over."""
    monkeypatch.setattr("cdlab.advice.advice.play", lambda team, **_: tuple(played().values()))
    monkeypatch.setattr("cdlab.cli.output.processors", lambda: 1)
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n" + "\n" * (len(QUESTIONS) - 1)))
    path = tmp_path / "team.toml"
    for code in (0, 2):
        with pytest.raises(SystemExit) as caught:
            main.main(["advise", "--ask", str(path), "--runs", "1", "--json"])
        assert caught.value.code == code
        assert path.read_text() == "microservices = 2\n"
    out, err = capsys.readouterr()
    assert json.loads(out)["answer"]
    assert "is there already" in err


def test_the_command_answers_people_and_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a file it prints an example; a bad one is told with exit code 2."""
    monkeypatch.setattr("cdlab.advice.advice.play", lambda team, **_: tuple(played().values()))
    monkeypatch.setattr("cdlab.cli.output.processors", lambda: 1)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.main(["advise", *arguments])
        return int(caught.value.code or 0), *capsys.readouterr()

    assert call()[:2] == (0, EXAMPLE)
    path = file(tmp_path, 'microservices = 2\nreplicas = 1\nneeds = ["without-ci"]\n')
    code, out, _ = call(str(path), "--runs", "1")
    assert (code, out.splitlines()[0]) == (0, "V3 command")
    assert "without-ci (outage_matrix: rollback without ci no in" in out
    code, out, _ = call(str(path), "--runs", "1", "--json")
    told = json.loads(out)
    assert (code, told["answer"], len(told["options"])) == (0, "V3 command", len(OPTIONS))
    assert "pushes_a_day" in told["assumed"]
    code, out, err = call(str(file(tmp_path, "microservices = 0\n")))
    assert (code, out) == (2, "")
    assert f"{tmp_path / 'team.toml'}:1: microservices is 0" in err
