"""
The worlds that a scenario can run in, by name: the one place that chooses a substrate.

The simulator is ready at once. Kind wants a lab that `cdlab up` has started, and its modules are
imported only when it is asked for.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cdlab.architectures import ARCHITECTURES
from cdlab.assembly import Pace, World
from cdlab.errors import SubstrateUnavailable
from cdlab.grants import grants_of
from cdlab.kernel import Kernel
from cdlab.manager.channel_client import HttpChannel
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Application, Grant, Variant
from cdlab.random_streams import RandomStreams
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario

if TYPE_CHECKING:
    from cdlab.substrates.kind.lab import Lab
    from cdlab.substrates.kind.substrate import KindSubstrate
    from cdlab.substrates.sim.costs import Profile

MANAGERS = ("outside", "inside")
"""Where V3's release manager can run."""

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


def run(
    scenario: Scenario,
    *,
    substrate: str = "sim",
    manager: str = "outside",
    profile: Profile | None = None,
) -> Run:
    """
    Run a scenario once and return the run. Raises `SubstrateUnavailable` for a missing lab.

    *manager* is where V3's release manager runs on kind: `outside` in this process, `inside` in the
    cluster. In the simulator there is one process only. *profile* is what things cost there,
    instead of the profile that the scenario names; on kind things cost what they cost.
    """
    if substrate != "sim":
        if profile is not None:
            raise SubstrateUnavailable(
                "a costs profile is for the simulator", help="--substrate sim"
            )
        return run_in(real(scenario, manager=manager), scenario)
    if manager != "outside":
        raise SubstrateUnavailable(
            "the simulator has no cluster that a process could run in", help="--substrate kind"
        )
    with _without_garbage_collection():
        return run_in(simulated(scenario, profile=profile), scenario)


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


def simulated(
    scenario: Scenario, *, tie_seed: int | None = None, profile: Profile | None = None
) -> World:
    """
    A new simulated world; the same scenario and seed always give the same one.

    *profile* is what things cost, instead of the profile that the scenario names.
    """
    from cdlab.substrates.sim import SimSubstrate
    from cdlab.substrates.sim.costs import Costs, load_profile

    kernel = Kernel(tie_seed=tie_seed)
    streams = RandomStreams(scenario.seed)
    costs = Costs(profile or load_profile(scenario.profile), streams)
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


def expected(scenario: Scenario, *, manager: str = "outside") -> Scenario:
    """The scenario as it is to be judged: inside the cluster the manager's credentials are too."""
    about = "cluster_credentials_outside"
    is_other = _runs_inside(scenario, manager) and about in scenario.expect
    return replace(scenario, expect={**scenario.expect, about: 0}) if is_other else scenario


def _runs_inside(scenario: Scenario, manager: str) -> bool:
    """Whether there is a manager, and it is in the cluster."""
    if manager not in MANAGERS:
        raise SubstrateUnavailable(f'the manager runs {" or ".join(MANAGERS)}, not "{manager}"')
    return manager == "inside" and ARCHITECTURES[scenario.architecture].manager is not None


def real(scenario: Scenario, *, lab: Lab | None = None, manager: str = "outside") -> World:
    """A world on the running lab, with a name of its own so that runs never meet."""
    from cdlab.live_kernel import LiveKernel
    from cdlab.substrates.kind.evidence import evidence
    from cdlab.substrates.kind.facts import facts, new_run_name, now
    from cdlab.substrates.kind.lifecycle import connect
    from cdlab.substrates.kind.outside_probe import OutsideProbe
    from cdlab.substrates.kind.settings import KindSettings
    from cdlab.substrates.kind.substrate import KindSubstrate
    from cdlab.substrates.kind.witnesses import testimony

    lab, grants = lab or connect(KindSettings.here()), grants_of(scenario.architecture)
    kernel, run = LiveKernel(), new_run_name()
    is_inside = _runs_inside(scenario, manager)
    if is_inside and scenario.faults:
        raise SubstrateUnavailable(
            "faults are planned in this process, where the release manager is not",
            help="--manager outside",
        )
    substrate = KindSubstrate(
        lab,
        kernel,
        run=run,
        has_build_cache=scenario.variant.has_build_cache,
        inside=frozenset({"manager"}) if is_inside else frozenset(),
    )
    return World(
        kernel=kernel,
        substrate=substrate,
        run=run,
        pace=REAL_PACE,
        facts=facts(lab),
        witnesses=partial(testimony, substrate, now()),
        evidence=partial(evidence, lab, run),
        manager=partial(InCluster, substrate, grants) if is_inside else None,
        probe=partial(OutsideProbe, substrate),
    )


def facts_of(substrate: str) -> dict[str, Any]:
    """What there is to say of the machine before anything runs. Raises for a missing lab."""
    if substrate == "sim":
        return {}
    from cdlab.substrates.kind.facts import facts
    from cdlab.substrates.kind.lifecycle import connect
    from cdlab.substrates.kind.settings import KindSettings

    return facts(connect(KindSettings.here()))


class InCluster:
    """The release manager of a run, installed in the run's own cluster."""

    def __init__(
        self,
        substrate: KindSubstrate,
        grants: Sequence[Grant],
        application: Application,
        variant: Variant,
        intervals: ManagerIntervals,
    ) -> None:
        from cdlab.substrates.kind.manager_installation import ManagerInstallation, assign

        self.kernel = substrate.kernel
        self.installation = ManagerInstallation(
            lab=substrate.lab,
            administrator=lambda: substrate.administrator,
            assignment=assign(
                substrate.lab, substrate.run, application, variant, asdict(intervals)
            ),
            grants=grants,
        )

    async def start(self) -> HttpChannel:
        """Install it, or what is missing of it."""
        what = "installation of the release manager"
        found = await self.kernel.offload(self.installation.install, what=what)
        return HttpChannel(self.kernel, found.url, found.token)

    async def stop(self) -> None:
        """End its pod."""
        await self.kernel.offload(self.installation.stop, what="end of the release manager")
