"""Changes of policy by the planner: one commit each, checked before it is accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdlab.errors import FileMissing, ManifestError
from cdlab.manifests import annotate, annotations
from cdlab.policies import AUTOMATED, BRANCH, HOLD, LOCK, SKIP, TAG, policy_of
from cdlab.policy_edits import (
    PolicyEdit,
    automate,
    deautomate,
    hold,
    lock,
    resume,
    set_branch,
    set_tag,
    skip,
    unlock,
    unskip,
)
from cdlab.releases import ReleaseRequest
from cdlab.stops import Hold, Lock, Skip

if TYPE_CHECKING:
    from tests.planner.conftest import ConfigRepo

NOON = 1_767_268_800.0
AT_NOON = "2026-01-01T12:00:00Z"


def change(repo: ConfigRepo, edit: PolicyEdit, **more: object) -> ReleaseRequest:
    return repo.request("policy", edit=edit, **more)


def test_a_hold_is_one_commit_that_changes_one_annotation(repo: ConfigRepo) -> None:
    """Nothing new will run, so that there is no image to wait for."""
    repo.ship("a")
    plan, _ = repo.commit(change(repo, hold("bob", "wait", now=NOON), message="Not today"))
    assert plan.outcome.image is None
    assert plan.commit_message.startswith("Hold users in production\n\nNot today\n\n")
    wanted = Hold("bob", "wait", AT_NOON, "resumed")
    assert repo.policy.hold == wanted
    assert repo.trailers(plan) | {"Release-Id": ""} == {
        "Release-Id": "",
        "Cause": "policy",
        "User": "alice",
        "Environment": "production",
        "Workload": "users",
        "From": str(repo.image("a")),
        "To": str(repo.image("a")),
        "Digest": str(repo.image("a").digest),
        "Hold": str(wanted),
    }


def test_every_edit_says_in_its_subject_what_it_is(repo: ConfigRepo) -> None:
    """And is what the policy says afterwards."""
    repo.ship("a")
    image = repo.image("b", tag="0123456789abcdef")
    digest = repo.tags("b")[0].digest
    edits = {
        "Deautomate users": (deautomate(), {"is_automated": False}),
        "Automate users": (automate(), {"is_automated": True}),
        "Hold users": (hold("bob", "x", now=NOON), {"hold": Hold("bob", "x", AT_NOON)}),
        "Resume users": (resume(), {"hold": None}),
        "Lock users": (lock("bob", "x", now=NOON), {"lock": Lock("bob", "x", AT_NOON)}),
        "Unlock users": (unlock(), {"lock": None}),
        "Skip 0123456789ab of users": (
            skip(image, "bob", "x", now=NOON), {"skips": (Skip(digest, "bob", "x", AT_NOON),)},
        ),
        "Choose 0123456789ab again of users": (unskip(image), {"skips": ()}),
        "Change the policy of users": (set_branch("main"), {"branch": "main"}),
    }  # fmt: skip
    for subject, (edit, found) in edits.items():
        plan, _ = repo.commit(change(repo, edit))
        assert plan.commit_message.split("\n")[0] == f"{subject} in production"
        assert {name: getattr(repo.policy, name) for name in found} == found
    repo.commit(change(repo, set_tag("semver:^1")))
    assert str(repo.policy.tag) == "semver:^1"


def test_several_annotations_change_in_one_commit(repo: ConfigRepo) -> None:
    """Which has no word of its own then."""
    edit = PolicyEdit(annotations={TAG: "glob:v*", BRANCH: "main", AUTOMATED: None})
    plan, _ = repo.commit(change(repo, edit))
    assert plan.commit_message.startswith("Change the policy of users in production\n")
    assert annotations(repo.manifest, "users") == {TAG: "glob:v*", BRANCH: "main"}


@pytest.mark.parametrize(
    "edit",
    [automate(), resume(), unlock(), set_tag(None), set_branch(None), PolicyEdit()],
    ids=["automated", "not held", "not locked", "no tag", "no branch", "empty"],
)
def test_what_is_so_already_is_nothing_to_change(repo: ConfigRepo, edit: PolicyEdit) -> None:
    """An empty commit would tell of something that did not happen."""
    assert repo.answer(change(repo, edit)) == ("skipped", "nothing to change")


def test_the_same_stop_or_skip_again_is_nothing_to_change(repo: ConfigRepo) -> None:
    """A button pressed twice; another reason or another user is a change."""
    image = repo.image("b")
    for make in (
        lambda who, now: hold(who, "x", now=now),
        lambda who, now: lock(who, "x", now=now),
        lambda who, now: skip(image, who, "x", now=now),
    ):
        repo.commit(change(repo, make("bob", NOON)))
        later = change(repo, make("bob", NOON + 60), now=NOON + 60)
        assert repo.answer(later) == ("skipped", "nothing to change")
        repo.commit(change(repo, make("eve", NOON + 60)))
    assert [each.user for each in repo.policy.skips] == ["eve"], "it takes the older one's place"


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (PolicyEdit(annotations={TAG: "semver:|| 1"}), "annotation cdlab.dev/tag"),
        (PolicyEdit(annotations={BRANCH: ""}), "annotation cdlab.dev/branch"),
        (PolicyEdit(annotations={AUTOMATED: "yes"}), "annotation cdlab.dev/automated"),
        (PolicyEdit(annotations={"cdlab.dev/lokc": "x"}), "annotation cdlab.dev/lokc"),
        (PolicyEdit(annotations={"cdlab.dev/a b": "x"}), "not the name of an annotation"),
        (PolicyEdit(annotations={"example.com/team": "x"}), "example.com/team is no part of it"),
        (hold("bob", "x", now=NOON, until="unlocked"), "annotation cdlab.dev/hold"),
        (hold("", "x", now=NOON), "user is empty"),
        (lock("bob", "x", now=NOON, until="resumed"), "annotation cdlab.dev/lock"),
        (lock("bob", "x", now=NOON, until=AT_NOON), f"{AT_NOON} is over"),
        (lock("bob", "\ud800", now=NOON), "annotation cdlab.dev/lock"),
    ],
)
def test_what_would_be_no_policy_is_refused_before_it_is_written(
    repo: ConfigRepo, edit: PolicyEdit, what: str
) -> None:
    """With the reason; the manifest stays as it was."""
    status, reason = repo.answer(change(repo, edit))
    assert status == "refused"
    assert reason.startswith("the policy would be invalid: ")
    assert what in reason


def test_an_image_is_skipped_by_its_digest_alone(repo: ConfigRepo) -> None:
    """A tag may be another image tomorrow."""
    edit = skip(replace(repo.image("b"), digest=None), "bob", "x", now=NOON)
    status, reason = repo.answer(change(repo, edit))
    assert (status, '"" is not a digest' in reason) == ("refused", True)


def test_two_people_who_skip_images_do_not_undo_each_other(repo: ConfigRepo) -> None:
    """An edit is planned on what is there, so that a lost race loses nothing."""
    edits = [skip(repo.image(name), "bob", "x", now=NOON) for name in "bc"]
    first = repo.plan(change(repo, edits[0]))
    repo.commit(change(repo, edits[1]))
    again, _ = repo.commit(change(repo, edits[0]))
    assert again.manifest != first.manifest
    assert {each.image for each in repo.policy.skips} == {t.digest for t in repo.tags("bc")}
    repo.commit(change(repo, unskip(repo.image("c"))))
    assert [each.image for each in repo.policy.skips] == [repo.tags("b")[0].digest]


def test_a_lock_does_not_stop_a_change_of_policy(repo: ConfigRepo) -> None:
    """It refuses releases; else nobody could lift it."""
    repo.commit(change(repo, lock("ann", "audit", now=NOON)))
    repo.commit(change(repo, hold("ann", "audit", now=NOON)))
    repo.commit(change(repo, unlock()))
    assert (repo.policy.lock, repo.policy.hold is None) == (None, False)


def test_a_broken_annotation_is_mended_by_a_command(repo: ConfigRepo) -> None:
    """Nothing else is done with such a manifest, and nothing else can be changed in it."""
    repo.annotate(TAG, "glob:")
    with pytest.raises(ManifestError):
        repo.plan(repo.by_hand("a"))
    assert repo.answer(change(repo, deautomate()))[0] == "refused"
    repo.commit(change(repo, set_tag("glob:v*")))
    assert str(repo.policy.tag) == "glob:v*"


def test_a_broken_list_of_skipped_images_is_not_added_to(repo: ConfigRepo) -> None:
    """What it meant cannot be told; it can be replaced."""
    repo.annotate(SKIP, "[")
    reason = repo.answer(change(repo, skip(repo.image("b"), "bob", "x", now=NOON)))[1]
    assert reason.startswith("the policy would be invalid: annotation cdlab.dev/skip: not JSON")
    repo.commit(change(repo, PolicyEdit(annotations={SKIP: None})))
    assert repo.policy.skips == ()


def test_what_was_edited_by_hand_is_the_same(repo: ConfigRepo) -> None:
    """Git and the command lead to the same bytes."""
    edit = hold("bob", "wait", now=NOON)
    by_hand = annotate(repo.manifest, "users", edit.on(annotations(repo.manifest, "users")))
    assert repo.plan(change(repo, edit)).manifest == by_hand


def test_an_edit_of_a_workload_that_is_not_there_finds_no_file(repo: ConfigRepo) -> None:
    """As for every other request; and an environment's policy is no workload."""
    with pytest.raises(FileMissing):
        repo.plan(replace(change(repo, automate()), workload="orders"))
    repo.write_policy("automated: true\n")
    with pytest.raises(ManifestError):
        repo.plan(replace(change(repo, automate()), workload="policy"))


def test_a_policy_may_be_changed_before_the_first_release(repo: ConfigRepo) -> None:
    """There is no digest yet to speak of."""
    plan, _ = repo.commit(change(repo, lock("ann", "audit", now=NOON)))
    assert repo.trailers(plan)["Digest"] == "none"
    assert policy_of(plan.manifest, "users").lock == Lock("ann", "audit", AT_NOON)
    assert LOCK in repo.manifest
    assert HOLD not in repo.manifest
