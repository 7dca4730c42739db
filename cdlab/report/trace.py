"""
A run in Chrome's trace event format: a JSON file that opens in Perfetto and in chrome://tracing.

In: a history, and nothing else. Out: JSON text. A process is a lane, a thread one of its rows, a
slice an event, a flow leads from a cause to what it set off. Pods are asynchronous slices, from
their creation to their end. Called by the CLI (`--trace`).

The rules that it keeps: times in microseconds and in order; slices of one thread nest or do not
touch; both ends of a flow lie inside a slice and have the same name, category and number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cdlab.history import OK, Event, History
from cdlab.report import lanes
from cdlab.report.explanation import opening

Entry = dict[str, Any]
NO_TIME = 1
"""Microseconds that are drawn for what takes no time: a flow needs a slice to begin in."""


def chrome_trace(history: History) -> str:
    """The whole file."""
    entries = sorted(
        [*_slices(history), *_pods(history)], key=lambda each: (each["ts"], -each.get("dur", 0))
    )
    trace = {
        "displayTimeUnit": "ms",
        "otherData": {"story": opening(history), "settings": dict(history.settings)},
        "traceEvents": [*_names(history, entries), *entries],
    }
    return json.dumps(trace, ensure_ascii=False, indent=1) + "\n"


def _names(history: History, entries: list[Entry]) -> Iterator[Entry]:
    """Which process is which lane, and which thread whose."""
    for number, lane in enumerate(lanes.lanes(history), start=1):
        yield _metadata("process_name", number, 0, name=lane)
        yield _metadata("process_sort_index", number, 0, sort_index=number)
        threads = {each["tid"] for each in entries if each["pid"] == number}
        for thread in sorted(threads):
            yield _metadata("thread_name", number, thread, name=f"{lane} {thread}")


def _metadata(what: str, process: int, thread: int, **values: Any) -> Entry:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "ts": 0, "args": values}


def _length(event: Event) -> int:
    return max(event.t_us - event.began_us, NO_TIME)


def _slices(history: History) -> Iterator[Entry]:
    """Every event but those of pods, in the first thread of its lane that is free, and flows."""
    process = {lane: number for number, lane in enumerate(lanes.lanes(history), start=1)}
    threads: dict[str, list[int]] = {}
    places: dict[int, tuple[int, int]] = {}
    for event in sorted(history, key=lambda each: (each.began_us, each.seq)):
        if event.op == "observe":
            continue
        lane = lanes.lane_of(event)
        ends = threads.setdefault(lane, [])
        row = next((n for n, end in enumerate(ends) if end <= event.began_us), len(ends))
        ends[row : row + 1] = [event.began_us + _length(event)]
        places[event.seq] = (process[lane], row + 1)
        yield _slice(event, places[event.seq])
    number = 0
    for event in history:
        for cause in event.causes:
            if event.seq in places and cause in places:
                number += 1
                yield from _flow(number, history[cause], event, places)


def _slice(event: Event, place: tuple[int, int]) -> Entry:
    told = {
        "event": event.seq,
        "intent": event.intent,
        "principal": event.principal,
        "resource": event.resource,
        "outcome": event.outcome,
        "because": event.because,
        "bytes": event.bytes,
    }
    entry = {
        "ph": "X",
        "name": lanes.short(event),
        "cat": event.op,
        "ts": event.began_us,
        "dur": _length(event),
        "pid": place[0],
        "tid": place[1],
        "args": {
            key: value for key, value in told.items() if value not in ("", 0) or key == "event"
        },
    }
    if event.outcome not in (OK, "skipped"):
        entry["cname"] = "terrible"
    return entry


def _flow(
    number: int, cause: Event, event: Event, places: dict[int, tuple[int, int]]
) -> Iterator[Entry]:
    """An arrow from the end of a cause to the begin of what it set off, never back in time."""
    start = cause.began_us + _length(cause) - 1
    finish = min(max(event.began_us, start), event.began_us + _length(event) - 1)
    if start > finish:
        return  # a real machine's clock put them so close that no arrow fits between
    shared = {"name": "cause", "cat": "cause", "id": number}
    for phase, at, seq in (("s", start, cause.seq), ("f", finish, event.seq)):
        process, thread = places[seq]
        end = {"bp": "e"} if phase == "f" else {}
        yield {"ph": phase, **shared, "ts": at, "pid": process, "tid": thread, **end}


def _pods(history: History) -> Iterator[Entry]:
    """Each pod from its creation to its end, with what it went through as instants inside."""
    process = {lane: number for number, lane in enumerate(lanes.lanes(history), start=1)}
    open_pods: dict[tuple[str, str], Entry] = {}
    for event in history:
        if event.op != "observe":
            continue
        pod = (event.resource, event.detail["pod"])
        shared = {
            "name": event.detail["pod"],
            "cat": "pod",
            "id": f"{pod[0]}/{pod[1]}",
            "pid": process[lanes.lane_of(event)],
            "tid": 0,
        }
        args = {"event": event.seq, "image": event.detail["image"]}
        if pod not in open_pods:
            open_pods[pod] = shared
            yield {"ph": "b", **shared, "ts": event.t_us, "args": args}
        if event.kind == "PodStopping":
            yield {"ph": "e", **open_pods.pop(pod), "ts": event.t_us}
        elif event.kind != "PodCreated":
            yield {"ph": "n", **shared, "name": event.kind, "ts": event.t_us, "args": args}
    for shared in open_pods.values():
        yield {"ph": "e", **shared, "ts": history[len(history) - 1].t_us}
