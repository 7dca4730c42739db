"""The planner: what an environment should run and may, decided from a config repo's texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdlab.errors import ManifestError
from cdlab.manifests import annotations, image_of
from cdlab.model import ImageRef
from cdlab.policies import AUTOMATED, HOLD, LOCK, SKIP, TAG
from cdlab.releases import ReleaseRequest
from cdlab.stops import Hold, Lock, Skip, newer_than, skips_text

if TYPE_CHECKING:
    from tests.planner.conftest import ConfigRepo

Ask = Callable[["ConfigRepo"], ReleaseRequest]
REPOSITORY = "registry.test/users"
NOON = "2026-01-01T12:00:00Z"
LATER = "2026-01-01T12:00:01Z"


def test_automation_releases_the_newest_image_by_digest(repo: ConfigRepo) -> None:
    """What is committed names tag and digest, so that nothing is resolved again later."""
    plan = repo.plan(repo.automatic("ab"))
    assert plan.outcome.image == repo.image("b")
    assert image_of(plan.manifest, "users") == f"{REPOSITORY}:b@sha256:{'b' * 64}"


@pytest.mark.parametrize("names", ["ba", "a"], ids=["reordered", "partial"])
def test_automation_never_downgrades(repo: ConfigRepo, names: str) -> None:
    """Whatever the registry lists, and in whichever order, nothing older is released."""
    repo.ship("b")
    assert repo.plan(repo.automatic(names)).outcome.status == "skipped"


def test_a_narrower_pattern_does_not_downgrade(new_repo: type[ConfigRepo]) -> None:
    """The newest image that the pattern admits may be older than what people released."""
    repo = new_repo(**{TAG: "glob:a*"})
    repo.ship("b")
    assert repo.answer(repo.automatic("ab")) == ("skipped", "older than current")


def test_automation_finds_the_newest_image_in_a_list_in_any_order(repo: ConfigRepo) -> None:
    """The order of a list is the registry's business; the date of an image decides."""
    repo.ship("b")
    assert repo.plan(repo.automatic("bca")).outcome.image == repo.image("c")


def test_a_partial_list_does_not_downgrade_an_image_that_was_written_by_hand(
    repo: ConfigRepo,
) -> None:
    """A person may write a tag without a digest; it still counts as what runs."""
    repo.write(repo.manifest.replace("registry.invalid/users:unreleased", f"{REPOSITORY}:c"), "c")
    not_listed = ("skipped", "the running image is not listed")
    assert repo.answer(repo.automatic("a")) == not_listed
    assert repo.answer(repo.automatic("ac")) == ("skipped", "up to date")
    assert repo.plan(repo.automatic("cd")).outcome.image == repo.image("d")


@pytest.mark.parametrize(
    ("policy", "names", "reason"),
    [
        ({AUTOMATED: "false"}, "b", "manual"),
        ({TAG: "glob:v*"}, "b", "tag does not match"),
        ({}, "", "image not found: no tag is listed"),
        ({HOLD: str(Hold("bob", "rolled back"))}, "b", "held by bob: rolled back"),
    ],
)
def test_automation_says_why_it_does_nothing(
    new_repo: type[ConfigRepo], policy: dict[str, str], names: str, reason: str
) -> None:
    """Each reason not to act is an outcome that a person can read."""
    repo = new_repo(**policy)
    assert repo.answer(repo.automatic(names)) == ("skipped", reason)


def test_too_many_new_tags_at_once_are_refused_as_an_alarm(repo: ConfigRepo) -> None:
    """More than the setting; a person may then say which."""
    repo.ship("a")
    flood = replace(repo.automatic("abcd"), most_new_tags=2)
    alarm = ("refused", "too many new tags at once: 3, more than 2")
    assert repo.answer(flood) == alarm
    assert repo.plan(replace(flood, most_new_tags=3)).outcome.image == repo.image("d")
    assert repo.plan(replace(flood, cause="release")).outcome.image == repo.image("d")


def test_what_runs_already_is_not_released_again(repo: ConfigRepo) -> None:
    """The same digest is up to date under any tag, for automation and for people."""
    repo.ship("a")
    for asked in (repo.automatic("a"), repo.by_hand("a", tag="again"), repo.newest("a")):
        assert repo.answer(asked) == ("skipped", "up to date")


def test_somebody_may_ask_for_the_newest_image_by_policy(new_repo: type[ConfigRepo]) -> None:
    """Of those that the pattern admits and nobody skipped; in a manual and held workload, too."""
    skipped = skips_text([Skip(new_repo.tags("c")[0].digest, "bob", "slow")])
    policy = {AUTOMATED: "false", TAG: "glob:[abc]", HOLD: str(Hold("bob", "x")), SKIP: skipped}
    repo = new_repo(**policy)
    repo.ship("a")
    plan = repo.plan(repo.newest("abcd"))
    assert plan.outcome.image == repo.image("b")
    assert annotations(plan.manifest, "users")[HOLD] == policy[HOLD], "it stays held"
    assert repo.trailers(plan)["Cause"] == "release"
    repo.ship("d")
    assert repo.answer(repo.newest("abd")) == ("skipped", "older than current")


def test_an_image_that_somebody_names_goes_past_pattern_hold_and_skip(
    new_repo: type[ConfigRepo],
) -> None:
    """Older, too: a person decides, and only a lock is in the way."""
    skipped = skips_text([Skip(new_repo.tags("a")[0].digest, "bob", "slow")])
    repo = new_repo(**{TAG: "glob:x*", SKIP: skipped, HOLD: str(Hold("bob", "x"))})
    repo.ship("b")
    assert repo.plan(repo.by_hand("a")).outcome.image == repo.image("a")


def test_an_image_may_be_named_by_a_tag_that_is_listed(repo: ConfigRepo) -> None:
    """Its digest is what the registry said; a tag that is not listed is not found."""
    named = replace(repo.newest("ab"), image=ImageRef(REPOSITORY, "a"))
    assert repo.plan(named).outcome.image == repo.image("a")
    unknown = replace(named, image=ImageRef(REPOSITORY, "x"))
    assert repo.answer(unknown) == ("refused", f"image not found: {REPOSITORY}:x")


def test_an_image_of_another_repository_is_not_found(repo: ConfigRepo) -> None:
    """A workload runs images of its own microservice, whoever asks for what."""
    foreign = replace(repo.image("a"), repository="registry.evil/users")
    asked = replace(repo.newest("a"), image=foreign)
    assert repo.answer(asked) == ("refused", f"image not found: {foreign}")


ASKED: list[Ask] = [
    lambda repo: repo.by_hand("b"),
    lambda repo: repo.newest("ab"),
    lambda repo: repo.automatic("ab"),
    lambda repo: repo.rollback(),
]


@pytest.mark.parametrize("ask", ASKED, ids=["by hand", "newest", "automation", "rollback"])
def test_a_lock_refuses_everything_but_force(repo: ConfigRepo, ask: Ask) -> None:
    """Locked means by nobody and nothing; forcing it leaves a trace in the commit."""
    repo.ship("0a")
    repo.annotate(LOCK, str(Lock("ann", "audit")))
    assert repo.answer(ask(repo)) == ("refused", "locked by ann: audit")
    forced = repo.plan(replace(ask(repo), is_forced=True))
    assert forced.outcome.is_released
    assert repo.trailers(forced)["Forced"] == "true"
    assert LOCK in annotations(forced.manifest, "users"), "it stays locked"


@pytest.mark.parametrize("ask", ASKED, ids=["by hand", "newest", "automation", "rollback"])
def test_a_lock_of_the_environment_refuses_every_release_there(repo: ConfigRepo, ask: Ask) -> None:
    """And nowhere else; force goes past it as well."""
    repo.ship("0a")
    repo.write_policy("lock: {user: eve, reason: the end of the year}\n")
    assert repo.answer(ask(repo)) == ("refused", "locked by eve: the end of the year")
    assert repo.plan(replace(ask(repo), is_forced=True)).outcome.is_released


@pytest.mark.parametrize("until", [NOON, LATER])
def test_a_lock_whose_time_is_over_counts_as_absent(repo: ConfigRepo, until: str) -> None:
    """From that very second on, without anybody who takes it away."""
    repo.annotate(LOCK, str(Lock("ann", "audit", until=until)))
    plan = repo.plan(repo.by_hand("b"))
    if until == NOON:
        assert plan.outcome.is_released
    else:
        assert plan.outcome.reason == f"locked by ann: audit, until {LATER}"


def test_an_environment_says_what_its_workloads_leave_open(new_repo: type[ConfigRepo]) -> None:
    """And a workload that says something itself is asked first."""
    repo = new_repo(**{TAG: "newest"})
    repo.annotate(AUTOMATED, None)
    assert repo.answer(repo.automatic("a")) == ("skipped", "manual")
    repo.write_policy('automated: true\ntag: "glob:x*"\n')
    assert repo.plan(repo.automatic("a")).outcome.is_released
    repo.annotate(TAG, None)
    assert repo.answer(repo.automatic("a")) == ("skipped", "tag does not match")


def test_a_broken_policy_of_the_environment_stops_every_release_there(repo: ConfigRepo) -> None:
    """With its file and line, and not the file of the workload."""
    repo.write_policy("drift: report\nautomate: true\n")
    with pytest.raises(ManifestError, match=r"^environments/production/policy\.yaml:2: "):
        repo.plan(repo.by_hand("a"))


def test_a_hold_does_not_stop_people(repo: ConfigRepo) -> None:
    """A release by hand goes through and keeps the hold, and its commit says so."""
    repo.ship("ab")
    repo.release(repo.rollback())
    plan = repo.plan(repo.by_hand("c"))
    assert plan.outcome.is_released
    assert annotations(plan.manifest, "users")[HOLD] == repo.trailers(plan)["Hold"]
    assert "alice" in repo.trailers(plan)["Hold"]


def test_automation_stays_held_after_a_later_push_until_somebody_resumes(repo: ConfigRepo) -> None:
    """A newer image does not lift the hold; taking the annotation away does."""
    repo.ship("ab")
    repo.release(repo.rollback())
    held = ("skipped", "held by alice: it serves wrong content")
    assert repo.answer(repo.automatic("ab")) == held
    assert repo.answer(repo.automatic("abc")) == held
    repo.annotate(HOLD, None)
    assert repo.plan(repo.automatic("abc")).outcome.image == repo.image("c")


@pytest.mark.parametrize("until", ["newer", NOON])
def test_automation_takes_a_hold_away_that_was_lifted(repo: ConfigRepo, until: str) -> None:
    """In the same commit, so that no look finds the one without the other."""
    repo.ship("ab")
    bad = newer_than(repo.tags("b")[0].digest) if until == "newer" else until
    repo.annotate(HOLD, str(Hold("bob", "wait", until=bad)))
    plan = repo.plan(repo.automatic("abc"))
    assert plan.outcome.image == repo.image("c")
    assert HOLD not in annotations(plan.manifest, "users")
    assert repo.trailers(plan)["Hold"] == "none"


def test_a_hold_that_is_over_by_its_time_is_none_in_the_commit_of_a_person(
    repo: ConfigRepo,
) -> None:
    """Its annotation is left alone: only automation tidies up."""
    repo.annotate(HOLD, str(Hold("bob", "wait", until=NOON)))
    plan = repo.plan(repo.by_hand("c"))
    assert repo.trailers(plan)["Hold"] == "none"
    assert HOLD in annotations(plan.manifest, "users")
