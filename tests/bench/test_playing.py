"""One run of a benchmark as its line, played in the simulator, and on a made-up outside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cdlab import worlds
from cdlab.bench import machine, playing
from cdlab.bench.plans import Planned
from cdlab.bench.playing import Player, Probed
from cdlab.bench.stories import mid_rollout
from cdlab.bench.variants import FACTORS, scenario_of
from cdlab.errors import StoryFailed
from cdlab.rollback_time import PHASES, asked
from cdlab.runner import run_in
from cdlab.stories import STORIES, Lab

PLANNED = Planned("main", 2, 3, "V3 command")


def test_a_run_becomes_a_line() -> None:
    """With its place in the plan, its time, phases that sum up to it, and its counts."""
    line = Player(substrate="sim", seed=5)(PLANNED)
    assert (line.cell, line.block, line.position, line.variant) == ("main", 2, 3, "V3 command")
    assert (line.architecture, line.is_warm_up, line.has_stayed) == ("v3", False, True)
    assert line.seconds is not None
    assert sum(line.phases.values()) == pytest.approx(line.seconds)
    assert list(line.phases) == list(PHASES)
    assert line.measures["rebuilds"] == 0
    assert (line.deadline_seconds, line.probe, line.busy) == (30 * 86_400.0, {}, ())
    assert line.recovery_seconds is not None
    assert 0 < line.overhead_seconds <= line.wall_seconds + 0.01


def test_runs_of_a_block_share_their_seed() -> None:
    """So that people's moments, and in the simulator all costs, are the same in each of them."""
    player, seeds = Player(substrate="sim", seed=5), list[int]()
    kept = replace(player, keep=lambda planned, run: seeds.append(run.scenario.seed))
    for block in (1, 2):
        for variant in ("V1 revert, cache", "V3 command"):
            kept(Planned("main", block, 1, variant))
    assert seeds == [6, 6, 7, 7]


@pytest.mark.parametrize("factor", FACTORS, ids=lambda factor: factor.cell)
def test_every_cell_can_be_played(factor: Any) -> None:
    """And its rollback comes, whatever differs from the main cell."""
    for variant in factor.variants:
        line = Player(substrate="sim", seed=1)(Planned(factor.cell, 1, 1, variant))
        assert line.seconds is not None, variant
        assert line.has_stayed, variant


@pytest.mark.parametrize("variant", ["V1 revert, cache", "V2 revert, cache", "V3 command"])
def test_in_mid_rollout_people_ask_before_the_bad_release_is_complete(variant: str) -> None:
    """Some pods of production serve the bad content when they ask, and some still the good one."""
    scenario = scenario_of(variant, "moment mid-rollout", seed=1)
    run = run_in(worlds.simulated(scenario), scenario, mid_rollout)
    ask = asked(run.history)
    assert ask is not None
    before = [
        event
        for event in run.history.of("PodReady")
        if event.resource == "production" and event.seq < ask.seq
    ]
    bad = [event for event in before if event.t_us > run.history.of("Shipped")[1].t_us]
    assert 0 < len(bad) < scenario.replicas
    assert run.measures["stayed_rolled_back"]


def test_a_run_in_which_nobody_asked_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error, so that it is tried again, and no censored rollback."""
    first = STORIES["first-deployment"]
    monkeypatch.setattr(playing, "story_of", lambda scenario, cell: first)
    with pytest.raises(StoryFailed, match="before anybody asked"):
        Player(substrate="sim", seed=1)(PLANNED)


@dataclass
class FakeProbe:
    """Says what it was told to do."""

    done: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0
    answers: tuple[tuple[int, str], ...] = ()

    def start(self) -> None:
        self.done.append("start")

    def stop(self) -> None:
        self.done.append("stop")


@pytest.mark.parametrize("fails", [False, True])
def test_a_probe_is_stopped_however_the_story_ends(fails: bool) -> None:
    """It asks the first microservice in the last environment, from before the story to its end."""
    scenario, probe, asked_for = scenario_of("V1 revert, cache", "main", seed=1), FakeProbe(), []

    def make(*where: Any) -> FakeProbe:
        asked_for.append(where)
        return probe

    async def story(lab: Lab) -> None:
        probe.done.append("story")
        if fails:
            raise StoryFailed("it did")

    world = replace(worlds.simulated(scenario), probe=make)
    probed = Probed(story, 0.08).in_world(world)
    if fails:
        with pytest.raises(StoryFailed):
            run_in(world, scenario, probed)
    else:
        run_in(world, scenario, probed)
    assert probe.done == ["start", "story", "stop"]
    assert asked_for == [("front-end", "production", 0.08)]


def test_what_disturbed_a_run_is_said() -> None:
    """Neighbours who took more than a tenth, a clock that jumped either way; not virtual time."""
    real, simulated = Player(substrate="kind", seed=1), Player(substrate="sim", seed=1)
    assert real._busy(0.1, 0.05) == real._busy(None, 0.0) == ()
    assert real._busy(0.11, 0.0) == ("load",)
    assert real._busy(0.0, -0.06) == ("clock",)
    assert real._busy(0.9, 3600.0) == ("load", "clock")
    assert simulated._busy(0.9, 3600.0) == ()


def test_a_machine_is_known_by_what_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a lab says of a day and of the load is none of it."""
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    said = {"node_image": "kindest/node:v1.34.4", "date": "2026-11-30", "load": 3.0}
    found = machine.identity(said)
    assert set(found) == {"cores", "machine", "python", "node_image", "processor"}
    assert machine.identity({**said, "load": 9.0}) == found
