"""
One cell of a sweep: all variants, all seeds.

Runs of one seed share their random numbers, in every variant and in every cell: the n-th build of a
microservice is the same draw, stretched to the cell's build time. In: a plan and a cell. Out: its
lines of the table. Called in other processes, so that all of it can be pickled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cdlab import worlds
from cdlab.scenario import Scenario
from cdlab.substrates.sim.costs import load_profile
from cdlab.sweeps.grid import VARIANTS, Cell, Plan


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run says, beside where it stands in the grid."""

    seed: int
    variant: str
    rollback_seconds: float | None
    """None where the run was censored."""
    lead_time_seconds: float | None
    rebuilds: int | None


def play(plan: Plan, cell: Cell) -> list[Outcome]:
    """Play every run of a cell, seed by seed."""
    return list(_outcomes(plan, cell))


def scenario(cell: Cell, variant: str, *, seed: int, profile: str) -> Scenario:
    """What is played: the story `rollback`, with the article's two environments."""
    architecture, settings = VARIANTS[variant]
    if architecture == "v3":
        settings = replace(settings, poll_interval_seconds=cell.poll_seconds)
    return Scenario(
        architecture=architecture,
        seed=seed,
        profile=profile,
        variant=settings,
        replicas=cell.replicas,
        microservices=tuple(f"service-{n}" for n in range(1, cell.microservices + 1)),
    )


def _outcomes(plan: Plan, cell: Cell) -> Iterator[Outcome]:
    profile = load_profile(plan.profile).with_build(cell.build_seconds)
    for seed in range(plan.seed, plan.seed + plan.runs):
        for variant in VARIANTS:
            played = scenario(cell, variant, seed=seed, profile=profile.name)
            measures = worlds.run(played, profile=profile).measures
            yield Outcome(
                seed,
                variant,
                measures["rollback_seconds"],
                measures["lead_time_seconds"],
                measures["rebuilds"],
            )
