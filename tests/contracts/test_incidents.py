"""
What can happen to a world, on every substrate: it really happens, and it is over when it is over.

What takes a real cluster more than some seconds is marked `slow_kind` there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdlab.errors import (
    ClusterUnavailable,
    ImageNotFound,
    PortError,
    RegistryUnavailable,
    RepositoryUnavailable,
    WorkloadNotFound,
)
from cdlab.image_labels import age_of, branch_of, labels_of
from cdlab.manifests import replace_image

if TYPE_CHECKING:
    from cdlab.model import ImageRef
    from cdlab.ports import Box, Ports
    from tests.contracts.conftest import PortsOf, World

OUTAGE_SECONDS = 3.0
"""Long enough for who waits on a real substrate to look, which it does every 2 s."""


async def released(world: World, ports: Ports, version: str = "one") -> tuple[str, ImageRef]:
    """A version that runs in staging, and the manifest that it runs by."""
    image = await world.ship(ports, version)
    manifest = replace_image(world.files(version)["service.yaml"], "users", str(image))
    await ports.cluster.apply(manifest, "staging")
    await ports.cluster.rollout_status("users", "staging")
    return manifest, image


async def until_answered(world: World) -> None:
    """Ask until somebody answers: endpoints follow pods a little later."""
    while not await world.substrate.incidents.request("users", "staging"):
        await world.kernel.sleep(0.2)


def test_a_comparison_tells_whether_an_apply_would_change_anything(world: World) -> None:
    """Before and after, and it changes nothing itself."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        manifest = replace_image(
            world.files("one")["service.yaml"], "users", str(world.ref("never-built"))
        )
        assert await ports.cluster.diff(manifest, "staging") == "absent"
        assert await ports.cluster.running("staging") == ()
        await ports.cluster.apply(manifest, "staging")
        assert await ports.cluster.diff(manifest, "staging") == ""
        more = manifest.replace("replicas: 1", "replicas: 2")
        assert await ports.cluster.diff(more, "staging") == "not applied"
        assert await ports.cluster.apply(manifest, "staging") is False

    world.run(main)


def test_labels_make_another_image_of_the_same_layers(world: World) -> None:
    """A tag's age and branch are read from them; the push writes a configuration and no layer."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        plain = await world.build(ports, world.files("one"), "plain")
        first = await ports.registry.push(plain)
        checkout = await ports.code_repos["users"].clone()
        labels = labels_of(checkout.log())
        built = [
            await ports.builder.build(checkout, world.ref(tag), labels) for tag in ("a", "again")
        ]
        assert built[0].image_id == built[1].image_id != plain.image_id
        pushed = await ports.registry.push(built[0])
        assert pushed.digest != first.digest
        assert 0 < pushed.bytes_written < 10_000
        (found,) = [t for t in await ports.registry.list_tags(world.ref("a").repository)
                    if t.name == "a"]  # fmt: skip
        assert found.age == age_of(labels)
        assert found.branch == branch_of(labels) == "main"
        assert found.commits == len(checkout.log())

    world.run(main)


@pytest.mark.parametrize(("box", "other"), [("code-repo", "config"), ("config-repo", "code")])
def test_a_git_box_that_is_down_answers_nobody(world: World, box: str, other: str) -> None:
    """The other kind of repository goes on; afterwards everything is there as it was."""

    async def main(ports_of: PortsOf) -> None:
        ports, incidents = ports_of("operator"), world.substrate.incidents
        await world.build(ports, {"Dockerfile": "FROM busybox:1.35\n"}, "one")
        before = await ports.code_repos["users"].head()
        await incidents.stop(box)  # type: ignore[arg-type]
        repositories = {"code": ports.code_repos["users"], "config": ports.config_repo}
        await repositories.pop(other).head()
        (down,) = repositories.values()
        with pytest.raises(RepositoryUnavailable):
            await down.clone()
        await incidents.restart(box)  # type: ignore[arg-type]
        await down.clone()
        assert await ports.code_repos["users"].head() == before

    world.run(main)


@pytest.mark.parametrize("box", ["code-repo", "config-repo"])
def test_who_waits_for_a_push_waits_through_an_outage(world: World, box: Box) -> None:
    """Begun before it or during it; both see the first push that comes afterwards."""

    async def main(ports_of: PortsOf) -> None:
        ports, incidents = ports_of("operator"), world.substrate.incidents
        repository = ports.code_repos["users"] if box == "code-repo" else ports.config_repo
        before = world.kernel.spawn(repository.wait_for_push(None), name="waits before")
        await incidents.stop(box)
        during = world.kernel.spawn(repository.wait_for_push(None), name="waits during")
        await world.kernel.sleep(OUTAGE_SECONDS)
        assert (before.done, during.done) == (False, False)
        await incidents.restart(box)
        checkout = await repository.clone()
        checkout.write("README.md", "Hello\n")
        revision = await checkout.commit("Say hello")
        await checkout.push()
        assert [await each.join() for each in (before, during)] == [revision] * 2

    world.run(main)


def test_who_waits_for_a_tag_waits_through_an_outage(world: World) -> None:
    """The same for the registry."""

    async def main(ports_of: PortsOf) -> None:
        ports, incidents = ports_of("operator"), world.substrate.incidents
        name = world.ref("").repository
        image = await world.build(ports, {"Dockerfile": "FROM busybox:1.35\n"}, "one")
        before = world.kernel.spawn(ports.registry.wait_for_tag(name, ()), name="waits before")
        await incidents.stop("registry")
        during = world.kernel.spawn(ports.registry.wait_for_tag(name, ()), name="waits during")
        await world.kernel.sleep(OUTAGE_SECONDS)
        assert (before.done, during.done) == (False, False)
        await incidents.restart("registry")
        await ports.registry.push(image)
        found = [await each.join() for each in (before, during)]
        assert [[tag.name for tag in tags] for tags in found] == [["one"]] * 2

    world.run(main)


def test_a_workload_without_a_ready_pod_has_no_node_to_lose(world: World) -> None:
    """`WorkloadNotFound`, and no machine is stopped: what is asked for next can still run."""

    async def main(ports_of: PortsOf) -> None:
        ports, incidents = ports_of("operator"), world.substrate.incidents
        with pytest.raises(WorkloadNotFound):
            await incidents.lose_node("users", "staging")
        manifest, _ = await released(world, ports)
        with pytest.raises(WorkloadNotFound):
            await incidents.lose_node("users", "production")
        await ports.cluster.apply(manifest.replace("replicas: 1", "replicas: 0"), "staging")
        # Kubernetes calls the rollout complete while the last pod is about to be told.
        while any(each.digests for each in await ports.cluster.running("staging")):
            await ports.clock.sleep(0.2)
        with pytest.raises(WorkloadNotFound):
            await incidents.lose_node("users", "staging")
        await ports.cluster.apply(manifest, "staging")
        await ports.cluster.rollout_status("users", "staging")

    world.run(main)


def test_a_registry_that_is_down_takes_and_gives_nothing(world: World) -> None:
    """Pods that run go on running; afterwards every image is there."""

    async def main(ports_of: PortsOf) -> None:
        ports, incidents = ports_of("operator"), world.substrate.incidents
        _, image = await released(world, ports)
        await incidents.stop("registry")
        with pytest.raises(RegistryUnavailable):
            await ports.registry.list_tags(image.repository)
        with pytest.raises(PortError):
            await world.ship(ports, "two")
        (running,) = await ports.cluster.running("staging")
        assert running.is_available
        await incidents.restart("registry")
        assert await ports.registry.resolve(image) == running.digests[0]

    world.run(main)


def test_an_emptied_registry_has_no_image_and_pods_go_on(world: World) -> None:
    """What a node has pulled it keeps."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        _, image = await released(world, ports)
        await world.substrate.incidents.empty_registry()
        assert await ports.registry.list_tags(image.repository) == ()
        with pytest.raises(ImageNotFound):
            await ports.registry.resolve(image)
        (running,) = await ports.cluster.running("staging")
        assert running.is_available

    world.run(main)


def test_a_request_is_answered_where_a_pod_is_ready(world: World) -> None:
    """Through the Service; with no pod behind it nobody answers."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        manifest, _ = await released(world, ports)
        await until_answered(world)
        await ports.cluster.apply(manifest.replace("replicas: 1", "replicas: 0"), "staging")
        while await world.substrate.incidents.request("users", "staging"):
            await world.kernel.sleep(0.2)

    world.run(main)


@pytest.mark.slow_kind
def test_pods_of_a_lost_node_are_replaced_elsewhere(world: World) -> None:
    """They are missed, evicted and made again on another machine; the lost one can come back."""
    phases: list[tuple[str, str]] = []

    async def main(ports_of: PortsOf) -> None:
        ports, incidents = ports_of("operator"), world.substrate.incidents
        await released(world, ports)
        world.substrate.observe(lambda change: phases.append((change.pod, change.phase)))
        node = await incidents.lose_node("users", "staging")
        while "ready" not in [phase for _, phase in phases]:
            await world.kernel.sleep(1)
        await incidents.restore_node(node)
        await ports.cluster.rollout_status("users", "staging")

    world.run(main)
    (old,) = {pod for pod, phase in phases if phase == "unready"}
    seen = [phase for pod, phase in phases if pod == old]
    assert seen[:2] == ["unready", "stopping"]
    assert [phase for pod, phase in phases if pod != old][-1] == "ready"


@pytest.mark.slow_kind
def test_a_new_cluster_is_empty_and_takes_what_is_applied(world: World) -> None:
    """The same environments and rights; repositories and registry are as they were."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        manifest, image = await released(world, ports)
        await world.substrate.incidents.delete_cluster()
        assert await ports.cluster.running("staging") == ()
        with pytest.raises(WorkloadNotFound):
            await ports.cluster.rollout_undo("users", "staging")
        assert await ports.cluster.apply(manifest, "staging") is True
        await ports.cluster.rollout_status("users", "staging")
        (running,) = await ports.cluster.running("staging")
        assert running.digests == (await ports.registry.resolve(image),)
        with pytest.raises(PortError):
            await ports_of("observer").cluster.apply(manifest, "staging")

    world.run(main, seconds=400.0)


@pytest.mark.slow_kind
def test_an_api_server_that_is_down_leaves_pods_alone(world: World) -> None:
    """Nobody can change anything; requests are answered all the same."""

    async def main(ports_of: PortsOf) -> None:
        ports, incidents = ports_of("operator"), world.substrate.incidents
        manifest, image = await released(world, ports)
        await until_answered(world)
        await incidents.stop("api-server")
        with pytest.raises(ClusterUnavailable):
            await ports.cluster.apply(manifest, "staging")
        assert await incidents.request("users", "staging")
        await incidents.restart("api-server")
        await ports.cluster.set_image("users", replace(image, digest=None), "staging")
        await ports.cluster.rollout_status("users", "staging")

    world.run(main, seconds=400.0)
