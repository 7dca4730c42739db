"""The loop of a benchmark: it writes at once, goes on where it was, and tries again."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdlab.bench.plans import Planned
from cdlab.bench.results import load
from cdlab.errors import BuildFailed, CdlabError, ResultsError
from tests.bench.fake_bench import FIRST, SECOND, FakePlayer, cell, opening


def test_all_blocks_are_run_and_written(tmp_path: Path) -> None:
    """Warm-ups first, which do not count; then whole blocks, and a remark at the end."""
    player, path = FakePlayer(), tmp_path / "x.jsonl"
    found = player.bench(path, opening(cell(3, 3)))
    assert [each.is_warm_up for each in player.played] == [True, True] + [False] * 6
    assert [(run.block, run.position) for run in found.counted] == [
        (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2),
    ]  # fmt: skip
    assert [remark.what for remark in found.remarks] == ["ended"]
    assert load(path) == found


def test_a_benchmark_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    """What comes out has the same runs in the same order as if nothing had been, warm-ups apart."""
    whole = FakePlayer().bench(tmp_path / "whole.jsonl", opening(cell(3, 3)))
    path = tmp_path / "x.jsonl"
    cut = FakePlayer(fails=lambda call: KeyboardInterrupt() if call == 6 else None)  # type: ignore[arg-type, return-value]
    with pytest.raises(KeyboardInterrupt):
        cut.bench(path, opening(cell(3, 3)))
    assert len(load(path).counted) == 3
    found = FakePlayer().bench(path, opening(cell(3, 3)))
    assert found.counted == whole.counted
    assert [remark.what for remark in found.remarks] == ["resumed", "ended"]


def test_a_finished_benchmark_runs_nothing(tmp_path: Path) -> None:
    """And nothing is added to its file."""
    path = tmp_path / "x.jsonl"
    FakePlayer().bench(path)
    before, again = path.read_bytes(), FakePlayer()
    again.bench(path)
    assert (again.calls, path.read_bytes()) == (0, before)


def test_another_benchmark_is_not_mixed_in(tmp_path: Path) -> None:
    """Neither the file nor anything else is touched."""
    path = tmp_path / "x.jsonl"
    FakePlayer().bench(path)
    before, other = path.read_bytes(), FakePlayer()
    with pytest.raises(ResultsError, match="another seed"):
        other.bench(path, opening(seed=2))
    assert (other.calls, path.read_bytes()) == (0, before)


def test_a_run_that_fails_is_noted_and_tried_again(tmp_path: Path) -> None:
    """The failure is a remark and no run; the next attempt takes its place."""
    player = FakePlayer(fails=lambda call: BuildFailed("no disk") if call in (4, 5) else None)
    found = player.bench(tmp_path / "x.jsonl", opening(cell(2, 2)))
    assert len(found.counted) == 4
    failed = [remark.text for remark in found.remarks if remark.what == "failed"]
    assert len(failed) == 2
    assert "block 1" in failed[0]
    assert "attempt 1 of 3: BuildFailed: no disk" in failed[0]


def test_the_third_failure_ends_the_benchmark(tmp_path: Path) -> None:
    """With the error, and a file that can be gone on with."""
    path = tmp_path / "x.jsonl"
    player = FakePlayer(fails=lambda call: BuildFailed("no disk") if call > 3 else None)
    with pytest.raises(CdlabError, match=r"failed 3 times.*no disk") as caught:
        player.bench(path, opening(cell(2, 2)))
    assert str(path) in caught.value.help
    assert len(load(path).counted) == 1
    assert len(FakePlayer().bench(path, opening(cell(2, 2))).counted) == 4


def test_a_censored_run_stays(tmp_path: Path) -> None:
    """It reached its deadline: it is a result, and not tried again."""
    player = FakePlayer(seconds=lambda planned: None if planned.variant == SECOND else 4.0)
    found = player.bench(tmp_path / "x.jsonl", opening(cell(2, 2)))
    assert [run.seconds for run in found.of("main", SECOND)] == [None, None]
    assert player.calls == 2 + 4


def test_narrow_intervals_end_the_cell(tmp_path: Path) -> None:
    """After the fewest blocks; the remark says why."""
    seconds = {FIRST: 4.0, SECOND: 2.0}
    player = FakePlayer(seconds=lambda planned: seconds[planned.variant])
    found = player.bench(tmp_path / "x.jsonl", opening(cell(10, 30)))
    assert len(found.of("main", FIRST)) == 10
    assert "narrow enough" in found.remarks[-1].text


def test_a_run_far_from_the_others_is_marked(tmp_path: Path) -> None:
    """And stays; before there are enough others nothing is."""

    def seconds(planned: Planned) -> float:
        return 40.0 if planned.block in (3, 12) else 4.0 + planned.block / 100

    found = FakePlayer(seconds=seconds).bench(tmp_path / "x.jsonl", opening(cell(12, 12)))
    assert {run.block for run in found.counted if "outlier" in run.busy} == {12}


def test_the_display_knows_how_long_it_takes(tmp_path: Path) -> None:
    """Unknown before the first run; then what runs took times what is missing."""
    player = FakePlayer()
    player.bench(tmp_path / "x.jsonl", opening(cell(2, 2)))
    assert player.shown[0].seconds_left is None
    assert [(each.done, each.total, each.seconds_left) for each in player.shown[2:]] == [
        (0, 4, 80.0), (1, 4, 60.0), (2, 4, 40.0), (3, 4, 20.0),
    ]  # fmt: skip
