"""
What every image builder promises, on every substrate.

`world.run(main)` runs a coroutine with `ports_of(principal)`. On kind these are docker builds, so
the sources are as small as they can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from cdlab.errors import BuildFailed
from cdlab.ports import Checkout

if TYPE_CHECKING:
    from tests.contracts.conftest import PortsOf, World

DOCKERFILE = "FROM busybox:1.35\nCOPY run version /\n"


async def source(world: World, ports_of: PortsOf, files: Mapping[str, str]) -> Checkout:
    """A checkout with these files committed, and one that no other run has in its cache."""
    checkout = await ports_of("developer").code_repos["users"].clone()
    for path, text in {"run": world.run_name, **files}.items():
        checkout.write(path, text)
    await checkout.commit("source")
    return checkout


def test_a_build_is_of_the_committed_files_and_named_as_asked(world: World) -> None:
    """What was written and not committed does not count."""

    async def main(ports_of: PortsOf) -> None:
        checkout = await source(world, ports_of, {"Dockerfile": DOCKERFILE, "version": "1"})
        checkout.write("Dockerfile", "FROM busybox:1.35\nRUN false\n")
        ref = world.ref("a")
        built = await ports_of("ci").builder.build(checkout, ref)
        assert built.ref == ref
        assert built.content == checkout.content

    world.run(main)


def test_with_a_cache_the_same_content_gives_the_same_image(world: World) -> None:
    """Whatever its tag, and from another clone; other content gives another image."""

    async def main(ports_of: PortsOf) -> None:
        builder = ports_of("ci").builder
        checkout = await source(world, ports_of, {"Dockerfile": DOCKERFILE, "version": "1"})
        await checkout.push()
        first = await builder.build(checkout, world.ref("a"))
        clone = await ports_of("ci").code_repos["users"].clone()
        again = await builder.build(clone, world.ref("b"))
        assert again.image_id == first.image_id
        checkout.write("version", "2")
        await checkout.commit("2")
        other = await builder.build(checkout, world.ref("c"))
        assert other.image_id != first.image_id

    world.run(main)


def test_without_a_cache_the_same_content_is_never_the_same_image(
    world_without_cache: World,
) -> None:
    """Not from one checkout either; and the registry has to take every one of them."""
    world = world_without_cache

    async def main(ports_of: PortsOf) -> None:
        ci = ports_of("ci")
        files = {"Dockerfile": f"{DOCKERFILE}RUN date > /built\n", "version": "1"}
        checkout = await source(world, ports_of, files)
        labels = {"dev.cdlab.test": "the same"}
        built = [
            await ci.builder.build(checkout, world.ref(tag), told)
            for tag, told in (("a", {}), ("b", {}), ("c", labels), ("d", labels))
        ]
        assert len({each.image_id for each in built}) == 4
        assert {each.content for each in built} == {checkout.content}
        pushed = [await ci.registry.push(each) for each in built[:2]]
        assert pushed[0].digest != pushed[1].digest
        assert pushed[1].bytes_written > 0

    world.run(main)


@pytest.mark.parametrize(
    "files",
    [{"version": "1"}, {"Dockerfile": "FROM busybox:1.35\nRUN false\n", "version": "1"}],
    ids=["no Dockerfile", "a step that fails"],
)
def test_a_dockerfile_that_does_not_run_through_fails(
    world: World, files: Mapping[str, str]
) -> None:
    """A failure is definite: there is no image to push."""

    async def main(ports_of: PortsOf) -> None:
        checkout = await source(world, ports_of, files)
        with pytest.raises(BuildFailed) as failed:
            await ports_of("ci").builder.build(checkout, world.ref("a"))
        assert failed.value.definite

    world.run(main)
