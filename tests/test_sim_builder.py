"""The simulated docker engine: what a build costs, what the cache spares, and what fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cdlab.errors import BuildFailed
from cdlab.kernel import Kernel
from cdlab.model import Grant, ImageRef
from cdlab.ports import Checkout
from cdlab.random_streams import RandomStreams
from cdlab.substrates.sim.access import Credentials, Rights
from cdlab.substrates.sim.builder import SimBuilder
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.git import SimGitRepository
from cdlab.substrates.sim.git_server import GitServer

USERS = ImageRef("registry.test/users", tag="1")
FILES = {"Dockerfile": "FROM busybox:1.35\nCOPY www /www\n", "www/version": "1"}


class World:
    """A code repo and a docker engine: build 100 s, from the cache 50 s, all of git in no time."""

    def __init__(self, *, has_build_cache: bool = True) -> None:
        self.kernel = Kernel()
        profile = load_profile("constant").with_constants({"git_clone": 0, "git_push": 0})
        costs = Costs(profile, RandomStreams(1))
        server = GitServer("users", "code_repos", self.kernel, costs)
        grant = Grant(principal="developer", runs="outside", code_repos="write")
        self.repository = SimGitRepository(server, Credentials("developer", Rights([grant])))
        self.builder = SimBuilder(self.kernel, costs, has_build_cache=has_build_cache)

    async def source(self, files: Mapping[str, str]) -> Checkout:
        checkout = await self.repository.clone()
        for path, text in files.items():
            checkout.write(path, text)
        await checkout.commit("source")
        return checkout


def test_a_build_from_the_cache_gives_the_same_image_sooner() -> None:
    """100 s for the first build, 50 s for the same content again, and it keeps its date."""
    world = World()

    async def main() -> None:
        source = await world.source(FILES)
        first = await world.builder.build(source, USERS)
        assert world.kernel.now() == 100
        again = await world.builder.build(source, ImageRef("registry.test/users", tag="2"))
        assert world.kernel.now() == 150
        assert again.image_id == first.image_id
        assert world.builder.images[first.image_id].created_us == 100_000_000

    world.kernel.run(main())


def test_without_a_cache_every_build_gives_another_image_at_the_full_cost() -> None:
    """The same content, 100 s each, two images, two dates."""
    world = World(has_build_cache=False)

    async def main() -> None:
        source = await world.source(FILES)
        built = [await world.builder.build(source, USERS) for _ in range(2)]
        assert world.kernel.now() == 200
        assert built[0].image_id != built[1].image_id
        assert built[0].content == built[1].content
        dates = [world.builder.images[image.image_id].created_us for image in built]
        assert dates == [100_000_000, 200_000_000]

    world.kernel.run(main())


@pytest.mark.parametrize(("has_build_cache", "images"), [(True, 1), (False, 2)])
def test_two_builds_of_the_same_content_at_once(has_build_cache: bool, images: int) -> None:
    """Neither finds the other in the cache when it starts; with a cache they end as one image."""
    world = World(has_build_cache=has_build_cache)

    async def main() -> None:
        source = await world.source(FILES)
        actors = [
            world.kernel.spawn(world.builder.build(source, USERS), name=name) for name in "ab"
        ]
        built = {(await actor.join()).image_id for actor in actors}
        assert world.kernel.now() == 100
        assert len(built) == images

    world.kernel.run(main())


@pytest.mark.parametrize(
    ("dockerfile", "because"),
    [(None, "no Dockerfile"), ("FROM busybox:1.35\n  RUN   false\n", "RUN false")],
)
def test_a_build_that_fails_has_cost_its_time(dockerfile: str | None, because: str) -> None:
    """A failure is known at the end of the build, and leaves no image."""
    world = World()
    files = {"www/version": "1", **({"Dockerfile": dockerfile} if dockerfile else {})}

    async def main() -> None:
        source = await world.source(files)
        for _ in range(2):
            with pytest.raises(BuildFailed, match=because):
                await world.builder.build(source, USERS)
        assert world.kernel.now() == 200
        assert world.builder.images == {}

    world.kernel.run(main())


def test_a_dockerfile_that_only_mentions_a_failing_step_builds() -> None:
    """Only a line that is exactly the step fails."""
    world = World()

    async def main() -> None:
        dockerfile = "FROM busybox:1.35\n# RUN false\nRUN false || true\n"
        await world.builder.build(await world.source({"Dockerfile": dockerfile}), USERS)

    world.kernel.run(main())


def test_what_is_not_committed_is_not_built() -> None:
    """A build of a dirty checkout is a build of its head."""
    world = World()

    async def main() -> None:
        source = await world.source(FILES)
        source.write("www/unhealthy", "")
        source.write("Dockerfile", "RUN false")
        image = await world.builder.build(source, USERS)
        assert image.content == source.content
        assert world.builder.is_healthy(image.content)

    world.kernel.run(main())


def test_a_source_can_say_that_its_pods_never_become_ready() -> None:
    """The file `www/unhealthy` makes a content unhealthy; unknown contents are healthy."""
    world = World()

    async def main() -> Any:
        source = await world.source({**FILES, "www/unhealthy": ""})
        return (await world.builder.build(source, USERS)).content

    content = world.kernel.run(main())
    assert not world.builder.is_healthy(content)
    assert World().builder.is_healthy(content)
