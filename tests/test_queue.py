"""The release manager's queue: one writer, rollbacks first, planned again after a lost race."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cdlab import sample_services
from cdlab.architectures import ReleaseManager
from cdlab.grants import grants_of
from cdlab.history import Event, History
from cdlab.kernel import Kernel
from cdlab.manager.queue import PUSH_ATTEMPTS, ManagerIntervals, ReleaseQueue
from cdlab.manifests import annotate, image_of
from cdlab.model import (
    Application,
    Commit,
    Environment,
    ImageRef,
    Microservice,
    Outcome,
    Principal,
    PushReport,
    Revision,
    Tag,
    Variant,
)
from cdlab.policies import HOLD, LOCK, Stop
from cdlab.ports import Checkout, GitRepository, Ports
from cdlab.random_streams import RandomStreams
from cdlab.recorded_ports import recorded
from cdlab.recording import Call, Recorder
from cdlab.releases import config_path
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.substrate import SimSubstrate

LOOK = 300.0
LONG = 250.0
"""Enough for every rollout, and less than from one look to the next."""


class Racing:
    """The manager's config repo, with somebody who pushes to it just before the manager does."""

    def __init__(self, inner: GitRepository, race: Callable[[], Awaitable[None]]) -> None:
        self.inner, self.race, self.name = inner, race, inner.name
        self.head, self.wait_for_push, self.annotate = (
            *(inner.head, inner.wait_for_push, inner.annotate),
        )

    async def clone(self, at: Revision | None = None) -> Checkout:
        return RacingCheckout(await self.inner.clone(at), self.race)  # type: ignore[return-value]


class RacingCheckout:
    """Everything as before, but that the push comes second."""

    def __init__(self, inner: Checkout, race: Callable[[], Awaitable[None]]) -> None:
        self.inner, self.race = inner, race

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def push(self, *, force: bool = False) -> PushReport:
        await self.race()
        return await self.inner.push(force=force)


async def nobody() -> None:
    """No race."""


@dataclass
class Lab:
    """A release manager at work in a simulated world; images come without any code or CI."""

    environments: tuple[Environment, ...] = (Environment("staging"),)
    names: tuple[str, ...] = ("users",)
    intervals: ManagerIntervals = ManagerIntervals(LOOK, phase=0.9)
    race: Callable[[], Awaitable[None]] = nobody
    kernel: Kernel = field(default_factory=Kernel)
    history: History = field(default_factory=History)

    def play(self, story: Callable[[Lab], Awaitable[None]]) -> Lab:
        """Start everything, run the story as the main actor, and leave the history to look at."""

        async def main() -> None:
            await self._start()
            await story(self)

        self.kernel.run(main(), name="story")
        return self

    async def _start(self) -> None:
        costs = Costs(load_profile("constant"), RandomStreams(1))
        self.substrate = SimSubstrate(self.kernel, costs.streams, costs)  # type: ignore[arg-type]
        application = Application(
            tuple(Microservice(n, self.substrate.image_repository(n)) for n in self.names),
            self.environments,
        )
        await self.substrate.create(application, grants_of("v3"))
        self.recorder = Recorder(self.kernel, self.history)
        self.recorder.append(Call("RunStarted", "people", "notify", "", "user"))
        manager = ReleaseManager(application, self.ports, Variant(rollback="command"))
        self.queue = ReleaseQueue(
            self.kernel, manager, self.ports("manager"), application, self.intervals
        )
        self.queue.start()
        source = {n: self.source(n, "0")["service.yaml"] for n in self.names}
        await self.queue.prepare(source)

    def ports(self, principal: Principal) -> Ports:
        found = recorded(self.substrate.ports(principal), self.recorder)
        if principal == "manager":
            found = replace(found, config_repo=Racing(found.config_repo, lambda: self.race()))
        return found

    def source(self, name: str, version: str) -> dict[str, str]:
        return sample_services.source(name, version=version, colour="green", run="test")

    async def commit(self, version: str, name: str = "users", **files: str) -> Revision:
        """Push a version to the code repo: 5 s."""
        checkout = await self.substrate.ports("developer").code_repos[name].clone()
        for path, text in {**self.source(name, version), **files}.items():
            checkout.write(path, text)
        await checkout.commit(version)
        return (await checkout.push()).revision

    async def build(self, version: str, name: str = "users", **files: str) -> ImageRef:
        """Commit, build and push a version, tagged by its name: 5 + 2 + 100 + 20 s."""
        revision = await self.commit(version, name, **files)
        return await self.build_commit(revision, version, name)

    async def build_commit(self, revision: Revision, tag: str, name: str = "users") -> ImageRef:
        ci = self.substrate.ports("ci")
        ref = ImageRef(self.substrate.image_repository(name), tag)
        checkout = await ci.code_repos[name].clone(at=revision)
        pushed = await ci.registry.push(await ci.builder.build(checkout, ref))
        return replace(ref, digest=pushed.digest)

    async def ship(self, *versions: str) -> None:
        """Build them one after the other; each is released, becomes healthy and is noted."""
        for version in versions:
            await self.build(version)
            await self.kernel.sleep(LONG)

    async def edit(self, change: Callable[[str], str], where: str = "staging") -> None:
        """A person changes the manifest of users in the config repo by hand."""
        checkout = await self.substrate.ports("operator").config_repo.clone()
        path = config_path(where, "users")
        checkout.write(path, change(checkout.read(path)))
        await checkout.commit("Edit by hand")
        await checkout.push()

    async def annotate(self, key: str, value: str | None, where: str = "staging") -> None:
        await self.edit(lambda text: annotate(text, "users", {key: value}), where)

    async def log(self, where: str = "staging") -> list[Commit]:
        checkout = await self.substrate.ports("operator").config_repo.clone()
        return list(checkout.log(config_path(where, "users")))

    async def tag(self, where: str = "staging", name: str = "users") -> str | None:
        """The tag that the config repo wants."""
        checkout = await self.substrate.ports("operator").config_repo.clone()
        return ImageRef.parse(image_of(checkout.read(config_path(where, name)), name)).tag

    async def served(self, where: str = "staging") -> str | None:
        """The tag that the cluster was told to run."""
        running = await self.substrate.ports("operator").cluster.running(where)
        return running[0].desired.tag if running else None

    def decided(self, what: str = "automation") -> list[Event]:
        return [each for each in self.history.of("Decided") if each.detail["what"] == what]


async def rolled_back(lab: Lab, where: str = "staging") -> Outcome:
    return await lab.queue.rollback("users", where, "alice", "it serves wrong content")


def test_a_new_image_is_released_where_that_is_automatic() -> None:
    """It is committed to the config repo and applied, in the environments that want it."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        assert (await lab.tag("staging"), await lab.tag("production")) == ("a", "unreleased")
        assert await lab.served("staging") == "a"
        assert await lab.served("production") is None

    Lab((Environment("staging"), Environment("production", False))).play(story)


def test_a_rollback_is_one_commit_with_a_hold() -> None:
    """The image and the hold cannot be parted: there is never one without the other."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        before = await lab.log()
        outcome = await rolled_back(lab)
        after = await lab.log()
        assert [each.revision for each in after[1:]] == [each.revision for each in before]
        assert after[0].revision == outcome.revision
        assert "Cause: rollback\n" in after[0].message
        assert await lab.tag() == await lab.served() == "a"

    Lab().play(story)


def test_held_means_held_after_a_later_push_until_resumed() -> None:
    """Neither looks nor new images bring a bad image back, nor a newer one."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await rolled_back(lab)
        await lab.kernel.sleep(3 * LOOK)
        await lab.ship("c")
        assert await lab.tag() == "a"
        await lab.annotate(HOLD, None)
        await lab.kernel.sleep(LOOK + LONG)
        assert await lab.tag() == "c"

    lab = Lab().play(story)
    assert "held by alice: it serves wrong content" in {each.because for each in lab.decided()}


def test_a_locked_workload_refuses_a_rollback_too() -> None:
    """The answer comes back as an outcome, with who and why, and nothing is committed."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await lab.annotate(LOCK, str(Stop("ann", "audit")))
        before = await lab.log()
        outcome = await rolled_back(lab)
        assert (outcome.status, outcome.reason) == ("refused", "locked by ann: audit")
        assert await lab.log() == before

    lab = Lab().play(story)
    assert lab.decided("rollback")[0].because == "locked by ann: audit"


def test_a_rollback_goes_before_queued_automation() -> None:
    """Of all that waits it is decided first; what runs is let finish, what waited finds a hold."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        first = len(lab.history.of("Decided"))
        await lab.build("c")
        await lab.kernel.sleep(2)
        assert (await rolled_back(lab, "coral")).is_released
        decided = [(e.resource, e.detail["what"]) for e in lab.history.of("Decided")[first:]]
        assert decided == [("staging", "automation"), ("coral", "rollback")]
        await lab.kernel.sleep(LONG)
        assert [await lab.tag(each.name) for each in lab.environments] == ["c", "c", "c", "a"]

    names = ("staging", "blue", "amber", "coral")
    seldom = ManagerIntervals(100 * LOOK, phase=0.9)
    Lab(tuple(Environment(name) for name in names), intervals=seldom).play(story)


def test_requests_of_one_class_are_decided_in_their_order() -> None:
    """First in, first out: nobody is passed by somebody of the same rank."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        for each in lab.environments:
            lab.kernel.spawn(
                lab.queue.promote("users", "staging", each.name, "ann"), name=each.name
            )
        await lab.kernel.sleep(LONG)

    names = ("staging", "blue", "amber", "coral")
    lab = Lab(tuple(Environment(name, name == "staging") for name in names)).play(story)
    assert [each.resource for each in lab.decided("promotion")] == list(names)


def test_a_push_that_lost_a_race_is_planned_again() -> None:
    """Somebody else's commit arrives first: the manager works on what won, and keeps both."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        lab.race = lambda: lab.annotate("example.com/team", "payments")
        lab.kernel.spawn(once(lab), name="one race")
        outcome = await rolled_back(lab)
        assert outcome.is_released
        assert lab.history.of("PushRejected")
        log = await lab.log()
        assert [each.message.split()[0] for each in log[:2]] == ["Roll", "Edit"]

    async def once(lab: Lab) -> None:
        while not lab.history.of("PushRejected"):
            await lab.kernel.sleep(1)
        lab.race = nobody

    Lab().play(story)


@pytest.mark.parametrize(
    ("key", "stop", "status"),
    [(LOCK, Stop("ann", "audit"), "refused"), (HOLD, Stop("ann", "wait"), "skipped")],
)
def test_the_policy_is_checked_again_after_a_lost_race(key: str, stop: Stop, status: str) -> None:
    """Who locked or held the workload a moment before the push has the last word."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")

        async def race() -> None:
            lab.race = nobody
            await lab.annotate(key, str(stop))

        lab.race = race
        await lab.ship("b")
        assert await lab.tag() == "a"

    lab = Lab().play(story)
    assert [each.outcome for each in lab.decided()][-1] == status
    assert len(lab.history.of("PushRejected")) == 1


def test_a_push_that_loses_every_race_has_failed() -> None:
    """After ten tries the answer says so; nothing is forced, and the queue goes on."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        count = iter(range(1000))
        lab.race = lambda: lab.annotate("example.com/try", str(next(count)))
        outcome = await rolled_back(lab)
        assert (outcome.status, outcome.reason) == ("failed", "the push was rejected 10 times")
        assert len(lab.history.of("PushRejected")) == PUSH_ATTEMPTS
        lab.race = nobody
        assert (await rolled_back(lab)).is_released

    Lab().play(story)


def test_a_bad_file_is_refused_with_its_line_and_stops_no_other() -> None:
    """One workload's broken policy leaves the others alone, and people read where it broke."""

    async def story(lab: Lab) -> None:
        await lab.annotate("cdlab.dev/tag", "semver:1")
        await lab.build("a")
        await lab.build("a", "orders")
        await lab.kernel.sleep(LONG)
        assert await lab.tag(name="users") == "unreleased"
        assert await lab.tag(name="orders") == "a"
        outcome = await rolled_back(lab)
        assert outcome.status == "failed"
        assert "environments/staging/users.yaml:" in outcome.reason
        assert 'cdlab.dev/tag: "semver:1" is neither' in outcome.reason

    Lab(names=("users", "orders")).play(story)


def test_looks_find_what_no_notification_told() -> None:
    """Notifications only shorten the wait: without any, the next look releases the image."""

    async def story(lab: Lab) -> None:
        await lab.build("a")
        await lab.kernel.sleep(0.9 * LOOK - lab.kernel.now() - 1)
        assert await lab.tag() == "unreleased"
        await lab.kernel.sleep(LOOK)
        assert await lab.tag() == "a"

    Lab(intervals=ManagerIntervals(LOOK, is_poll_only=True, phase=0.9)).play(story)


def test_an_image_that_was_seen_before_is_not_released_again() -> None:
    """Looks go on for ever; each of them after the first finds nothing to do."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.kernel.sleep(5 * LOOK)
        assert len(await lab.log()) == 2

    lab = Lab().play(story)
    assert {each.because for each in lab.decided()[1:]} == {"up to date"}


@pytest.mark.xfail(strict=True, reason="the registry's dates are those of builds, not of commits")
def test_an_older_commit_whose_build_ends_late_is_not_released() -> None:
    """Automation is monotone in the code: a slow old build never replaces a newer commit."""

    async def story(lab: Lab) -> None:
        older, newer = await lab.commit("older"), await lab.commit("newer")
        for revision, tag in ((newer, "newer"), (older, "older")):
            await lab.build_commit(revision, tag)
            await lab.kernel.sleep(LONG)
        assert await lab.tag() == "newer"

    Lab().play(story)


def test_a_promotion_of_what_is_not_healthy_is_refused_and_recorded() -> None:
    """Neither a rollout that never ends nor one of no pods at all is anything to promote."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.edit(lambda text: text.replace("replicas: 2", "replicas: 0"))
        await lab.ship("b")
        await promote(lab)
        await lab.edit(lambda text: text.replace("replicas: 0", "replicas: 2"))
        await lab.build("c", **{"www/unhealthy": "yes"})
        await promote(lab)

    async def promote(lab: Lab) -> None:
        outcome = await lab.queue.promote("users", "staging", "production", "ann")
        assert (outcome.status, outcome.reason) == ("refused", "not healthy in staging")

    lab = Lab((Environment("staging"), Environment("production", False))).play(story)
    assert [each.because for each in lab.decided("promotion")] == ["not healthy in staging"] * 2


async def notes(lab: Lab) -> dict[str, str]:
    """What each release was noted as, by its tag."""
    return {
        each.message.split()[2]: each.note
        for each in await lab.log()
        if each.message.startswith("Release")
    }


HEALTHY = "staging/users healthy"


def test_a_release_is_noted_healthy_when_it_is() -> None:
    """The note follows the rollout; a release that never becomes Ready gets none."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.build("bad", **{"www/unhealthy": "yes"})
        await lab.kernel.sleep(LONG)
        assert await notes(lab) == {"a": HEALTHY, "bad": ""}

    lab = Lab().play(story)
    assert lab.history.of("RolloutTimedOut")


def test_the_health_of_a_newer_release_is_not_noted_for_an_older_one() -> None:
    """A release that was replaced before it was Ready never was healthy."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.build("bad", **{"www/unhealthy": "yes"})
        await lab.kernel.sleep(20)
        assert (await rolled_back(lab)).is_released
        await lab.kernel.sleep(LONG)
        assert (await notes(lab))["bad"] == ""

    lab = Lab().play(story)
    assert len(lab.history.of("CommitAnnotated")) == 2, "that of the release, and of the rollback"


def test_a_release_that_was_undone_with_kubectl_is_not_noted_healthy() -> None:
    """That the rollout ended says nothing if it ended with another image."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.build("bad", **{"www/unhealthy": "yes"})
        await lab.kernel.sleep(20)
        assert await lab.served() == "bad"
        await lab.substrate.ports("operator").cluster.rollout_undo("users", "staging")
        await lab.kernel.sleep(LONG)
        assert await notes(lab) == {"a": HEALTHY, "bad": ""}

    Lab().play(story)


def test_a_newer_release_does_not_take_a_note_away() -> None:
    """Who was healthy and is just being noted so stays a target of rollbacks."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.build("b")
        while lab.history.of("RolloutFinished")[-1].t_us < 500e6:
            await lab.kernel.sleep(0.5)
        await lab.queue.rollback("users", "staging", "alice")
        await lab.kernel.sleep(LONG)
        assert (await notes(lab))["b"] == HEALTHY

    Lab(race=nobody).play(story)
