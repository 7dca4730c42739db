"""The desk of a simulated world: commands and questions, in all three architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cdlab import playground
from cdlab.errors import NotFound
from cdlab.manager.commands import COMMANDS, Answer, Ask, WorkloadStatus
from cdlab.manager.shown import short
from cdlab.scenario import Scenario

ASK = Ask(
    command="rollback", user="ann", message="wrong", workload="users", environment="production"
)
HOUR = 3_600.0


class Desk:
    """A desk with short names for what the tests do."""

    def __init__(self, architecture: str) -> None:
        self.inner = playground.make(Scenario(architecture=architecture, profile="constant"))
        self.commands, self.world = self.inner.commands, self.inner.playground

    def run(self, coroutine: Any) -> Any:
        """Await something in virtual time."""
        return self.inner.submit(coroutine, name="test").result(timeout=60)

    def ask(self, ask: Ask = ASK, **settings: Any) -> Answer:
        """Ask, and return the answer."""
        answer: Answer = self.run(self.commands.ask(replace(ask, **settings)))
        return answer

    def cell(self, workload: str = "users", environment: str = "production") -> WorkloadStatus:
        """One cell of the matrix."""
        cells: tuple[WorkloadStatus, ...] = self.run(self.commands.status())
        return next(c for c in cells if (c.workload, c.environment) == (workload, environment))

    def push(self, version: str, *, is_bad: bool = False) -> str:
        """Push a version of users and wait until nothing moves any more."""
        revision: str = self.run(self.world.push("users", version, is_bad=is_bad))
        self.wait()
        return revision

    def wait(self, seconds: float = HOUR) -> None:
        """Let time pass."""
        self.run(self.world.turn_clock(seconds))

    def promote(self) -> Answer:
        """From staging to production."""
        answer = self.ask(command="promote", source="staging")
        self.wait()
        return answer


@pytest.fixture
def make() -> Iterator[Callable[[str], Desk]]:
    made: list[Desk] = []

    def start(architecture: str = "v3") -> Desk:
        made.append(Desk(architecture))
        return made[-1]

    yield start
    for each in made:
        each.inner.close()


@pytest.fixture
def desk(make: Callable[[str], Desk]) -> Desk:
    """That of V3."""
    return make("v3")


def test_a_new_world_runs_everything_everywhere(make: Callable[[str], Desk]) -> None:
    """In each architecture every replica runs, and nothing waits to be released."""
    for architecture in ("v1", "v2", "v3"):
        desk = make(architecture)
        cells = desk.run(desk.commands.status())
        assert len(cells) == 3 * 2
        assert all(each.is_available and len(each.running) == 2 for each in cells)
        assert {each.candidate for each in cells} == {""}
        assert all(each.drift_seconds is None for each in cells)


def test_a_push_reaches_what_is_automated_and_waits_for_people_elsewhere(desk: Desk) -> None:
    """The matrix shows the new image in staging, and in production as a candidate."""
    revision = desk.push("v2")
    assert desk.cell(environment="staging").running_tag == revision
    production = desk.cell()
    assert production.running_tag != revision
    assert (production.candidate, production.candidate_reason) == (revision, "manual")
    assert desk.promote().status == "released"
    assert desk.cell().running_tag == revision


def test_a_rollback_holds_and_the_history_tells_it(desk: Desk) -> None:
    """Back to the version before, with the hold in the same commit; git alone knows all of it."""
    before = desk.cell()
    revision = desk.push("v2", is_bad=True)
    desk.promote()
    answer = desk.ask(until="2 h", is_bad=True)
    desk.wait(60)
    after = desk.cell()
    assert (answer.status, answer.image) == ("released", before.desired)
    assert after.running_tag == before.running_tag
    assert after.hold is not None
    assert (after.hold.user, after.hold.reason) == ("ann", "wrong")
    assert after.skipped == (desk.cell(environment="staging").running[0],)
    newest = desk.run(desk.commands.history("users", "production"))[0]
    assert (newest.cause, newest.user, newest.revision) == ("rollback", "ann", answer.revision)
    assert revision in newest.before
    assert newest.after == before.desired
    desk.wait(2 * HOUR)
    assert desk.cell().hold is None, "its time is over"


def test_a_dry_run_shows_the_commit_and_changes_nothing(desk: Desk) -> None:
    """The message and the diff are those of the commit that follows."""
    desk.push("v2")
    desk.promote()
    before = desk.run(desk.commands.history())
    planned = desk.ask(is_dry_run=True)
    assert planned.status == "planned"
    assert planned.commit_message.startswith("Roll back users ")
    assert "+    cdlab.dev/hold: " in planned.diff
    assert desk.run(desk.commands.history()) == before
    done = desk.ask()
    assert done.diff.splitlines()[:2] == planned.diff.splitlines()[:2]
    assert done.commit_message.splitlines()[0] == planned.commit_message.splitlines()[0]
    newest = desk.run(desk.commands.history())[0]
    assert newest.revision == done.revision
    assert newest.after == done.image == planned.image


@pytest.mark.parametrize(
    ("settings", "status", "reason"),
    [
        ({"command": "release", "image": "nope"}, "refused", "image not found: nope"),
        ({"command": "release"}, "skipped", "up to date"),
        ({"command": "promote", "source": "staging"}, "skipped", "up to date"),
        ({"command": "rollback"}, "refused", "no earlier healthy release"),
        ({"command": "resume"}, "skipped", "nothing to change"),
        ({"command": "skip", "image": "nope"}, "refused", "image not found: nope"),
        ({"command": "policy", "settings": {"tag": "regexp:("}}, "refused", "the policy would be"),
        ({"command": "hold", "until": "some day"}, "refused", "the policy would be invalid"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    desk: Desk, settings: dict[str, Any], status: str, reason: str
) -> None:
    """For real and in a dry run, with the same words."""
    for is_dry_run in (True, False):
        answer = desk.ask(**settings, is_dry_run=is_dry_run)
        assert answer.status == status
        assert answer.reason.startswith(reason)


def test_each_policy_command_shows_in_the_matrix(desk: Desk) -> None:
    """Lock, hold, automation and pattern, set and lifted."""
    desk.ask(command="lock", environment="staging", until="1 d")
    assert desk.cell(environment="staging").lock is not None
    assert desk.ask(command="release", environment="staging").reason.startswith("locked by ann")
    desk.ask(command="unlock", environment="staging")
    assert desk.cell(environment="staging").lock is None
    desk.ask(command="hold", environment="staging")
    assert desk.cell(environment="staging").hold is not None
    desk.ask(command="resume", environment="staging")
    assert desk.cell(environment="staging").hold is None
    desk.ask(command="automate")
    assert desk.cell().is_automated
    desk.ask(command="deautomate")
    assert not desk.cell().is_automated
    desk.ask(command="policy", settings={"tag": "glob:v*", "branch": "main"})
    assert (desk.cell().pattern, desk.cell().branch) == ("glob:v*", "main")


def test_a_command_without_a_workload_is_for_the_whole_environment(desk: Desk) -> None:
    """A hold on staging holds every microservice there, and none in production."""
    assert desk.ask(command="hold", workload="", environment="staging").status == "released"
    cells = desk.run(desk.commands.status())
    assert {c.environment for c in cells if c.hold} == {"staging"}
    assert sum(c.hold is not None for c in cells) == 3


def test_a_skipped_image_is_not_released_by_itself(desk: Desk) -> None:
    """The images tell why, and it can still be released by name."""
    revision = desk.push("v2")
    assert desk.ask(command="skip", image=revision).status == "released"
    found = desk.run(desk.commands.images("users", "production"))[0]
    assert (found.tag, found.reason) == (revision, "skipped by ann: wrong")
    assert desk.ask(command="release").status == "skipped"
    assert desk.ask(command="release", image=revision).status == "released"


def test_an_edit_past_the_repo_is_drift_until_it_is_repaired(desk: Desk) -> None:
    """It shows at once, with its age, and is gone when the manager has looked."""
    old = desk.cell(environment="staging").running_tag
    desk.push("v2")
    desk.run(desk.world.stop("manager"))
    desk.run(desk.world.edit("users", "staging", old))
    (drift,) = desk.run(desk.commands.diff())
    assert (drift.workload, drift.environment) == ("users", "staging")
    assert old in drift.actual
    desk.wait(30)
    assert desk.cell(environment="staging").drift_seconds == pytest.approx(30, abs=5)
    desk.run(desk.world.restart("manager"))
    desk.wait()
    assert desk.run(desk.commands.diff()) == ()
    assert desk.cell(environment="staging").drift_seconds is None


def test_decisions_are_told_once_with_their_reasons(desk: Desk) -> None:
    """The same skip at every look is one entry; what follows a number is newer."""
    desk.wait(5 * HOUR)
    entries = desk.run(desk.commands.audit(limit=1000))
    skips = [each for each in entries if each.reason == "manual" and each.workload == "users"]
    assert len(skips) == 1
    last = entries[-1].number
    assert last == desk.run(desk.commands.about()).newest
    desk.ask(command="hold", environment="staging")
    (newer,) = desk.run(desk.commands.audit(after=last))
    assert (newer.number, newer.what, newer.user) == (last + 1, "policy", "ann")


def test_who_listens_hears_of_a_release_when_it_is_decided_and_when_it_is_healthy(
    desk: Desk,
) -> None:
    """A change of policy is told once: it has no rollout."""

    def told() -> tuple[int, int]:
        return desk.run(desk.commands.wait_for_change(0)), desk.run(desk.commands.about()).newest

    changes, decisions = told()
    desk.ask(command="hold", environment="production")
    assert told() == (changes + 1, decisions + 1)
    changes, decisions = told()
    desk.push("2")  # released to staging by itself
    more_changes, more_decisions = told()
    assert more_changes - changes == more_decisions - decisions + 1


@pytest.mark.parametrize("architecture", ["v1", "v2"])
def test_what_an_architecture_cannot_express_is_answered_so(
    make: Callable[[str], Desk], architecture: str
) -> None:
    """All but a rollback, a rebuild and, behind gates, a promotion; and nothing is changed."""
    desk = make(architecture)
    before = desk.run(desk.commands.status())
    for command in COMMANDS:
        if command in ("rollback", "sync"):
            continue
        answer = desk.ask(command=command, source="staging")
        assert answer.status == "not expressible", command
        assert answer.reason
    assert desk.run(desk.commands.status()) == before


@pytest.mark.parametrize("architecture", ["v1", "v2"])
def test_a_rollback_without_a_manager_is_a_push_and_a_build(
    make: Callable[[str], Desk], architecture: str
) -> None:
    """It is accepted at once and has happened when CI is done, in every environment."""
    desk = make(architecture)
    desk.push("v2", is_bad=True)
    bad = desk.cell().running
    assert desk.ask().status == "released"
    assert desk.cell().running == bad
    desk.wait()
    assert not set(desk.cell().running) & set(bad)
    assert not set(desk.cell(environment="staging").running) & set(bad)


def test_names_that_are_not_there_are_told(desk: Desk) -> None:
    """With those that are."""
    with pytest.raises(NotFound, match="moon") as refused:
        desk.ask(environment="moon")
    assert "staging" in refused.value.help
    with pytest.raises(NotFound, match="nobody"):
        desk.ask(workload="nobody")
    with pytest.raises(NotFound, match="box"):
        desk.run(desk.world.stop("box"))


def test_a_box_that_is_down_is_told_and_comes_back(desk: Desk) -> None:
    """Without CI a rollback still goes through; without the config repo nothing does."""
    desk.push("v2")
    desk.promote()
    desk.run(desk.world.stop("ci"))
    assert desk.run(desk.world.boxes())["ci"] is False
    assert desk.ask().status == "released"
    desk.run(desk.world.stop("config-repo"))
    assert desk.ask().status == "failed"
    desk.run(desk.world.restart("config-repo"))
    desk.run(desk.world.restart("ci"))
    assert all(desk.run(desk.world.boxes()).values())


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("registry.test/users:v3@sha256:" + "1" * 64, "v3"),
        ("registry.test/users:" + "0123456789abcdef" * 2 + "01234567", "0123456789"),
        ("registry.test/users@sha256:" + "1" * 64, "sha256:" + "1" * 12),
        ("0123456789abcdef" * 2 + "01234567", "0123456789"),
    ],
)
def test_an_image_is_shown_as_it_fits_a_cell(image: str, shown: str) -> None:
    """The tag, of a commit's id only the beginning, or else that of the digest."""
    assert short(image) == shown
