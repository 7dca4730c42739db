"""Pods in the simulated cluster: image pulls, readiness and the end, to the second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdlab.model import ImageRef
from cdlab.ports import Cluster

if TYPE_CHECKING:
    from tests.sim_cluster.conftest import Bench

STAGING = "staging"


def test_first_rollout_starts_all_pods_at_once(bench: Bench) -> None:
    """The third pod shares a node with the first, and waits for its pull instead of pulling too."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)

    bench.run(story)
    assert bench.timeline() == [
        (0, "3 v1 created"),
        (1, "3 v1 scheduled"),
        (11, "3 v1 pulled"),
        (13, "3 v1 started"),
        (14, "3 v1 ready"),
        (14, "1 rollout complete"),
    ]


def test_missing_image_backs_off_and_is_pulled_when_it_appears(bench: Bench) -> None:
    """The kubelet tries after 10, 20 and 40 s: the image that is there at 50 s is seen at 71 s."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest("late", replicas=1), STAGING)
        await bench.kernel.sleep(5)
        (pod,) = bench.deployment().pods()
        assert pod.waiting_reason == "ErrImagePull"
        await bench.kernel.sleep(45)
        assert pod.waiting_reason == "ImagePullBackOff"
        bench.images["late"] = "late"
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("scheduled", "pulled", "ready") == [
        (1, "1 late scheduled"),
        (81, "1 late pulled"),
        (84, "1 late ready"),
    ]


def test_back_off_stops_doubling_at_five_minutes(bench: Bench) -> None:
    """Attempts at 1, 11, 31, 71, 151, 311 s, and from then on every 300 s."""
    attempts: list[float] = []
    bench.pull = lambda ref: attempts.append(bench.kernel.now())  # type: ignore[method-assign]

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest("none", replicas=1), STAGING)
        await bench.kernel.sleep(1000)

    bench.run(story)
    assert attempts == [1, 11, 31, 71, 151, 311, 611, 911]


def test_without_a_probe_a_pod_is_ready_as_soon_as_it_runs(bench: Bench) -> None:
    """Nobody looks, so even a release that serves nothing counts as Ready."""
    bench.images["v1"] = "sick"
    text = "\n".join(line for line in bench.manifest().splitlines() if "readinessProbe" not in line)

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(text, STAGING)
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("started", "ready") == [
        *[(13, "1 v1 started"), (13, "1 v1 ready")] * 3,
    ]


def test_initial_delay_skips_the_first_probes(bench: Bench) -> None:
    """The probe ticks 1, 3 and 5 s after the start; the first after a delay of 4 s is the third."""
    text = bench.manifest(replicas=1).replace(
        "periodSeconds: 2", "periodSeconds: 2, initialDelaySeconds: 4"
    )

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(text, STAGING)
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("started", "ready") == [(13, "1 v1 started"), (18, "1 v1 ready")]


def test_a_pod_that_runs_nothing_yet_is_gone_at_once(bench: Bench) -> None:
    """There is no container to stop while the image is pulled."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest(), STAGING)
        await bench.kernel.sleep(5)
        await port.wipe(STAGING)
        assert bench.kernel.now() == 5
        # The pull that was broken off holds up nobody.
        assert await bench.roll_out(port) == 5 + 14

    bench.run(story)


def test_a_container_that_ignores_the_signal_is_killed_after_its_grace_period(bench: Bench) -> None:
    """terminationGracePeriodSeconds is 30 if the manifest does not say."""
    bench.seconds["pod_stop"] = 1000.0

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.wipe(STAGING)
        assert bench.kernel.now() == 14 + 30

    bench.run(story)


def test_a_tag_that_moved_is_not_noticed_by_a_node_that_has_it(bench: Bench) -> None:
    """IfNotPresent: a template that is new but names the same tag runs the old image."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        bench.images["v1"] = "moved"
        text = bench.manifest().replace(
            "name: users\n          image", "name: users\n          env: []\n          image"
        )
        await port.apply(text, STAGING)
        await port.rollout_status("users", STAGING)
        assert bench.deployment().rollout_number == 2
        assert (await port.running(STAGING))[0].digests == (bench.digest("v1"),) * 3

    bench.run(story)


def test_a_tag_that_moved_is_resolved_by_a_node_that_must_look(bench: Bench) -> None:
    """`Always`: every start resolves the tag, and transfers only what the node does not have."""
    always = bench.manifest(replicas=1).replace(
        "image:", "imagePullPolicy: Always\n          image:"
    )

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(always, STAGING)
        await port.rollout_status("users", STAGING)
        bench.images["v1"] = "moved"
        await port.apply(always.replace("port: 80", "port: 81"), STAGING)
        await port.rollout_status("users", STAGING)
        assert (await port.running(STAGING))[0].digests == (bench.digest("moved"),)

    bench.run(story)


def test_an_image_named_by_its_digest_is_the_same_for_ever(bench: Bench) -> None:
    """A digest pulls what it names, and a node that has it by a tag needs no transfer."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        bench.images |= {"v1": "moved", "old": "v1"}
        await port.set_image("users", ImageRef(bench.repository, None, bench.digest("v1")), STAGING)
        await port.rollout_status("users", STAGING)
        assert bench.kernel.now() == 14 + 3 * 4
        assert (await port.running(STAGING))[0].digests == (bench.digest("v1"),) * 3

    bench.run(story)


def test_the_control_plane_runs_no_pods_and_the_workers_share(bench: Bench) -> None:
    """Four pods are two on each worker."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=4)

    bench.run(story)
    assert [(node.name, node.pod_count) for node in bench.cluster.nodes.all] == [
        ("control-plane", 0),
        ("worker-1", 2),
        ("worker-2", 2),
    ]


def test_digests_are_told_from_the_start_of_a_pod_on(bench: Bench) -> None:
    """Before that nobody knows what a tag will turn out to be."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=1)
        await port.wipe(STAGING)

    bench.run(story)
    assert [(change.phase, change.digest) for change in bench.changes] == [
        ("created", None),
        ("scheduled", None),
        ("pulled", None),
        ("started", bench.digest("v1")),
        ("ready", bench.digest("v1")),
        ("stopping", bench.digest("v1")),
    ]
