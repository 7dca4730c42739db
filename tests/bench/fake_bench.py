"""A benchmark without a cluster: a plan of one small cell, and a player that makes runs up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cdlab.bench.benchmark import Means, Standing, benchmark
from cdlab.bench.plans import Planned
from cdlab.bench.results import CellPlan, Opening, Results, RunLine

FIRST, SECOND = "V1 revert, cache", "V3 command"
Seconds = Callable[[Planned], float | None]


def cell(
    least: int, most: int, name: str = "main", variants: Sequence[str] = (FIRST, SECOND)
) -> CellPlan:
    """A cell of two variants."""
    return CellPlan(name=name, variants=tuple(variants), blocks_at_least=least, blocks_at_most=most)


def opening(*cells: CellPlan, mode: str = "default", seed: int = 1) -> Opening:
    """Of a benchmark that stops between 2 and 4 blocks, unless other cells are given."""
    return Opening(
        mode=mode,
        seed=seed,
        cdlab="0.1",
        date="2026-11-30T12:00:00Z",
        machine={"cores": 2, "processor": "P"},
        cells=cells or (cell(2, 4),),
        settings={"substrate": "kind", "deadline_seconds": 240.0},
    )


def line(planned: Planned, seconds: float | None) -> RunLine:
    """A run that took so long."""
    return RunLine(
        cell=planned.cell,
        block=planned.block,
        position=planned.position,
        variant=planned.variant,
        architecture=planned.variant[:2].lower(),
        seconds=seconds,
        deadline_seconds=240.0,
        recovery_seconds=seconds,
        has_stayed=seconds is not None,
        is_warm_up=planned.is_warm_up,
        wall_seconds=20.0,
        overhead_seconds=0.5,
        probe={
            "requests": 240,
            "unanswered": 12,
            "seconds": 20.0,
            "longest_gap_seconds": 0.3,
            "cpu_seconds": 0.1,
        },
    )


@dataclass
class FakePlayer:
    """Plays at once, and remembers what."""

    seconds: Seconds = lambda planned: 4.0
    fails: Callable[[int], Exception | None] = lambda call: None
    """Asked before each call, counted from 1, for what to raise."""
    played: list[Planned] = field(default_factory=list)
    calls: int = 0
    shown: list[Standing] = field(default_factory=list)

    def __call__(self, planned: Planned) -> RunLine:
        self.calls += 1
        error = self.fails(self.calls)
        if error is not None:
            raise error
        self.played.append(planned)
        return line(planned, self.seconds(planned))

    def bench(self, path: Path, asked: Opening | None = None) -> Results:
        """The benchmark with this player."""
        means = Means(play=self, now=lambda: "2026-11-30T12:00:00Z", progress=self.shown.append)
        return benchmark(path, asked or opening(), means)
