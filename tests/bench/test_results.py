"""The file of a benchmark: what is appended is there, and what is foreign is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cdlab.bench.results import CellPlan, Opening, Remark, RunLine, append, load, start
from cdlab.bench.stopping import pairing
from cdlab.errors import ResultsError

VARIANTS = ("V1 revert, cache", "V3 command")
OPENING = Opening(
    mode="quick",
    seed=1,
    cdlab="0.1",
    date="2026-11-30T12:00:00Z",
    machine={"cores": 2},
    cells=(CellPlan(name="main", variants=VARIANTS, blocks_at_least=2, blocks_at_most=4),),
)


def line(block: int, variant: str, seconds: float | None, position: int = 1) -> RunLine:
    """A run of the main cell."""
    return RunLine(
        cell="main",
        block=block,
        position=position,
        variant=variant,
        seconds=seconds,
        deadline_seconds=240.0,
        phases={"build": 1.0},
        busy=("load",),
    )


def written(folder: Path, *lines: RunLine | Remark) -> Path:
    """A file with these lines after its opening."""
    path = folder / "results.jsonl"
    start(path, OPENING)
    for each in lines:
        append(path, each)
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Every line comes back as it was, in its order."""
    runs = (line(1, VARIANTS[0], 3.5), line(1, VARIANTS[1], None, 2))
    remark = Remark(what="resumed", text="after 2 runs", at="2026-11-30T13:00:00Z")
    results = load(written(tmp_path, runs[0], remark, runs[1]))
    assert (results.opening, results.runs, results.remarks) == (OPENING, runs, (remark,))


def test_pairs_are_those_of_the_same_block(tmp_path: Path) -> None:
    """A run without a partner in its block is in no pair; neither is a warm-up."""
    runs = (
        replace(line(1, VARIANTS[0], 9.0), is_warm_up=True),
        line(2, VARIANTS[1], 2.0),
        line(2, VARIANTS[0], 4.0, 2),
        line(3, VARIANTS[1], 3.0),
    )
    results = load(written(tmp_path, *runs))
    found = pairing("main", VARIANTS[1], VARIANTS[0], results.runs)
    assert found is not None
    assert (found.pairs, found.ratio) == (1, pytest.approx(2.0))


def test_a_line_that_was_broken_off_counts_as_not_there(tmp_path: Path) -> None:
    """The next append takes it away, so that resuming goes on with whole lines."""
    path = written(tmp_path, line(1, VARIANTS[0], 3.5))
    path.write_bytes(path.read_bytes() + b'{"kind":"run","cell":"ma')
    assert len(load(path).runs) == 1
    append(path, line(1, VARIANTS[1], 2.5, 2))
    assert [run.seconds for run in load(path).runs] == [3.5, 2.5]


def test_a_file_that_is_there_is_not_begun_again(tmp_path: Path) -> None:
    """What was measured is never overwritten."""
    path = written(tmp_path, line(1, VARIANTS[0], 3.5))
    with pytest.raises(ResultsError, match="is there already"):
        start(path, OPENING)
    assert len(load(path).runs) == 1


def changed(path: Path, number: int, **said: object) -> Path:
    """The same file with other fields in one line; a field that is ... is taken away."""
    lines = path.read_text().splitlines()
    fields = json.loads(lines[number - 1]) | said
    lines[number - 1] = json.dumps({k: v for k, v in fields.items() if v is not ...})
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("number", "said", "problem"),
    [
        (1, {"schema": "cdlab-bench/9"}, 'schema "cdlab-bench/9"'),
        (1, {"kind": "run"}, 'unknown field "schema"'),
        (1, {"cells": [{"name": "main"}]}, 'a cell: no field "variants"'),
        (1, {"cells": [3]}, "a cell: not a mapping"),
        (2, {"seconds": "3"}, '"seconds" cannot be "3"'),
        (2, {"block": True}, '"block" cannot be true'),
        (2, {"block": ...}, 'no field "block"'),
        (2, {"colour": "red"}, 'unknown field "colour"'),
        (2, {"kind": "story"}, "not a line of a benchmark's results"),
    ],
)
def test_a_foreign_line_is_refused_with_its_number(
    tmp_path: Path, number: int, said: dict[str, object], problem: str
) -> None:
    """Whoever reads the message finds the line."""
    path = changed(written(tmp_path, line(1, VARIANTS[0], 3.5)), number, **said)
    with pytest.raises(ResultsError, match=problem) as caught:
        load(path)
    assert caught.value.line == number


@pytest.mark.parametrize("text", ["", "\n", "[]\n", "hello\n", '{"kind":"remark","what":"x"}\n'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """An empty file, another format, and a file that lost its opening."""
    path = tmp_path / "results.jsonl"
    path.write_text(text)
    with pytest.raises(ResultsError):
        load(path)
    with pytest.raises(ResultsError, match="cannot be read"):
        load(tmp_path / "none.jsonl")


def test_a_second_opening_is_refused(tmp_path: Path) -> None:
    """Two files in one would count blocks twice."""
    path = written(tmp_path)
    path.write_text(path.read_text() * 2)
    with pytest.raises(ResultsError, match="a second opening"):
        load(path)
