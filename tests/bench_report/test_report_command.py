"""`cdlab report`: which files it writes, and which it refuses to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from cdlab.bench_report.validation_file import load_validation
from cdlab.cli import main
from cdlab.errors import ResultsError
from tests.bench_report.made_up import CACHE, V3, run, whole, written

VALIDATION: dict[str, Any] = {
    "schema": "cdlab-validation/1", "held_out_error": None, "is_within": True, "swapped": [],
    "cells": [],
}  # fmt: skip


def cdlab(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main.main([str(each) for each in arguments])
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.slow
def test_it_writes_the_page_the_markdown_and_the_figures(tmp_path: Path) -> None:
    """Whole files; the Markdown shows the figures where they lie."""
    results, out = whole(tmp_path), tmp_path / "report.html"
    (tmp_path / "docs").mkdir()
    plain = tmp_path / "docs/report.md"
    assert cdlab("report", results, "--out", out, "--markdown", plain, "--figures",
                 tmp_path / "svg") == 0  # fmt: skip
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "](<../svg/r1-ecdf.svg>)" in plain.read_text(encoding="utf-8")
    names = {each.stem for each in (tmp_path / "svg").iterdir()}
    assert {"r1-ratios", "r1-phases", "r1-ecdf", "r1-factor-1", "r1-coupling", "outages"} <= names


@pytest.mark.parametrize("text", [
    "", "not json\n", '{"kind":"run"}\n', '{"kind":"opening","schema":"cdlab-bench/0"}\n',
    '{"schema":"cdlab-history/1"}\n',
])  # fmt: skip
def test_old_and_foreign_files_are_refused(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """2, with the line, before anything is written."""
    path, out = tmp_path / "results.jsonl", tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    assert cdlab("report", path, "--out", out) == 2
    assert f"{path}:1:" in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name, and not with a traceback."""
    assert cdlab("report", tmp_path / "no.jsonl", "--out", tmp_path / "x.html") == 2
    assert "no.jsonl: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(("change", "what"), [
    ({"schema": "cdlab-validation/2"}, "this is cdlab-validation/1"),
    ({"schema": None}, "not a validation"),
    ({"cells": [{"name": "x"}]}, "broken"),
    ({"cells": 3}, "broken"),
])  # fmt: skip
def test_a_foreign_validation_is_refused(tmp_path: Path, change: Any, what: str) -> None:
    """Another schema, another file, half of one."""
    path = tmp_path / "validation.json"
    path.write_text(json.dumps({**VALIDATION, **change}), encoding="utf-8")
    with pytest.raises(ResultsError, match=what):
        load_validation(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ResultsError, match="not JSON"):
        load_validation(path)


def test_a_place_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    """Before anything is read or drawn."""
    results = written(tmp_path / "r.jsonl", [run("main", 1, CACHE, 4.0), run("main", 1, V3, 4.0)])
    assert cdlab("report", results, "--out", "/no/such/folder/x.html") == 2
    assert cdlab("report", results, "--out", tmp_path / "x.html", "--figures", results) == 2
