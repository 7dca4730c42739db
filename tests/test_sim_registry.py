"""The simulated registry: blobs, bytes, moving tags, what nodes pull, and the whole substrate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from cdlab.errors import Forbidden, ImageNotFound
from cdlab.kernel import Kernel
from cdlab.model import (
    Application,
    BuiltImage,
    Content,
    Environment,
    Grant,
    ImageRef,
    Microservice,
    Tag,
)
from cdlab.ports import Ports
from cdlab.random_streams import RandomStreams
from cdlab.substrates.sim import SimSubstrate
from cdlab.substrates.sim.builder import BASE_LAYER_BYTES
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.registry import CONFIG_BYTES

DOCKERFILE = "FROM busybox:1.35\nCOPY www /www\n"
GRANTS = (
    Grant(principal="developer", runs="outside", code_repos="write"),
    Grant(principal="ci", runs="outside", code_repos="read", registry="write"),
    Grant(principal="manager", runs="inside", registry="read"),
)


class World:
    """The substrate with one microservice: push 20 s, of a known image 10 s, hint 1 s."""

    def __init__(self, *, has_build_cache: bool = True) -> None:
        self.kernel = Kernel()
        profile = load_profile("constant").with_constants(
            {"git_clone": 0, "git_push": 0, "build": 0, "build_cached": 0}
        )
        streams = RandomStreams(1)
        costs = Costs(profile, streams)
        self.substrate = SimSubstrate(self.kernel, streams, costs, has_build_cache=has_build_cache)
        self.name = self.substrate.image_repository("users")

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        async def body() -> None:
            microservice = Microservice("users", self.name)
            application = Application((microservice,), (Environment("staging"),))
            await self.substrate.create(application, GRANTS)
            await main()

        self.kernel.run(body())

    @property
    def ci(self) -> Ports:
        return self.substrate.ports("ci")

    def ref(self, tag: str) -> ImageRef:
        return ImageRef(self.name, tag=tag)

    async def build(self, version: str, tag: str) -> BuiltImage:
        checkout = await self.substrate.ports("developer").code_repos["users"].clone()
        checkout.write("Dockerfile", DOCKERFILE)
        checkout.write("www/version", version)
        await checkout.commit(version)
        return await self.ci.builder.build(checkout, self.ref(tag))


def test_bytes_are_counted_once() -> None:
    """The first image brings the base layer, the second its own layer, the same again nothing."""
    world = World()

    async def main() -> None:
        first = await world.ci.registry.push(await world.build("1", "a"))
        own = len(DOCKERFILE) + len("1") + CONFIG_BYTES
        assert first.bytes_written == BASE_LAYER_BYTES + own
        second = await world.ci.registry.push(await world.build("2", "b"))
        assert second.bytes_written == own
        again = await world.ci.registry.push(await world.build("1", "c"))
        assert (again.digest, again.bytes_written) == (first.digest, 0)
        assert world.kernel.now() == 20 + 20 + 10

    world.run(main)


def test_a_rebuild_without_a_cache_writes_its_layer_again() -> None:
    """The same content, another digest, and more than zero bytes."""
    world = World(has_build_cache=False)

    async def main() -> None:
        first = await world.ci.registry.push(await world.build("1", "a"))
        again = await world.ci.registry.push(await world.build("1", "b"))
        assert again.digest != first.digest
        assert 0 < again.bytes_written < first.bytes_written

    world.run(main)


def test_tags_are_listed_by_the_age_of_their_image_and_then_by_arrival() -> None:
    """A cached rebuild's tag stands beside the first one's, before everything newer."""
    world = World()

    async def main() -> None:
        for version, tag in (("1", "first"), ("2", "second"), ("1", "rebuilt")):
            await world.ci.registry.push(await world.build(version, tag))
        tags = await world.ci.registry.list_tags(world.name)
        assert [tag.name for tag in tags] == ["first", "rebuilt", "second"]

    world.run(main)


def test_a_tag_that_moves_arrives_anew() -> None:
    """Of two tags of one image the one that was moved there last comes last."""
    world = World()

    async def main() -> None:
        old, image = await world.build("0", "a"), await world.build("1", "b")
        await world.ci.registry.push(old)
        await world.ci.registry.push(image)
        moved = BuiltImage(world.ref("a"), image.image_id, image.content)
        await world.ci.registry.push(moved)
        tags = await world.ci.registry.list_tags(world.name)
        assert [tag.name for tag in tags] == ["b", "a"]
        pushed_again = await world.ci.registry.push(image)
        assert pushed_again.bytes_written == 0
        assert await world.ci.registry.list_tags(world.name) == tags

    world.run(main)


def test_nodes_pull_by_tag_and_by_digest() -> None:
    """They get the digest, the source and the size; nothing for what is not there."""
    world = World()

    async def main() -> None:
        built = await world.build("1", "a")
        pushed = await world.ci.registry.push(built)
        pull = world.substrate.registry.pull
        size = pushed.bytes_written
        for ref in (world.ref("a"), ImageRef(world.name, digest=pushed.digest)):
            assert pull(ref) == (pushed.digest, built.content, size)
        for ref in (world.ref("b"), ImageRef("registry.test/orders", tag="a")):
            assert pull(ref) is None

    world.run(main)


def test_a_waiter_is_told_one_hint_after_the_push() -> None:
    """Push at 20 s, hint 1 s: the waiter goes on at 21 s."""
    world = World()

    async def main() -> None:
        told: list[tuple[float, tuple[Tag, ...]]] = []

        async def wait() -> None:
            registry = world.substrate.ports("manager").registry
            tags = await registry.wait_for_tag(world.name, after=())
            told.append((world.kernel.now(), tags))

        waiting = world.kernel.spawn(wait(), name="manager")
        await world.ci.registry.push(await world.build("1", "a"))
        await waiting.join()
        assert [(when, [tag.name for tag in tags]) for when, tags in told] == [(21, ["a"])]

    world.run(main)


def test_an_image_that_nobody_built_here_cannot_be_pushed() -> None:
    """As docker: `An image does not exist locally with the tag`."""
    world = World()

    async def main() -> None:
        with pytest.raises(ImageNotFound, match="did not build it"):
            await world.ci.registry.push(BuiltImage(world.ref("a"), "sha256:0", Content("0")))

    world.run(main)


def test_a_reader_may_not_push_and_a_stranger_may_not_look() -> None:
    """The refusal names who and what, and nothing is stored."""
    world = World()

    async def main() -> None:
        image = await world.build("1", "a")
        with pytest.raises(Forbidden, match="'manager' has no write access to the registry"):
            await world.substrate.ports("manager").registry.push(image)
        assert await world.substrate.ports("manager").registry.list_tags(world.name) == ()
        for principal in ("developer", "user"):
            with pytest.raises(Forbidden, match="read access"):
                await world.substrate.ports(principal).registry.list_tags(world.name)

    world.run(main)


def test_there_are_no_ports_before_create_and_none_after_destroy() -> None:
    """Destroying twice is safe."""
    world = World()

    async def main() -> None:
        await world.substrate.destroy()
        await world.substrate.destroy()

    with pytest.raises(RuntimeError, match="create"):
        world.substrate.ports("ci")
    world.run(main)
    with pytest.raises(RuntimeError, match="create"):
        world.substrate.ports("ci")
