"""The published results: every number of the page comes from the raw data beside it."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cdlab.bench.results import load
from cdlab.bench_report.numbers import Summary, against, summaries
from cdlab.cli.main import app
from cdlab.substrates.sim.costs import PROFILES

FOLDER = Path(__file__).parents[2] / "docs" / "results"
PAGE = (FOLDER / "index.md").read_text(encoding="utf-8")
DATA = FOLDER / "2026-11-30"


def rows() -> dict[str, list[str]]:
    """Variant -> the cells of its row in the page's first table."""
    first = PAGE.partition("What the design said")[0]
    found = re.findall(r"^\| ((?:V[123]|bare) [^|]*) \|(.*)\|$", first, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in found}


def measured() -> dict[str, Summary]:
    """Variant -> what the raw data say."""
    results = load(DATA / "main-cell.jsonl")
    return {each.variant: each for each in summaries(results, results.opening.cells[0])}


def test_every_variant_that_was_run_has_its_row() -> None:
    """And no other."""
    assert list(rows()) == list(measured())


@pytest.mark.parametrize("variant", list(measured()))
def test_a_row_is_what_the_raw_data_say(variant: str) -> None:
    """Medians, the ratio with its interval, and the share of blocks."""
    found = measured()[variant]
    ratio = won = ""
    if pairing := found.pairing:
        assert pairing.ratio is not None
        ratio = f"{pairing.ratio:.2f} ({pairing.low:.2f} to {pairing.high:.2f})"
        won = f"{pairing.win_rate:.0%}".replace("%", " %")
    assert rows()[variant] == [f"{found.median:.2f}", f"{found.recovery:.2f}", ratio, won]


@pytest.mark.parametrize(
    ("variant", "other", "said"),
    [
        ("V3 command", "V2 revert, cache", "Than V2: {:.2f} times ({:.2f} to {:.2f})"),
        (
            "bare image patch",
            "V3 command",
            "**missed**, by little: {:.2f} times ({:.2f} to {:.2f})",
        ),
    ],
)
def test_what_is_said_of_two_others_is_so_too(variant: str, other: str, said: str) -> None:
    """Of pairs that no table has, as `Where V3 loses` of a report compares them."""
    pairing = against(measured()[variant], measured()[other])
    assert pairing is not None
    assert said.format(pairing.ratio, pairing.low, pairing.high) in PAGE


def test_the_prediction_is_as_far_off_as_the_page_says() -> None:
    """The worst cell first, with nothing left out."""
    said = json.loads((DATA / "validation.json").read_text())
    errors = {cell["name"]: cell["predictions"][0]["error"] for cell in said["cells"]}
    over = sorted(round(100 * each) for each in errors.values() if abs(each) > 0.1)
    assert over == [-26, -17]
    assert "**17 % too fast for V2 and 26 % for V1 without a cache**" in PAGE
    assert {cell["runs"] for cell in said["cells"]} == {12}
    assert not any(cell["differences"] for cell in said["cells"])


def test_the_profile_of_kind_is_made_of_the_published_histories(tmp_path: Path) -> None:
    """`cdlab calibrate` makes the very file that the simulator ships."""
    with tarfile.open(DATA / "histories.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    out = tmp_path / "kind.toml"
    histories = sorted(tmp_path.glob("histories/main-*.jsonl"))
    done = CliRunner().invoke(app, ["calibrate", *map(str, histories), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_text() == (PROFILES / "kind.toml").read_text()
