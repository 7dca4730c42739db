"""
A simulated world that stays: to push to, to release in, to break and to look at.

In: a scenario's microservices, environments, costs and seed. Out: a desk that takes commands from
any thread; virtual time stands still between them. Called by `cdlab dashboard --substrate sim`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from cdlab import worlds
from cdlab.architectures import ARCHITECTURES
from cdlab.assembly import Assembly
from cdlab.errors import NotFound
from cdlab.history import SCHEMA, History
from cdlab.manager.audit import Audit
from cdlab.manager.commands import About, Playground, ReleaseCommands
from cdlab.manager.desk import ManagerDesk, about_of
from cdlab.manager.metering import ManagerMetrics
from cdlab.manager.queue import ReleaseQueue
from cdlab.manager.virtual_desk import VirtualDesk
from cdlab.model import ImageRef, Principal
from cdlab.people_desk import PeopleDesk
from cdlab.ports import Ports
from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.recording import Call, Recorder
from cdlab.scenario import Scenario
from cdlab.stories.actions import Change, bootstrap, push_change
from cdlab.stories.lab import Lab
from cdlab.version import __version__

T = TypeVar("T")
SETTLE_SECONDS = 3_600.0
"""After the first versions were shipped everywhere: until nothing moves any more."""


class SimulatedWorld:
    """`Playground` over the people and incidents of a lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._down: set[str] = set()

    async def push(self, workload: str, version: str, *, is_bad: bool = False) -> str:
        """Push a commit to a code repo and return its revision. CI goes to work on it."""
        if workload not in self.lab.application.image_repositories:
            raise NotFound(f'there is no workload "{workload}"')
        shipped = await push_change(self.lab, workload, Change(version=version, is_bad=is_bad))
        return str(shipped.revision)

    async def stop(self, box: str) -> None:
        """Take a box down, unless it is."""
        if box not in await self.boxes():
            raise NotFound(f'there is no box "{box}"', help=f"there are {', '.join(self._boxes)}")
        if box not in self._down:
            await self.lab.incidents.stop(box)
            self._down.add(box)

    async def restart(self, box: str) -> None:
        """Bring it back, unless it is up."""
        if box in self._down:
            await self.lab.incidents.restart(box)
            self._down.remove(box)

    async def edit(self, workload: str, environment: str, tag: str) -> None:
        """`kubectl set image`, past everything else."""
        repository = self.lab.application.image_repositories[workload]
        with self.lab.recorder.intent("out-of-band edit", workload=workload):
            cluster = self.lab.ports("operator").cluster
            await cluster.set_image(workload, ImageRef(repository, tag), environment)

    async def undo(self, workload: str, environment: str) -> None:
        """`kubectl rollout undo`, past everything else."""
        with self.lab.recorder.intent("out-of-band edit", workload=workload):
            await self.lab.ports("operator").cluster.rollout_undo(workload, environment)

    async def lose_node(self, workload: str, environment: str) -> str:
        """Stop the machine that runs most of its pods, and start it again ten minutes later."""
        node = await self.lab.incidents.lose_node(workload, environment)
        self.lab.kernel.spawn(self._restore(node), name=f"restores {node}")
        return node

    async def _restore(self, node: str) -> None:
        await self.lab.kernel.sleep(600.0)
        await self.lab.incidents.restore_node(node)

    async def delete_cluster(self) -> None:
        """Lose the cluster; an empty one stands in its place."""
        await self.lab.incidents.delete_cluster()

    async def turn_clock(self, seconds: float) -> None:
        """Let time pass."""
        await self.lab.kernel.sleep(seconds)

    async def boxes(self) -> Mapping[str, bool]:
        """Box -> whether it is up."""
        return {box: box not in self._down for box in self._boxes}

    @property
    def _boxes(self) -> tuple[str, ...]:
        architecture = self.lab.architecture
        missing = {
            "config-repo": not architecture.has_config_repo,
            "manager": architecture.manager is None,
        }
        return tuple(box for box in (*ACTORS, *BOXES) if not missing.get(box, False))


class Desk:
    """What `cdlab dashboard` serves: the commands of a simulated world, and the world."""

    def __init__(self, scenario: Scenario) -> None:
        world = worlds.simulated(scenario)
        recorder = Recorder(world.kernel, History())
        settings = {"schema": SCHEMA, "version": __version__, **scenario.settings()}
        recorder.append(Call("RunStarted", "people", "notify", "", "user"), detail=settings)
        self.commands: ReleaseCommands
        self.playground: Playground
        self.metrics: ManagerMetrics | None = None
        """For Prometheus; None where there is no release manager."""

        async def prepare() -> None:
            audits: list[Audit] = []
            has_manager = ARCHITECTURES[scenario.architecture].manager is not None
            who: Principal = "manager" if has_manager else "operator"

            def around(ports: Ports) -> Ports:
                if ports.principal != who:
                    return ports
                audits.append(Audit(world.kernel, ports.decisions))
                return replace(ports, decisions=audits[0])

            lab = await Assembly(world, scenario, recorder, around).start()
            lab.ports(who)
            about = about_of(lab.architecture, lab.application, "sim")
            self.commands = _commands(lab, audits[0], replace(about, is_playground=True))
            self.playground = SimulatedWorld(lab)
            if isinstance(lab.delivery, ReleaseQueue):
                self.metrics = ManagerMetrics(lab.kernel, lab.delivery, lab.application)
                recorder.listeners.append(self.metrics.see)
            await bootstrap(lab)
            await lab.kernel.sleep(SETTLE_SECONDS)

        self._desk = VirtualDesk(world.kernel, prepare=prepare)
        self._desk.submit(_nothing(), name="the first versions").result()

    def submit(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> Future[T]:
        """Run something in virtual time, after all that was asked before."""
        return self._desk.submit(coroutine, name=name)

    def close(self) -> None:
        """End the world."""
        self._desk.close()


async def _nothing() -> None:
    """Done as soon as everything before it is."""


def _commands(lab: Lab, audit: Audit, about: About) -> ReleaseCommands:
    if not isinstance(lab.delivery, ReleaseQueue):
        return PeopleDesk(lab=lab, audits=audit, facts=about)
    return ManagerDesk(
        kernel=lab.kernel,
        application=lab.application,
        ports=lab.ports("manager"),
        queue=lab.delivery,
        audits=audit,
        facts=about,
    )


def make(scenario: Scenario) -> Desk:
    """A world of that scenario in which the first version of everything runs everywhere."""
    return Desk(scenario)
