"""
The world in which the promises of `cdlab/ports.py` are tested: one suite, every substrate.

A contract test takes the fixture `world` and hands it a coroutine function:

    def test_a_tag_moves(world):
        async def main(ports_of):
            ports = ports_of("operator")
            ...
        world.run(main)

`ports_of(principal)` gives the boxes with that principal's credentials, in a world that was made
for this test: the microservices `users` and `orders` with empty code repos, an empty config repo,
and the empty environments `staging` and `production`. `GRANTS` below says who may do what. Every
test runs on the simulator, and on the real thing too where a lab is up, so a test waits for what it
needs, not for a time, and is over in seconds on a real cluster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import pytest

from cdlab import sample_services
from cdlab.kernel import Kernel
from cdlab.model import (
    Application,
    BuiltImage,
    Environment,
    Grant,
    ImageRef,
    Microservice,
    Principal,
    Variant,
)
from cdlab.ports import Ports, Substrate

T = TypeVar("T")
PortsOf = Callable[[Principal], Ports]

GRANTS = (
    Grant(
        principal="operator",
        runs="outside",
        code_repos="write",
        config_repo="write",
        registry="write",
        environments="admin",
    ),
    Grant(
        principal="developer",
        runs="outside",
        code_repos="write",
        config_repo="read",
        environments="apply",
    ),
    Grant(
        principal="ci",
        runs="outside",
        code_repos="read",
        registry="write",
        environments="set-image",
        is_automation=True,
    ),
    Grant(
        principal="manager",
        runs="inside",
        config_repo="write",
        registry="read",
        environments="prune",
        is_automation=True,
    ),
    Grant(
        principal="observer",
        runs="outside",
        code_repos="read",
        config_repo="read",
        registry="read",
        environments="read",
    ),
)
"""One principal for each level of each right; `user` has none at all."""

NO_FILES: Mapping[str, str] = {}


@dataclass(frozen=True)
class World:
    """A substrate with an application in it, for one test."""

    name: str
    """`sim` or `kind`."""
    run_name: str
    kernel: Kernel
    substrate: Substrate
    application: Application
    deadline_seconds: float
    """After which the test fails, saying who waits for what."""

    def run(self, main: Callable[[PortsOf], Awaitable[T]], *, seconds: float = 0.0) -> T:
        """Make the world, run the test in it, and remove it again whatever happens."""

        async def whole() -> T:
            try:
                await self.substrate.create(self.application, GRANTS)
                return await main(self.substrate.ports)
            finally:
                await self.substrate.destroy()

        limit = max(seconds, self.deadline_seconds)
        return self.kernel.run(whole(), deadline_seconds=limit)

    def files(
        self, version: str, *, microservice: str = "users", more: Mapping[str, str] = NO_FILES
    ) -> dict[str, str]:
        """The source of a sample microservice that answers with *version*, and *more* files."""
        files = sample_services.source(
            microservice,
            version=version,
            colour="seagreen",
            run=self.run_name,
            knobs=sample_services.Knobs(replicas=1),
        )
        return files | dict(more)

    async def build(
        self, ports: Ports, files: Mapping[str, str], tag: str, *, microservice: str = "users"
    ) -> BuiltImage:
        """Commit files to the code repo, push them, and build an image of them."""
        checkout = await ports.code_repos[microservice].clone()
        for path, text in files.items():
            checkout.write(path, text)
        await checkout.commit(f"Make {tag}")
        await checkout.push()
        return await ports.builder.build(checkout, self.ref(tag, microservice=microservice))

    async def ship(
        self,
        ports: Ports,
        version: str,
        *,
        microservice: str = "users",
        more: Mapping[str, str] = NO_FILES,
    ) -> ImageRef:
        """Build an image of a version, push it under a tag of that name, and return its name."""
        files = self.files(version, microservice=microservice, more=more)
        image = await self.build(ports, files, version, microservice=microservice)
        await ports.registry.push(image)
        return image.ref

    def ref(self, tag: str, *, microservice: str = "users") -> ImageRef:
        """An image reference in this world's registry."""
        return ImageRef(self.application.image_repositories[microservice], tag)


def _world(name: str, variant: Variant) -> World:
    from cdlab import worlds
    from cdlab.scenario import Scenario

    scenario = Scenario(architecture="v1", profile="constant", variant=variant)
    made = worlds.simulated(scenario) if name == "sim" else worlds.real(scenario)
    microservices = tuple(
        Microservice(each, made.substrate.image_repository(each)) for each in ("users", "orders")
    )
    environments = (Environment("staging"), Environment("production"))
    application = Application(microservices, environments)
    seconds = 180.0 if name == "kind" else 1_000_000.0
    return World(name, made.run, made.kernel, made.substrate, application, seconds)


SUBSTRATES = ["sim", pytest.param("kind", marks=pytest.mark.kind)]


@pytest.fixture(params=SUBSTRATES)
def world(request: pytest.FixtureRequest) -> World:
    """An empty world on each substrate; kind where a lab is up or was asked for."""
    return _world(request.param, Variant())


@pytest.fixture(params=SUBSTRATES)
def world_without_cache(request: pytest.FixtureRequest) -> World:
    """The same, with a builder that keeps nothing from build to build."""
    return _world(request.param, Variant(has_build_cache=False))
