"""Which releases are noted healthy: the targets of later rollbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.manager.conftest import Lab

LONG = 250.0
HEALTHY = "staging/users healthy"


def test_a_release_is_noted_healthy_when_it_is(new_lab: type[Lab]) -> None:
    """The note follows the rollout; a release that never becomes Ready gets none."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.build("bad", **{"www/unhealthy": "yes"})
        await lab.kernel.sleep(LONG)
        assert await lab.notes() == {"a": HEALTHY, "bad": ""}

    lab = new_lab().play(story)
    assert lab.history.of("RolloutTimedOut")


def test_a_release_that_becomes_healthy_late_is_noted_late(new_lab: type[Lab]) -> None:
    """Kubernetes goes on after the progress deadline of 60 s, and so does whoever waits."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        assert await lab.notes() == {"a": HEALTHY}

    lab = new_lab(pull_seconds=70).play(story)
    assert lab.history.of("RolloutTimedOut")


def test_the_health_of_a_newer_release_is_not_noted_for_an_older_one(new_lab: type[Lab]) -> None:
    """A release that was replaced before it was Ready never was healthy."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.build("bad", **{"www/unhealthy": "yes"})
        await lab.kernel.sleep(20)
        assert (await lab.roll_back()).is_released
        await lab.kernel.sleep(LONG)
        assert (await lab.notes())["bad"] == ""

    lab = new_lab().play(story)
    assert len(lab.history.of("CommitAnnotated")) == 2, "that of the release, and of the rollback"


def test_a_release_that_was_undone_with_kubectl_is_not_noted_healthy(new_lab: type[Lab]) -> None:
    """That the rollout ended says nothing if it ended with another image."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.build("bad", **{"www/unhealthy": "yes"})
        await lab.kernel.sleep(20)
        assert await lab.served() == "bad"
        await lab.substrate.ports("operator").cluster.rollout_undo("users", "staging")
        await lab.kernel.sleep(LONG)
        assert await lab.notes() == {"a": HEALTHY, "bad": ""}

    new_lab().play(story)


def test_a_newer_release_does_not_take_a_note_away(new_lab: type[Lab]) -> None:
    """Who was healthy and is just being noted so stays a target of rollbacks."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.build("b")
        # 1 s until it is known, 5 s for the commit, 28 s for the rollout: healthy 34 s from here,
        # noted 37 s from here. The rollback is committed and applied 36 s from here.
        await lab.kernel.sleep(31)
        assert (await lab.roll_back()).is_released
        await lab.kernel.sleep(LONG)
        assert (await lab.notes())["b"] == HEALTHY

    lab = new_lab().play(story)
    last = lab.history.of("RolloutFinished", "ManifestsApplied", "CommitAnnotated")[-5:]
    assert [(each.kind, each.intent) for each in last[:3]] == [
        ("RolloutFinished", ""),
        ("ManifestsApplied", ""),
        ("CommitAnnotated", ""),
    ]
