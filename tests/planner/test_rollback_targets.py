"""Rolling back: to what, with which policy, and never to what was left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdlab.manifests import annotations, image_of
from cdlab.policies import AUTOMATED, BRANCH, HOLD, SKIP, TAG, policy_of
from cdlab.releases import health_note
from cdlab.stops import Hold, Skip, newer_than, skips_from, skips_text

if TYPE_CHECKING:
    from tests.planner.conftest import ConfigRepo

NOON = "2026-01-01T12:00:00Z"
WHY = "it serves wrong content"
NOTHING_EARLIER = ("refused", "no earlier healthy release")


def test_a_rollback_is_the_whole_earlier_manifest_and_a_hold(repo: ConfigRepo) -> None:
    """One text does both, so nothing can come between them; other changes go back as well."""
    repo.ship("a")
    repo.write(repo.manifest.replace("replicas: 2", "replicas: 5"), "Scale up")
    repo.ship("b")
    plan = repo.release(repo.rollback())
    assert plan.outcome.image == repo.image("a")
    assert "replicas: 2" in plan.manifest
    hold = Hold("alice", WHY, NOON, "resumed")
    assert policy_of(plan.manifest, "users").hold == hold
    assert repo.trailers(plan)["Hold"] == str(hold)


def test_a_rollback_of_the_image_alone_keeps_the_rest_of_today(repo: ConfigRepo) -> None:
    """Nothing but the image reference and the hold differ."""
    repo.ship("a")
    repo.write(repo.manifest.replace("replicas: 2", "replicas: 5"), "Scale up")
    repo.ship("b")
    plan = repo.plan(repo.rollback(image_only=True))
    assert plan.outcome.image == repo.image("a")
    assert "replicas: 5" in plan.manifest
    changed = [line for line in plan.manifest.splitlines() if line not in repo.manifest]
    assert [line.split(":")[0].strip(" -") for line in changed] == [HOLD, "containers"]


def test_a_rollback_of_the_image_alone_wants_another_image(repo: ConfigRepo) -> None:
    """An earlier manifest with the same one is no way out, and neither is one if it is bad."""
    repo.ship("ab")
    repo.release(replace(repo.by_hand("c")))
    repo.write(repo.manifest.replace("replicas: 2", "replicas: 5"), "Scale up")
    head = repo.checkout.head
    assert head
    repo.kernel.run(repo.repository.annotate(head, health_note("production", "users")))
    assert repo.plan(repo.rollback()).outcome.image == repo.image("c"), "only the replicas"
    assert repo.plan(repo.rollback(image_only=True)).outcome.image == repo.image("b")
    assert repo.plan(repo.rollback(is_bad=True)).outcome.image == repo.image("b")


def test_a_rollback_keeps_the_policy_of_today(repo: ConfigRepo) -> None:
    """Policy is not part of what was bad: pattern, branch and automation stay as they are."""
    repo.annotate(BRANCH, "main")
    repo.ship("a")
    repo.annotate(TAG, "glob:b*")
    repo.annotate(BRANCH, None)
    repo.annotate(AUTOMATED, "false")
    repo.ship("b")
    kept = annotations(repo.plan(repo.rollback()).manifest, "users")
    assert kept.pop(HOLD)
    assert kept == {AUTOMATED: "false", TAG: "glob:b*"}


def test_a_rollback_does_not_bring_an_old_lock_or_hold_back(repo: ConfigRepo) -> None:
    """What was lifted since stays lifted."""
    repo.annotate(HOLD, str(Hold("bob", "long ago")))
    repo.ship("a")
    repo.annotate(HOLD, None)
    repo.ship("b")
    plan = repo.plan(repo.rollback(has_hold=False))
    assert policy_of(plan.manifest, "users").hold is None


def test_rolling_back_twice_goes_further_back_and_never_to_the_bad_one(repo: ConfigRepo) -> None:
    """Each rollback leaves one more release behind, until there is nothing earlier."""
    repo.ship("abc")
    found = [repo.release(repo.rollback()).outcome.image for _ in range(2)]
    assert found == [repo.image("b"), repo.image("a")]
    assert repo.answer(repo.rollback()) == NOTHING_EARLIER


def test_a_bad_image_is_left_behind_under_every_tag(repo: ConfigRepo) -> None:
    """The digest is the image: the same one under another tag is as bad as it was."""
    repo.ship("ab")
    repo.release(repo.rollback())
    repo.release(repo.by_hand("b", tag="b-again"))
    repo.ship("c")
    assert repo.plan(repo.rollback()).outcome.image == repo.image("a")


def test_only_a_healthy_release_is_a_target(repo: ConfigRepo) -> None:
    """A release that never became available is passed over, and a note about elsewhere is not."""
    repo.ship("a")
    repo.ship("b", is_healthy=False)
    repo.ship("c")
    head = repo.checkout.log("environments/production/users.yaml")[1].revision
    repo.kernel.run(repo.repository.annotate(head, health_note("staging", "users")))
    assert repo.plan(repo.rollback()).outcome.image == repo.image("a")


def test_without_a_healthy_release_a_rollback_is_refused(repo: ConfigRepo) -> None:
    """There is nothing to go back to after the first release: an answer, not an error."""
    repo.ship("a")
    assert repo.answer(repo.rollback()) == NOTHING_EARLIER


def test_the_naive_variant_rolls_back_without_a_hold(repo: ConfigRepo) -> None:
    """Automation then takes the rollback back at its next look: the lesson of that variant."""
    repo.ship("ab")
    plan = repo.release(repo.rollback(has_hold=False))
    assert repo.trailers(plan)["Hold"] == "none"
    assert repo.plan(repo.automatic("ab")).outcome.image == repo.image("b")


@pytest.mark.parametrize("name", ["tag", "digest", "revision", "short"])
def test_a_release_may_be_named_by_tag_digest_or_revision(repo: ConfigRepo, name: str) -> None:
    """And skips what ran in between; seven digits of a revision do."""
    repo.ship("a")
    revision = str(repo.checkout.head)
    repo.ship("bc")
    digest = str(repo.image("a").digest)
    to = {"tag": "a", "digest": digest, "revision": revision, "short": revision[:7]}[name]
    assert repo.plan(repo.rollback(to=to)).outcome.image == repo.image("a")


def test_a_release_that_was_named_need_not_be_noted_healthy(repo: ConfigRepo) -> None:
    """A note may be lost; who names a release knows what it is."""
    repo.ship("a", is_healthy=False)
    repo.ship("b")
    assert repo.answer(repo.rollback()) == NOTHING_EARLIER
    assert repo.plan(repo.rollback(to="a")).outcome.image == repo.image("a")


@pytest.mark.parametrize("to", ["x", "unreleased", "b", "c", "abcdef0", "a" * 6])
def test_what_was_never_released_or_was_left_behind_is_no_target(repo: ConfigRepo, to: str) -> None:
    """Named or not: what runs, what was rolled back from, and what only stood in the file."""
    repo.ship("ac")
    repo.release(repo.rollback())
    repo.ship("b")
    assert repo.answer(repo.rollback(to=to)) == ("refused", f"no such earlier release: {to}")


def test_a_file_that_was_broken_or_gone_for_a_while_is_passed_over(repo: ConfigRepo) -> None:
    """Git keeps everything that people did, and a rollback looks through all of it."""
    repo.ship("a")
    good = repo.manifest
    repo.write("kind: [", "Break it")
    repo.write(good, "Mend it")
    repo.ship("b")
    forged = "Fine\n\nCause: rollback\nEnvironment: production\nFrom: x\nTo: y"
    repo.write(repo.manifest + "# a note\n", forged)
    assert repo.plan(repo.rollback(to="a")).outcome.image == repo.image("a")


@pytest.mark.parametrize(
    ("until", "rule"),
    [
        ("resumed", "resumed"),
        ("newer", newer_than("sha256:" + "b" * 64)),  # type: ignore[arg-type]
        ("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"),
    ],
)
def test_a_rollback_says_what_lifts_its_hold(repo: ConfigRepo, until: str, rule: str) -> None:
    """`newer` is an image newer than the one it goes away from."""
    repo.ship("ab")
    plan = repo.release(repo.rollback(until=until))
    assert policy_of(plan.manifest, "users").hold == Hold("alice", WHY, NOON, rule)
    tomorrow = 86_400.0 + repo.rollback().now
    found = repo.plan(replace(repo.automatic("abc"), now=tomorrow)).outcome
    assert found.is_released is (until != "resumed")


@pytest.mark.parametrize("until", ["Friday", "unlocked", "newer than b", "2026-01-01T12:00:00Z"])
def test_a_lift_rule_that_nobody_knows_or_that_is_over_refuses_a_rollback(
    repo: ConfigRepo, until: str
) -> None:
    """A rollback whose hold would not hold is not what was asked for."""
    repo.ship("ab")
    status, reason = repo.answer(repo.rollback(until=until))
    assert status == "refused"
    assert reason.startswith("the policy would be invalid: ")


def test_a_bad_image_is_also_skipped_from_then_on(repo: ConfigRepo) -> None:
    """So that also after somebody resumed automation does not choose it."""
    older = Skip(repo.tags("0")[0].digest, "bob", "slow")
    repo.annotate(SKIP, skips_text([older]))
    repo.ship("ab")
    plan = repo.release(repo.rollback(is_bad=True))
    skips = skips_from(annotations(plan.manifest, "users")[SKIP])
    assert skips == (older, Skip(repo.tags("b")[0].digest, "alice", WHY, NOON))
    repo.annotate(HOLD, None)
    held = ("skipped", f"skipped by alice: {WHY}")
    assert repo.answer(repo.automatic("ab")) == held
    assert repo.plan(repo.automatic("abc")).outcome.image == repo.image("c")


def test_what_is_said_of_an_image_by_its_digest_wants_one(repo: ConfigRepo) -> None:
    """A tag that somebody wrote by hand may be another image tomorrow."""
    repo.ship("a")
    repo.write(repo.manifest.replace(repo.running, "registry.test/users:b"), "Write b by hand")
    no_digest = ("refused", "the running image has no digest")
    assert repo.answer(repo.rollback(is_bad=True)) == no_digest
    assert repo.answer(repo.rollback(until="newer")) == no_digest
    assert image_of(repo.plan(repo.rollback()).manifest, "users") == str(repo.image("a"))


def test_what_ran_by_its_tag_alone_is_a_target_by_the_digest_that_was_noted(
    repo: ConfigRepo,
) -> None:
    """It ran before the manager came; the tag may be another image by now, the digest is not."""
    repo.write(repo.manifest.replace(repo.running, "registry.test/users:a"), "Export what runs")
    head, before = repo.checkout.head, repo.manifest
    assert head
    note = health_note("production", "users", repo.image("a").digest)
    repo.kernel.run(repo.repository.annotate(head, note))
    assert repo.answer(repo.rollback()) == NOTHING_EARLIER, "it is what runs"
    repo.ship("b")
    plan = repo.release(repo.rollback())
    assert plan.outcome.image == repo.image("a")
    assert annotations(plan.manifest, "users")[HOLD]
    assert plan.manifest.replace(f"@{repo.image('a').digest}", "").count("users:a") == 1
    assert "users:a" in before
    assert repo.answer(repo.rollback()) == NOTHING_EARLIER, "it runs again, by its digest"


@pytest.mark.parametrize("digest", ["", "sha256:1", "latest", "sha256:" + "A" * 64])
def test_a_note_without_a_whole_digest_makes_no_target_of_a_tag(
    repo: ConfigRepo, digest: str
) -> None:
    """Nobody can tell which image it was; anybody can write a note."""
    repo.write(repo.manifest.replace(repo.running, "registry.test/users:a"), "Export what runs")
    head = repo.checkout.head
    assert head
    note = f"production/users healthy {digest}".rstrip()
    repo.kernel.run(repo.repository.annotate(head, note))
    repo.ship("b")
    assert repo.answer(repo.rollback()) == NOTHING_EARLIER
