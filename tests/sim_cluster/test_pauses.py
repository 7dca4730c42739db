"""Controllers that take time for a step, and sandboxes that take longer in company: by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import ClusterUnavailable, RolloutTimedOut
from cdlab.ports import Cluster

if TYPE_CHECKING:
    from tests.sim_cluster.conftest import Bench

STAGING = "staging"


def test_each_step_of_a_rollout_waits_for_the_controller(bench: Bench) -> None:
    """A quarter of a second before the first pod, the old one's end, the next pod, the end."""
    bench.seconds["reconcile"] = 0.25

    async def story(bench: Bench, port: Cluster) -> None:
        assert await bench.roll_out(port, replicas=2) == 14.5
        await bench.roll_out(port, "v2", replicas=2)

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", "complete") == [
        (0.25, "2 v1 created"),
        (14.25, "2 v1 ready"),
        (14.5, "1 rollout complete"),
        (14.75, "1 v2 created"),
        (28.75, "1 v2 ready"),
        (29.0, "1 v1 stopping"),
        (29.25, "1 v2 created"),
        (43.25, "1 v2 ready"),
        (43.5, "1 v1 stopping"),
        (43.75, "1 rollout complete"),
    ]


def test_a_change_in_the_middle_of_a_pause_is_seen_at_its_end(bench: Bench) -> None:
    """Two changes of the image within one pause make pods of the second alone."""
    bench.seconds["reconcile"] = 1.0

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=1)
        await port.set_image("users", bench.image("v2"), STAGING)
        await bench.kernel.sleep(0.5)
        await port.set_image("users", bench.image("v3"), STAGING)
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert [what for _, what in bench.timeline("created")] == ["1 v1 created", "1 v3 created"]


def test_a_deadline_still_passes_once(bench: Bench) -> None:
    """The controller that is late is not asked again and again for the same deadline."""
    bench.seconds["reconcile"] = 0.25

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest("gone", spec="progressDeadlineSeconds: 20"), STAGING)
        with pytest.raises(RolloutTimedOut):
            await port.rollout_status("users", STAGING)
        bench.log.append((bench.kernel.now(), "given up"))

    bench.run(story)
    # The new ReplicaSet's pods are seen a pause after they were made, which is progress.
    assert bench.log[-1] == (20.5, "given up")


def test_a_controller_that_wakes_without_an_api_server_goes_on_when_it_is_back(
    bench: Bench,
) -> None:
    """The change was accepted before the outage, and nothing of it is done during it."""
    bench.seconds["reconcile"] = 1.0

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest(replicas=1), STAGING)
        bench.cluster.kubelet.is_api_down = True
        await bench.kernel.sleep(5)
        assert bench.log == []
        with pytest.raises(ClusterUnavailable):
            await port.rollout_status("users", STAGING)
        bench.cluster.kubelet.is_api_down = False
        bench.deployment().reconcile()
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("created") == [(6.0, "1 v1 created")]


def test_sandboxes_take_longer_for_each_other_one(bench: Bench) -> None:
    """Three at once: 4 s and half of that for each of the two others, on whichever node."""
    bench.seconds |= {"pod_sandbox": 4.0, "pull": 0.0}
    bench.shares["crowding"] = 0.5

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=3)
        await bench.roll_out(port, "v2", replicas=3)

    bench.run(story)
    # scheduled 1, sandbox 4 (+ 2 × 2), started 2, probed 1
    assert bench.timeline("ready") == [
        (12, "3 v1 ready"), (20, "1 v2 ready"), (28, "1 v2 ready"), (36, "1 v2 ready"),
    ]  # fmt: skip


def test_a_pod_that_is_stopped_in_its_sandbox_is_no_company(bench: Bench) -> None:
    """What was given up does not slow down what comes after it."""
    bench.seconds |= {"pod_sandbox": 4.0, "pull": 0.0}
    bench.shares["crowding"] = 0.5

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest(replicas=1), STAGING)
        await bench.kernel.sleep(2)
        await port.wipe(STAGING)
        await bench.kernel.sleep(10)
        bench.log.clear()
        await bench.roll_out(port, replicas=1)

    bench.run(story)
    (ready, _), (created, _) = bench.timeline("ready")[0], bench.timeline("created")[0]
    assert ready - created == 8
