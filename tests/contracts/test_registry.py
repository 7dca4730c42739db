"""
What every image registry promises, on every substrate.

`world.run(main)` runs a coroutine with `ports_of(principal)`. CI writes the registry, the release
manager reads it. Nothing is assumed about digests, sizes and times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import Forbidden, ImageNotFound
from cdlab.model import BuiltImage, Digest, ImageRef

if TYPE_CHECKING:
    from tests.contracts.conftest import PortsOf, World


class Shop:
    """Builds and pushes small images of one microservice."""

    def __init__(self, world: World, ports_of: PortsOf) -> None:
        self.world = world
        self.ci, self.developer = ports_of("ci"), ports_of("developer")
        self.registry = self.ci.registry
        self.ref = world.ref
        self.repository = world.ref("").repository

    async def build(self, version: str, tag: str) -> BuiltImage:
        """The image of a version under a tag. No other run has it, nor its layer."""
        checkout = await self.developer.code_repos["users"].clone()
        checkout.write("Dockerfile", "FROM busybox:1.35\nCOPY run version /\n")
        checkout.write("run", self.world.run_name)
        checkout.write("version", version)
        await checkout.commit(version)
        return await self.ci.builder.build(checkout, self.ref(tag))

    async def push(self, version: str, tag: str) -> Digest:
        """Build and push it."""
        return (await self.registry.push(await self.build(version, tag))).digest

    async def names(self) -> list[str]:
        """The tags as listed."""
        return [tag.name for tag in await self.registry.list_tags(self.repository)]


def test_a_repository_that_nobody_pushed_to_has_no_tags(world: World) -> None:
    """It is empty, not an error."""

    async def main(ports_of: PortsOf) -> None:
        assert await Shop(world, ports_of).names() == []

    world.run(main)


def test_a_push_makes_the_tag_point_at_the_image(world: World) -> None:
    """It can be resolved and is listed, with its digest and the date of the image."""

    async def main(ports_of: PortsOf) -> None:
        shop = Shop(world, ports_of)
        pushed = await shop.registry.push(await shop.build("1", "a"))
        assert pushed.digest.startswith("sha256:")
        assert len(pushed.digest) == len("sha256:") + 64
        assert pushed.bytes_written > 0
        assert await shop.registry.resolve(shop.ref("a")) == pushed.digest
        (tag,) = await shop.registry.list_tags(shop.repository)
        assert (tag.name, tag.digest) == ("a", pushed.digest)
        assert tag.created_us >= 0

    world.run(main)


def test_the_same_image_again_writes_no_bytes(world: World) -> None:
    """Under its tag or under another one: the digest is the same."""

    async def main(ports_of: PortsOf) -> None:
        shop = Shop(world, ports_of)
        first = await shop.registry.push(await shop.build("1", "a"))
        for tag in ("a", "b"):
            again = await shop.registry.push(await shop.build("1", tag))
            assert (again.digest, again.bytes_written) == (first.digest, 0)
        assert sorted(await shop.names()) == ["a", "b"]

    world.run(main)


def test_a_tag_may_move_and_a_digest_cannot(world: World) -> None:
    """The tag resolves to what was pushed last; the earlier image is still there by digest."""

    async def main(ports_of: PortsOf) -> None:
        shop = Shop(world, ports_of)
        first = await shop.push("1", "stable")
        second = await shop.push("2", "stable")
        assert first != second
        assert await shop.registry.resolve(shop.ref("stable")) == second
        by_digest = ImageRef(shop.repository, digest=first)
        assert await shop.registry.resolve(by_digest) == first
        assert await shop.names() == ["stable"]

    world.run(main)


def test_tags_are_listed_oldest_image_first(world: World) -> None:
    """By the date of the image, not by name and not by when it was pushed."""

    async def main(ports_of: PortsOf) -> None:
        shop = Shop(world, ports_of)
        built = []
        for version, tag in (("1", "z"), ("2", "a"), ("3", "m")):
            built.append(await shop.build(version, tag))
            await shop.ci.clock.sleep(0.05)
        for image in reversed(built):
            await shop.registry.push(image)
        tags = await shop.registry.list_tags(shop.repository)
        assert [tag.name for tag in tags] == ["z", "a", "m"]
        assert [tag.created_us for tag in tags] == sorted(tag.created_us for tag in tags)

    world.run(main)


def test_a_rebuild_from_the_cache_keeps_the_date_of_the_first(world: World) -> None:
    """So its tag is as old as the first one's."""

    async def main(ports_of: PortsOf) -> None:
        shop = Shop(world, ports_of)
        await shop.push("1", "first")
        await shop.push("2", "second")
        await shop.push("1", "rebuilt")
        dates = {tag.name: tag.created_us for tag in await shop.registry.list_tags(shop.repository)}
        assert dates["rebuilt"] == dates["first"] < dates["second"]

    world.run(main)


def test_what_is_not_there_is_not_found(world: World) -> None:
    """No tag, no digest, no repository."""

    async def main(ports_of: PortsOf) -> None:
        shop = Shop(world, ports_of)
        await shop.push("1", "a")
        missing = Digest("sha256:" + "0" * 64)
        for ref in (
            shop.ref("b"),
            ImageRef(shop.repository, digest=missing),
            ImageRef(f"{shop.repository}-nobody", tag="a"),
        ):
            with pytest.raises(ImageNotFound):
                await shop.registry.resolve(ref)

    world.run(main)


def test_waiting_for_a_tag_ends_when_there_is_a_new_one(world: World) -> None:
    """At once when it is there already, else when it comes, with the whole list."""

    async def main(ports_of: PortsOf) -> None:
        shop = Shop(world, ports_of)
        manager = ports_of("manager").registry
        wait = manager.wait_for_tag(shop.repository, after=())
        waiting = world.kernel.spawn(wait, name="the first tag")
        await shop.push("1", "a")
        assert [tag.name for tag in await waiting.join()] == ["a"]
        at_once = await manager.wait_for_tag(shop.repository, after=["other"])
        assert [tag.name for tag in at_once] == ["a"]
        wait = manager.wait_for_tag(shop.repository, after={"a"})
        waiting = world.kernel.spawn(wait, name="the next tag")
        await shop.push("2", "a")
        await shop.push("3", "b")
        assert [tag.name for tag in await waiting.join()] == ["a", "b"]

    world.run(main)


def test_who_may_only_read_cannot_push(world: World) -> None:
    """The attempt is refused, and no tag appears."""

    async def main(ports_of: PortsOf) -> None:
        shop = Shop(world, ports_of)
        image = await shop.build("1", "a")
        with pytest.raises(Forbidden):
            await ports_of("manager").registry.push(image)
        assert await ports_of("manager").registry.list_tags(shop.repository) == ()

    world.run(main)
