"""The verbs of the simulated cluster: what each changes, refuses and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import (
    Forbidden,
    ManifestRejected,
    NoEarlierRollout,
    Stalled,
    WorkloadNotFound,
)
from cdlab.ports import Cluster

if TYPE_CHECKING:
    from tests.sim_cluster.conftest import Bench

STAGING = "staging"


def test_undo_of_the_first_rollout_is_refused(bench: Bench) -> None:
    """There is nothing to go back to."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        with pytest.raises(NoEarlierRollout, match='no rollout history found for deployment "use'):
            await port.rollout_undo("users", STAGING)

    bench.run(story)


def test_wipe_returns_when_the_last_pod_has_stopped(bench: Bench) -> None:
    """Pods stop in 4 s; the nodes keep the images, so the same manifest is up again in 4 s."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.service, STAGING)
        await bench.roll_out(port)
        await port.wipe(STAGING)
        assert bench.kernel.now() == 18
        assert await port.running(STAGING) == ()
        assert await port.apply(bench.service, STAGING)
        assert await bench.roll_out(port) == 22
        assert bench.deployment().rollout_number == 1

    bench.run(story)
    assert len({change.pod for change in bench.changes}) == 6


def test_rollout_status_of_a_workload_that_is_wiped_meanwhile(bench: Bench) -> None:
    """Who waits for a rollout learns that there is none any more."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest(), STAGING)
        bench.kernel.spawn(port.wipe(STAGING), name="somebody")
        with pytest.raises(WorkloadNotFound, match="was deleted during its rollout"):
            await port.rollout_status("users", STAGING)

    bench.run(story)


def test_setting_the_same_image_again_starts_no_rollout(bench: Bench) -> None:
    """The generation stays, and so does every pod."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.set_image("users", bench.image("v1"), STAGING)
        await port.rollout_status("users", STAGING)
        assert bench.deployment().generation == bench.deployment().status.observed_generation == 1

    bench.run(story)
    assert bench.timeline("stopping") == []


def test_apply_tells_whether_anything_changed(bench: Bench) -> None:
    """New, the same, other metadata only, another image."""
    labelled = bench.manifest().replace(
        "name: users\nspec", "name: users\n  labels: {team: a}\nspec"
    )

    async def story(bench: Bench, port: Cluster) -> None:
        answers = [
            await port.apply(text, STAGING)
            for text in (
                bench.manifest(),
                bench.manifest(),
                labelled,
                bench.manifest("v2"),
                bench.service,
                bench.service,
            )
        ]
        assert answers == [True, False, True, True, True, False]
        assert bench.deployment().generation == 2

    bench.run(story)


def test_apply_puts_back_what_set_image_changed(bench: Bench) -> None:
    """The manifest is the desired state, whatever happened out of band."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.set_image("users", bench.image("v2"), STAGING)
        assert await port.apply(bench.manifest(), STAGING)
        (workload,) = await port.running(STAGING)
        assert workload.desired == bench.image("v1")

    bench.run(story)


def test_the_selector_cannot_be_changed(bench: Bench) -> None:
    """A Deployment has to be deleted for that."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest(), STAGING)
        with pytest.raises(ManifestRejected, match="field is immutable"):
            await port.apply(bench.manifest().replace("{app: users}", "{app: user}"), STAGING)

    bench.run(story)


def test_unknown_workloads_and_environments(bench: Bench) -> None:
    """Each verb says what it did not find."""

    async def story(bench: Bench, port: Cluster) -> None:
        with pytest.raises(WorkloadNotFound, match='"users" not found in "staging"'):
            await port.set_image("users", bench.image("v1"), STAGING)
        with pytest.raises(WorkloadNotFound):
            await port.rollout_status("users", "nowhere")
        with pytest.raises(ManifestRejected, match='namespaces "nowhere" not found'):
            await port.apply(bench.manifest(), "nowhere")
        assert await port.running("nowhere") == ()
        await port.apply(bench.manifest().replace("- name: users", "- name: web"), STAGING)
        with pytest.raises(WorkloadNotFound, match='unable to find container named "users"'):
            await port.set_image("users", bench.image("v2"), STAGING)

    bench.run(story)


@pytest.mark.parametrize(
    ("level", "allowed"),
    [("none", 0), ("read", 2), ("set-image", 3), ("apply", 4), ("admin", 6)],
)
def test_rights_include_those_below_them(bench: Bench, level: str, allowed: int) -> None:
    """A refused call changes nothing and names who, what and where."""
    levels = ("none", "read", "set-image", "apply", "admin")
    bench.may = lambda principal, verb, environment: (
        principal == "operator" or levels.index(verb) <= levels.index(level)
    )

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await bench.roll_out(port, "v2")
        limited = bench.cluster.as_principal("ci")
        verbs = (
            lambda: limited.running(STAGING),
            lambda: limited.rollout_status("users", STAGING),
            lambda: limited.set_image("users", bench.image("v2"), STAGING),
            lambda: limited.apply(bench.manifest("v2").replace("users", "new"), STAGING),
            lambda: limited.rollout_undo("users", STAGING),
            lambda: limited.wipe(STAGING),
        )
        refused = 0
        for verb in verbs:
            try:
                await verb()
            except Forbidden:
                refused += 1
        assert len(verbs) - refused == allowed

    bench.run(story)


def test_environments_do_not_touch_each_other(bench: Bench) -> None:
    """The same workload in two environments rolls, and is wiped, on its own."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.apply(bench.manifest("v2"), "production")
        await port.rollout_status("users", "production")
        await port.wipe(STAGING)
        assert await port.running(STAGING) == ()
        assert (await port.running("production"))[0].is_available

    bench.run(story)


def test_every_call_takes_an_api_calls_time(bench: Bench) -> None:
    """Two documents are two calls, as kubectl makes them."""
    bench.seconds["api_call"] = 0.5

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest() + "---\n" + bench.service, STAGING)
        assert bench.kernel.now() == 1.0
        await port.running(STAGING)
        assert bench.kernel.now() == 1.5
        await port.rollout_status("users", STAGING)
        assert bench.kernel.now() == 0.5 + 14

    bench.run(story)


def test_two_runs_are_equal_to_the_byte(new_bench: type[Bench]) -> None:
    """Names of pods included."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=7)
        await bench.roll_out(port, "v2", replicas=5)

    first, second = new_bench(), new_bench()
    first.run(story)
    second.run(story)
    assert repr(first.changes) == repr(second.changes)


def test_waiting_for_an_image_that_nobody_will_push_is_noticed(bench: Bench) -> None:
    """The kubelet's retries go on for ever and do not keep the run alive."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(bench.manifest("none", spec="progressDeadlineSeconds: 60"), STAGING)
        await bench.kernel.event("a pod of users").wait()

    with pytest.raises(Stalled, match="a pod of users"):
        bench.run(story)
    assert bench.deployment().is_timed_out
