"""`cdlab sweep`: hand arithmetic, the same table after an interruption, clear refusals."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cdlab import worlds
from cdlab.bench.variants import (
    V1_NO_CACHE,
    V1_REVERT,
    V2_REVERT,
    V3_COMMAND,
    V3_CONFIG_REVERT,
)
from cdlab.cli import main
from cdlab.errors import NotUnderstood, ResultsError, SubstrateUnavailable
from cdlab.substrates.sim.costs import load_profile
from cdlab.sweeps import grid, playing, sweeping, table
from cdlab.sweeps.grid import VARIANTS
from cdlab.sweeps.ratios import Sweep

Seconds = Callable[..., Mapping[str, float | None]]


def plan(*axes: str, **more: Any) -> grid.Plan:
    """Two build times and two intervals at constant costs, unless told otherwise."""
    texts = (*axes, *("0,7", "event,60", "1", "2")[len(axes) :])
    return grid.plan_of(texts, **{"runs": 2, "seed": 1, "profile": "constant", **more})  # type: ignore[arg-type]


def swept(path: Path, wanted: grid.Plan) -> bytes:
    """The table of a sweep, in this process."""
    sweeping.sweep(wanted, path, processes=1, progress=lambda done, total, what: None)
    return path.read_bytes()


@pytest.fixture(scope="module")
def seconds() -> Seconds:
    """Variant -> rollback time in one cell of one run."""

    def played(*cell: Any) -> Mapping[str, float | None]:
        found = playing.play(plan(runs=1), grid.Cell(*cell))
        return {each.variant: each.rollback_seconds for each in found}

    return played


def test_one_cell_by_hand(seconds: Seconds) -> None:
    """A build of 7 s, 3.5 s of it from the cache; all else as `profiles/constant.toml` has it."""
    found = seconds(7.0, None, 1, 2)
    # V1: clone 2, push 3, notification 1, clone 2, build, push of the image, and two starts of 4.
    assert found[V1_REVERT] == 2 + 3 + 1 + 2 + 3.5 + 10 + 8
    # Without the cache the image is another one: push 20. The first pods of the two environments
    # pull it on one node each, 10, and the second pods find it there.
    assert found[V1_NO_CACHE] == 2 + 3 + 1 + 2 + 7 + 20 + (10 + 4) + 4
    # V2: and clone 2, push 3 of the config repo.
    assert found[V2_REVERT] == 2 + 3 + 1 + 2 + 3.5 + 10 + 2 + 3 + 8
    # V3: clone 2, push 3 and the pods; no build.
    assert found[V3_COMMAND] == 2 + 3 + 8
    # And where a person commits to the config repo, the manager hears 1 s later, and clones, 2.
    assert found[V3_CONFIG_REVERT] == 2 + 3 + 1 + 2 + 8


def test_the_build_time_is_in_those_that_build_and_nowhere_else(seconds: Seconds) -> None:
    """100 s more of a build are 100 s in V1 without its cache, 50 with it, none in V3."""
    short, long = seconds(0.0, None, 1, 2), seconds(100.0, None, 1, 2)
    more = {name: long[name] - short[name] for name in VARIANTS}  # type: ignore[operator]
    assert more == {
        V1_REVERT: 50,
        V1_NO_CACHE: 100,
        V2_REVERT: 50,
        V3_COMMAND: 0,
        V3_CONFIG_REVERT: 0,
    }


def test_the_interval_delays_what_is_looked_for_and_no_command(seconds: Seconds) -> None:
    """A commit in the config repo waits for the next look, at most 600 s; a command does not."""
    told, polled = seconds(7.0, None, 1, 2), seconds(7.0, 600.0, 1, 2)
    assert {n for n in VARIANTS if told[n] != polled[n]} == {V3_CONFIG_REVERT}
    assert 0 < polled[V3_CONFIG_REVERT] - told[V3_CONFIG_REVERT] <= 600  # type: ignore[operator]


def test_a_profile_is_for_the_simulator_alone() -> None:
    """On kind things cost what they cost, and nobody is let believe otherwise."""
    wanted = plan().cells()[0]
    profile = load_profile("constant")
    played = playing.scenario(wanted, V3_COMMAND, seed=1, profile="constant")
    with pytest.raises(SubstrateUnavailable, match="for the simulator"):
        worlds.run(played, substrate="kind", profile=profile)
    history = worlds.run(played, profile=profile.with_build(7.0)).history
    assert history.settings["profile"] == "constant"


def test_runs_of_a_seed_share_their_chance_in_every_cell() -> None:
    """Twice the build time is twice the same draw, so that cells differ by what they change."""
    found = []
    for build in (60.0, 120.0):
        wanted = plan(str(build), "event", runs=3, profile="lean-ci")
        cell = wanted.cells()[0]
        played = playing.play(wanted, cell)
        found.append([each.rollback_seconds for each in played if each.variant == V3_COMMAND])
    assert found[0] == found[1]


def test_an_interrupted_sweep_ends_as_one_that_was_not(tmp_path: Path) -> None:
    """Wherever it was cut off: in the header, in a line, in a cell, between two."""
    whole = swept(tmp_path / "whole.csv", plan())
    ends = [n + 1 for n, byte in enumerate(whole) if byte == 10]
    for cut in (0, 5, ends[0], ends[0] + 20, ends[3], ends[10], ends[15] - 1, len(whole)):
        path = tmp_path / f"cut-{cut}.csv"
        path.write_bytes(whole[:cut])
        assert swept(path, plan()) == whole, cut


def test_several_processes_write_the_same_table(tmp_path: Path) -> None:
    """In the order of the grid, whoever is ready first."""
    sweeping.sweep(plan(), tmp_path / "two.csv", processes=2, progress=lambda *_: None)
    assert (tmp_path / "two.csv").read_bytes() == swept(tmp_path / "one.csv", plan())


def test_a_sweep_that_is_there_is_not_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the cells that are missing are."""
    path = tmp_path / "x.csv"
    lines = swept(path, plan()).splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + 3 * 10]))  # three of four cells
    played: list[grid.Cell] = []
    real = playing.play
    monkeypatch.setattr(playing, "play", lambda p, cell: played.append(cell) or real(p, cell))
    swept(path, plan())
    assert played == [plan().cells()[-1]]


def test_a_row_is_a_run(tmp_path: Path) -> None:
    """Tidy: four cells, two seeds, five variants, a column for each thing that was said."""
    swept(tmp_path / "x.csv", plan())
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 2 * 5
    assert tuple(rows[0]) == table.COLUMNS
    assert {each["poll_seconds"] for each in rows} == {"event", "60"}
    assert {each["profile"] for each in rows} == {"constant"}


@pytest.mark.parametrize("other", [
    {"runs": 3}, {"seed": 2}, {"profile": "lean-ci"}, {"axes": ("0,8",)}, {"axes": ("0",)},
])  # fmt: skip
def test_the_table_of_another_sweep_is_refused_and_kept(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    """Another grid, seed, number of runs or profile: nothing is mixed, nothing is lost."""
    path = tmp_path / "x.csv"
    before = swept(path, plan())
    with pytest.raises(ResultsError, match="another sweep"):
        swept(path, plan(*other.pop("axes", ()), **other))
    assert path.read_bytes() == before


def test_what_is_no_table_is_refused_and_kept(tmp_path: Path) -> None:
    """Somebody's own file under that name."""
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    for read in (lambda: swept(path, plan()), lambda: table.read(path)):
        with pytest.raises(ResultsError, match="not the table of a sweep"):
            read()
    assert path.read_text(encoding="utf-8") == "a,b\n1,2\n"


def test_a_censored_run_stays_in_and_makes_no_ratio(tmp_path: Path) -> None:
    """It is written as censored, read as that, and the ratio has no bound on its side."""
    wanted, path = plan("0", "event", runs=1), tmp_path / "x.csv"
    table.go_on(path, wanted)
    found = [
        playing.Outcome(1, name, None if name == V3_COMMAND else 9.0, None, 0) for name in VARIANTS
    ]
    table.append(path, wanted, wanted.cells()[0], found)
    rows, profile = table.read(path)
    assert profile == "constant"
    assert [each.rollback_seconds for each in rows] == [9.0, 9.0, 9.0, None, 9.0]
    pairing = Sweep(rows).pairing(wanted.cells()[0], V3_COMMAND)
    assert pairing is not None
    assert (pairing.ratio, pairing.censored) == (None, 1)


@pytest.mark.parametrize(("axes", "what"), [
    (("",), "names no value"),
    (("1,,2",), "nothing between two commas"),
    (("fast",), '"fast" is no time from 0 to 86400 seconds'),
    (("-1",), '"-1" is no time'),
    (("nan",), '"nan" is no time'),
    (("inf",), '"inf" is no time'),
    (("1,1.0",), "names a value twice"),
    (("1", "0"), 'no time from 1 to 86400 seconds, or event'),
    (("1", "event,event"), "names a value twice"),
    (("1", "event", "0"), "no whole number from 1 to 200"),
    (("1", "event", "2.5"), "no whole number"),
    (("1", "event", "1", "101"), "no whole number from 1 to 100"),
])  # fmt: skip
def test_a_grid_that_makes_no_sense_is_refused(axes: tuple[str, ...], what: str) -> None:
    """With the option and the value that is wrong."""
    with pytest.raises(NotUnderstood, match="--") as caught:
        plan(*axes)
    assert what in caught.value.message


def test_a_grid_that_nobody_would_wait_for_is_refused() -> None:
    """With its number of runs."""
    values = ",".join(map(str, range(1, 101)))
    with pytest.raises(NotUnderstood, match="10,000,000 runs"):
        plan(values, "event", "1", "2", runs=20_000).refuse_too_many()


def test_the_command_writes_the_table_and_the_figure(tmp_path: Path) -> None:
    """Twice the same command: the second has nothing to play, and bad grids exit with 2."""
    pytest.importorskip("matplotlib")
    out, figure = tmp_path / "x.csv", tmp_path / "x.svg"
    asked = ["sweep", "--build-seconds", "0,60", "--poll-seconds", "event,60", "--runs", "2",
             "--microservices", "1", "--profile", "constant", "--out", str(out), "--figure",
             str(figure)]  # fmt: skip
    for _ in range(2):
        with pytest.raises(SystemExit) as caught:
            main.main(asked)
        assert caught.value.code == 0
    assert figure.read_text(encoding="utf-8").startswith("<?xml")
    with pytest.raises(SystemExit) as caught:
        main.main([*asked, "--replicas", "many"])
    assert caught.value.code == 2
