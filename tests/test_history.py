"""The history: one JSON line an event, the same bytes again, and nothing foreign read as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cdlab.errors import HistoryError
from cdlab.history import SCHEMA, Event, History

SETTINGS: dict[str, Any] = {
    "schema": SCHEMA,
    "version": "0",
    "substrate": "sim",
    "pace": {},
    "architecture": "v1",
    "story": "rollback",
    "microservices": ["users"],
    "environments": {"staging": "automated"},
    "profile": None,
    "seed": 1,
    "replicas": 2,
    "variant": {},
}
FIRST = Event(0, 0, 0, "RunStarted", "people", "notify", detail=SETTINGS)
IMAGE = {"ref": "users:1", "content": "c"}


def event(seq: int, kind: str = "ImagePushed", **fields: Any) -> Event:
    if kind == "ImagePushed":
        fields = {"detail": IMAGE, **fields}
    return Event(seq, 5 * seq, 3 * seq, kind, "registry", "write", "users", **fields)


def end(seq: int, kind: str = "RunFinished") -> Event:
    return Event(seq, 5 * seq, 5 * seq, kind, "people", "notify")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "history.jsonl"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_a_line_leaves_out_what_says_nothing() -> None:
    """A reader sees the fields that matter, always with number and times first."""
    line = Event(0, 0, 0, "PodReady", "environment", "observe", causes=(0,)).to_json()
    assert list(json.loads(line)) == [
        *("seq", "t_us", "began_us", "kind", "component", "op", "causes", "outcome")
    ]


@pytest.mark.parametrize(
    "because",
    ["", 'it\'s "bad"', "line\nbreak\r\n", "a\u2028b\u2029c\x85d\x0be\x1cf", "Grün 🟢", "\x00\x7f"],
)
def test_what_was_saved_is_loaded_again(tmp_path: Path, because: str) -> None:
    """Whatever people write into a reason, the file holds it, one event a line."""
    history = History(
        [FIRST, event(1, intent="deploy-1", causes=(0,), bytes=7, because=because), end(2)]
    )
    path = tmp_path / "run.jsonl"
    history.save(path)
    assert list(History.load(path)) == list(history)
    assert path.read_bytes() == history.to_jsonl().encode()
    assert path.read_bytes().count(b"\n") == len(history)


def test_saving_leaves_no_half_file(tmp_path: Path) -> None:
    """It is written beside its place and moved there when it is whole."""
    path = tmp_path / "run.jsonl"
    History([FIRST, end(1)]).save(path)
    History([FIRST, event(1), end(2)]).save(path)
    assert [each.name for each in tmp_path.iterdir()] == ["run.jsonl"]
    assert len(History.load(path)) == 3


GOOD = FIRST.to_json() + "\n"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "not a history"),
        ("\n", 1, "not JSON"),
        (GOOD + event(1).to_json()[:-9], 2, "cut off"),
        (GOOD + event(1).to_json(), 2, "cut off"),
        (GOOD + "\n" + event(1).to_json() + "\n", 2, "not JSON"),
        (GOOD + "[]\n", 2, "not an event"),
        (GOOD + "null\n", 2, "not an event"),
        (GOOD + event(2).to_json() + "\n", 2, "event 2 stands where 1 belongs"),
        (GOOD + '{"seq":1,"t_us":0,"began_us":0}\n', 2, "not an event"),
        (GOOD + event(1).to_json()[:-1] + ',"colour":"red"}\n', 2, "not an event"),
        (GOOD + event(1).to_json()[:-1] + ',"causes":5}\n', 2, "not an event"),
        (GOOD + event(1).to_json()[:-1] + ',"detail":null}\n', 2, "not an event"),
        (event(0).to_json() + "\n", 1, "not a history"),
        ('{"who":"a stranger"}\n', 1, "not a history"),
        ("[1]\n", 1, "not a history"),
        (GOOD.replace(SCHEMA, "cdlab-history/2"), 1, "not a history"),
        (GOOD + "[" * 100_000 + "\n", 2, "not JSON"),
    ],
)
def test_what_is_no_history_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    """Cut off, foreign, reordered: the message names the file and the first bad line."""
    path = written(tmp_path, text)
    with pytest.raises(HistoryError, match=what) as refused:
        History.load(path)
    assert (refused.value.path, refused.value.line) == (str(path), line)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A picture, or a file that is not there: it has no line that could be at fault."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for path in (picture, tmp_path / "missing.jsonl"):
        with pytest.raises(HistoryError) as refused:
            History.load(path)
        assert refused.value.path == str(path)
        assert refused.value.message.startswith(f"{path}: cannot be read: ")


def test_a_history_has_no_gaps() -> None:
    """The number of an event is its place, so that causes can point at it."""
    history = History([FIRST])
    with pytest.raises(AssertionError, match="no gaps"):
        history.append(event(2))


def test_a_cone_is_everything_done_for_one_intent() -> None:
    """It holds what has that intent and stops where another one begins."""
    deploys = [event(1, intent="deploy-1"), event(3, intent="deploy-1")]
    history = History([FIRST, deploys[0], event(2, intent="deploy-10"), deploys[1]])
    assert history.cone("deploy-1") == deploys


def test_events_are_found_by_kind_and_by_number() -> None:
    """In their order, several kinds at once; the settings are those of the first."""
    history = History([FIRST, event(1), event(2, "PodReady"), event(3)])
    assert [each.seq for each in history.of("ImagePushed", "PodReady")] == [1, 2, 3]
    assert history[2].kind == "PodReady"
    assert history.settings["seed"] == 1
