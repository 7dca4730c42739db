"""The README says what the commands do: its tables are theirs, and its targets and files exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(name: str) -> list[str]:
    """The lines of one of the README's tables."""
    found = re.search(rf"<!-- {name} -->\n```\n(.*?)```\n<!-- /{name} -->", README, re.DOTALL)
    assert found, f"the README has no block {name}"
    return [line.rstrip() for line in found[1].splitlines()]


@pytest.mark.slow
def test_the_simulators_table_is_what_compare_prints() -> None:
    """The same seeds give the same numbers on every machine."""
    printed = subprocess.run(
        [sys.executable, "-c", "from cdlab.cli.main import main; main(['compare'])"],
        env={**os.environ, "COLUMNS": "110", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.rstrip() for line in printed.splitlines()]
    wanted = block("sim")
    assert len(wanted) > 10, "the block has the whole table"
    start = lines.index(wanted[0])
    assert lines[start : start + len(wanted)] == wanted


def test_what_the_prose_says_of_rollout_undo_is_in_the_simulators_table() -> None:
    """Nothing is faster; redeploy is level with it, V3's command takes half as long again."""
    rows = re.findall(r"^ (V[123] .*?) +([0-9.]+) ", "\n".join(block("sim")), re.MULTILINE)
    medians = {name: float(seconds) for name, seconds in rows}
    undo = medians["V1 rollout-undo"]
    assert len(medians) > 10
    assert undo == min(medians.values())
    assert round(medians["V1 redeploy"] / undo, 1) == 1.0
    assert round(medians["V3 command"] / undo, 1) == 1.5


def test_the_table_of_kind_has_a_row_for_each_variant() -> None:
    """It is one measured run, so only its shape can be checked."""
    rows = [line for line in block("kind") if re.match(r" V[123] ", line)]
    assert len(rows) >= 6
    assert {row.split()[0] for row in rows} == {"V1", "V2", "V3"}


def test_the_targets_and_files_it_names_exist() -> None:
    """A newcomer types what stands there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"cdlab run (\S+)", README):
        assert (ROOT / path).is_file(), path
