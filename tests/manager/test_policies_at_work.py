"""Policies while a manager works: what lifts a hold, and what a change of policy does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.config_layout import POLICY
from cdlab.dates import rfc3339
from cdlab.manager.queue import COMMAND
from cdlab.model import Outcome, RollbackRequest
from cdlab.policies import Policy, policy_of
from cdlab.policy_edits import PolicyEdit, deautomate, hold
from cdlab.releases import ReleaseRequest, config_path

if TYPE_CHECKING:
    from cdlab.manager.commands import WorkloadStatus
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


ENVIRONMENT = config_path("staging", POLICY)


async def cells(lab: Lab) -> dict[str, WorkloadStatus]:
    """Workload -> how it stands in staging."""
    found = await lab.desk.status()
    return {each.workload: each for each in found if each.environment == "staging"}


def test_a_command_about_an_environment_is_one_commit_to_its_policy(new_lab: type[Lab]) -> None:
    """A dry run shows it; it holds for every workload; what lifts it gives the same file again."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        before = await lab.read(ENVIRONMENT)
        planned = await lab.ask("lock", workload="", is_dry_run=True)
        assert planned.commit_message.startswith("Lock staging\n\na test\n\nRelease-Id: ")
        assert f"+++ b/{ENVIRONMENT}\n" in planned.diff
        assert '+lock: {user: "ann", reason: "a test", ' in planned.diff
        assert await lab.read(ENVIRONMENT) == before
        done = await lab.ask("lock", workload="")
        assert (done.status, done.is_applied) == ("released", True)
        checkout = await lab.substrate.ports("operator").config_repo.clone()
        assert [each.revision for each in checkout.log()[:1]] == [done.revision]
        assert len(checkout.log(ENVIRONMENT)) == 2
        found = await cells(lab)
        assert all(each.lock and each.lock.is_whole_environment for each in found.values())
        for name in ("users", "orders"):
            refused = await lab.ask("release", workload=name)
            assert (refused.status, refused.reason) == ("refused", "locked by ann: a test")
        assert (await lab.ask("unlock", workload="")).status == "released"
        assert await lab.read(ENVIRONMENT) == before
        assert (await lab.ask("unlock", workload="")).reason == "nothing to change"

    lab = new_lab(names=("users", "orders")).play(story)
    told = [(e.resource, e.detail["workload"], e.outcome) for e in lab.decided("policy")]
    assert told == [("staging", "", "ok")] * 2 + [("staging", "", "skipped")]


def test_an_environment_is_held_and_resumed_by_command_and_by_hand(new_lab: type[Lab]) -> None:
    """With the same effect: nothing new is released by itself while it stands."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        before = await lab.read(ENVIRONMENT)
        by_hand = f"{before}hold: {{user: ann, reason: a test}}\n"
        for number, put in enumerate(["command", "by hand"]):
            if put == "command":
                await lab.ask("hold", workload="")
            else:
                await lab.write(ENVIRONMENT, by_hand)
            tag = await lab.tag()
            await lab.ship(f"v{number}")
            assert await lab.tag() == tag
            hold = (await cells(lab))["users"].hold
            assert hold
            assert (hold.user, hold.is_whole_environment) == ("ann", True)
            if put == "command":
                await lab.ask("resume", workload="")
            else:
                await lab.write(ENVIRONMENT, before)
            await lab.kernel.sleep(LOOK + LONG)
            assert await lab.tag() == f"v{number}"

    lab = new_lab().play(story)
    held = [each for each in lab.decided() if each.because == "held by ann: a test"]
    assert len(held) >= 2


def test_an_automated_environment_leaves_workloads_alone_that_say_manual(
    new_lab: type[Lab],
) -> None:
    """And the status says so, in words."""

    async def story(lab: Lab) -> None:
        assert (await lab.ask("deautomate", workload="")).status == "released"
        assert (await lab.ask("deautomate", workload="orders")).status == "released"
        for name in ("users", "orders"):
            await lab.build("a", name)
        await lab.kernel.sleep(LONG)
        assert [await lab.tag(name=name) for name in ("users", "orders")] == ["unreleased"] * 2
        assert (await lab.ask("automate", workload="")).status == "released"
        await lab.kernel.sleep(LOOK + LONG)
        assert [await lab.tag(name=name) for name in ("users", "orders")] == ["a", "unreleased"]
        found = await cells(lab)
        assert (found["users"].is_automated, found["users"].conflicts) == (True, ())
        assert found["orders"].conflicts == ("manual here, automated in the environment",)

    new_lab(names=("users", "orders")).play(story)


def test_a_lock_of_a_workload_and_of_its_environment_are_both_shown(new_lab: type[Lab]) -> None:
    """Who lifts the one has to know of the other."""

    async def story(lab: Lab) -> None:
        await lab.ask("lock", message="audit")
        await lab.ask("lock", workload="", message="the end of the year")
        found = (await cells(lab))["users"]
        assert found.lock
        assert (found.lock.reason, found.lock.is_whole_environment) == ("audit", False)
        assert found.conflicts == (
            "the whole environment is locked, too: ann: the end of the year",
        )
        await lab.ask("unlock")
        found = (await cells(lab))["users"]
        assert found.lock
        assert (found.lock.reason, found.conflicts) == ("the end of the year", ())
        assert (await lab.ask("unlock")).reason == "nothing to change"

    new_lab().play(story)


def test_the_drift_of_an_environment_is_a_setting_of_its_policy(new_lab: type[Lab]) -> None:
    """And of nothing else."""

    async def story(lab: Lab) -> None:
        refused = await lab.ask("policy", settings={"drift": "report"})
        assert refused.status == "refused"
        assert "cdlab.dev/drift: no policy has that name" in refused.reason
        done = await lab.ask("policy", workload="", settings={"drift": "report", "tag": "glob:v*"})
        assert done.status == "released"
        found = (await cells(lab))["users"]
        assert (found.drift_mode, found.pattern) == ("report", "glob:v*")
        done = await lab.ask("policy", workload="", settings={"drift": "", "tag": ""})
        assert await lab.read(ENVIRONMENT) == "automated: true\n"

    new_lab().play(story)


@pytest.mark.parametrize("workload", ["users", ""])
def test_an_answer_has_the_commit_that_was_made(new_lab: type[Lab], workload: str) -> None:
    """Its message as git has it, and its diff; of what was not done there is neither."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        done = await lab.ask("hold", workload=workload)
        checkout = await lab.substrate.ports("operator").config_repo.clone()
        (commit,) = [each for each in checkout.log() if each.revision == done.revision]
        assert done.commit_message == commit.message
        path = PATH if workload else ENVIRONMENT
        before, after = (checkout.read(path, at=r) for r in (commit.parents[0], commit.revision))
        lines = done.diff.splitlines()
        assert lines[:2] == [f"--- a/{path}", f"+++ b/{path}"]
        added = [line[1:] for line in lines if line.startswith("+") and line != lines[1]]
        assert added == [line for line in after.splitlines() if line not in before.splitlines()]
        again = await lab.ask("hold", workload=workload)
        assert (again.status, again.commit_message, again.diff) == ("skipped", "", "")

    new_lab().play(story)
