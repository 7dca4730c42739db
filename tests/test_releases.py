"""The planner: what an environment should run and may, decided from a config repo's texts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdlab.kernel import Kernel
from cdlab.manifests import annotate, annotations, image_of
from cdlab.model import Digest, Grant, ImageRef, Revision, Tag
from cdlab.policies import AUTOMATED, HOLD, LOCK, TAG, Stop, policy_of
from cdlab.random_streams import RandomStreams
from cdlab.releases import Plan, ReleaseRequest, config_path, health_note, plan_release
from cdlab.substrates.sim.access import Credentials, Rights
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.git import Checkout, SimGitRepository
from cdlab.substrates.sim.git_server import GitServer

REPOSITORY = "registry.test/users"
PATH = config_path("production", "users")
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: users}}}}
  template:
    spec:
      containers: [{{name: users, image: "registry.invalid/users:unreleased"}}]
"""


def image(name: str, tag: str | None = None) -> ImageRef:
    return ImageRef(REPOSITORY, tag or name, Digest(f"sha256:{name * 8}"))


def tags(*names: str) -> tuple[Tag, ...]:
    """The registry's list, oldest image first: `a` is older than `b`."""
    return tuple(Tag(name, image(name).digest or Digest(""), ord(name[0])) for name in names)


class ConfigRepo:
    """A config repo with one workload, automated in production, and its planner."""

    def __init__(self, **policy: str) -> None:
        self.kernel = Kernel()
        costs = Costs(load_profile("constant"), RandomStreams(1))
        grant = Grant(principal="manager", runs="inside", config_repo="write")
        server = GitServer("config", "config_repo", self.kernel, costs)
        self.repository = SimGitRepository(server, Credentials("manager", Rights([grant])))
        first = annotate(MANIFEST.format(replicas=2), "users", {AUTOMATED: "true", **policy})
        self.write(first, "Move all manifests here")

    @property
    def checkout(self) -> Checkout:
        return self.kernel.run(self.repository.clone())

    @property
    def manifest(self) -> str:
        return self.checkout.read(PATH)

    def write_elsewhere(self) -> None:
        self.write("Somebody else's file.\n", "Write a note", path="README.md")

    def write(self, manifest: str, message: str, path: str = PATH) -> Revision:
        async def commit() -> Revision:
            checkout = await self.repository.clone()
            checkout.write(path, manifest)
            await checkout.commit(message)
            return (await checkout.push()).revision

        return self.kernel.run(commit())

    def annotate(self, key: str, value: str | None) -> None:
        self.write(annotate(self.manifest, "users", {key: value}), f"Set {key}")

    def plan(self, request: ReleaseRequest) -> Plan:
        return plan_release(request, self.checkout)

    def release(self, request: ReleaseRequest, *, is_healthy: bool = True) -> Plan:
        """Plan, commit, and note that it became healthy; the plan must be to release."""
        plan = self.plan(request)
        assert plan.outcome.is_released, plan.outcome
        revision = self.write(plan.manifest, plan.commit_message)
        if is_healthy:
            note = health_note("production", "users")
            self.kernel.run(self.repository.annotate(revision, note))
        return plan

    def ship(self, *names: str, is_healthy: bool = True) -> None:
        for name in names:
            self.release(by_hand(image(name)), is_healthy=is_healthy)


def request(cause: str, **more: object) -> ReleaseRequest:
    return ReleaseRequest(
        cause=cause,  # type: ignore[arg-type]
        workload="users",
        environment="production",
        user="alice",
        **more,  # type: ignore[arg-type]
    )


def by_hand(what: ImageRef) -> ReleaseRequest:
    return request("release", image=what)


def automatic(*names: str) -> ReleaseRequest:
    return request("automation", tags=tags(*names), repository=REPOSITORY)


ROLLBACK = request("rollback", message="it serves wrong content")


def answer(plan: Plan) -> tuple[str, str]:
    return plan.outcome.status, plan.outcome.reason


def running(repo: ConfigRepo) -> str:
    return image_of(repo.manifest, "users")


def trailers(message: str) -> dict[str, str]:
    """The last paragraph of a commit message, as `git interpret-trailers` reads it."""
    lines = message.rstrip("\n").rpartition("\n\n")[2].split("\n")
    return dict(line.split(": ", 1) for line in lines)


def test_automation_releases_the_newest_image_by_digest() -> None:
    """What is committed names tag and digest, so that nothing is resolved again later."""
    plan = ConfigRepo().plan(automatic("a", "b"))
    assert plan.outcome.image == image("b")
    assert image_of(plan.manifest, "users") == f"{REPOSITORY}:b@{image('b').digest}"


@pytest.mark.parametrize("names", ["ba", "a"], ids=["reordered", "partial"])
def test_automation_never_downgrades(names: str) -> None:
    """Whatever the registry lists, and in whichever order, nothing older is released."""
    repo = ConfigRepo()
    repo.ship("b")
    assert repo.plan(automatic(*names)).outcome.status == "skipped"


def test_a_narrower_pattern_does_not_downgrade() -> None:
    """The newest image that the pattern admits may be older than what people released."""
    repo = ConfigRepo(**{TAG: "glob:a*"})
    repo.ship("b")
    assert answer(repo.plan(automatic("a", "b"))) == ("skipped", "older than current")


def test_automation_finds_the_newest_image_in_a_list_in_any_order() -> None:
    """The order of a list is the registry's business; the date of an image decides."""
    repo = ConfigRepo()
    repo.ship("b")
    assert repo.plan(automatic("b", "c", "a")).outcome.image == image("c")


def test_a_partial_list_does_not_downgrade_an_image_that_was_written_by_hand() -> None:
    """A person may write a tag without a digest; it still counts as what runs."""
    repo = ConfigRepo()
    repo.write(repo.manifest.replace("registry.invalid/users:unreleased", f"{REPOSITORY}:c"), "c")
    assert answer(repo.plan(automatic("a"))) == ("skipped", "the running image is not listed")
    assert answer(repo.plan(automatic("a", "c"))) == ("skipped", "up to date")
    assert repo.plan(automatic("c", "d")).outcome.image == image("d")


@pytest.mark.parametrize(
    ("policy", "names", "reason"),
    [
        ({AUTOMATED: "false"}, "b", "manual"),
        ({TAG: "glob:v*"}, "b", "no tag matches"),
        ({}, "", "no tag matches"),
        ({HOLD: str(Stop("bob", "rolled back"))}, "b", "held by bob: rolled back"),
    ],
)
def test_automation_says_why_it_does_nothing(
    policy: dict[str, str], names: str, reason: str
) -> None:
    """Each reason not to act is an outcome that a person can read."""
    assert answer(ConfigRepo(**policy).plan(automatic(*names))) == ("skipped", reason)


def test_what_runs_already_is_not_released_again() -> None:
    """The same digest is up to date under any tag, for automation and for people."""
    repo = ConfigRepo()
    repo.ship("a")
    assert answer(repo.plan(automatic("a"))) == ("skipped", "up to date")
    assert answer(repo.plan(by_hand(image("a", tag="again")))) == ("skipped", "up to date")


@pytest.mark.parametrize("asked", [by_hand(image("b")), automatic("a", "b"), ROLLBACK])
def test_a_lock_refuses_everything_but_force(asked: ReleaseRequest) -> None:
    """Locked means by nobody and nothing; forcing it leaves a trace in the commit."""
    repo = ConfigRepo()
    repo.ship("0", "a")
    repo.annotate(LOCK, str(Stop("ann", "audit")))
    assert answer(repo.plan(asked)) == ("refused", "locked by ann: audit")
    forced = repo.plan(replace(asked, is_forced=True))
    assert forced.outcome.is_released
    assert trailers(forced.commit_message)["Forced"] == "true"
    assert policy_of(forced.manifest, "users").lock == Stop("ann", "audit"), "it stays locked"


def test_a_rollback_is_the_whole_earlier_manifest_and_a_hold() -> None:
    """One text does both, so nothing can come between them; other changes go back as well."""
    repo = ConfigRepo()
    repo.ship("a")
    repo.write(repo.manifest.replace("replicas: 2", "replicas: 5"), "Scale up")
    repo.ship("b")
    plan = repo.release(ROLLBACK)
    assert plan.outcome.image == image("a")
    assert "replicas: 2" in plan.manifest
    assert policy_of(plan.manifest, "users").hold == Stop("alice", "it serves wrong content")
    assert trailers(plan.commit_message)["Hold"] == str(Stop("alice", "it serves wrong content"))


def test_a_rollback_keeps_the_policy_of_today() -> None:
    """Policy is not part of what was bad: pattern, automation and a lock stay as they are."""
    repo = ConfigRepo()
    repo.ship("a")
    repo.annotate(TAG, "glob:b*")
    repo.annotate(AUTOMATED, "false")
    repo.ship("b")
    kept = annotations(repo.plan(ROLLBACK).manifest, "users")
    assert kept.pop(HOLD)
    assert kept == {AUTOMATED: "false", TAG: "glob:b*"}


def test_a_rollback_does_not_bring_an_old_lock_or_hold_back() -> None:
    """What was lifted since stays lifted."""
    repo = ConfigRepo()
    repo.annotate(HOLD, str(Stop("bob", "long ago")))
    repo.ship("a")
    repo.annotate(HOLD, None)
    repo.ship("b")
    plan = repo.plan(replace(ROLLBACK, has_hold=False))
    assert policy_of(plan.manifest, "users").hold is None


def test_rolling_back_twice_goes_further_back_and_never_to_the_bad_one() -> None:
    """Each rollback leaves one more release behind, until there is nothing earlier."""
    repo = ConfigRepo()
    repo.ship("a", "b", "c")
    found = [repo.release(ROLLBACK).outcome.image for _ in range(2)]
    assert found == [image("b"), image("a")]
    assert answer(repo.plan(ROLLBACK)) == ("refused", "no earlier healthy release")


def test_a_bad_image_is_left_behind_under_every_tag() -> None:
    """The digest is the image: the same one under another tag is as bad as it was."""
    repo = ConfigRepo()
    repo.ship("a", "b")
    repo.release(ROLLBACK)
    repo.release(by_hand(image("b", tag="b-again")))
    repo.ship("c")
    assert repo.plan(ROLLBACK).outcome.image == image("a")


def test_only_a_healthy_release_is_a_target() -> None:
    """A release that was never seen healthy, here or at all, is passed over."""
    repo = ConfigRepo()
    repo.ship("a")
    repo.ship("b", is_healthy=False)
    repo.ship("c")
    head = repo.checkout.log(PATH)[1].revision
    note = health_note("staging", "users")
    repo.kernel.run(repo.repository.annotate(head, note))
    assert repo.plan(ROLLBACK).outcome.image == image("a")


def test_without_a_healthy_release_a_rollback_is_refused() -> None:
    """There is nothing to go back to after the first release: an answer, not an error."""
    repo = ConfigRepo()
    repo.ship("a")
    assert answer(repo.plan(ROLLBACK)) == ("refused", "no earlier healthy release")


def test_automation_stays_held_after_a_later_push_until_somebody_resumes() -> None:
    """A newer image does not lift the hold; taking the annotation away does."""
    repo = ConfigRepo()
    repo.ship("a", "b")
    repo.release(ROLLBACK)
    held = ("skipped", "held by alice: it serves wrong content")
    assert answer(repo.plan(automatic("a", "b"))) == held
    assert answer(repo.plan(automatic("a", "b", "c"))) == held
    repo.annotate(HOLD, None)
    assert repo.plan(automatic("a", "b", "c")).outcome.image == image("c")


def test_a_hold_does_not_stop_people() -> None:
    """A release by hand goes through and keeps the hold, and its commit says so."""
    repo = ConfigRepo()
    repo.ship("a", "b")
    repo.release(ROLLBACK)
    plan = repo.plan(by_hand(image("c")))
    assert plan.outcome.is_released
    assert policy_of(plan.manifest, "users").hold == Stop("alice", "it serves wrong content")
    assert "alice" in trailers(plan.commit_message)["Hold"]


def test_the_naive_variant_rolls_back_without_a_hold() -> None:
    """Automation then takes the rollback back at its next look: the lesson of that variant."""
    repo = ConfigRepo()
    repo.ship("a", "b")
    plan = repo.release(replace(ROLLBACK, has_hold=False))
    assert trailers(plan.commit_message)["Hold"] == "none"
    assert repo.plan(automatic("a", "b")).outcome.image == image("b")


def test_a_commit_says_what_was_released_by_whom_and_from_what() -> None:
    """The trailers are what the manager, and people, read the history of releases from."""
    repo = ConfigRepo()
    repo.ship("a")
    plan = repo.plan(by_hand(image("b")))
    found = trailers(plan.commit_message)
    assert len(found.pop("Release-Id")) == 16
    assert found == {
        "Cause": "release",
        "User": "alice",
        "Environment": "production",
        "Workload": "users",
        "From": str(image("a")),
        "To": str(image("b")),
        "Digest": str(image("b").digest),
        "Hold": "none",
    }


def test_the_release_id_is_the_same_for_a_repeated_attempt_only() -> None:
    """Planned again on a moved head it is the same release; the same change later is another."""
    repo = ConfigRepo()
    repo.ship("a")
    first = trailers(repo.plan(by_hand(image("b"))).commit_message)["Release-Id"]
    repo.write_elsewhere()
    again = trailers(repo.plan(by_hand(image("b"))).commit_message)["Release-Id"]
    assert again == first
    repo.ship("b")
    repo.release(ROLLBACK)
    later = trailers(repo.plan(by_hand(image("b"))).commit_message)["Release-Id"]
    assert later != first


@pytest.mark.parametrize(
    "forgery",
    [
        f"fine{gap}Cause: rollback{gap}Forced: true{gap}From: {image('a')}"
        for gap in ("\n", "\r\n", "\n\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029")
    ],
)
@pytest.mark.parametrize("field", ["user", "message"])
def test_trailers_cannot_be_forged(field: str, forgery: str) -> None:
    """A name or a message with line breaks adds no trailer and changes none."""
    repo = ConfigRepo()
    repo.ship("a", "b")
    plan = repo.release(replace(by_hand(image("c")), **{field: forgery}))
    found = trailers(plan.commit_message)
    assert "Forced" not in found
    assert found["Cause"] == "release"
    assert len(plan.commit_message.splitlines()) == plan.commit_message.count("\n")
    assert repo.plan(ROLLBACK).outcome.image == image("b")
