"""
One run of a benchmark: a planned run in, its line out.

The scenario runs as always, in a world of its own, with a probe beside it where there is an
outside. What the harness itself takes is measured too. Called by `benchmark.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from cdlab import worlds
from cdlab.assembly import Probe, World
from cdlab.bench import machine, neighbours
from cdlab.bench.plans import Planned
from cdlab.bench.probing import recovery_by_pods, recovery_seconds, told
from cdlab.bench.results import MAIN_CELL, PROBE_SECONDS, RunLine
from cdlab.bench.stories import story_of
from cdlab.bench.variants import V1_REVERT, architecture_of, scenario_of
from cdlab.errors import StoryFailed
from cdlab.history import Event
from cdlab.rollback_time import asked
from cdlab.runner import Run, deadline_seconds, run_in
from cdlab.scenario import Scenario
from cdlab.stories import Lab, Story
from cdlab.stories.lab import BAD

PACES = {"kind": worlds.REAL_PACE, "sim": worlds.SIMULATED_PACE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Player:
    """Plays planned runs on a substrate."""

    substrate: str
    seed: int
    probe_seconds: float = PROBE_SECONDS
    """0: no probe, to find out what it costs."""
    keep: Callable[[Planned, Run], None] = lambda planned, run: None
    """Told every run, before its history is forgotten."""

    def settings(self) -> dict[str, Any]:
        """What holds in every cell, or where a cell does not say otherwise, for the opening."""
        pace, is_kind = PACES[self.substrate], self.substrate == "kind"
        usual = scenario_of(V1_REVERT, MAIN_CELL, seed=self.seed)
        return {
            "substrate": self.substrate,
            "replicas": usual.replicas,
            "microservices": len(usual.microservices),
            "executors": usual.executors,
            "image_size": f"2 MB and {usual.payload_kib} KiB of bytes",
            "build_load": f"{usual.build_work} MiB to hash",
            "trigger": "event; looks only where a cell says so",
            "readiness_probe": "every second",
            "probe_interval_seconds": self.probe_seconds if is_kind else None,
            "deadline_seconds": pace.deadline_seconds,
            "observation_seconds": pace.observation_seconds,
            "cache": "builds reuse layers of their own run alone; `no cache` reuses none",
            "nodes": "the images of a run are new to the nodes until its first release",
        }

    def __call__(self, planned: Planned) -> RunLine:
        """Play it. Raises what ends a run, and `StoryFailed` for one that never came to ask."""
        scenario = scenario_of(planned.variant, planned.cell, seed=self.seed + planned.block)
        began, load, before = machine.now(), machine.load(), machine.Moment.here()
        theirs = neighbours.ticks()
        story = Probed(story_of(scenario, planned.cell), self.probe_seconds)
        run, world_seconds = self._run(scenario, story)
        ask = asked(run.history)
        if ask is None:
            raise StoryFailed(
                f'"{planned.variant}" ended before anybody asked for the rollback: '
                f"{run.history[-1].because or 'the deadline passed'}",
                help="cdlab status",
            )
        self.keep(planned, run)
        measures, probe = run.measures, story.probe
        after = machine.Moment.here()
        wall_seconds = after.monotonic - before.monotonic
        of_neighbours = neighbours.share(theirs, neighbours.ticks(), wall_seconds)
        cpu = after.thread - before.thread + (probe.cpu_seconds if probe else 0.0)
        return RunLine(
            cell=planned.cell,
            block=planned.block,
            position=planned.position,
            variant=planned.variant,
            architecture=architecture_of(planned.variant),
            seconds=measures["rollback_seconds"],
            deadline_seconds=deadline_seconds(PACES[self.substrate], scenario),
            phases=run.phases,
            recovery_seconds=self._recovery(run, ask, probe),
            has_stayed=measures["stayed_rolled_back"],
            measures=measures,
            is_warm_up=planned.is_warm_up,
            began=began,
            wall_seconds=round(wall_seconds, 3),
            overhead_seconds=round(world_seconds + cpu, 3),
            load=load,
            neighbours=None if of_neighbours is None else round(of_neighbours, 3),
            busy=self._busy(of_neighbours, after.jump_since(before)),
            probe=told(probe.answers, ask.t_us, probe.cpu_seconds) if probe else {},
        )

    def _recovery(self, run: Run, ask: Event, probe: Probe | None) -> float | None:
        """By the probe; in the simulator, where there is none, by the pods."""
        if probe is not None:
            return recovery_seconds(probe.answers, ask.t_us, BAD)
        return recovery_by_pods(run.history) if self.substrate == "sim" else None

    def _busy(self, of_neighbours: float | None, jump_seconds: float) -> tuple[str, ...]:
        """What disturbed a run, as far as a run by itself shows it. Virtual time is never busy."""
        if self.substrate == "sim":
            return ()
        found = {
            "load": (of_neighbours or 0.0) > neighbours.BUSY_SHARE,
            "clock": abs(jump_seconds) > machine.CLOCK_JUMP_SECONDS,
        }
        return tuple(what for what, is_so in found.items() if is_so)

    def _run(self, scenario: Scenario, story: Probed) -> tuple[Run, float]:
        """The run, and for how long its world was waited for, processor time left out."""
        if self.substrate == "sim":
            return run_in(worlds.simulated(scenario), scenario, story), 0.0
        before = machine.Moment.here()
        # What others counted is the tests' affair, and takes half a second to ask for.
        world = replace(worlds.real(scenario), witnesses=dict)
        after = machine.Moment.here()
        waited = after.monotonic - before.monotonic - (after.thread - before.thread)
        return run_in(world, scenario, story.in_world(world)), waited


@dataclass(slots=True)
class Probed:
    """A story with a probe beside it."""

    story: Story
    interval_seconds: float
    world: World | None = None
    probe: Probe | None = field(default=None, init=False)

    def in_world(self, world: World) -> Probed:
        """The same, in a world that may have an outside."""
        self.world = world
        return self

    async def __call__(self, lab: Lab) -> None:
        """Play the story, and ask the Service that it is about meanwhile."""
        make = self.world.probe if self.world and self.interval_seconds else None
        if make is None:
            await self.story(lab)
            return
        self.probe = make(lab.workload, lab.production, self.interval_seconds)
        await lab.kernel.offload(self.probe.start, what="start of the probe")
        try:
            await self.story(lab)
        finally:
            self.probe.stop()  # at once: who is cancelled at the deadline can wait for nothing
