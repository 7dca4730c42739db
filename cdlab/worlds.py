"""
The worlds that a scenario can run in, by name: the one place that chooses a substrate.

The simulator is ready at once. Kind wants a lab that `cdlab up` has started, and its modules are
imported only when it is asked for.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from cdlab.kernel import Kernel
from cdlab.random_streams import RandomStreams
from cdlab.runner import Pace, Run, World, run_in
from cdlab.scenario import Scenario

if TYPE_CHECKING:
    from cdlab.substrates.kind.lab import Lab

SIMULATED_PACE = Pace(
    look_seconds=300.0,
    observation_seconds=900.0,
    deadline_seconds=30 * 86_400.0,
    sync_seconds=300.0,
    attempt_seconds=6 * 3600.0,
)
"""Flux v1 looks every 300 s, at the registry and at the cluster."""

REAL_PACE = Pace(
    look_seconds=2.0,
    observation_seconds=4.0,
    deadline_seconds=240.0,
    sync_seconds=4.0,
    attempt_seconds=45.0,
)
"""Short, because somebody waits for it; the interval is noted in every history."""


def run(scenario: Scenario, *, substrate: str = "sim") -> Run:
    """Run a scenario once and return the run. Raises `SubstrateUnavailable` for a missing lab."""
    if substrate != "sim":
        return run_in(real(scenario), scenario)
    with _without_garbage_collection():
        return run_in(simulated(scenario), scenario)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """
    Leave cyclic garbage until the run is over.

    A run keeps most of what it makes, so that the collector walks an ever larger heap in vain: a
    sixth of the time of a small run, and half of that of one with 1,000 microservices.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def simulated(scenario: Scenario, *, tie_seed: int | None = None) -> World:
    """A new simulated world; the same scenario and seed always give the same one."""
    from cdlab.substrates.sim import SimSubstrate
    from cdlab.substrates.sim.costs import Costs, load_profile

    kernel = Kernel(tie_seed=tie_seed)
    streams = RandomStreams(scenario.seed)
    costs = Costs(load_profile(scenario.profile), streams)
    substrate = SimSubstrate(
        kernel, streams, costs, has_build_cache=scenario.variant.has_build_cache
    )
    return World(
        kernel=kernel,
        substrate=substrate,
        run="sim",
        pace=SIMULATED_PACE,
        witnesses=substrate.testimony,
        look_phase=streams.draw("look phase", "", 0),
    )


def real(scenario: Scenario, *, lab: Lab | None = None) -> World:
    """A world on the running lab, with a name of its own so that runs never meet."""
    from cdlab.live_kernel import LiveKernel
    from cdlab.substrates.kind.evidence import evidence
    from cdlab.substrates.kind.facts import facts, new_run_name, now
    from cdlab.substrates.kind.lifecycle import connect
    from cdlab.substrates.kind.settings import KindSettings
    from cdlab.substrates.kind.substrate import KindSubstrate
    from cdlab.substrates.kind.witnesses import testimony

    lab = lab or connect(KindSettings.here())
    kernel, run = LiveKernel(), new_run_name()
    substrate = KindSubstrate(
        lab, kernel, run=run, has_build_cache=scenario.variant.has_build_cache
    )
    return World(
        kernel=kernel,
        substrate=substrate,
        run=run,
        pace=REAL_PACE,
        facts=facts(lab),
        witnesses=partial(testimony, substrate, now()),
        evidence=partial(evidence, lab, run),
    )
