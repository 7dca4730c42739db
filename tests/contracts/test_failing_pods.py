"""
What the cluster promises of pods that do not come up, on every substrate: the rollout times out,
and what served before goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from cdlab.errors import RolloutTimedOut
from cdlab.manifests import replace_image
from cdlab.model import Digest, ImageRef, PodChange
from cdlab.ports import Ports
from cdlab.sample_services import CRASHING, NEVER_READY

if TYPE_CHECKING:
    from tests.contracts.conftest import PortsOf, World

STAGING = "staging"


def manifest(world: World, image: ImageRef, *, deadline: int = 100) -> str:
    """The sample's, with an image and a progress deadline in seconds."""
    text = replace_image(world.files("any")["service.yaml"], "users", str(image))
    before = "progressDeadlineSeconds: 60"
    assert before in text
    return text.replace(before, f"progressDeadlineSeconds: {deadline}")


async def deploy(world: World, ports: Ports, image: ImageRef, *, deadline: int = 100) -> None:
    """Apply it and wait for the rollout."""
    await ports.cluster.apply(manifest(world, image, deadline=deadline), STAGING)
    await ports.cluster.rollout_status("users", STAGING)


async def serves_still(ports: Ports, good: ImageRef) -> None:
    """The rollout is not complete, and every Ready pod is of the image before."""
    (workload,) = await ports.cluster.running(STAGING)
    assert not workload.is_available
    assert workload.digests == (await ports.registry.resolve(good),)


def test_a_missing_image_never_becomes_available(world: World) -> None:
    """The rollout times out, and the old pods go on."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        good = await world.ship(ports, "one")
        await deploy(world, ports, good)
        with pytest.raises(RolloutTimedOut):
            await deploy(world, ports, world.ref("missing"), deadline=8)
        await serves_still(ports, good)

    world.run(main)


def test_an_image_that_comes_late_is_pulled_without_being_asked_again(world: World) -> None:
    """The node backs off and tries again; the rollout ends as if nothing had been."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        await ports.cluster.apply(manifest(world, world.ref("late"), deadline=400), STAGING)
        late = await world.ship(ports, "late")
        await ports.cluster.rollout_status("users", STAGING)
        (workload,) = await ports.cluster.running(STAGING)
        assert workload.digests == (await ports.registry.resolve(late),)

    world.run(main)


@pytest.mark.parametrize("files", [NEVER_READY, CRASHING], ids=["never Ready", "crashing"])
def test_pods_that_cannot_serve_time_out(world: World, files: Mapping[str, str]) -> None:
    """Whether the probe of a running container fails or it ends, again and again."""
    ready: list[Digest | None] = []

    def see(change: PodChange) -> None:
        if change.phase == "ready":
            ready.append(change.digest)

    async def main(ports_of: PortsOf) -> None:
        world.substrate.observe(see)
        ports = ports_of("operator")
        good = await world.ship(ports, "one")
        bad = await world.ship(ports, "two", more=files)
        await deploy(world, ports, good)
        with pytest.raises(RolloutTimedOut):
            await deploy(world, ports, bad, deadline=20)
        await serves_still(ports, good)
        assert ready == [await ports.registry.resolve(good)]

    world.run(main)
