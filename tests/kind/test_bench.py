"""The benchmark on the real cluster: one block of two variants, of which no time is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.bench import benchmark as loop
from cdlab.bench import machine
from cdlab.bench.judging import summary_of
from cdlab.bench.playing import Player
from cdlab.bench.results import CellPlan, Opening, load
from cdlab.rollback_time import PHASES

VARIANTS = ("V3 command", "bare image patch")


@pytest.mark.kind
def test_a_block_is_measured_on_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe saw the bad content and its end, the phases sum up, and the file says it all."""
    monkeypatch.setattr(loop, "warm_up", lambda opening: ())
    player, path = Player(substrate="kind", seed=1), tmp_path / "bench.jsonl"
    plan = CellPlan(name="main", variants=VARIANTS, blocks_at_least=1, blocks_at_most=1)
    opening = Opening(
        mode="quick",
        seed=1,
        cdlab="0.1",
        date=machine.now(),
        machine=machine.identity(worlds.facts_of("kind")),
        cells=(plan,),
        settings=player.settings(),
    )
    found = loop.benchmark(path, opening, loop.Means(play=player, now=machine.now))
    assert load(path) == found
    assert {run.variant for run in found.counted} == set(VARIANTS)
    for run in found.counted:
        assert run.seconds is not None
        assert list(run.phases) == list(PHASES)
        assert sum(run.phases.values()) == pytest.approx(run.seconds)
        assert run.has_stayed
        assert run.recovery_seconds is not None
        assert 0 < run.recovery_seconds < run.wall_seconds
        assert run.probe["requests"] > run.probe["unanswered"]
        assert 0 < run.overhead_seconds < run.wall_seconds
    patch = found.of("main", "bare image patch")[0]
    assert (patch.architecture, patch.measures["rebuilds"]) == ("", 0)
    assert "node_image" in found.opening.machine
    assert summary_of(found).cells[0].blocks == 1
