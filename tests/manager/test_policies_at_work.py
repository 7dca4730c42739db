"""Policies while a manager works: what lifts a hold, and what a change of policy does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.dates import rfc3339
from cdlab.manager.queue import COMMAND
from cdlab.model import Outcome, RollbackRequest
from cdlab.policies import Policy, policy_of
from cdlab.policy_edits import PolicyEdit, deautomate, hold
from cdlab.releases import ReleaseRequest, config_path

if TYPE_CHECKING:
    from tests.manager.conftest import Lab

LOOK, LONG = 300.0, 250.0
PATH = config_path("staging", "users")


async def manifest(lab: Lab) -> str:
    checkout = await lab.substrate.ports("operator").config_repo.clone()
    return checkout.read(PATH)


async def policy(lab: Lab) -> Policy:
    return policy_of(await manifest(lab), "users", PATH)


async def change(lab: Lab, edit: PolicyEdit) -> Outcome:
    """What a command does: queue the request, and wait for its outcome."""
    asked = ReleaseRequest(
        cause="policy",
        workload="users",
        environment="staging",
        user="ann",
        now=lab.kernel.timestamp(),
        edit=edit,
    )
    work = lambda: lab.queue.manager.release(asked)  # type: ignore[attr-defined]  # noqa: E731
    return await lab.queue._outcome(lab.queue._put(COMMAND, "users", "staging", work))


def test_a_newer_image_than_the_bad_one_lifts_the_hold_of_a_rollback(new_lab: type[Lab]) -> None:
    """In the commit of its release; the bad one stays where it is until then."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        asked = RollbackRequest(workload="users", environment="staging", until="newer")
        assert (await lab.queue.rollback(asked)).is_released
        await lab.kernel.sleep(3 * LOOK)
        assert await lab.tag() == "a"
        await lab.ship("c")
        assert (await lab.tag(), (await policy(lab)).hold) == ("c", None)
        await lab.kernel.sleep(LOOK + LONG)
        assert await lab.served() == "c"

    new_lab().play(story)


@pytest.mark.parametrize("is_bad", [False, True])
def test_time_lifts_the_hold_of_a_rollback(new_lab: type[Lab], is_bad: bool) -> None:
    """The next look then releases the newest image, unless the rollback said that it is bad."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        end = lab.kernel.timestamp() + 2 * LOOK
        asked = RollbackRequest(
            workload="users", environment="staging", until=rfc3339(end), is_bad=is_bad
        )
        assert (await lab.queue.rollback(asked)).is_released
        await lab.kernel.sleep(2 * LOOK - 20)
        assert await lab.tag() == "a"
        await lab.kernel.sleep(LOOK + 20)
        assert await lab.tag() == ("a" if is_bad else "b")

    new_lab().play(story)


def test_a_hold_says_since_when(new_lab: type[Lab]) -> None:
    """By the clock of the manager, at the moment it decided."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        asked = rfc3339(lab.kernel.timestamp())
        await lab.roll_back()
        found = (await policy(lab)).hold
        assert found
        assert asked <= found.since <= rfc3339(lab.kernel.timestamp())
        assert found.since > rfc3339(0)

    new_lab().play(story)


def test_a_change_of_policy_is_committed_applied_and_no_rollout(new_lab: type[Lab]) -> None:
    """The decision is told, the annotations are in the cluster, and the pods stay."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        pods = len(lab.history.of("PodCreated"))
        outcome = await change(lab, deautomate())
        assert (outcome.status, outcome.image) == ("released", None)
        assert (await lab.log())[0].message.startswith("Deautomate users in staging\n")
        cluster = lab.substrate.ports("operator").cluster
        assert await cluster.diff(await manifest(lab), "staging") == ""
        await lab.ship("b")
        assert await lab.tag() == "a"
        assert len(lab.history.of("PodCreated")) == pods

    lab = new_lab().play(story)
    assert [each.outcome for each in lab.decided("policy")] == ["ok"]
    assert lab.decided()[-1].because == "manual"


def test_a_change_of_policy_during_a_rollout_leaves_its_health_note(new_lab: type[Lab]) -> None:
    """Only a newer release ends the watch over an older one."""

    async def story(lab: Lab) -> None:
        await lab.build("a")
        await lab.kernel.sleep(10)
        assert not (await lab.notes()).get("a")
        assert (await change(lab, hold("ann", "wait", now=0.0))).is_released
        await lab.kernel.sleep(LONG)
        assert (await lab.notes())["a"] == "staging/users healthy"

    new_lab().play(story)


def test_a_change_of_policy_that_could_not_be_applied_is_applied_by_a_sync(
    new_lab: type[Lab],
) -> None:
    """Committed is committed: when the API server answers again, it has the annotation."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.substrate.incidents.stop("api-server")
        outcome = await change(lab, deautomate())
        assert (outcome.is_released, outcome.is_applied) == (True, False)
        await lab.substrate.incidents.restart("api-server")
        await lab.kernel.sleep(LOOK)
        cluster = lab.substrate.ports("operator").cluster
        assert await cluster.diff(await manifest(lab), "staging") == ""

    new_lab().play(story)
