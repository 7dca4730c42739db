"""The promises of `Cluster` in `cdlab/ports.py`, one test each, on every substrate."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.errors import (
    Forbidden,
    ManifestRejected,
    NoEarlierRollout,
    RolloutTimedOut,
    WorkloadNotFound,
)
from cdlab.model import Digest, ImageRef, PodChange
from cdlab.ports import Ports

STAGING, PRODUCTION = "staging", "production"

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users
spec:
  replicas: {replicas}
  progressDeadlineSeconds: {deadline}
  selector:
    matchLabels: {{app: users}}
  template:
    metadata:
      labels: {{app: users}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: users
          image: {image}
          readinessProbe: {{httpGet: {{path: /version, port: 8080}}, periodSeconds: 1}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: users}
spec: {selector: {app: users}, ports: [{port: 80, targetPort: 8080}]}
"""


def manifest(image: ImageRef, *, replicas: int = 1, deadline: int = 100) -> str:
    return MANIFEST.format(image=image, replicas=replicas, deadline=deadline)


async def deploy(ports: Ports, image: ImageRef, **settings: int) -> None:
    await ports.cluster.apply(manifest(image, **settings), STAGING)
    await ports.cluster.rollout_status("users", STAGING)


async def digests(ports: Ports, environment: str = STAGING) -> tuple[Digest, ...]:
    """The digests that `users` runs, the only workload."""
    (workload,) = await ports.cluster.running(environment)
    return workload.digests


def test_apply_tells_whether_anything_changed(world: Any) -> None:
    """A new object and another image are changes; the same text again is none."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("operator").cluster
        first, second = manifest(world.ref("a")), manifest(world.ref("b"))
        answers = [await cluster.apply(text, STAGING) for text in (first, first, second, SERVICE)]
        assert answers == [True, False, True, True]
        assert await cluster.apply(f"{second}---\n{SERVICE}", STAGING) is False

    world.run(main)


def test_apply_puts_back_what_was_changed_out_of_band(world: Any) -> None:
    """The manifest says what is desired, whoever set another image before."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("operator").cluster
        await cluster.apply(manifest(world.ref("a")), STAGING)
        await cluster.set_image("users", world.ref("b"), STAGING)
        assert await cluster.apply(manifest(world.ref("a")), STAGING) is True
        (workload,) = await cluster.running(STAGING)
        assert workload.desired == world.ref("a")

    world.run(main)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("apiVersion: apps/v1", "apiVersion: extensions/v1beta1"),
        ("kind: Deployment", "kind: Deploiment"),
        ("replicas: 1", "replicas: -1"),
        ("replicas: 1", "replica: 1"),
        ("labels: {app: users}", "labels: {app: orders}"),
        ("replicas: 1", "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}"),
        ("replicas: 1", "minReadySeconds: 100"),
        ("name: users\nspec", "name: Users\nspec"),
    ],
)
def test_apply_refuses_what_the_api_server_refuses(world: Any, right: str, wrong: str) -> None:
    """`ManifestRejected`, and nothing is stored."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("operator").cluster
        text = manifest(world.ref("a"))
        assert right in text
        with pytest.raises(ManifestRejected):
            await cluster.apply(text.replace(right, wrong, 1), STAGING)
        assert await cluster.running(STAGING) == ()

    world.run(main)


def test_apply_refuses_another_selector(world: Any) -> None:
    """A Deployment's selector is immutable."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("operator").cluster
        text = manifest(world.ref("a"))
        await cluster.apply(text, STAGING)
        with pytest.raises(ManifestRejected):
            await cluster.apply(text.replace("{app: users}", "{app: user}"), STAGING)

    world.run(main)


def test_rollout_status_returns_when_all_replicas_are_updated_and_ready(world: Any) -> None:
    """Then every pod runs the new digest and none the old."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        old, new = [await world.ship(ports, each) for each in ("one", "two")]
        await deploy(ports, old, replicas=2)
        assert await digests(ports) == (await ports.registry.resolve(old),) * 2
        await ports.cluster.set_image("users", new, STAGING)
        await ports.cluster.rollout_status("users", STAGING)
        (workload,) = await ports.cluster.running(STAGING)
        assert workload.desired == new
        assert workload.digests == (await ports.registry.resolve(new),) * 2
        assert workload.is_available

    world.run(main)


def test_rollout_undo_goes_back_to_the_template_before(world: Any) -> None:
    """Undoing twice is where it was."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        one, two = [await world.ship(ports, each) for each in ("one", "two")]
        await deploy(ports, one)
        await deploy(ports, two)
        for image in (one, two):
            await ports.cluster.rollout_undo("users", STAGING)
            await ports.cluster.rollout_status("users", STAGING)
            (workload,) = await ports.cluster.running(STAGING)
            assert workload.desired == image
            assert workload.digests == (await ports.registry.resolve(image),)

    world.run(main)


def test_rollout_undo_after_a_failed_rollout_makes_it_available_again(world: Any) -> None:
    """The deadline of the failed rollout does not count any more."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        good = await world.ship(ports, "one")
        await deploy(ports, good)
        with pytest.raises(RolloutTimedOut):
            await deploy(ports, world.ref("missing"), deadline=8)
        await ports.cluster.rollout_undo("users", STAGING)
        await ports.cluster.rollout_status("users", STAGING)
        (workload,) = await ports.cluster.running(STAGING)
        assert (workload.desired, workload.is_available) == (good, True)

    world.run(main)


def test_rollout_undo_of_the_first_rollout_is_refused(world: Any) -> None:
    """`NoEarlierRollout`."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("operator").cluster
        await cluster.apply(manifest(world.ref("a"), replicas=0), STAGING)
        await cluster.rollout_status("users", STAGING)
        with pytest.raises(NoEarlierRollout):
            await cluster.rollout_undo("users", STAGING)

    world.run(main)


def test_verbs_on_a_workload_that_is_not_there(world: Any) -> None:
    """`WorkloadNotFound` from each; running is empty."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("operator").cluster
        with pytest.raises(WorkloadNotFound):
            await cluster.set_image("users", world.ref("a"), STAGING)
        with pytest.raises(WorkloadNotFound):
            await cluster.rollout_status("users", STAGING)
        with pytest.raises(WorkloadNotFound):
            await cluster.rollout_undo("users", STAGING)
        assert await cluster.running(STAGING) == ()

    world.run(main)


def test_running_is_sorted_by_workload_and_its_own_environment(world: Any) -> None:
    """What another environment asks for is not seen; and one workload can be asked for alone."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("operator").cluster
        users = manifest(world.ref("a"), replicas=0)
        await cluster.apply(users, STAGING)
        await cluster.apply(users.replace("users", "orders"), STAGING)
        await cluster.apply(users.replace("users", "front-end"), PRODUCTION)
        assert [each.name for each in await cluster.running(STAGING)] == ["orders", "users"]
        assert [each.name for each in await cluster.running(PRODUCTION)] == ["front-end"]
        assert [each.name for each in await cluster.running(STAGING, "users")] == ["users"]
        assert await cluster.running(STAGING, "front-end") == ()

    world.run(main)


def test_wipe_really_empties_one_environment(world: Any) -> None:
    """It returns when no pod is left; the manifest brings everything back as new."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        image = await world.ship(ports, "one")
        await deploy(ports, image, replicas=2)
        await ports.cluster.apply(manifest(image), PRODUCTION)
        await ports.cluster.rollout_status("users", PRODUCTION)
        await ports.cluster.wipe(STAGING)
        assert await ports.cluster.running(STAGING) == ()
        assert await digests(ports, PRODUCTION) == (await ports.registry.resolve(image),)
        assert await ports.cluster.apply(manifest(image), STAGING) is True
        await ports.cluster.rollout_status("users", STAGING)
        with pytest.raises(NoEarlierRollout):
            await ports.cluster.rollout_undo("users", STAGING)

    world.run(main)


def test_running_images_are_told_by_digest_also_when_the_tag_has_moved(world: Any) -> None:
    """A pod runs what it pulled, whatever the tag points at now."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        image = await world.ship(ports, "one")
        first = await ports.registry.resolve(image)
        await deploy(ports, image)
        moved = await world.build(ports, world.files("two"), "one")
        await ports.registry.push(moved)
        assert await ports.registry.resolve(image) != first
        assert await digests(ports) == (first,)

    world.run(main)


def test_an_image_can_be_named_by_its_digest(world: Any) -> None:
    """The pod runs exactly that one."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        image = await world.ship(ports, "one")
        digest = await ports.registry.resolve(image)
        await deploy(ports, ImageRef(image.repository, None, digest))
        assert await digests(ports) == (digest,)

    world.run(main)


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ("user", ()),
        ("observer", ("running", "rollout_status")),
        ("ci", ("running", "rollout_status", "set_image")),
        ("developer", ("running", "rollout_status", "set_image", "apply")),
        ("manager", ("running", "rollout_status", "set_image", "apply", "prune")),
    ],
)
def test_what_a_grant_does_not_allow_is_forbidden(
    world: Any, principal: Any, allowed: tuple[str, ...]
) -> None:
    """Each right includes those below it; a refused call changes nothing."""

    async def main(ports_of: Any) -> None:
        operator, limited = ports_of("operator").cluster, ports_of(principal).cluster
        text = manifest(world.ref("a"), replicas=0)
        await operator.apply(text, STAGING)
        verbs = {
            "running": lambda: limited.running(STAGING),
            "rollout_status": lambda: limited.rollout_status("users", STAGING),
            "set_image": lambda: limited.set_image("users", world.ref("b"), STAGING),
            "apply": lambda: limited.apply(text.replace("users", "new"), STAGING),
            "prune": lambda: limited.prune([], STAGING),
            "rollout_undo": lambda: limited.rollout_undo("users", STAGING),
            "wipe": lambda: limited.wipe(STAGING),
        }
        refused = []
        for name, verb in verbs.items():
            try:
                await verb()
            except Forbidden:
                refused.append(name)
        assert refused == [name for name in verbs if name not in allowed]
        workload = (await operator.running(STAGING))[-1]
        assert workload.desired == world.ref("b" if "set_image" in allowed else "a")

    world.run(main)


def test_whoever_may_set_an_image_may_apply_a_deployment_that_is_there(world: Any) -> None:
    """RBAC grants a patch and cannot tell one from another; making an object is another verb."""

    async def main(ports_of: Any) -> None:
        ci = ports_of("ci").cluster
        await ports_of("operator").cluster.apply(manifest(world.ref("a"), replicas=0), STAGING)
        assert await ci.apply(manifest(world.ref("b"), replicas=0), STAGING)
        with pytest.raises(Forbidden):
            await ci.apply(SERVICE, STAGING)

    world.run(main)


def test_observers_are_told_of_every_pod_in_the_order_of_its_life(world: Any) -> None:
    """New pods become Ready before old ones stop, and digests are known from the start on."""
    changes: list[PodChange] = []

    async def main(ports_of: Any) -> tuple[ImageRef, ImageRef, Digest]:
        world.substrate.observe(changes.append)
        ports = ports_of("operator")
        one, two = [await world.ship(ports, each) for each in ("one", "two")]
        await deploy(ports, one)
        await deploy(ports, two)
        while not any(change.phase == "stopping" for change in changes):
            await ports.clock.sleep(0.2)
        return one, two, await ports.registry.resolve(two)

    one, two, digest = world.run(main)
    lives: dict[str, list[str]] = {}
    for change in changes:
        assert (change.environment, change.workload) == (STAGING, "users")
        lives.setdefault(change.pod, []).append(change.phase)
    old, new = lives.values()
    # On a real cluster the pull is told by an event of the kubelet, which may come late.
    in_order = [[phase for phase in life if phase != "pulled"] for life in (old, new)]
    assert in_order[0][:5] == ["created", "scheduled", "started", "ready", "stopping"]
    assert in_order[1][:4] == ["created", "scheduled", "started", "ready"]
    assert old.count("pulled") == new.count("pulled") == 1
    seen = [(change.phase, change.image) for change in changes]
    assert seen.index(("ready", two)) < seen.index(("stopping", one))
    told = {change.phase: change.digest for change in changes if change.image == two}
    assert told["started"] == told["ready"] == digest
    assert told["created"] is None
