"""What the outside is told while a release manager works: each thing once, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from cdlab.config_layout import config_path
from cdlab.dates import rfc3339
from cdlab.errors import Undelivered
from cdlab.history import Event
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Environment, Outcome
from cdlab.notifications import Kind, Notification
from cdlab.policies import HOLD, LOCK
from cdlab.policy_edits import PolicyEdit, hold, resume, set_tag
from cdlab.releases import ReleaseRequest
from cdlab.stops import Hold, Lock
from tests.ears import Ears, listen
from tests.manager.conftest import LONG, LOOK, Lab

SOON = ManagerIntervals(LOOK, phase=0.9, sync_seconds=60.0)
MANUAL = (Environment("staging"), Environment("production", is_automated=False))


def told(
    new_lab: type[Lab], story: Callable[[Lab, Ears], Awaitable[None]], **settings: object
) -> list[Notification]:
    """What is told during a story."""
    heard: list[Notification] = []

    async def with_ears(lab: Lab) -> None:
        ears = listen(lab.queue, lab.recorder)
        await story(lab, ears)
        heard.extend(ears.heard)

    new_lab(**{"intervals": SOON, **settings}).play(with_ears)  # type: ignore[arg-type]
    return heard


async def ask(lab: Lab, **asked: object) -> Outcome:
    """As somebody asks who is called ann."""
    request = ReleaseRequest(
        workload="users", environment="staging", user="ann", now=lab.kernel.timestamp(), **asked
    )  # type: ignore[arg-type]
    return await lab.queue.release(request)


async def change(lab: Lab, edit: PolicyEdit, message: str = "") -> Outcome:
    return await ask(lab, cause="policy", edit=edit, message=message)


def test_an_automated_release_is_told_once_with_all_that_is_known(new_lab: type[Lab]) -> None:
    """What, where, by which commit and which digest; the looks that follow tell nothing."""
    commits, pushed = [], []

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a")
        await lab.kernel.sleep(3 * LOOK)
        commits.extend(await lab.log())
        pushed.extend(e for e in lab.history.of("CommitPushed") if e.principal == "manager")

    (found,) = told(new_lab, story)
    commit = commits[0]
    trailers = dict(re.findall(r"^([A-Z][A-Za-z-]*): (.*)$", commit.message, re.MULTILINE))
    assert (found.kind, found.cause, found.user) == ("released", "automation", "automation")
    assert (found.environment, found.microservice) == ("staging", "users")
    assert (found.revision, found.release) == (commit.revision, trailers["Release-Id"])
    assert (found.image, found.digest) == (trailers["To"], trailers["Digest"])
    assert (found.reason, found.hold) == ("", "")
    assert found.time == rfc3339(pushed[0].t_us / 1e6)


def test_a_rollback_is_told_once_and_its_hold_with_it(new_lab: type[Lab]) -> None:
    """Automation meets that hold at every look, which is no news."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a", "b")
        ears.heard.clear()
        await lab.roll_back()
        await lab.kernel.sleep(3 * LOOK)

    (found,) = told(new_lab, story)
    assert (found.kind, found.cause, found.user) == ("rolled back", "rollback", "alice")
    assert (found.reason, found.hold) == (
        "it serves wrong content", "alice: it serves wrong content",
    )  # fmt: skip


def test_a_hold_by_command_is_told_at_once_and_once(new_lab: type[Lab]) -> None:
    """Again when it was lifted and put again; not when another part of the policy changes."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a")
        ears.heard.clear()
        for edit in (hold("ann", "sale", now=lab.kernel.timestamp()), set_tag("glob:*"), resume()):
            await change(lab, edit, "Black Friday")
            await lab.kernel.sleep(2 * LOOK)
        await change(lab, hold("ann", "sale", now=lab.kernel.timestamp()))
        await lab.kernel.sleep(10)

    first, second = told(new_lab, story)
    assert (first.kind, first.cause, first.user) == ("held", "policy", "ann")
    assert (first.hold, first.reason) == ("ann: sale", "Black Friday")
    assert second.kind == "held"
    assert first.id != second.id


def test_a_hold_of_a_whole_environment_is_told_once(new_lab: type[Lab]) -> None:
    """As that, and not again for each workload in which automation meets it."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a")
        await lab.kernel.sleep(LOOK)
        ears.heard.clear()
        assert (await lab.ask("hold", workload="")).status == "released"
        await lab.build("b")
        await lab.kernel.sleep(3 * LOOK)
        assert await lab.tag() == "a"

    (found,) = told(new_lab, story)
    assert (found.kind, found.environment, found.microservice) == ("held", "staging", "")
    assert (found.hold, found.user) == ("ann: a test", "ann")
    assert found.text == "held: staging, policy by ann: a test"


def test_a_hold_that_somebody_wrote_into_git_is_told_when_it_is_met(new_lab: type[Lab]) -> None:
    """By the next look of automation, and not by those after it."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a")
        await lab.kernel.sleep(LOOK)
        ears.heard.clear()
        await lab.annotate(HOLD, str(Hold("bob", "exams", "1970-01-01T00:00:00Z")))
        await lab.kernel.sleep(3 * LOOK)

    (found,) = told(new_lab, story)
    assert (found.kind, found.cause, found.hold) == ("held", "automation", "bob: exams")


def test_every_refusal_of_a_person_is_told_and_of_automation_the_first(new_lab: type[Lab]) -> None:
    """A lock refuses automation at every look."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a")
        await lab.kernel.sleep(LOOK)
        ears.heard.clear()
        await lab.annotate(LOCK, str(Lock("bob", "audit", "1970-01-01T00:00:00Z")))
        await lab.kernel.sleep(3 * LOOK)
        for _ in range(2):
            assert (await lab.roll_back()).status == "refused"
        await lab.kernel.sleep(1)

    found = told(new_lab, story)
    assert {(each.kind, each.reason) for each in found} == {("refused", "locked by bob: audit")}
    assert [(each.cause, each.user) for each in found] == [
        ("automation", "automation"), ("rollback", "alice"), ("rollback", "alice"),
    ]  # fmt: skip


def test_what_is_skipped_is_not_told(new_lab: type[Lab]) -> None:
    """Up to date, manual: nothing happened."""

    async def story(lab: Lab, ears: Ears) -> None:
        image = await lab.build("a")
        await lab.kernel.sleep(LONG)
        ears.heard.clear()
        assert (await ask(lab, cause="release", image=image)).status == "skipped"
        await lab.kernel.sleep(2 * LOOK)

    assert told(new_lab, story, environments=MANUAL) == []


def test_a_promotion_is_a_release_by_somebody(new_lab: type[Lab]) -> None:
    """One that is refused is told as that."""

    async def story(lab: Lab, ears: Ears) -> None:
        assert not (await lab.queue.promote("users", "staging", "production", "ann")).is_released
        await lab.ship("a")
        assert (await lab.queue.promote("users", "staging", "production", "ann")).is_released
        await lab.kernel.sleep(LONG)

    found = [e for e in told(new_lab, story, environments=MANUAL) if e.environment == "production"]
    assert [(each.kind, each.cause, each.user) for each in found] == [
        ("refused", "promotion", "ann"), ("released", "promotion", "ann"),
    ]  # fmt: skip
    assert found[0].reason == "not healthy in staging"


def test_drift_is_told_when_it_is_repaired(new_lab: type[Lab]) -> None:
    """With the image that it was repaired to, each time that somebody goes past the manager."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a", "b")
        ears.heard.clear()
        for _ in range(2):
            operator = lab.substrate.ports("operator")
            await operator.cluster.rollout_undo("users", "staging")
            await lab.kernel.sleep(LOOK)

    found = told(new_lab, story)
    assert [(each.kind, each.cause, each.user) for each in found] == [("drift", "sync", "")] * 2
    assert {each.image.partition("@")[0].rpartition(":")[2] for each in found} == {"b"}


def test_a_sync_that_somebody_asked_for_names_them(new_lab: type[Lab]) -> None:
    """The same drift, found because they asked."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a", "b")
        ears.heard.clear()
        await lab.substrate.ports("operator").cluster.wipe("staging")
        await lab.queue.rebuild("ann")
        await lab.kernel.sleep(1)

    (found,) = told(new_lab, story, intervals=replace(SOON, sync_seconds=10_000.0))
    assert (found.kind, found.user) == ("drift", "ann")


def test_a_release_that_is_applied_late_is_told_once(new_lab: type[Lab]) -> None:
    """It was committed while the API server was down: applying it is neither news nor drift."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a")
        ears.heard.clear()
        await lab.substrate.incidents.stop("api-server")
        await lab.build("b")
        await lab.kernel.sleep(LOOK)
        await lab.substrate.incidents.restart("api-server")
        await lab.kernel.sleep(LOOK)
        assert await lab.served() == "b"

    found = told(new_lab, story)
    assert [each.kind for each in found if each.cause != "sync"] == ["released"]
    assert {each.kind for each in found if each.cause == "sync"} == {"failed"}, "the syncs between"


def test_an_image_that_people_push_to_the_config_repo_is_a_release(new_lab: type[Lab]) -> None:
    """By nobody that the manager knows; a change of replicas is none, and no drift either."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a", "b")
        await lab.kernel.sleep(LOOK)
        ears.heard.clear()
        older = (await lab.log())[1]
        config = await lab.substrate.ports("operator").config_repo.clone()
        text = config.read(config_path("staging", "users"), at=older.revision)
        await lab.edit(lambda _: text)
        await lab.kernel.sleep(20)
        await lab.edit(lambda now: now.replace("replicas: 2", "replicas: 3"))
        await lab.kernel.sleep(20)

    (found,) = told(new_lab, story)
    assert (found.kind, found.cause, found.user) == ("released", "sync", "")
    assert ":a@sha256:" in found.image


def test_a_failure_is_told_with_who_asked_and_an_outage_not_at_every_look(
    new_lab: type[Lab],
) -> None:
    """While the git server is down: the command, one automated decision, one sync."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a", "b")
        await lab.kernel.sleep(LOOK)
        ears.heard.clear()
        for _ in range(2):
            await lab.substrate.incidents.stop("config-repo")
            assert (await lab.roll_back()).status == "failed"
            await lab.kernel.sleep(3 * LOOK)
            lab.queue.sync()
            await lab.kernel.sleep(1)
            await lab.substrate.incidents.restart("config-repo")
            await lab.kernel.sleep(2 * LOOK)

    found = told(new_lab, story)
    once = [("rollback", "alice"), ("automation", ""), ("sync", "")]
    assert {each.kind for each in found} == {"failed"}
    assert [(each.cause, each.user) for each in found] == once * 2
    assert [bool(each.environment) for each in found] == [True, True, False] * 2
    assert all(each.reason.startswith("RepositoryUnavailable: ") for each in found)


def test_a_lost_race_is_one_release(new_lab: type[Lab]) -> None:
    """The commit whose push was rejected is told of no more than that attempt."""
    races: list[str] = []

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a")
        ears.heard.clear()

        async def race() -> None:
            if not races:
                races.append("lost")
                await lab.edit(lambda text: text.replace("replicas: 2", "replicas: 3"))

        lab.race = race
        await lab.ship("b")
        assert (await lab.log())[0].revision == ears.heard[0].revision

    (found,) = told(new_lab, story)
    assert races == ["lost"]
    assert found.kind == "released"


@pytest.mark.parametrize("is_final", [True, False])
def test_a_receiver_that_does_not_listen_changes_nothing(
    new_lab: type[Lab], is_final: bool
) -> None:
    """The history is the same, byte for byte, as without anybody to tell."""

    async def deaf(lab: Lab) -> None:
        ears = Ears(lab.kernel, seconds=7.0)
        ears.trouble = Undelivered("nobody listens", is_final=is_final)
        listen(lab.queue, lab.recorder, ears)
        await story(lab)
        assert ears.heard == []

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await lab.roll_back()
        await lab.kernel.sleep(LOOK)

    alone = new_lab(intervals=SOON).play(story).history.to_jsonl()
    assert new_lab(intervals=SOON).play(deaf).history.to_jsonl() == alone


def test_a_stopped_manager_that_is_started_again_tells_nothing_twice(new_lab: type[Lab]) -> None:
    """Stopped after the commit of a release arrived and before it was applied."""

    async def story(lab: Lab, ears: Ears) -> None:
        await lab.ship("a")
        ears.heard.clear()

        async def stop() -> None:
            lab.queue.stop()

        def see(event: Event) -> None:
            if (event.kind, event.outcome) == ("Decided", "ok"):
                lab.recorder.listeners.remove(see)
                lab.kernel.spawn(stop(), name="kill")

        lab.recorder.listeners.append(see)
        await lab.build("b")
        await lab.kernel.sleep(10)
        assert await lab.served() == "a"
        lab.queue.start()
        await lab.kernel.sleep(2 * LOOK)
        assert await lab.served() == await lab.tag() == "b"

    assert [each.kind for each in told(new_lab, story)] == [Kind.RELEASED]
