"""What a world promises as a whole, on every substrate: to be made, used and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contracts.conftest import PortsOf, World


def test_a_world_may_be_destroyed_twice(world: World) -> None:
    """The second time there is nothing left to remove, and that is no error."""

    async def main(ports_of: PortsOf) -> None:
        await ports_of("operator").code_repos["users"].head()
        await world.substrate.destroy()

    world.run(main)


def test_there_are_no_ports_before_a_world_is_made(world: World) -> None:
    """To ask for them is a mistake in the program, said at once; removing nothing is none."""
    with pytest.raises(RuntimeError):
        world.substrate.ports("operator")
    world.kernel.run(world.substrate.destroy())


def test_a_new_world_is_empty_and_images_have_a_place_of_their_own(world: World) -> None:
    """Nothing is in its repositories and environments, and no two microservices share images."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        assert sorted(ports.code_repos) == ["orders", "users"]
        for repository in (*ports.code_repos.values(), ports.config_repo):
            assert await repository.head() is None
        for environment in ("staging", "production"):
            assert await ports.cluster.running(environment) == ()
        places = {world.substrate.image_repository(each) for each in ports.code_repos}
        assert len(places) == 2
        assert all("/" in each for each in places), "the host is included"

    world.run(main)
