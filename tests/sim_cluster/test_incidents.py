"""What happens to machines and the API server in the simulated cluster, by hand arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import RolloutTimedOut, WorkloadNotFound
from cdlab.ports import Cluster
from cdlab.substrates.sim.incidents import SimIncidents

if TYPE_CHECKING:
    from tests.sim_cluster.conftest import Bench

STAGING = "staging"


def incidents_of(bench: Bench) -> SimIncidents:
    """Those of the cluster; there is no git server and no registry on the bench."""
    bench.seconds["node_monitor_grace"] = 40.0
    return SimIncidents(bench.cluster, None, {}, None)  # type: ignore[arg-type]


def test_a_deadline_that_passes_while_nobody_can_look_is_noticed_afterwards(bench: Bench) -> None:
    """
    Found by `test_people_and_faults.py`: the alarm rang for ever, at one instant.

    The deadline is at 74 s, the API server is down from 70 to 100 s.
    """

    async def story(bench: Bench, port: Cluster) -> None:
        incidents = incidents_of(bench)
        await bench.roll_out(port, spec="progressDeadlineSeconds: 60")
        await port.set_image("users", bench.image("none"), STAGING)
        await bench.kernel.sleep(70 - bench.kernel.now())
        await incidents.stop("api-server")
        await bench.kernel.sleep(30)
        assert bench.deployment().progress_reason != "ProgressDeadlineExceeded"
        await incidents.restart("api-server")
        assert bench.deployment().progress_reason == "ProgressDeadlineExceeded"
        with pytest.raises(RolloutTimedOut):
            await port.rollout_status("users", STAGING)

    bench.run(story)


def test_pods_of_a_lost_machine_are_replaced_when_their_toleration_is_over(bench: Bench) -> None:
    """
    Noticed after 40 s, given up 300 s later; the other machine has the image.

    Two of the three pods are on the first worker.
    """

    async def story(bench: Bench, port: Cluster) -> None:
        incidents = incidents_of(bench)
        await bench.roll_out(port)
        assert await incidents.lose_node("users", STAGING) == "worker-1"
        await bench.kernel.sleep(39)
        assert (await port.running(STAGING))[0].is_available
        await bench.kernel.sleep(2)
        assert not (await port.running(STAGING))[0].is_available
        await bench.kernel.sleep(400)

    bench.run(story)
    lost = 14
    assert bench.timeline("unready", "stopping", "scheduled", "ready", after=14) == [
        (lost + 40, "2 v1 unready"),
        (lost + 340, "2 v1 stopping"),
        (lost + 341, "2 v1 scheduled"),
        (lost + 344, "2 v1 ready"),
    ]


def test_a_machine_that_is_back_in_time_starts_its_pods_again(bench: Bench) -> None:
    """Nothing was given up, so nothing is placed anew; the image is still there."""

    async def story(bench: Bench, port: Cluster) -> None:
        incidents = incidents_of(bench)
        await bench.roll_out(port)
        node = await incidents.lose_node("users", STAGING)
        await bench.kernel.sleep(100)
        await incidents.restore_node(node)
        await port.rollout_status("users", STAGING)
        assert (await port.running(STAGING))[0].is_available

    bench.run(story)
    assert bench.timeline(after=14) == [
        (14 + 40, "2 v1 unready"),
        (14 + 100, "2 v1 pulled"),
        (14 + 102, "2 v1 started"),
        (14 + 103, "2 v1 ready"),
    ]


def test_without_any_machine_pods_stay_pending(bench: Bench) -> None:
    """They are scheduled as soon as one is back, and what was on that starts again, too."""

    async def story(bench: Bench, port: Cluster) -> None:
        incidents = incidents_of(bench)
        await bench.roll_out(port, replicas=1)
        await incidents.lose_node("users", STAGING)
        await port.set_image("users", bench.image("v2"), STAGING)
        await bench.kernel.sleep(16)
        other = await incidents.lose_node("users", STAGING)
        await port.set_image("users", bench.image("v3"), STAGING)
        with pytest.raises(WorkloadNotFound, match="Ready"):
            await incidents.lose_node("users", STAGING)
        await bench.kernel.sleep(70)
        await incidents.restore_node(other)
        await bench.kernel.sleep(20)

    bench.run(story)
    assert bench.timeline("scheduled", "ready", after=30) == [
        (100, "1 v3 scheduled"),
        (103, "1 v2 ready"),
        (113, "1 v3 ready"),
    ]


def test_a_crashing_container_is_started_again_after_growing_pauses(bench: Bench) -> None:
    """The kubelet's 10, 20, 40 s, and two seconds for every start."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest(replicas=1), STAGING)
        await bench.kernel.sleep(100)
        (pod,) = bench.deployment().pods()
        assert pod.waiting_reason == "CrashLoopBackOff"

    bench.crashing = "v1"
    bench.run(story)
    assert bench.timeline("started", "ready") == [
        (13, "1 v1 started"),
        (25, "1 v1 started"),
        (47, "1 v1 started"),
        (89, "1 v1 started"),
    ]
