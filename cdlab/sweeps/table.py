"""
The table of a sweep: a CSV file with one row a run, written cell by cell.

A cell's rows are written at once and in whole lines, so that an interrupted sweep leaves a table
that can be gone on with: the rows of a cell that was not complete are played again. In: a plan.
Out: the file. Called by `sweeping.py`, and by what draws a table.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from cdlab.errors import ResultsError
from cdlab.substrates.sim.costs import load_profile
from cdlab.sweeps.grid import EVENT, VARIANTS, Cell, Plan
from cdlab.sweeps.playing import Outcome
from cdlab.version import __version__

COLUMNS = (
    *("build_seconds", "poll_seconds", "microservices", "replicas", "seed", "variant"),
    *("outcome", "rollback_seconds", "lead_time_seconds", "rebuilds"),
    *("profile", "costs", "cdlab"),
)
KEYS = 6
"""Columns that say which run a row is."""
BACK, CENSORED = "back", "censored"


@dataclass(frozen=True, slots=True)
class Row:
    """A run, as the table has it."""

    cell: Cell
    seed: int
    variant: str
    rollback_seconds: float | None
    """None where it was censored."""
    lead_time_seconds: float | None


def go_on(path: Path, plan: Plan) -> int:
    """
    Begin a table, or find out how many cells of the plan it has; what is beyond them is cut off.

    `ResultsError` where it is the table of another plan, other costs or another version, or no
    table.
    """
    head = _line(COLUMNS)
    if not path.exists() or head.encode().startswith(path.read_bytes()):  # also a torn one
        _write(path, head, "wb")
        return 0
    whole = _whole_lines(path)
    if not whole or whole[0] != head:
        raise ResultsError(str(path), 1, "not the table of a sweep", help=OTHER)
    of_cell = plan.runs * len(VARIANTS)
    planned = _planned(plan)
    for number, (line, wanted) in enumerate(zip(whole[1:], planned, strict=False), start=2):
        found = next(csv.reader([line]))
        if len(found) != len(COLUMNS) or (*found[:KEYS], *found[-3:]) != wanted:
            raise ResultsError(str(path), number, f"another sweep: not {_told(wanted)}", help=OTHER)
    if len(whole) - 1 > of_cell * len(plan.cells()):
        raise ResultsError(str(path), 0, "another sweep: it has more runs", help=OTHER)
    done = (len(whole) - 1) // of_cell
    kept = "".join(whole[: 1 + done * of_cell]).encode()
    if kept != path.read_bytes():
        with path.open("rb+") as file:
            file.truncate(len(kept))
    return done


OTHER = "name another file by --out, or ask for the same grid, --runs, --seed and --profile"


def append(path: Path, plan: Plan, cell: Cell, outcomes: Sequence[Outcome]) -> None:
    """Write the rows of a cell, all at once."""
    provenance = _provenance(plan)
    text = "".join(
        _line((*cell.texts(), *_values(each), *provenance)) for each in outcomes
    )  # fmt: skip
    _write(path, text, "ab")


def read(path: Path) -> tuple[list[Row], str]:
    """
    Every row of a table, and the profile's name. A last line without its end is left out.

    `ResultsError` names the first line that is foreign.
    """
    try:
        whole = _whole_lines(path)
    except OSError as error:
        raise ResultsError(str(path), 0, f"cannot be read: {error.strerror or error}") from error
    if not whole or whole[0] != _line(COLUMNS):
        raise ResultsError(
            str(path), 1, "not the table of a sweep", help="`cdlab sweep` writes one"
        )
    rows, profiles = [], set()
    for number, line in enumerate(whole[1:], start=2):
        try:
            found = dict(zip(COLUMNS, next(csv.reader([line])), strict=True))
            rows.append(_row(found))
        except ValueError as error:
            raise ResultsError(str(path), number, f"not a run of a sweep: {error}") from error
        profiles.add(found["profile"])
    if not rows:
        raise ResultsError(str(path), 0, "no cell is complete yet", help="go on with the sweep")
    return rows, ", ".join(sorted(profiles))


def _row(found: dict[str, str]) -> Row:
    poll = found["poll_seconds"]
    cell = Cell(
        float(found["build_seconds"]),
        None if poll == EVENT else float(poll),
        int(found["microservices"]),
        int(found["replicas"]),
    )
    if found["outcome"] not in (BACK, CENSORED):
        raise ValueError(f'outcome "{found["outcome"]}"')
    lead = found["lead_time_seconds"]
    return Row(
        cell,
        int(found["seed"]),
        found["variant"],
        float(found["rollback_seconds"]) if found["outcome"] == BACK else None,
        float(lead) if lead else None,
    )


def _values(each: Outcome) -> tuple[str, ...]:
    seed, variant, *numbers = astuple(each)
    texts = ["" if n is None else f"{n:.6f}" if isinstance(n, float) else str(n) for n in numbers]
    return (str(seed), variant, CENSORED if each.rollback_seconds is None else BACK, *texts)


def _planned(plan: Plan) -> Iterator[tuple[str, ...]]:
    provenance = _provenance(plan)
    for cell in plan.cells():
        for seed in range(plan.seed, plan.seed + plan.runs):
            for variant in VARIANTS:
                yield (*cell.texts(), str(seed), variant, *provenance)


def _provenance(plan: Plan) -> tuple[str, str, str]:
    """The profile's name, a fingerprint of its costs, the version."""
    profile = load_profile(plan.profile)
    costs = sorted((name, cost.distribution, cost.numbers) for name, cost in profile.costs.items())
    return profile.name, hashlib.sha256(repr(costs).encode()).hexdigest()[:12], __version__


def _told(wanted: Sequence[str]) -> str:
    return ", ".join(
        f"{k} {v}" for k, v in zip((*COLUMNS[:KEYS], *COLUMNS[-3:]), wanted, strict=True)
    )


def _whole_lines(path: Path) -> list[str]:
    text = path.read_bytes().decode(errors="replace")
    return text.splitlines(keepends=True) if text.endswith("\n") else (
        text.splitlines(keepends=True)[:-1]
    )  # fmt: skip


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _write(path: Path, text: str, mode: str) -> None:
    with path.open(mode, buffering=0) as file:  # one call: a line is there whole, or not at all
        file.write(text.encode())
