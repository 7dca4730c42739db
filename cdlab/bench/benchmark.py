"""
A benchmark from its first run to its last: what is planned is played and written down at once.

In: a file, what is asked for, and a player. Out: all results. Whatever ends it, the file holds what
was measured, and the same call goes on from there. Called by `cdlab bench`; knows no substrate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cdlab.bench.outliers import is_outlier
from cdlab.bench.plans import Planned, is_complete, left, require_same, warm_up
from cdlab.bench.results import Opening, Remark, Results, RunLine, append, load, start
from cdlab.errors import CdlabError

ATTEMPTS = 3
"""How often a run that ends by an error is begun."""

Play = Callable[[Planned], RunLine]
"""Makes a run. What it raises is an attempt that failed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a benchmark is, for a display."""

    done: int
    total: int
    """If nothing stops early."""
    following: Planned
    seconds_left: float | None
    """If nothing stops early and runs go on to take what they took. None before the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """With what a benchmark is made."""

    play: Play
    now: Callable[[], str]
    """UTC, ISO 8601."""
    progress: Callable[[Standing], None] = lambda standing: None


def benchmark(path: Path, opening: Opening, means: Means) -> Results:
    """
    Make all runs that are missing in a file, which may not be there yet.

    Raises:
        ResultsError: The file holds another benchmark.
        CdlabError: A run failed three times. The file can be gone on with.
    """
    found = _opened(path, opening, means)
    if _following(found) is None:
        return found
    for planned in warm_up(found.opening):
        found = _with(path, found, planned, means)
    while (following := _following(found)) is not None:
        found = _with(path, found, following, means)
    _remark(path, "ended", _why_ended(found), means)
    return load(path)


def _opened(path: Path, opening: Opening, means: Means) -> Results:
    if not path.exists() or not path.stat().st_size:
        start(path, opening)
        return Results(opening, (), ())
    found = load(path)
    require_same(str(path), found.opening, opening)
    if _following(found) is not None:
        _remark(path, "resumed", f"after {len(found.counted)} runs that count", means)
    return found


def _following(found: Results) -> Planned | None:
    return next(left(found.opening, found.runs), None)


def _with(path: Path, found: Results, planned: Planned, means: Means) -> Results:
    """One run more, in the file and in the results."""
    means.progress(standing(found, planned))
    line = _played(path, planned, means)
    if not line.is_warm_up and is_outlier(line.seconds, _earlier(found, line)):
        line = replace(line, busy=(*line.busy, "outlier"))
    append(path, line)
    return replace(found, runs=(*found.runs, line))


def _earlier(found: Results, line: RunLine) -> list[float | None]:
    return [run.seconds for run in found.of(line.cell, line.variant)]


def _played(path: Path, planned: Planned, means: Means) -> RunLine:
    """The run; one that ends by an error is noted and begun again."""
    where = f"cell {planned.cell}, block {planned.block}, {planned.variant}"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return means.play(planned)
        except Exception as error:  # whatever ended it, the next attempt may come through
            why = f"{type(error).__name__}: {error}"
            text = f"{where}, attempt {attempt} of {ATTEMPTS}: {why}"
            _remark(path, "failed", text, means)
            if attempt == ATTEMPTS:
                raise CdlabError(
                    f"{where}: failed {ATTEMPTS} times, the last time with {why}",
                    help=f"mend it, then the same command goes on with {path}",
                ) from error
    raise AssertionError("the last attempt returns or raises")


def _remark(path: Path, what: str, text: str, means: Means) -> None:
    append(path, Remark(what=what, text=text, at=means.now()))


def standing(found: Results, following: Planned) -> Standing:
    """How far it is before a run."""
    missing = list(left(found.opening, found.runs))
    done = len(found.counted)
    walls = {
        cell.name: [run.wall_seconds for run in found.runs if run.cell == cell.name]
        for cell in found.opening.cells
    }
    everywhere = [run.wall_seconds for run in found.runs]
    usual = {name: _mean(those or everywhere) for name, those in walls.items()}
    seconds = sum(usual[each.cell] for each in missing) if everywhere else None
    return Standing(done, done + len(missing), following, seconds)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _why_ended(found: Results) -> str:
    """Of each cell how many blocks it has, and whether it stopped before its last."""
    said = []
    for cell in found.opening.cells:
        blocks = len(found.of(cell.name, cell.variants[0]))
        assert is_complete(cell, found.runs), "nothing is left to do"
        early = blocks < cell.blocks_at_most
        why = "every interval is narrow enough" if early else "all there are"
        said.append(f"{cell.name}: {blocks} blocks, {why}")
    return "; ".join(said)
