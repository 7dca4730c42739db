"""Which image a policy would have: why each is eligible or not, and that nothing ever goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cdlab.candidates import MOST_NEW_TAGS, Look, candidates, choose
from cdlab.model import Digest, ImageRef, Tag
from cdlab.policies import Policy
from cdlab.reasons import Reason
from cdlab.stops import Hold, Lock, Skip, newer_than
from cdlab.tag_patterns import tag_pattern, version_of

REPOSITORY = "registry.test/users"
NOON = 1_767_268_800.0
AT_NOON = "2026-01-01T12:00:00Z"


def digest(number: int) -> Digest:
    return Digest(f"sha256:{number:064x}")


def tag(name: str, age: int, branch: str = "") -> Tag:
    """A tag of an image of its own, which its age tells from others."""
    return Tag(name, digest(age), age, branch=branch)


def running(name: str, age: int) -> ImageRef:
    return ImageRef(REPOSITORY, name, digest(age))


def look(*tags: Tag, runs: ImageRef | None = None, **policy: object) -> Look:
    """What automation sees, at noon."""
    return Look(
        policy=Policy(**{"is_automated": True, **policy}),  # type: ignore[arg-type]
        running=runs or running("b", 2),
        repository=REPOSITORY,
        tags=tags,
        now=NOON,
    )


A, B, C, D = tag("a", 1), tag("b", 2), tag("c", 3), tag("d", 4)


def reasons(seen: Look) -> dict[str, str]:
    """Tag -> why not, newest first."""
    return {each.tag.name: each.reason for each in candidates(seen)}


def test_every_tag_gets_its_reason_newest_first() -> None:
    """What is newer than what runs is eligible; the first of them would be released."""
    seen = look(B, D, A, C)
    assert list(reasons(seen).items()) == [
        ("d", ""), ("c", ""), ("b", "up to date"), ("a", "older than current"),
    ]  # fmt: skip
    assert choose(seen) == D


def test_of_the_same_age_what_was_listed_last_is_newest() -> None:
    """A registry lists in the order of arrival where images do not tell their age."""
    other = replace(C, name="e", digest=digest(9))
    assert choose(look(A, B, C, other)) == other
    assert choose(look(A, B, other, C)) == C


def test_what_the_patterns_leave_out_is_told_apart() -> None:
    """By the tag or by the branch; an image that does not say its branch is from none."""
    tags = (B, tag("v3", 3, "main"), tag("v4", 4, "topic"), tag("v5", 5), tag("x6", 6, "main"))
    seen = look(*tags, tag=tag_pattern("glob:v*"), branch="mai*")
    assert reasons(seen) == {
        "x6": "tag does not match",
        "v5": "branch does not match",
        "v4": "branch does not match",
        "v3": "",
        "b": "tag does not match",
    }
    assert choose(seen) == tags[1]
    assert reasons(seen._replace(policy=replace(seen.policy, branch="*")))["v5"] == (
        "branch does not match"
    )


def test_a_skipped_image_is_passed_over() -> None:
    """Under every tag; the next newest is released in its place."""
    again = replace(D, name="again")
    seen = look(B, C, D, again, skips=(Skip(D.digest, "bob", "slow"),))
    assert reasons(seen)["d"] == reasons(seen)["again"] == "skipped by bob: slow"
    assert choose(seen) == C


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"is_automated": False}, "manual"),
        ({"lock": Lock("ann", "audit")}, "locked by ann: audit"),
        ({"environment_lock": Lock("eve", "freeze")}, "locked by eve: freeze"),
        ({"hold": Hold("bob", "wait")}, "held by bob: wait"),
    ],
)
def test_what_stops_automation_stops_every_candidate(
    policy: dict[str, object], reason: str
) -> None:
    """An older tag keeps the reason of its own."""
    seen = look(A, B, C, **policy)
    assert choose(seen) == reason
    assert reasons(seen) == {"c": reason, "b": "up to date", "a": "older than current"}


def test_a_person_who_asks_for_the_newest_is_stopped_by_a_lock_alone() -> None:
    """Neither a hold nor a manual policy; but what is skipped stays so, and nothing goes back."""
    seen = look(A, B, C, D, is_automated=False, hold=Hold("bob", "wait"))
    asked = seen._replace(is_automatic=False)
    assert choose(asked) == D
    skipping = replace(asked.policy, skips=(Skip(D.digest, "bob", "slow"),))
    assert choose(asked._replace(policy=skipping)) == C
    locked = replace(asked.policy, lock=Lock("ann", "audit"))
    assert choose(asked._replace(policy=locked)) == "locked by ann: audit"
    assert choose(asked._replace(running=running("d", 4))) == "up to date"


@pytest.mark.parametrize("seconds", [-1, 0])
def test_a_hold_and_a_lock_end_at_their_time(seconds: int) -> None:
    """From that second on they count as absent."""
    seen = look(B, C, hold=Hold("bob", "wait", until=AT_NOON), lock=Lock("a", "b", until=AT_NOON))
    found = choose(seen._replace(now=NOON + seconds))
    assert found == (C if seconds == 0 else f"locked by a: b, until {AT_NOON}")
    held = seen._replace(policy=replace(seen.policy, lock=None), now=NOON + seconds)
    assert choose(held) == (C if seconds == 0 else f"held by bob: wait, until {AT_NOON}")


def test_a_newer_image_than_the_bad_one_lifts_its_hold() -> None:
    """The bad one and what is older stay held; where it is not listed nothing can be told."""
    hold = Hold("bob", "wait", until=newer_than(C.digest))
    assert reasons(look(A, B, C, hold=hold))["c"].startswith("held by bob: wait, until newer than")
    assert str(choose(look(A, B, C, hold=hold))).startswith("held by bob")
    assert choose(look(A, B, C, D, hold=hold)) == D
    assert str(choose(look(A, B, D, hold=hold))).startswith("held by bob")


def test_among_versions_newer_than_the_bad_one_means_a_greater_version() -> None:
    """Else the bad one would be next: it is the greatest that is left."""
    hold = Hold("bob", "wait", until=newer_than(digest(20)))
    tags = (tag("1.0.0", 10), tag("1.2.0", 20), tag("1.1.0", 30))
    seen = look(*tags, runs=running("1.0.0", 10), tag=tag_pattern("semver:*"), hold=hold)
    assert str(choose(seen)).startswith("held by bob")
    fixed = tag("1.2.1", 25)
    assert choose(seen._replace(tags=(*tags, fixed))) == fixed
    unnamed = replace(tags[1], name="latest")
    assert str(choose(seen._replace(tags=(tags[0], unnamed, fixed)))).startswith("held by bob")


def test_versions_are_ordered_by_precedence_and_then_by_age() -> None:
    """A fix of an older version that is built last is not the newest."""
    tags = (tag("v1.10.0", 30), tag("v1.9.0", 40), tag("1.9.1", 50), tag("1.10.0", 60))
    seen = look(*tags, runs=running("1.0.0", 1), tag=tag_pattern("semver:^1"))
    assert [each.tag.name for each in candidates(seen)] == ["1.10.0", "v1.10.0", "1.9.1", "v1.9.0"]
    assert choose(seen) == tags[3]


def test_among_versions_only_a_greater_one_is_newer() -> None:
    """Also where the running image is not listed: its tag tells. The same version is not newer."""
    by_version = tag_pattern("semver:^1")
    tags = (tag("1.2.0", 90), tag("1.1.9", 95))
    seen = look(*tags, runs=running("1.2.0", 50), tag=by_version)
    assert reasons(seen) == {"1.2.0": "older than current", "1.1.9": "older than current"}
    assert choose(seen._replace(running=running("1.1.0", 50))) == tags[0]


def test_an_image_is_as_new_as_the_greatest_version_it_has() -> None:
    """A candidate that became the release without a new build: no later candidate is newer."""
    same = [replace(tag("1.0.0-rc.4", 10), name=name) for name in ("1.0.0-rc.4", "1.0.0")]
    seen = look(
        *same,
        tag("1.0.0-rc.5", 20),
        runs=running("1.0.0-rc.4", 10),
        tag=tag_pattern("semver:>=1.0.0-rc.1"),
    )
    assert choose(seen) == "up to date"
    assert reasons(seen)["1.0.0-rc.5"] == "older than current"


def test_an_image_without_a_version_is_left_for_a_version_that_is_newer_by_age() -> None:
    """The greatest of those that are, when a policy changes to versions."""
    tags = (tag("abc", 20), tag("3.0.0", 10), tag("2.0.0", 30), tag("1.0.0", 40))
    seen = look(*tags, runs=running("abc", 20), tag=tag_pattern("semver:*"))
    assert choose(seen) == tags[2]
    assert reasons(seen)["3.0.0"] == "older than current"


def test_where_the_running_image_is_not_listed_nothing_is_newer() -> None:
    """A list may be partial; a person can still name an image."""
    seen = look(C, D, runs=running("gone", 9))
    assert choose(seen) == "the running image is not listed"
    assert set(reasons(seen).values()) == {"the running image is not listed"}


def test_before_the_first_release_every_image_is_newer() -> None:
    """The manifest names an image of nowhere, without a digest."""
    nowhere = ImageRef("registry.invalid/users", "unreleased")
    many = tuple(tag(f"t{age}", age) for age in range(1, 200))
    assert choose(look(*many, runs=nowhere)) == many[-1], "that is no flood either"
    assert choose(look(runs=nowhere)) == "image not found: no tag is listed"


def test_the_reason_why_nothing_is_chosen_is_that_of_the_newest_that_matches() -> None:
    """Of one that does not match only where none does."""
    assert choose(look(A, B)) == "up to date"
    assert choose(look(A, B, tag=tag_pattern("glob:a*"))) == "older than current"
    assert choose(look(A, B, tag=tag_pattern("glob:x*"))) == "tag does not match"
    assert choose(look(A, B, branch="main")) == "branch does not match"
    assert choose(look(A, B, C, skips=(Skip(C.digest, "bob", "slow"),))) == "skipped by bob: slow"


def test_too_many_new_tags_at_once_stop_automation() -> None:
    """More than the limit, counting those that match; a person may still ask."""
    flood = tuple(tag(f"t{age}", age) for age in range(3, 3 + MOST_NEW_TAGS))
    assert choose(look(B, *flood)) == flood[-1]
    one_more = tag("t999", 999)
    seen = look(B, *flood, one_more)
    alarm = "too many new tags at once: 101, more than 100"
    assert choose(seen) == alarm
    assert reasons(seen)["t3"] == reasons(seen)["t999"] == alarm
    assert choose(seen._replace(is_automatic=False)) == one_more
    assert choose(seen._replace(most_new_tags=101)) == one_more
    assert choose(look(B, *flood, tag("x", 999), tag=tag_pattern("glob:t*"))) == flood[-1]


NAMES = ["a", "latest", "1.0.0", "v1.0.0", "1.0.1", "1.1.0-rc.1", "1.1.0", "v2.0.0", "main-1"]
listed = st.lists(
    st.builds(tag, st.sampled_from(NAMES), st.integers(1, 12), st.sampled_from(["", "main"])),
    max_size=9,
    unique_by=lambda each: each.name,
)
patterns = st.sampled_from(
    ["newest", "glob:*.0", "semver:*", "semver:^1", "semver:>=1.1.0-rc.1", "regexp:v?[12].*"]
).map(tag_pattern)
holds = st.none() | st.builds(
    Hold, st.just("bob"), st.just("wait"),
    until=st.sampled_from(["resumed", AT_NOON, "2027-01-01T00:00:00Z", newer_than(digest(5))]),
)  # fmt: skip
policies = st.builds(
    Policy,
    is_automated=st.sampled_from([True, True, False]),
    tag=patterns,
    branch=st.sampled_from(["", "", "main"]),
    hold=holds,
    skips=st.sampled_from([(), (Skip(digest(7), "bob", "slow"),)]),
)
looks = st.builds(
    Look,
    policy=policies,
    running=st.builds(running, st.sampled_from(NAMES), st.integers(1, 12)),
    repository=st.just(REPOSITORY),
    tags=listed.map(tuple),
    now=st.just(NOON),
    is_automatic=st.booleans(),
    most_new_tags=st.sampled_from([2, 100]),
)


@given(looks)
def test_what_is_chosen_is_the_first_candidate_that_is_eligible(seen: Look) -> None:
    """The list that people see and the decision never disagree, and every reason is of the list."""
    shown = list(candidates(seen))
    assert sorted(each.tag.name for each in shown) == sorted(each.name for each in seen.tags)
    eligible = [each.tag for each in shown if not each.reason]
    chosen = choose(seen)
    assert chosen == eligible[0] if eligible else isinstance(chosen, str)
    told = [each.reason for each in shown if each.reason] + ([] if eligible else [str(chosen)])
    assert all(Reason.of(each) for each in told)


@st.composite
def moving(draw: st.DrawFn) -> Look:
    """A look at a good registry in which something is to be released."""
    tags = draw(listed.filter(lambda found: len(found) > 1))
    oldest = min(tags, key=lambda each: (version_of(each.name) is not None, each.age))
    policy = Policy(
        is_automated=True, tag=draw(st.sampled_from([tag_pattern("newest")]) | patterns)
    )
    seen = look(*tags, runs=ImageRef(REPOSITORY, oldest.name, oldest.digest))
    seen = seen._replace(policy=policy)
    assume(isinstance(choose(seen), Tag))
    return seen


@given(moving(), st.data())
def test_automation_never_goes_back(seen: Look, data: st.DataObject) -> None:
    """
    In whatever order and however incompletely a registry lists what it has.

    By version where the policy and the running image have versions, and else by age.
    """
    part = data.draw(st.lists(st.sampled_from(seen.tags), unique=True))
    chosen = choose(seen._replace(tags=tuple(part)))
    if not isinstance(chosen, Tag):
        return
    assert chosen.digest != seen.running.digest
    same = [each for each in part if each.digest == seen.running.digest]
    versions = [version_of(name) for name in (seen.running.tag or "", *(e.name for e in same))]
    versions = [each for each in versions if each and seen.policy.tag.is_by_version]
    if not versions or version_of(chosen.name) == max(versions):
        assert chosen.age > same[0].age
    else:
        assert version_of(chosen.name) > max(versions)


@given(moving(), st.integers(0, 5))
def test_more_new_tags_than_the_limit_stop_automation_and_nobody_else(
    seen: Look, most: int
) -> None:
    """Exactly those that are newer than what runs count, and a person who asks is not stopped."""
    seen = seen._replace(policy=Policy(is_automated=True))
    ran = max(each.age for each in seen.tags if each.digest == seen.running.digest)
    new = sum(each.age > ran for each in seen.tags)
    limited, by_hand = seen._replace(most_new_tags=most), seen._replace(is_automatic=False)
    if new > most:
        assert choose(limited) == f"too many new tags at once: {new}, more than {most}"
        assert not [each for each in candidates(limited) if not each.reason]
    else:
        assert choose(limited) == choose(seen)
    assert choose(by_hand._replace(most_new_tags=most)) == choose(by_hand)


@given(looks)
def test_the_order_of_a_list_changes_nothing_where_ages_differ(seen: Look) -> None:
    """A registry promises no order."""
    assume(len({each.created_us for each in seen.tags}) == len(seen.tags))
    backwards = seen._replace(tags=seen.tags[::-1])
    assert choose(backwards) == choose(seen)
    assert list(candidates(backwards)) == list(candidates(seen))


@given(moving(), listed)
def test_following_automation_only_ever_goes_up(seen: Look, worse: list[Tag]) -> None:
    """What was chosen from one list is never left for something older by a later, worse list."""
    chosen = choose(seen)
    assert isinstance(chosen, Tag)
    now_runs = ImageRef(REPOSITORY, chosen.name, chosen.digest)
    for tags in (seen.tags, tuple(worse)):
        later = choose(seen._replace(running=now_runs, tags=tags))
        if not seen.policy.tag.is_by_version:
            assert tags != seen.tags or later == "up to date"
            assert not isinstance(later, Tag) or later.age > chosen.age
        elif isinstance(later, Tag):
            assert version_of(later.name) >= version_of(chosen.name)
