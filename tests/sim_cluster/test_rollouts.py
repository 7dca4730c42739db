"""Rollouts in the simulated cluster: timelines with constant durations, computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import (
    RolloutTimedOut,
)
from cdlab.model import RunningWorkload
from cdlab.ports import Cluster

if TYPE_CHECKING:
    from tests.sim_cluster.conftest import Bench

STAGING = "staging"


def test_default_strategy_replaces_three_replicas_in_three_waves(bench: Bench) -> None:
    """25 % of 3 is one pod more and none less; the third new pod finds its image on the node."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.set_image("users", bench.image("v2"), STAGING)
        await port.rollout_status("users", STAGING)
        bench.log.append((bench.kernel.now(), "rollout complete"))

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", "complete", after=14 - 1e-6)[2:] == [
        (14, "1 v2 created"),
        (28, "1 v2 ready"),
        (28, "1 v1 stopping"),
        (28, "1 v2 created"),
        (42, "1 v2 ready"),
        (42, "1 v1 stopping"),
        (42, "1 v2 created"),
        (46, "1 v2 ready"),
        (46, "1 v1 stopping"),
        (46, "1 rollout complete"),
    ]


def test_full_surge_replaces_all_replicas_in_one_wave(bench: Bench) -> None:
    """With maxSurge 100 % every new pod starts at once and each old one goes with a new one."""

    async def story(bench: Bench, port: Cluster) -> None:
        spec = "strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 0}}"
        start = await bench.roll_out(port, spec=spec)
        assert await bench.roll_out(port, "v2", spec=spec) == start + 14

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", after=13.5)[1:] == [
        (14, "3 v2 created"),
        *[(28, "1 v2 ready"), (28, "1 v1 stopping")] * 3,
    ]


def test_unavailable_pods_are_stopped_before_new_ones_are_ready(bench: Bench) -> None:
    """maxSurge 0 and maxUnavailable 50 % of 3, rounded down, exchange one pod at a time."""

    async def story(bench: Bench, port: Cluster) -> None:
        spec = "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 50%}}"
        await bench.roll_out(port, spec=spec)
        await bench.roll_out(port, "v2", spec=spec)

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", after=13.5)[1:] == [
        (14, "1 v1 stopping"),
        (14, "1 v2 created"),
        (28, "1 v2 ready"),
        (28, "1 v1 stopping"),
        (28, "1 v2 created"),
        (42, "1 v2 ready"),
        (42, "1 v1 stopping"),
        (42, "1 v2 created"),
        (46, "1 v2 ready"),
    ]


def test_surge_rounds_up_and_unavailable_rounds_down(bench: Bench) -> None:
    """25 % of 10 replicas are 3 more and 2 less: 5 new ones start while 8 old ones stay."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=10)
        await port.apply(bench.manifest("v2", replicas=10), STAGING)

    bench.run(story)
    assert bench.timeline("created", "stopping", after=13.5) == [
        (14, "3 v2 created"),
        (14, "2 v1 stopping"),
        (14, "2 v2 created"),
    ]


def test_recreate_waits_until_every_old_pod_is_gone(bench: Bench) -> None:
    """Old pods take 4 s to stop, and no new pod is created before the last one has ended."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="strategy: {type: Recreate}")
        await bench.roll_out(port, "v2", spec="strategy: {type: Recreate}")

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", "complete", after=13.5)[2:] == [
        (14, "3 v1 stopping"),
        (18, "3 v2 created"),
        (32, "3 v2 ready"),
        (32, "1 rollout complete"),
    ]


def test_a_new_template_in_mid_rollout_drops_the_unfinished_pods_at_once(bench: Bench) -> None:
    """The only v2 pod is not Ready, so it goes before any v1 pod, and v3 takes its place."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.set_image("users", bench.image("v2"), STAGING)
        await bench.kernel.sleep(5)
        await port.set_image("users", bench.image("v3"), STAGING)
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", after=14)[:5] == [
        (19, "1 v2 stopping"),
        (19, "1 v3 created"),
        (33, "1 v3 ready"),
        (33, "1 v1 stopping"),
        (33, "1 v3 created"),
    ]
    assert bench.kernel.now() == 51


def test_undo_reuses_the_earlier_replica_set_and_gives_it_the_next_number(bench: Bench) -> None:
    """Undo goes back to v1 as rollout 3, and undoing that goes forward to v2 as rollout 4."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await bench.roll_out(port, "v2")
        assert bench.deployment().rollout_number == 2
        for number, tag in ((3, "v1"), (4, "v2")):
            await port.rollout_undo("users", STAGING)
            await port.rollout_status("users", STAGING)
            deployment = bench.deployment()
            assert deployment.rollout_number == number
            assert len(deployment.replica_sets) == 2
            assert [each.digests for each in await port.running(STAGING)] == [
                (bench.digest(tag),) * 3
            ]

    bench.run(story)
    assert bench.kernel.now() == 46 + 3 * 4 + 3 * 4


def test_revision_history_limit_forgets_the_oldest_rollouts(bench: Bench) -> None:
    """With a limit of 1 only the rollout before the current one can be undone to."""

    async def story(bench: Bench, port: Cluster) -> None:
        for tag in ("v1", "v2", "v3"):
            await bench.roll_out(port, tag, spec="revisionHistoryLimit: 1")
        images = [each.template.containers[0].image for each in bench.deployment().replica_sets]
        assert images == [bench.image("v2"), bench.image("v3")]

    bench.run(story)


def test_missing_image_leaves_the_old_pods_and_ends_at_the_progress_deadline(bench: Bench) -> None:
    """The last progress was the new pod's creation; after the deadline the status says no."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="progressDeadlineSeconds: 60")
        await port.set_image("users", bench.image("none"), STAGING)
        with pytest.raises(RolloutTimedOut, match="exceeded its progress deadline of 60 s") as no:
            await port.rollout_status("users", STAGING)
        assert "ImagePullBackOff" in no.value.help
        assert bench.kernel.now() == 14 + 60
        assert await port.running(STAGING) == (
            RunningWorkload("users", bench.image("none"), (bench.digest("v1"),) * 3, False),
        )
        # Asked again it says so at once, as kubectl does.
        with pytest.raises(RolloutTimedOut):
            await port.rollout_status("users", STAGING)
        assert bench.kernel.now() == 14 + 60

    bench.run(story)


def test_every_pod_that_becomes_ready_starts_the_deadline_again(bench: Bench) -> None:
    """A rollout of 32 s in waves of 14 s outlives a deadline of 15 s, but not one of 13 s."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="progressDeadlineSeconds: 15")
        await bench.roll_out(port, "v2", spec="progressDeadlineSeconds: 15")
        assert bench.kernel.now() == 46
        with pytest.raises(RolloutTimedOut):
            await bench.roll_out(port, "v3", spec="progressDeadlineSeconds: 13")
        assert bench.kernel.now() == 46 + 13
        await bench.kernel.sleep(100)
        # The deadline is only a report: the rollout goes on, and its end is noticed.
        await port.rollout_status("users", STAGING)

    bench.run(story)


def test_undo_after_the_deadline_is_complete_as_soon_as_the_new_pod_is_given_up(
    bench: Bench,
) -> None:
    """All old pods are there still, so going back to them takes no time."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="progressDeadlineSeconds: 60")
        await port.set_image("users", bench.image("none"), STAGING)
        with pytest.raises(RolloutTimedOut):
            await port.rollout_status("users", STAGING)
        await port.rollout_undo("users", STAGING)
        await port.rollout_status("users", STAGING)
        assert bench.kernel.now() == 74
        assert bench.timeline("stopping") == [(74, "1 none stopping")]

    bench.run(story)


def test_release_that_never_becomes_ready_stops_after_one_pod(bench: Bench) -> None:
    """The pod starts and its probe fails for ever, so no old pod is given up."""
    bench.images["v2"] = "sick"

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="progressDeadlineSeconds: 30")
        await port.set_image("users", bench.image("v2"), STAGING)
        with pytest.raises(RolloutTimedOut) as no:
            await port.rollout_status("users", STAGING)
        assert "readiness probe failed" in no.value.help
        (workload,) = await port.running(STAGING)
        assert workload.digests == (bench.digest("v1"),) * 3

    bench.run(story)
    assert bench.timeline("created", "started", "ready", "stopping", after=14 - 1e-6)[1:] == [
        (14, "1 v2 created"),
        (27, "1 v2 started"),
    ]


def test_min_ready_seconds_holds_back_the_next_wave(bench: Bench) -> None:
    """A new pod counts 3 s after it is Ready, so each of three waves takes 3 s longer."""

    async def story(bench: Bench, port: Cluster) -> None:
        start = await bench.roll_out(port, spec="minReadySeconds: 3")
        assert start == 17
        assert await bench.roll_out(port, "v2", spec="minReadySeconds: 3") == 17 + 32 + 9

    bench.run(story)


def test_scaling_makes_and_stops_pods_of_the_same_rollout(bench: Bench) -> None:
    """Up takes one start with a warm cache; down takes no time, and the youngest go first."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await bench.roll_out(port, replicas=5)
        await bench.roll_out(port, replicas=2)
        assert bench.deployment().rollout_number == 1
        assert bench.deployment().generation == 3

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", "complete", after=14) == [
        (18, "2 v1 ready"),
        (18, "1 rollout complete"),
        (18, "3 v1 stopping"),
        (18, "1 rollout complete"),
    ]


def test_scaling_in_mid_rollout_is_shared_in_proportion(bench: Bench) -> None:
    """Kubernetes' own example: 10 replicas as 8 old and 5 new grow to 15 as 11 old and 7 new."""

    async def story(bench: Bench, port: Cluster) -> None:
        spec = "strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}"
        await bench.roll_out(port, replicas=10, spec=spec)
        await port.apply(bench.manifest("none", replicas=10, spec=spec), STAGING)
        deployment = bench.deployment()
        assert [each.replicas for each in deployment.replica_sets] == [8, 5]
        await port.apply(bench.manifest("none", replicas=15, spec=spec), STAGING)
        assert [each.replicas for each in deployment.replica_sets] == [11, 7]

    bench.run(story)


def test_scaling_to_zero_and_back(bench: Bench) -> None:
    """Zero replicas are a complete rollout, and running with no digests."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await bench.roll_out(port, replicas=0)
        assert await port.running(STAGING) == (
            RunningWorkload("users", bench.image("v1"), (), True),
        )
        assert await bench.roll_out(port) == 14 + 4

    bench.run(story)
