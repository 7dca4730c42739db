"""
A release manager at work on the simulator, with constant costs and nobody else around.

Tests take `new_lab`, play a story in one and look at what the config repo, the cluster and the
history say. A rollout of two replicas takes 28 s, or 8 s where the nodes have the image.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cdlab import sample_services
from cdlab.architectures import ReleaseManager
from cdlab.grants import grants_of
from cdlab.history import Event, History
from cdlab.image_labels import labels_of
from cdlab.kernel import Kernel
from cdlab.manager.commands import Answer, Ask, Command
from cdlab.manager.desk import ManagerDesk
from cdlab.manager.queue import ManagerIntervals, ReleaseQueue
from cdlab.manifests import annotate, image_of
from cdlab.model import (
    Application,
    Commit,
    Environment,
    ImageRef,
    Microservice,
    Outcome,
    Principal,
    Revision,
    RollbackRequest,
    Variant,
)
from cdlab.ports import Ports
from cdlab.random_streams import RandomStreams
from cdlab.recorded_ports import recorded
from cdlab.recording import Call, Recorder
from cdlab.releases import config_path
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.substrate import SimSubstrate
from tests.desks import desk_of
from tests.racing import Race, Racing, nobody

LOOK = 300.0
"""Seconds between two looks at the registry: those of Flux v1."""
LONG = 250.0
"""Enough for every rollout, and less than from one look to the next."""


OFTEN = ManagerIntervals(LOOK, phase=0.9)


@dataclass(kw_only=True)
class Lab:
    """A release manager at work in a simulated world; images come without any code or CI."""

    environments: tuple[Environment, ...] = (Environment("staging"),)
    names: tuple[str, ...] = ("users",)
    intervals: ManagerIntervals = OFTEN
    race: Race = nobody
    pull_seconds: float = 10.0
    api_call_seconds: float = 0.0
    at_once: int = 1
    kernel: Kernel = field(default_factory=Kernel)
    history: History = field(default_factory=History)

    def play(self, story: Callable[[Lab], Awaitable[None]]) -> Lab:
        """Start everything, run the story as the main actor, and leave the history to look at."""

        async def main() -> None:
            await self._start()
            await story(self)

        self.kernel.run(main(), name="story")
        return self

    async def _start(self) -> None:
        streams = RandomStreams(1)
        profile = load_profile("constant").with_constants(
            {"pull": self.pull_seconds, "api_call": self.api_call_seconds}
        )
        costs = Costs(profile, streams)
        self.substrate = SimSubstrate(self.kernel, streams, costs)
        application = self.application = Application(
            tuple(Microservice(n, self.substrate.image_repository(n)) for n in self.names),
            self.environments,
        )
        await self.substrate.create(application, grants_of("v3"))
        self.recorder = Recorder(self.kernel, self.history)
        self.recorder.append(Call("RunStarted", "people", "notify", "", "user"))
        manager = ReleaseManager(application, self.ports, Variant(rollback="command"))
        self.queue = ReleaseQueue(
            self.kernel, manager, self.ports("manager"), application, self.intervals,
            at_once=self.at_once,
        )  # fmt: skip
        self.queue.start()
        source = {n: self.source(n, "0")["service.yaml"] for n in self.names}
        await self.queue.prepare(source)

    def ports(self, principal: Principal) -> Ports:
        found = recorded(self.substrate.ports(principal), self.recorder)
        if principal == "manager":
            found = replace(found, config_repo=Racing(found.config_repo, self._race))
        return found

    @property
    def desk(self) -> ManagerDesk:
        """Where people ask, as over HTTP or on the page."""
        return desk_of(self.kernel, self.application, self.ports("manager"), self.queue)

    async def ask(self, command: Command, **values: Any) -> Answer:
        """Ask there. It is about users in staging unless that is said."""
        asked = {"workload": "users", "environment": "staging", "message": "a test", **values}
        return await self.desk.ask(Ask(command=command, user="ann", **asked))

    async def write(self, path: str, text: str, message: str = "Edit by hand") -> Revision:
        """A person writes a file of the config repo by hand."""
        checkout = await self.substrate.ports("operator").config_repo.clone()
        checkout.write(path, text)
        await checkout.commit(message)
        return (await checkout.push()).revision

    async def read(self, path: str) -> str:
        """A file of the config repo as it is now."""
        return (await self.substrate.ports("operator").config_repo.clone()).read(path)

    async def _race(self) -> None:
        await self.race()

    def source(self, name: str, version: str) -> dict[str, str]:
        return sample_services.source(name, version=version, colour="green", run="test")

    async def commit(self, version: str, name: str = "users", **files: str) -> Revision:
        """Push a version to the code repo: 5 s."""
        checkout = await self.substrate.ports("developer").code_repos[name].clone()
        for path, text in {**self.source(name, version), **files}.items():
            checkout.write(path, text)
        await checkout.commit(version)
        return (await checkout.push()).revision

    async def build(self, version: str, name: str = "users", **files: str) -> ImageRef:
        """Commit, build and push a version, tagged by its name: 5 + 2 + 100 + 20 s."""
        revision = await self.commit(version, name, **files)
        return await self.build_commit(revision, version, name)

    async def build_commit(self, revision: Revision, tag: str, name: str = "users") -> ImageRef:
        ci = self.substrate.ports("ci")
        ref = ImageRef(self.substrate.image_repository(name), tag)
        checkout = await ci.code_repos[name].clone(at=revision)
        pushed = await ci.registry.push(
            await ci.builder.build(checkout, ref, labels_of(checkout.log()))
        )
        return replace(ref, digest=pushed.digest)

    async def ship(self, *versions: str) -> None:
        """Build them one after the other; each is released, becomes healthy and is noted."""
        for version in versions:
            await self.build(version)
            await self.kernel.sleep(LONG)

    async def edit(self, change: Callable[[str], str], where: str = "staging") -> None:
        """A person changes the manifest of users in the config repo by hand."""
        path = config_path(where, "users")
        await self.write(path, change(await self.read(path)))

    async def annotate(self, key: str, value: str | None, where: str = "staging") -> None:
        await self.edit(lambda text: annotate(text, "users", {key: value}), where)

    async def log(self, where: str = "staging") -> list[Commit]:
        checkout = await self.substrate.ports("operator").config_repo.clone()
        return list(checkout.log(config_path(where, "users")))

    async def tag(self, where: str = "staging", name: str = "users") -> str | None:
        """The tag that the config repo wants."""
        checkout = await self.substrate.ports("operator").config_repo.clone()
        return ImageRef.parse(image_of(checkout.read(config_path(where, name)), name)).tag

    async def served(self, where: str = "staging") -> str | None:
        """The tag that the cluster was told to run."""
        running = await self.substrate.ports("operator").cluster.running(where)
        return running[0].desired.tag if running else None

    def decided(self, what: str = "automation") -> list[Event]:
        return [each for each in self.history.of("Decided") if each.detail["what"] == what]

    async def roll_back(self, where: str = "staging") -> Outcome:
        asked = RollbackRequest(
            workload="users", environment=where, message="it serves wrong content"
        )
        return await self.queue.rollback(asked)

    async def notes(self) -> dict[str, str]:
        """What each release was noted as, by its tag."""
        return {
            each.message.split()[2]: each.note
            for each in await self.log()
            if each.message.startswith("Release")
        }


@pytest.fixture
def new_lab() -> type[Lab]:
    """Makes labs, each a world of its own."""
    return Lab
