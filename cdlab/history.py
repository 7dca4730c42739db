"""
What happened, in order: the one thing that measures, checks and reports read.

A history is a list of events that only grows. The recording decorators, the pipelines and the pod
observer write it; it is stored as JSON lines, one event a line. `docs/reading-a-history.md`
explains every field.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from cdlab.errors import HistoryError
from cdlab.event_kinds import LAST
from cdlab.history_checks import FIELDS, NEEDED, problem_of
from cdlab.whole_files import write_whole

T = TypeVar("T")
SCHEMA = "cdlab-history/1"

Operation = Literal["read", "write", "exec", "notify", "wait", "apply", "decide", "observe"]

OK = "ok"


class Event(NamedTuple):
    """One line of a history. Times are microseconds since the run began."""

    seq: int
    t_us: int
    """When it was over."""
    began_us: int
    """When it began; equal to `t_us` for what takes no time."""
    kind: str
    """What happened, in the past tense: `ImagePushed`. A failure has the name of its error."""
    component: str
    """The box it happened in: `code-repo`, `config-repo`, `ci`, `registry`, `environment`, …"""
    op: Operation
    resource: str = ""
    """Which one of those boxes: a microservice, an environment."""
    intent: str = ""
    """What somebody asked for that led to it. Empty for observations."""
    causes: tuple[int, ...] = ()
    """The events that set it off: triggers only, never reads of state."""
    principal: str = ""
    outcome: str = OK
    """`ok`, or what went wrong."""
    bytes: int = 0
    digest_after: str = ""
    because: str = ""
    """The reason of a decision."""
    detail: Mapping[str, Any] = {}
    """What only this kind of event has."""

    def to_json(self) -> str:
        """One line, without the fields that say nothing."""
        fields = {k: v for k, v in self._asdict().items() if v not in ("", (), {}, 0) or k in FIRST}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def of(cls, fields: Any) -> Event | None:
        """The event that these fields of a line are; None if they are none."""
        if not isinstance(fields, dict) or not NEEDED <= set(fields) <= set(FIELDS):
            return None
        causes, detail = fields.get("causes", []), fields.get("detail", {})
        if not isinstance(causes, list) or not isinstance(detail, dict):
            return None
        return cls(**{**fields, "causes": tuple(causes)})


FIRST = ("seq", "t_us", "began_us")


class History:
    """The events of one run. Append only."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = list(events)
        self._indexed = 0
        self._by_kind: dict[str, array[int]] = {}
        self._by_intent: dict[str, array[int]] = {}
        self._derived: dict[Any, tuple[int, Any]] = {}

    def append(self, event: Event) -> None:
        """Add an event that is over. Its number is its position."""
        assert event.seq == len(self._events), "a history has no gaps"
        self._events.append(event)

    def __repr__(self) -> str:
        return f"History({len(self)} events)"

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __getitem__(self, seq: int) -> Event:
        return self._events[seq]

    def of(self, *kinds: str) -> list[Event]:
        """The events of these kinds, in order."""
        self._index()
        events = self._events
        if len(kinds) == 1:
            return [events[seq] for seq in self._by_kind.get(kinds[0], ())]
        found = sorted(seq for kind in kinds for seq in self._by_kind.get(kind, ()))
        return [events[seq] for seq in found]

    def cone(self, intent: str) -> list[Event]:
        """Everything that was done on behalf of an intent. It stops where another one begins."""
        self._index()
        return [self._events[seq] for seq in self._by_intent.get(intent, ())]

    def _index(self) -> None:
        """Sort in what was added since the last time: measures ask often, and runs never."""
        if self._indexed == len(self._events):
            return
        by_kind, by_intent = self._by_kind, self._by_intent
        for event in self._events[self._indexed :]:
            kind, intent = event.kind, event.intent
            if kind not in by_kind:
                by_kind[kind] = array("i")
            by_kind[kind].append(event.seq)
            if intent:  # most events are observations, which have none
                if intent not in by_intent:
                    by_intent[intent] = array("i")
                by_intent[intent].append(event.seq)
        self._indexed = len(self._events)

    def derived(self, key: object, compute: Callable[[], T]) -> T:
        """What *compute* makes of this history; computed once, and again when it has grown."""
        found = self._derived.get(key)
        if found is None or found[0] != len(self._events):
            found = self._derived[key] = (len(self._events), compute())
        value: T = found[1]
        return value

    @property
    def settings(self) -> Mapping[str, Any]:
        """The effective settings, from the first event."""
        return self._events[0].detail

    def to_jsonl(self) -> str:
        """The file's text. The same run gives the same bytes."""
        return "".join(event.to_json() + "\n" for event in self._events)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        write_whole(path, self.to_jsonl())

    @classmethod
    def load(cls, path: Path) -> History:
        """
        Read a file that holds a whole run.

        `HistoryError` names the first line that is foreign or cut off. A run that an error broke
        off says so in its last event; a file without an end has lost some of its lines.
        """
        try:
            text = path.read_bytes().decode()
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}"
            raise HistoryError(str(path), 0, why) from error
        except UnicodeDecodeError as error:
            raise HistoryError(str(path), 0, f"cannot be read: {error}") from error
        history = cls(_events(text, str(path)))
        if not len(history):
            raise HistoryError(str(path), 1, FOREIGN)
        if history[-1].kind not in LAST:
            what = f"the run goes on after this, and the file does not: it lacks {LAST[0]}"
            raise HistoryError(str(path), len(history), what, help=AGAIN)
        return history


FOREIGN = f"not a history of schema {SCHEMA}"
AGAIN = "run the scenario again"


def _events(text: str, path: str) -> Iterator[Event]:
    # Not `splitlines`, which also breaks at what people may write into a reason.
    *lines, rest = text.split("\n")
    is_over = False
    for seq, line in enumerate(lines):
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise HistoryError(path, seq + 1, f"not JSON: {error}") from error
        if seq == 0 and not _is_ours(fields):
            raise HistoryError(path, 1, FOREIGN)
        problem = problem_of(fields, seq)
        if problem or is_over:
            what = problem or "an event after the end of the run"
            raise HistoryError(path, seq + 1, what)
        is_over = fields["kind"] in LAST
        if "causes" in fields:
            fields["causes"] = tuple(fields["causes"])
        yield Event(**fields)
    if rest:
        raise HistoryError(path, len(lines) + 1, "the line is cut off", help=AGAIN)


def _is_ours(first: Any) -> bool:
    """Whether the first line says that the file is of our schema, whatever else it says."""
    detail = first.get("detail") if isinstance(first, dict) else None
    return isinstance(detail, dict) and detail.get("schema") == SCHEMA
