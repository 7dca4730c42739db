"""The trace: the rules of Chrome's trace event format, and every event of the history in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cdlab import worlds
from cdlab.history import History
from cdlab.report.trace import NO_TIME, chrome_trace
from cdlab.scenario import load

ROOT = Path(__file__).parent.parent
STORIES = ("v1/rollback", "v2/two-teams", "v3/rollback", "v3/cluster-deleted", "v3/node-lost")
Entry = dict[str, Any]


@cache
def history_of(name: str) -> History:
    return worlds.run(load(ROOT / "scenarios" / f"{name}.yaml")).history


@cache
def entries_of(name: str) -> list[Entry]:
    found: list[Entry] = json.loads(chrome_trace(history_of(name)))["traceEvents"]
    return found


def of(name: str, phase: str) -> list[Entry]:
    return [each for each in entries_of(name) if each["ph"] == phase]


@pytest.fixture(params=STORIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_event_is_a_slice_or_of_a_pod(name: str) -> None:
    """Once, at its time, and as long as it took."""
    history = history_of(name)
    slices = {each["args"]["event"]: each for each in of(name, "X")}
    assert len(slices) == len(of(name, "X"))
    assert slices.keys() == {event.seq for event in history if event.op != "observe"}
    for seq, each in slices.items():
        event = history[seq]
        assert each["ts"] == event.began_us
        assert each["dur"] == max(event.t_us - event.began_us, NO_TIME)


def test_slices_of_a_thread_do_not_touch(name: str) -> None:
    """Perfetto drops what overlaps without being inside."""
    for thread in {(each["pid"], each["tid"]) for each in of(name, "X")}:
        mine = [each for each in of(name, "X") if (each["pid"], each["tid"]) == thread]
        for one, other in pairwise(mine):
            assert one["ts"] + one["dur"] <= other["ts"]


def test_times_are_whole_microseconds_in_order(name: str) -> None:
    """As the format wants them."""
    times = [each["ts"] for each in entries_of(name)]
    assert all(isinstance(each, int) and each >= 0 for each in times)
    assert times == sorted(times)


def enclosing(name: str, end: Entry) -> Iterator[Entry]:
    for each in of(name, "X"):
        is_here = (each["pid"], each["tid"]) == (end["pid"], end["tid"])
        if is_here and each["ts"] <= end["ts"] < each["ts"] + each["dur"]:
            yield each


def test_every_cause_is_a_flow_between_its_two_slices(name: str) -> None:
    """From the one to the other, never back in time, with one number for both ends."""
    history, found = history_of(name), []
    ends = {each["id"]: each for each in of(name, "f")}
    assert len(ends) == len(of(name, "f")) == len(of(name, "s"))
    for start in of(name, "s"):
        end = ends[start["id"]]
        assert (start["name"], start["cat"]) == (end["name"], end["cat"])
        assert start["ts"] <= end["ts"]
        assert end["bp"] == "e"
        (cause,), (event,) = enclosing(name, start), enclosing(name, end)
        found.append((cause["args"]["event"], event["args"]["event"]))
    assert Counter(found) == Counter((c, event.seq) for event in history for c in event.causes)


def test_every_process_and_thread_has_a_name(name: str) -> None:
    """The lanes of the picture."""
    metadata = of(name, "M")
    processes = {each["pid"] for each in metadata if each["name"] == "process_name"}
    threads = {(e["pid"], e["tid"]) for e in metadata if e["name"] == "thread_name"}
    rest = [each for each in entries_of(name) if each["ph"] != "M"]
    assert {each["pid"] for each in rest} <= processes
    assert {(each["pid"], each["tid"]) for each in rest} == threads


def test_every_pod_begins_and_ends_once(name: str) -> None:
    """Also one that still runs when the story is over."""
    begun = Counter(each["id"] for each in of(name, "b"))
    assert begun == Counter(each["id"] for each in of(name, "e"))
    created = [e for e in history_of(name) if e.kind == "PodCreated"]
    assert begun.total() == len(created)
