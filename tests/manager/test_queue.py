"""The release manager's queue: one writer, rollbacks first, planned again after a lost race."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import RegistryUnavailable
from cdlab.manager.queue import ManagerIntervals
from cdlab.model import Environment, Tag
from cdlab.policies import HOLD, LOCK
from cdlab.stops import Hold, Lock, Stop
from tests.racing import nobody

if TYPE_CHECKING:
    from tests.manager.conftest import Lab

LOOK = 300.0
LONG = 250.0


async def unavailable(repository: str) -> tuple[Tag, ...]:
    raise RegistryUnavailable(f'no answer about "{repository}"')


def test_a_new_image_is_released_where_that_is_automatic(new_lab: type[Lab]) -> None:
    """It is committed to the config repo and applied, in the environments that want it."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        assert (await lab.tag("staging"), await lab.tag("production")) == ("a", "unreleased")
        assert await lab.served("staging") == "a"
        assert await lab.served("production") is None

    new_lab(environments=(Environment("staging"), Environment("production", False))).play(story)


def test_held_means_held_after_a_later_push_until_resumed(new_lab: type[Lab]) -> None:
    """Neither looks nor new images bring a bad image back, nor a newer one."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await lab.roll_back()
        await lab.kernel.sleep(3 * LOOK)
        await lab.ship("c")
        assert await lab.tag() == "a"
        await lab.annotate(HOLD, None)
        await lab.kernel.sleep(LOOK + LONG)
        assert await lab.tag() == "c"

    lab = new_lab().play(story)
    assert "held by alice: it serves wrong content" in {each.because for each in lab.decided()}


def test_a_rollback_goes_before_queued_automation(new_lab: type[Lab]) -> None:
    """Of all that waits it is decided first; what runs is let finish, what waited finds a hold."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        first = len(lab.history.of("Decided"))
        await lab.build("c")
        await lab.kernel.sleep(2)
        assert (await lab.roll_back("coral")).is_released
        decided = [(e.resource, e.detail["what"]) for e in lab.history.of("Decided")[first:]]
        assert decided == [("staging", "automation"), ("coral", "rollback")]
        await lab.kernel.sleep(LONG)
        assert [await lab.tag(each.name) for each in lab.environments] == ["c", "c", "c", "a"]

    names = ("staging", "blue", "amber", "coral")
    seldom = ManagerIntervals(100 * LOOK, phase=0.9)
    new_lab(environments=tuple(Environment(name) for name in names), intervals=seldom).play(story)


def test_requests_of_one_class_are_decided_in_their_order(new_lab: type[Lab]) -> None:
    """First in, first out: nobody is passed by somebody of the same rank."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        for each in lab.environments:
            lab.kernel.spawn(
                lab.queue.promote("users", "staging", each.name, "ann"), name=each.name
            )
        await lab.kernel.sleep(LONG)

    names = ("staging", "blue", "amber", "coral")
    lab = new_lab(environments=tuple(Environment(name, name == "staging") for name in names)).play(
        story
    )
    assert [each.resource for each in lab.decided("promotion")] == list(names)


def test_a_push_that_lost_a_race_is_planned_again(new_lab: type[Lab]) -> None:
    """Somebody else's commit arrives first: the manager works on what won, and keeps both."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        lab.race = lambda: lab.annotate("example.com/team", "payments")
        lab.kernel.spawn(once(lab), name="one race")
        outcome = await lab.roll_back()
        assert outcome.is_released
        assert lab.history.of("PushRejected")
        log = await lab.log()
        assert [each.message.split()[0] for each in log[:2]] == ["Roll", "Edit"]

    async def once(lab: Lab) -> None:
        while not lab.history.of("PushRejected"):
            await lab.kernel.sleep(1)
        lab.race = nobody

    new_lab().play(story)


@pytest.mark.parametrize(
    ("key", "stop", "status"),
    [(LOCK, Lock("ann", "audit"), "refused"), (HOLD, Hold("ann", "wait"), "skipped")],
)
def test_the_policy_is_checked_again_after_a_lost_race(
    new_lab: type[Lab], key: str, stop: Stop, status: str
) -> None:
    """Who locked or held the workload a moment before the push has the last word."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")

        async def race() -> None:
            lab.race = nobody
            await lab.annotate(key, str(stop))

        lab.race = race
        await lab.ship("b")
        assert await lab.tag() == "a"

    lab = new_lab().play(story)
    assert [each.outcome for each in lab.decided()][-1] == status
    assert len(lab.history.of("PushRejected")) == 1


def test_a_bad_file_is_refused_with_its_line_and_stops_no_other(new_lab: type[Lab]) -> None:
    """One workload's broken policy leaves the others alone, and people read where it broke."""

    async def story(lab: Lab) -> None:
        await lab.annotate("cdlab.dev/tag", "semver:latest")
        await lab.build("a")
        await lab.build("a", "orders")
        await lab.kernel.sleep(LONG)
        assert await lab.tag(name="users") == "unreleased"
        assert await lab.tag(name="orders") == "a"
        outcome = await lab.roll_back()
        assert outcome.status == "failed"
        assert "environments/staging/users.yaml:" in outcome.reason
        assert 'cdlab.dev/tag: "latest" is no range' in outcome.reason
        failed = [each for each in lab.decided() if each.outcome == "failed"]
        assert failed, "automation too says why it left the workload alone"
        assert all("users.yaml:" in each.because for each in failed)

    new_lab(names=("users", "orders")).play(story)


def test_looks_find_what_no_notification_told(new_lab: type[Lab]) -> None:
    """Notifications only shorten the wait: without any, the next look releases the image."""

    async def story(lab: Lab) -> None:
        await lab.build("a")
        await lab.kernel.sleep(0.9 * LOOK - lab.kernel.now() - 1)
        assert await lab.tag() == "unreleased"
        await lab.kernel.sleep(LOOK)
        assert await lab.tag() == "a"

    new_lab(intervals=ManagerIntervals(LOOK, is_poll_only=True, phase=0.9)).play(story)


def test_a_look_at_a_registry_that_is_down_is_made_good_by_the_next(new_lab: type[Lab]) -> None:
    """An outage costs a look and not the release manager."""

    async def story(lab: Lab) -> None:
        await lab.build("a")
        registry = lab.queue.ports.registry.inner
        listed, registry.list_tags = registry.list_tags, unavailable
        await lab.kernel.sleep(0.9 * LOOK - lab.kernel.now() + 50)
        assert await lab.tag() == "unreleased"
        registry.list_tags = listed
        await lab.kernel.sleep(LOOK)
        assert await lab.tag() == "a"
        assert [each.kind for each in lab.history.of("RegistryUnavailable")]

    new_lab(intervals=ManagerIntervals(LOOK, is_poll_only=True, phase=0.9)).play(story)


def test_an_image_that_was_seen_before_is_not_released_again(new_lab: type[Lab]) -> None:
    """Looks go on for ever; each of them after the first finds nothing to do."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.kernel.sleep(5 * LOOK)
        assert len(await lab.log()) == 2

    lab = new_lab().play(story)
    assert {each.because for each in lab.decided()[1:]} == {"up to date"}


def test_an_older_commit_whose_build_ends_late_is_not_released(new_lab: type[Lab]) -> None:
    """Automation is monotone in the code: a slow old build never replaces a newer commit."""

    async def story(lab: Lab) -> None:
        older, newer = await lab.commit("older"), await lab.commit("newer")
        for revision, tag in ((newer, "newer"), (older, "older")):
            await lab.build_commit(revision, tag)
            await lab.kernel.sleep(LONG)
        assert await lab.tag() == "newer"

    new_lab().play(story)


def test_a_promotion_of_what_is_not_healthy_is_refused_and_recorded(new_lab: type[Lab]) -> None:
    """Neither a rollout that never ends nor one of no pods at all is anything to promote."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.edit(lambda text: text.replace("replicas: 2", "replicas: 0"))
        await lab.ship("b")
        await promote(lab)
        await lab.edit(lambda text: text.replace("replicas: 0", "replicas: 2"))
        await lab.build("c", **{"www/unhealthy": "yes"})
        await lab.kernel.sleep(LONG)
        await promote(lab)

    async def promote(lab: Lab) -> None:
        outcome = await lab.queue.promote("users", "staging", "production", "ann")
        assert (outcome.status, outcome.reason) == ("refused", "not healthy in staging")

    lab = new_lab(environments=(Environment("staging"), Environment("production", False))).play(
        story
    )
    assert [each.because for each in lab.decided("promotion")] == ["not healthy in staging"] * 2
