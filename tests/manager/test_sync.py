"""The manager makes the cluster what the config repo says, whoever changed either of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdlab.errors import ManagerUnavailable
from cdlab.manager.watching import ManagerIntervals
from cdlab.manifests import image_of, replace_image
from cdlab.model import Environment, ImageRef, RollbackRequest
from tests.manager.conftest import LONG, LOOK, Lab

SOON = ManagerIntervals(LOOK, phase=0.9, sync_seconds=60.0)
REPLICAS = ("replicas: 2", "replicas: 3")


async def pods(lab: Lab, where: str = "staging") -> int:
    """How many pods are Ready."""
    running = await lab.substrate.ports("operator").cluster.running(where)
    return len(running[0].digests)


def image(lab: Lab, tag: str) -> ImageRef:
    return ImageRef(lab.substrate.image_repository("users"), tag)


def test_drift_is_repaired_at_the_next_look(new_lab: type[Lab]) -> None:
    """An image that somebody set with kubectl is replaced by what the config repo says."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await lab.substrate.ports("operator").cluster.set_image("users", image(lab, "a"), "staging")
        assert await lab.served() == "a"
        await lab.kernel.sleep(LOOK)
        assert await lab.served() == await lab.tag() == "b"

    lab = new_lab(intervals=SOON).play(story)
    assert [(e.resource, e.detail["workload"]) for e in lab.decided("sync")] == [
        ("staging", "users")
    ]
    assert {e.intent for e in lab.decided("sync")} == {"drift repair"}


def test_nothing_is_applied_where_nothing_differs(new_lab: type[Lab]) -> None:
    """A release of its own is applied once; the looks that follow only compare."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.kernel.sleep(3 * LOOK)

    lab = new_lab(intervals=SOON).play(story)
    assert len(lab.history.of("ManifestsApplied")) == 1
    assert not lab.decided("sync")
    assert {e.detail["differs"] for e in lab.history.of("ManifestsCompared")} == {False}


def test_what_was_never_released_is_not_applied(new_lab: type[Lab]) -> None:
    """A manifest that names a host which cannot exist was put there before its first image."""

    async def story(lab: Lab) -> None:
        await lab.kernel.sleep(3 * LOOK)

    assert not new_lab(intervals=SOON).play(story).history.of("ManifestsApplied")


def test_what_names_a_tag_alone_is_kept_as_it_is_written(new_lab: type[Lab]) -> None:
    """What ran before the manager came is desired state too: repaired, and never given a digest."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        by_tag = str(image(lab, "b"))
        await lab.edit(lambda text: replace_image(text, "users", by_tag))
        await lab.kernel.sleep(20)
        operator = lab.substrate.ports("operator").cluster
        await operator.set_image("users", image(lab, "a"), "staging")
        await lab.kernel.sleep(LOOK)
        (running,) = await operator.running("staging")
        assert str(running.desired) == by_tag

    lab = new_lab(intervals=SOON).play(story)
    applied = [each.detail["manifest"] for each in lab.history.of("ManifestsApplied")]
    assert [image_of(each, "users").endswith(":b") for each in applied] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("is_poll_only", [False, True])
def test_what_people_push_to_the_config_repo_is_applied(
    new_lab: type[Lab], is_poll_only: bool
) -> None:
    """At once where it is told of pushes, and else at the next look; no command is needed."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.edit(lambda text: text.replace(*REPLICAS))
        await lab.kernel.sleep(20)
        assert await pods(lab) == (2 if is_poll_only else 3)
        await lab.kernel.sleep(LOOK)
        assert await pods(lab) == 3

    intervals = replace(OFTEN_POLLING, is_poll_only=is_poll_only)
    new_lab(intervals=intervals).play(story)


OFTEN_POLLING = ManagerIntervals(LOOK, phase=0.5, sync_seconds=LOOK)


def test_a_rollback_brings_a_manifest_back_too(new_lab: type[Lab]) -> None:
    """Not only the image: what somebody changed beside it goes back with the same commit."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await lab.edit(lambda text: text.replace(*REPLICAS))
        await lab.kernel.sleep(LONG)
        assert (await lab.roll_back()).is_released
        await lab.kernel.sleep(LONG)
        assert (await lab.tag(), await pods(lab)) == ("b", 2)
        assert (await lab.roll_back()).is_released
        await lab.kernel.sleep(LONG)
        assert (await lab.tag(), await pods(lab)) == ("a", 2)

    new_lab().play(story)


def test_a_rollback_goes_to_the_release_that_was_named(new_lab: type[Lab]) -> None:
    """`--to` skips what ran in between, and refuses what never was released here."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b", "c")
        asked = RollbackRequest(workload="users", environment="staging", to="never")  # type: ignore[arg-type]
        refused = await lab.queue.rollback(asked)
        assert (refused.status, refused.reason) == ("refused", "no such earlier release: never")
        assert (await lab.queue.rollback(replace(asked, to="a"))).is_released  # type: ignore[arg-type]
        assert await lab.tag() == "a"

    new_lab().play(story)


def test_a_stopped_manager_is_asked_in_vain_and_goes_on_when_it_is_started(
    new_lab: type[Lab],
) -> None:
    """What it missed it finds by looking: it knows nothing but what is in the boxes."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        lab.queue.stop()
        await lab.ship("b")
        with pytest.raises(ManagerUnavailable):
            await lab.roll_back()
        assert await lab.tag() == "a"
        lab.queue.start()
        await lab.kernel.sleep(2 * LOOK)
        assert await lab.tag() == await lab.served() == "b"

    new_lab().play(story)


def test_who_waits_when_the_manager_is_stopped_gets_an_answer(new_lab: type[Lab]) -> None:
    """A request that was cut off, and one that had not begun, both end as failed."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        asked = [lab.kernel.spawn(lab.roll_back(), name="ann") for _ in range(2)]
        await lab.kernel.sleep(1)
        lab.queue.stop()
        outcomes = [await each.join() for each in asked]
        assert [each.status for each in outcomes] == ["failed", "failed"]
        assert await lab.tag() == "b"

    new_lab(environments=(Environment("staging"),)).play(story)
