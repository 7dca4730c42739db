"""What a world promises as a whole, on every substrate: to be made, used and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import Forbidden
from cdlab.model import Grant

if TYPE_CHECKING:
    from cdlab.ports import GitRepository
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


async def push(repository: GitRepository) -> None:
    checkout = await repository.clone()
    checkout.write("attempt", f"{checkout.head}\n")
    await checkout.commit("Attempt")
    await checkout.push()


def test_rights_are_replaced_and_ports_in_use_feel_it(world: World) -> None:
    """What is taken is refused to credentials that could do it before; what is given counts."""
    grants = (
        Grant(principal="operator", runs="outside", config_repo="write", environments="admin"),
        Grant(principal="ci", runs="outside", config_repo="write", environments="apply"),
    )

    async def main(ports_of: PortsOf) -> None:
        old = {each: ports_of(each) for each in ("ci", "manager", "operator")}
        await push(old["manager"].config_repo)
        with pytest.raises(Forbidden):
            await push(old["ci"].config_repo)
        text = world.files("one")["service.yaml"].replace("replicas: 1", "replicas: 0")
        await old["operator"].cluster.apply(text, "staging")
        await world.substrate.regrant(grants)
        for cluster in (old["ci"].cluster, ports_of("ci").cluster):
            await cluster.apply(text.replace("users", "orders"), "staging")
        await push(ports_of("ci").config_repo)
        with pytest.raises(Forbidden):
            await old["manager"].cluster.set_image("users", world.ref("x"), "staging")
        with pytest.raises(Forbidden):
            await push(old["manager"].config_repo)
        with pytest.raises(Forbidden):
            await ports_of("manager").cluster.running("staging")

    world.run(main)
