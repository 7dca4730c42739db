"""
The file of a benchmark: one JSON line a run, after an opening line that says what was planned.

Lines are only ever appended, each at once, so that whatever ends the benchmark leaves all that was
measured and it can be resumed. In: a path. Out: `Results`. Called by `cdlab bench`, which writes
and resumes them, and by everything that shows or compares them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any

from cdlab.errors import ResultsError
from cdlab.whole_files import write_whole

SCHEMA = "cdlab-bench/1"
MAIN_CELL = "main"
"""The cell that answers the benchmark's question; all others change one factor of it."""
PROBE_SECONDS = 0.08
"""Between two requests of the probe, if nobody asks for another: a little over ten a second."""
BASELINES = ("bare image patch", "V1 rollout-undo")
"""Variants that are no architecture's rollback: what Kubernetes itself costs, and kubectl's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellPlan:
    """Some variants under the same circumstances."""

    name: str
    """`main`, or factor and setting: `replicas 3`."""
    factor: str = ""
    """What differs from the main cell; empty there."""
    setting: str = ""
    """How it differs."""
    variants: tuple[str, ...]
    """In the order of the tables; the first one is what the others are compared with."""
    blocks_at_least: int
    blocks_at_most: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """The first line: what was to be measured, and where."""

    mode: str
    """`default`, `quick`, `full` or `aa`."""
    seed: int
    """Of the order inside the blocks."""
    cdlab: str
    """The version."""
    date: str
    """When it began, UTC, ISO 8601."""
    machine: Mapping[str, Any]
    """What `facts` says, and the processor's name."""
    cells: tuple[CellPlan, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What holds in every cell: probe interval in seconds, deadline, versions, cache states."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLine:
    """One run of one variant."""

    cell: str
    block: int
    """Counts from 1 in each cell; 0 is the warm-up. Its runs are compared with each other."""
    position: int
    """In the block, from 1, in the order in which they were run."""
    variant: str
    architecture: str = ""
    """`v1`, `v2`, `v3`; empty for a baseline that has none."""
    seconds: float | None
    """Rollback time. None where it was censored: it reached the deadline."""
    deadline_seconds: float
    phases: Mapping[str, float] = field(default_factory=dict)
    """Phase -> seconds, in the order of `rollback_time.PHASES`; they sum to `seconds`."""
    recovery_seconds: float | None = None
    """Asked until the outside probe never saw the bad content again. None where it did not."""
    has_stayed: bool | None = None
    """Whether it stayed rolled back for the observation window."""
    measures: Mapping[str, Any] = field(default_factory=dict)
    """The counts of the run, as `cdlab run --json` names them."""
    is_warm_up: bool = False
    """Whether it was run to warm caches: kept, and never counted."""
    began: str = ""
    """UTC, ISO 8601."""
    wall_seconds: float = 0.0
    """All of the run: set-up, story, observation, taking down."""
    overhead_seconds: float = 0.0
    """What of it is neither the architecture's nor Kubernetes'."""
    load: float = 0.0
    """The machine's one-minute load before the run; most of it is the lab's own."""
    neighbours: float | None = None
    """Share of all processors that programs outside the lab took during the run. None: unknown."""
    busy: tuple[str, ...] = ()
    """What disturbed it: `load` of neighbours, clock, outlier. Empty on a quiet machine."""
    probe: Mapping[str, float] = field(default_factory=dict)
    """Of the outside probe: `requests`, of them `unanswered`, its `seconds` and `cpu_seconds`, and
    `longest_gap_seconds` after the ask in which nobody answered. Empty without one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """Something about the file that is no run."""

    what: str
    """`resumed`, `failed` (a run ended by an error, and was run again), `ended`."""
    text: str
    at: str = ""
    """UTC, ISO 8601."""


Line = RunLine | Remark
KINDS: Mapping[str, type[Opening] | type[RunLine] | type[Remark]] = {
    "opening": Opening,
    "run": RunLine,
    "remark": Remark,
}


@dataclass(frozen=True, slots=True)
class Results:
    """All that a file says."""

    opening: Opening
    runs: tuple[RunLine, ...]
    remarks: tuple[Remark, ...]

    @property
    def counted(self) -> tuple[RunLine, ...]:
        """The runs without the warm-ups."""
        return tuple(run for run in self.runs if not run.is_warm_up)

    def of(self, cell: str, variant: str) -> tuple[RunLine, ...]:
        """The counted runs of a variant in a cell, in the order of their blocks."""
        found = (run for run in self.counted if (run.cell, run.variant) == (cell, variant))
        return tuple(sorted(found, key=lambda run: run.block))

    def cells(self) -> tuple[CellPlan, ...]:
        """The planned cells of which something was measured, in the order of the plan."""
        seen = {run.cell for run in self.counted}
        return tuple(cell for cell in self.opening.cells if cell.name in seen)


def start(path: Path, opening: Opening) -> None:
    """Begin a file, whole or not at all. `ResultsError` where there is one with anything in it."""
    text = _text("opening", opening, schema=SCHEMA)
    try:
        if path.exists() and path.stat().st_size:
            what = "is there already"
            raise ResultsError(str(path), 0, what, help="name another, or go on with it")
        write_whole(path, text)
    except OSError as error:
        raise ResultsError(str(path), 0, f"cannot be written: {error.strerror}") from error


def append(path: Path, line: Line) -> None:
    """Add a line that is on the disk when this returns."""
    kind = "run" if isinstance(line, RunLine) else "remark"
    with path.open("ab+") as file:
        _drop_torn(file)
        file.write(_text(kind, line).encode())
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> Results:
    """
    Read a file; `ResultsError` names the first line that is foreign.

    A last line without its end is one that something broke off while it was written: it counts as
    not there. Line 1 has to be the opening of this schema.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}"
        raise ResultsError(str(path), 0, why) from error
    except UnicodeDecodeError as error:
        raise ResultsError(str(path), 0, f"cannot be read: {error}") from error
    lines = _lines(text, str(path))
    first, others = (lines[0] if lines else None), lines[1:]
    if not isinstance(first, Opening):
        raise ResultsError(str(path), 1, f"not the results of a benchmark, schema {SCHEMA}")
    for number, each in enumerate(others, start=2):
        if isinstance(each, Opening):
            raise ResultsError(str(path), number, "a second opening: two files in one")
    return Results(
        first,
        tuple(each for each in others if isinstance(each, RunLine)),
        tuple(each for each in others if isinstance(each, Remark)),
    )


def _drop_torn(file: Any) -> None:
    """Take away what follows the last end of a line."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    if whole < end:
        file.truncate(whole)
    file.seek(0, os.SEEK_END)


def _text(kind: str, line: Opening | Line, **more: str) -> str:
    said = {"kind": kind, **more, **asdict(line)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def _lines(text: str, path: str) -> list[Opening | Line]:
    *whole, _torn = text.split("\n")
    return [_line(each, path, number) for number, each in enumerate(whole, start=1)]


def _line(text: str, path: str, number: int) -> Opening | Line:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultsError(path, number, f"not JSON: {error}") from error
    kind = said.pop("kind", None) if isinstance(said, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ResultsError(path, number, f"not a line of a benchmark's results, schema {SCHEMA}")
    if KINDS[kind] is Opening and (schema := said.pop("schema", None)) != SCHEMA:
        raise ResultsError(path, number, f'schema "{schema}"; this is {SCHEMA}')
    for problem in _problems(KINDS[kind], said):
        raise ResultsError(path, number, problem)
    if "cells" in said:
        for problem in (p for each in said["cells"] for p in _problems(CellPlan, each)):
            raise ResultsError(path, number, f"a cell: {problem}")
        said["cells"] = tuple(_made(CellPlan, each) for each in said["cells"])
    made: Opening | Line = _made(KINDS[kind], said)
    return made


def _made(kind: Any, said: Mapping[str, Any]) -> Any:
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in said.items()})


TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, NoneType),
    "bool": (bool,),
    "bool | None": (bool, NoneType),
    "Mapping[str, Any]": (dict,),
    "Mapping[str, float]": (dict,),
    "tuple[str, ...]": (list,),
    "tuple[CellPlan, ...]": (list,),
}
"""A field's annotation -> what JSON has there."""


def _problems(kind: Any, said: Any) -> Iterator[str]:
    """What is wrong with the fields of a line."""
    if not isinstance(said, dict):
        yield "not a mapping"
        return
    known = {each.name: each for each in fields(kind)}
    yield from (f'unknown field "{name}"' for name in said if name not in known)
    needed = [name for name, each in known.items() if not _has_default(each)]
    yield from (f'no field "{name}"' for name in needed if name not in said)
    for name, value in said.items():
        if name in known and not _is_of(value, TYPES[str(known[name].type)]):
            yield f'"{name}" cannot be {json.dumps(value)[:60]}'


def _is_of(value: Any, wanted: tuple[type, ...]) -> bool:
    """Whether a value is of one of the types; yes and no are no numbers."""
    return isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))


def _has_default(each: Field[Any]) -> bool:
    return each.default is not MISSING or each.default_factory is not MISSING
