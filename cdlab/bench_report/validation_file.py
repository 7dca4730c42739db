"""
What `cdlab validate --json` wrote, read back.

In: a path. Out: `Validated`. `ResultsError` where it is something else. Called by `cdlab report`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdlab.errors import ResultsError

SCHEMA = "cdlab-validation/1"
HELP = "make one by `cdlab validate HISTORIES --json`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """One predicted number of a cell."""

    what: str
    """`total`, `p95 of the total`, or a phase."""
    real_seconds: float | None
    predicted_seconds: float | None
    error: float | None
    limit_seconds: float
    is_within: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidatedCell:
    """Real runs that differ only in their seeds."""

    name: str
    runs: int
    differences: tuple[str, ...]
    predictions: tuple[Number, ...]
    """The total first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Validated:
    """All cells."""

    held_out_error: float | None
    is_within: bool
    swapped: tuple[str, ...]
    cells: tuple[ValidatedCell, ...]


def load_validation(path: Path) -> Validated:
    """Read the file."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(str(path), 0, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(str(path), 0, f"not JSON: {error}", help=HELP) from error
    schema = said.get("schema") if isinstance(said, dict) else None
    if schema != SCHEMA:
        what = f"not a validation, schema {SCHEMA}" if schema is None else (
            f'schema "{schema}"; this is {SCHEMA}'
        )  # fmt: skip
        raise ResultsError(str(path), 0, what, help=HELP)
    try:
        return _validated(said)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        what = f"broken: {type(error).__name__} {error}"
        raise ResultsError(str(path), 0, what, help=HELP) from error


def _validated(said: Any) -> Validated:
    return Validated(
        held_out_error=said["held_out_error"],
        is_within=said["is_within"],
        swapped=tuple(said["swapped"]),
        cells=tuple(
            ValidatedCell(
                name=cell["name"],
                runs=cell["runs"],
                differences=tuple(cell["differences"]),
                predictions=tuple(Number(**each) for each in cell["predictions"]),
            )
            for cell in said["cells"]
        ),
    )
