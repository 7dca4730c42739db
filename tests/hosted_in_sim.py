"""
A release manager in a process of its own, in the simulator: tests of what a run makes of it.

The process has a clock of its own, a recorder of its own and knows nothing of the run. Questions
and answers are JSON.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from cdlab.assembly import World
from cdlab.errors import ManagerUnavailable
from cdlab.hosted_manager import HostedManager, Hosting
from cdlab.manager.messages import Body
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Application, Variant
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario
from cdlab.worlds import simulated

AHEAD_US = 7_000_000
"""The other process's clock began earlier than the run's."""


class SimulatedInstallation:
    """Starts it in the same world, stops it, and is the channel to it."""

    def __init__(
        self, world: World, application: Application, variant: Variant, intervals: ManagerIntervals
    ) -> None:
        self.world = world
        self.parts = {"application": application, "variant": variant, "intervals": intervals}
        self.hosted: HostedManager | None = None
        self.starts = 0

    async def start(self) -> SimulatedInstallation:
        if self.hosted is None:
            self.starts += 1
            hosting = Hosting(**self.parts, producer=f"process-{self.starts}")  # type: ignore[arg-type]
            ports = self.world.substrate.ports("manager")
            self.hosted = HostedManager(self.world.kernel, ports, hosting)
            work = self.hosted.start()
            await self.world.kernel.spawn(work, name="process", context=Nobody).join()
        return self

    async def stop(self) -> None:
        if self.hosted is not None:
            await self.hosted.stop(3.0)
        self.hosted = None

    async def ask(self, path: str, body: Body) -> Body:
        if self.hosted is None:
            raise ManagerUnavailable("nobody answers")
        if path == "events":  # the run looks often: virtual time must not stand still meanwhile
            body = {**body, "seconds": 0.0}
            await self.world.kernel.sleep(0.5)
        work = self.hosted.answer(path, json.loads(json.dumps(body)))
        answer = await self.world.kernel.spawn(work, name="answers", context=Nobody).join()
        found: dict[str, Any] = json.loads(json.dumps(answer))
        if "now_us" in found:
            found["now_us"] += AHEAD_US
        for each in found.get("events", ()):
            each["t_us"] += AHEAD_US
            each["began_us"] += AHEAD_US
        return found

    def hang_up(self) -> None:
        """Nothing waits."""


class Nobody:
    """The context of what another process does."""


def played_inside(scenario: Scenario) -> Run:
    """The run of a scenario with the manager in its own process."""
    world = simulated(scenario)

    def install(
        application: Application, variant: Variant, intervals: ManagerIntervals
    ) -> SimulatedInstallation:
        return SimulatedInstallation(world, application, variant, intervals)

    return run_in(replace(world, manager=install), scenario)
