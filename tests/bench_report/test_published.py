"""The published results: every number of the page comes from the raw data beside it."""

from __future__ import annotations

import json
import re
import tarfile
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cdlab.bench.results import load
from cdlab.bench.variants import V1_NO_CACHE, V1_REVERT, V3_COMMAND, V3_CONFIG_REVERT
from cdlab.bench_report.numbers import Summary, against, summaries
from cdlab.cli.main import app
from cdlab.plots.break_evens import Ratios
from cdlab.substrates.sim.costs import PROFILES
from cdlab.sweeps.grid import Cell
from cdlab.sweeps.ratios import Sweep
from cdlab.sweeps.table import read as read_sweep

FOLDER = Path(__file__).parents[2] / "docs" / "results"
PAGE = (FOLDER / "index.md").read_text(encoding="utf-8")
DATA = FOLDER / "2026-11-30"


AGAIN = FOLDER / "2026-11-30-again"
SECTIONS = {DATA: "What was expected", AGAIN: "Measured again"}
CELLS = {
    "V1, three replicas": "v1 revert, microservices 3, replicas 3, merge False",
    "V2, three replicas": "v2 revert, microservices 3, replicas 3, merge False",
    "V3, three replicas": "v3 command, microservices 3, replicas 3, merge False",
    "V3, five microservices": "v3 command, microservices 5, replicas 2, merge False",
    "V1, a merge": "v1 revert, microservices 3, replicas 2, merge True",
}


def rows(data: Path) -> dict[str, list[str]]:
    """Variant -> the cells of its row in the first table of the data's section."""
    section = PAGE.partition(f"## {SECTIONS[data]}")[2].partition("\n\n|")[2].partition("\n\n")[0]
    found = re.findall(r"^\| ((?:V[123]|bare) [^|]*) \|(.*)\|$", section, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in found}


@cache
def measured(data: Path) -> dict[str, Summary]:
    """Variant -> what the raw data say."""
    results = load(data / "main-cell.jsonl")
    return {each.variant: each for each in summaries(results, results.opening.cells[0])}


def predicted(path: Path) -> dict[str, dict[str, float]]:
    """Cell -> what was predicted of the whole rollback, in a file of `cdlab validate --json`."""
    return {cell["name"]: cell["predictions"][0] for cell in json.loads(path.read_text())["cells"]}


def as_error(share: float) -> str:
    """As the page writes it."""
    return f"{'−' if share < 0 else '+'}{abs(share):.0%}".replace("%", " %")


@pytest.mark.parametrize("data", SECTIONS, ids=lambda each: each.name)
def test_every_variant_that_was_run_has_its_row(data: Path) -> None:
    """And no other."""
    assert list(rows(data)) == list(measured(data))


@pytest.mark.parametrize("data", SECTIONS, ids=lambda each: each.name)
@pytest.mark.parametrize("variant", list(measured(DATA)))
def test_a_row_is_what_the_raw_data_say(variant: str, data: Path) -> None:
    """Medians, the ratio with its interval, and the share of blocks."""
    found = measured(data)[variant]
    ratio = won = ""
    if pairing := found.pairing:
        assert pairing.ratio is not None
        ratio = f"{pairing.ratio:.2f} ({pairing.low:.2f} to {pairing.high:.2f})"
        won = f"{pairing.win_rate:.0%}".replace("%", " %")
    assert rows(data)[variant][:4] == [f"{found.median:.2f}", f"{found.recovery:.2f}", ratio, won]


def test_what_was_predicted_of_the_second_benchmark_is_in_its_rows() -> None:
    """In the order of the variants, which is that of the cells."""
    found = [
        (f"{each['real_seconds']:.2f}", f"{each['predicted_seconds']:.2f}", as_error(each["error"]))
        for each in predicted(AGAIN / "validation.json").values()
    ]
    assert sorted(found) == sorted((each[0], *each[4:]) for each in rows(AGAIN).values())


def test_the_cells_that_the_profile_was_not_made_from() -> None:
    """Their rows, from the file that `cdlab validate` wrote; with equal counts in every run."""
    said = json.loads((AGAIN / "other-cells.json").read_text())
    assert not any(cell["differences"] for cell in said["cells"])
    for row, cell in CELLS.items():
        found = predicted(AGAIN / "other-cells.json")[cell]
        numbers = (f"{found['real_seconds']:.2f}", f"{found['predicted_seconds']:.2f}")
        assert f"| {' | '.join((*numbers, as_error(found['error'])))} |" in PAGE, row


@pytest.mark.parametrize(
    ("data", "variant", "other", "said"),
    [
        (DATA, "V3 command", "V2 revert, cache", "Than V2: {:.2f} times ({:.2f} to {:.2f})"),
        (
            AGAIN,
            "bare image patch",
            "V3 command",
            "{:.2f} times ({:.2f} to {:.2f}) what a bare patch takes",
        ),
        (
            DATA,
            "bare image patch",
            "V3 command",
            "**missed**, by little: {:.2f} times ({:.2f} to {:.2f})",
        ),
    ],
)
def test_what_is_said_of_two_others_is_so_too(
    data: Path, variant: str, other: str, said: str
) -> None:
    """Of pairs that no table has, as `Where V3 loses` of a report compares them."""
    pairing = against(measured(data)[variant], measured(data)[other])
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
    with tarfile.open(AGAIN / "histories.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    out = tmp_path / "kind.toml"
    histories = sorted(tmp_path.glob("histories/main-*.jsonl"))
    done = CliRunner().invoke(app, ["calibrate", *map(str, histories), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_text() == (PROFILES / "kind.toml").read_text()


SWEEP = FOLDER / "2026-12-01-sweep" / "sweep.csv"


def test_a_piece_of_the_published_sweep_is_played_again_to_the_same_line(tmp_path: Path) -> None:
    """Cells share their random numbers, and so a smaller grid has the lines of the larger one."""
    command = re.search(r"^cdlab (sweep .*) --out .*$", PAGE, re.MULTILINE)
    assert command
    asked = command[1].replace("1,2,5,10,30,60,240", "5").replace("event,5,10,30,60,300", "10")
    again = tmp_path / "again.csv"
    done = CliRunner().invoke(app, [*asked.split(), "--out", str(again)])
    assert done.exit_code == 0, done.output
    lines = again.read_text().splitlines()
    assert len(lines) == 1 + 5 * 20
    assert set(lines) <= set(SWEEP.read_text().splitlines())


def test_every_break_even_of_the_page_is_that_of_the_sweep() -> None:
    """Interpolated as in the figures; and how much slower V3 is where that is worst."""
    rows, _ = read_sweep(SWEEP)
    sweep = Sweep(rows)

    def ratios(poll: float | None, variant: str, base: str) -> Ratios:
        cells = {build: Cell(build, poll, 3, 2) for build in sweep.axes.builds}
        pairs = {build: sweep.pairing(cell, variant, base) for build, cell in cells.items()}
        return Ratios(label="", points={x: y.ratio if y else None for x, y in pairs.items()}, n=20)

    table = re.findall(
        r"^\| (\d+) s \| ([\d.]+) s \| (?:([\d.]+)|beyond 240) s \|$", PAGE, re.MULTILINE
    )
    assert [float(poll) for poll, *_ in table] == [each for each in sweep.axes.polls if each]
    for poll, *said in table:
        for base, text in zip((V1_NO_CACHE, V1_REVERT), said, strict=True):
            found = ratios(float(poll), V3_CONFIG_REVERT, base).break_evens()
            decimals = len(text.partition(".")[2])
            assert [f"{each:.{decimals}f}" for each in found] == [text][: bool(text)]
    each_poll = (ratios(poll, V3_COMMAND, V1_NO_CACHE).points for poll in sweep.axes.polls)
    commands = [ratio for points in each_poll for ratio in points.values() if ratio]
    assert f"from {min(commands):.2f} to {max(commands):.0f} times" in PAGE
    worst = ratios(300.0, V3_CONFIG_REVERT, V1_NO_CACHE).points[1.0]
    assert worst
    assert f"takes {1 / worst:.0f} times as long as V1" in PAGE
