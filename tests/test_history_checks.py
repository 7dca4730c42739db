"""What a line of a history file has to be, and the table of what each kind of event has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from cdlab import errors, worlds
from cdlab.cli.outputs import text_of
from cdlab.errors import BuildFailed, HistoryError, PortError
from cdlab.event_kinds import INTENTS, KINDS, LAST, failures
from cdlab.history import Event, History, Operation
from cdlab.history_checks import FIELDS, NEEDED, OPERATIONS, problem_of
from cdlab.measures import measure
from cdlab.report.explanation import explanation
from cdlab.report.narration import SENTENCES
from cdlab.runner import run_in
from cdlab.scenario import load, parse
from cdlab.stories import Lab

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "scenarios").rglob("*.yaml"))
TEXTS = ("markdown", "svg", "trace", "mermaid")


@cache
def lines_of(path: Path) -> tuple[str, ...]:
    """The history of a scenario file, a line an event."""
    return tuple(worlds.run(load(path)).history.to_jsonl().splitlines())


@cache
def examples() -> dict[str, tuple[int, str]]:
    """Kind of event, and of intent, -> its number and the first line that is one."""
    found: dict[str, tuple[int, str]] = {}
    for path in FILES:
        for seq, line in enumerate(lines_of(path)):
            event = json.loads(line)
            found.setdefault(event["kind"], (seq, line))
            if event["kind"] == "IntentDeclared":
                found.setdefault(event["detail"]["intent"], (seq, line))
    return found


def of_every_kind() -> Iterator[Path]:
    """As few scenarios as have an event of every kind that there is in any."""
    seen: set[str] = set()
    for path in FILES:
        kinds = {json.loads(line)["kind"] for line in lines_of(path)}
        if not kinds <= seen:
            seen |= kinds
            yield path


def written(tmp_path: Path, events: list[dict[str, Any]]) -> Path:
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in events), encoding="utf-8")
    return path


def test_the_tables_are_those_of_an_event() -> None:
    """A field or an operation that is added is added to what may be in a file."""
    assert tuple(FIELDS) == Event._fields
    assert set(Event._fields) - set(Event._field_defaults) == NEEDED
    assert set(get_args(Operation)) == OPERATIONS
    named = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, PortError)
    }
    assert failures() == named
    assert set(SENTENCES) <= set(KINDS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_event_of_every_scenario_is_one(path: Path) -> None:
    """The lists of kinds, and of what their details have, are complete."""
    problems = [problem_of(json.loads(line), seq) for seq, line in enumerate(lines_of(path))]
    assert [each for each in problems if each] == []
    assert json.loads(lines_of(path)[-1])["kind"] in LAST


def test_every_detail_that_a_kind_needs_is_missed() -> None:
    """Without it, or with another type in its place, the event is refused, and says what."""
    for kind, (seq, line) in examples().items():
        for key in {**KINDS.get(kind, {}), **INTENTS.get(kind, {})}:
            event = json.loads(line)
            event["detail"][key] = 1.5
            assert f'"{key}" in the detail of' in problem_of(event, seq)
            del event["detail"][key]
            assert f'lacks "{key}"' in problem_of(event, seq)


def test_nothing_but_what_is_needed_is_read() -> None:
    """With no other detail every measure, report and picture is made all the same."""
    paths = list(of_every_kind())
    assert len(paths) > 5
    for path in paths:
        events = []
        for seq, line in enumerate(lines_of(path)):
            event = json.loads(line)
            detail = event.pop("detail", {})
            needs = {**KINDS.get(event["kind"], {}), **INTENTS.get(detail.get("intent"), {})}
            event["detail"] = {key: detail[key] for key in detail if key in needs}
            assert problem_of(event, seq) == ""
            events.append(Event(**{**event, "causes": tuple(event.get("causes", ()))}))
        history = History(events)
        assert measure(history)
        assert explanation(history)
        assert all(text_of(history, option) for option in TEXTS)


WRONG = {
    "a time that is a word": ({"t_us": "abc"}, "t_us is 'abc' and not a whole number"),
    "a time that is true": ({"t_us": True}, "t_us is True and not a whole number"),
    "half a microsecond": ({"t_us": 1.5}, "t_us is 1.5 and not a whole number"),
    "a time before the run": ({"t_us": -9, "began_us": -9}, "it began at -9 µs"),
    "an end before its beginning": ({"t_us": 4, "began_us": 5}, "it began at 5 µs and was over"),
    "a cause that does not exist": ({"causes": [99999]}, "99999 in its causes is no earlier event"),
    "itself as its cause": ({"causes": [2]}, "2 in its causes is no earlier event"),
    "a cause before the first": ({"causes": [-1]}, "-1 in its causes is no earlier event"),
    "a word as a cause": ({"causes": ["a"]}, "'a' in its causes is no earlier event"),
    "one cause": ({"causes": 1}, "causes is 1 and not a list"),
    "a kind that nobody knows": ({"kind": "Bogus"}, '"Bogus" is no kind of event'),
    "a kind that is a number": ({"kind": 3}, "kind is 3 and not a text"),
    "an op that nobody knows": ({"op": "think"}, '"think" is no op; there are apply, decide'),
    "bytes that are a word": ({"bytes": "many"}, "bytes is 'many' and not a whole number"),
    "a field of another program": ({"colour": "red"}, '"colour" is no field of one'),
    "no detail": ({"detail": {}}, 'the detail of RepositoryCloned lacks "revision"'),
    "a beginning in the middle": ({"kind": "RunStarted"}, "RunStarted"),
    "an end in the middle": ({"kind": "RunFinished"}, "an event after the end of the run"),
}


@pytest.mark.parametrize(("fields", "what"), WRONG.values(), ids=WRONG)
def test_what_no_run_can_have_written_is_refused_at_its_line(
    tmp_path: Path, fields: dict[str, Any], what: str
) -> None:
    """Types, times, causes, kinds and details, in the third line of a history."""
    events = [json.loads(line) for line in lines_of(ROOT / "scenarios/v3/rollback.yaml")]
    events[2] |= fields
    path = written(tmp_path, events)
    with pytest.raises(HistoryError) as refused:
        History.load(path)
    assert what in refused.value.message
    assert refused.value.line == (4 if what.startswith("an event after") else 3)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"microservices": []}, "microservices of the run are not one name or more"),
        ({"microservices": [1]}, "microservices of the run are not one name or more"),
        ({"environments": {}}, "environments of the run are not one name or more"),
        ({"environments": {"a": ["manual"]}}, "neither automated nor manual"),
        ({"seed": "one"}, "\"seed\" in the detail of RunStarted is 'one' and not a whole number"),
    ],
)
def test_settings_that_no_run_has_are_refused(
    tmp_path: Path, settings: dict[str, Any], what: str
) -> None:
    """They are in the first line, and everything else is about them."""
    events = [json.loads(line) for line in lines_of(ROOT / "scenarios/v1/rollback.yaml")]
    events[0]["detail"] |= settings
    with pytest.raises(HistoryError, match=what) as refused:
        History.load(written(tmp_path, events))
    assert refused.value.line == 1


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_history_that_lost_its_end_is_refused(tmp_path: Path, kept: int) -> None:
    """All of its lines are whole, and the last of them is no end of a run."""
    events = [json.loads(line) for line in lines_of(ROOT / "scenarios/v1/rollback.yaml")][:kept]
    with pytest.raises(HistoryError, match="it lacks RunFinished") as refused:
        History.load(written(tmp_path, events))
    assert refused.value.line == len(events)


def test_a_run_that_broke_off_says_so_and_is_loaded(tmp_path: Path) -> None:
    """Its history is kept to find out why, and is not mistaken for one that was cut."""

    async def fails(lab: Lab) -> None:
        raise BuildFailed("out of memory")

    scenario = parse("architecture: v1")
    with pytest.raises(BuildFailed) as failure:
        run_in(worlds.simulated(scenario), scenario, fails)
    path = tmp_path / "history.jsonl"
    failure.value.history.save(path)  # type: ignore[attr-defined]
    last = History.load(path)[-1]
    assert (last.kind, last.outcome) == ("RunBrokeOff", "failed")
    assert last.because == "BuildFailed: out of memory"
