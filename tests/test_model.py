"""The nouns: image references in every spelling, lookups, and what a variant is called."""

from __future__ import annotations

import dataclasses

import pytest

from cdlab.model import (
    Application,
    Commit,
    Context,
    Digest,
    Environment,
    ImageRef,
    Microservice,
    Outcome,
    PushReport,
    Revision,
    Variant,
)

DIGEST = Digest("sha256:" + "ab" * 32)
SPELLINGS = {
    "users": ImageRef("users"),
    "users:v1": ImageRef("users", "v1"),
    "library/users:v1": ImageRef("library/users", "v1"),
    "localhost:5001/users": ImageRef("localhost:5001/users"),
    "localhost:5001/run-1/users:v1": ImageRef("localhost:5001/run-1/users", "v1"),
    f"users@{DIGEST}": ImageRef("users", None, DIGEST),
    f"registry.test:443/a/users:v1@{DIGEST}": ImageRef("registry.test:443/a/users", "v1", DIGEST),
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_an_image_reference_is_read_as_docker_reads_it(text: str) -> None:
    """A colon before the last slash is a port; a tag and a digest may both be there."""
    assert ImageRef.parse(text) == SPELLINGS[text]


@pytest.mark.parametrize("text", SPELLINGS)
def test_an_image_reference_is_written_as_it_was_read(text: str) -> None:
    """Reading and writing are each other's opposite, so a manifest keeps its spelling."""
    assert str(ImageRef.parse(text)) == text


def test_an_image_repository_is_found_by_the_name_of_its_microservice() -> None:
    """The application answers with the repository of exactly that name."""
    users, front_end = Microservice("users", "r/users"), Microservice("front-end", "r/front-end")
    application = Application((front_end, users), (Environment("staging"),))
    assert application.image_repositories["users"] == "r/users"


def test_an_environment_is_automated_unless_it_says_otherwise() -> None:
    """V1 and V2 release everything at once, so that is what a bare name means."""
    assert Environment("staging").is_automated


@pytest.mark.parametrize(("parents", "is_merge"), [(0, False), (1, False), (2, True)])
def test_a_commit_with_two_parents_is_a_merge(parents: int, is_merge: bool) -> None:
    """Only a merge needs to be told which parent a revert keeps."""
    commit = Commit(Revision("a"), tuple(Revision(f"p{n}") for n in range(parents)), "m")
    assert commit.is_merge is is_merge


def test_a_push_that_lost_commits_is_a_rewrite() -> None:
    """A fast-forward loses nothing, whatever it was called on the command line."""
    old, new = Revision("old"), Revision("new")
    assert PushReport(new, old, (old,)).is_rewrite
    assert not PushReport(new, old).is_rewrite


@pytest.mark.parametrize(
    "status", ["skipped", "refused", "superseded", "failed", "not expressible"]
)
def test_only_released_changed_what_should_run(status: str) -> None:
    """Every other outcome left the desired state as it was."""
    assert not Outcome(status).is_released  # type: ignore[arg-type]
    assert Outcome("released").is_released


@pytest.mark.parametrize(
    ("variant", "label"),
    [
        (Variant(), "revert, cache"),
        (Variant(has_build_cache=False), "revert, no cache"),
        (Variant(rollback="force-push"), "force-push, cache"),
        (Variant(rollback="rollout-undo"), "rollout-undo"),
        (Variant(rollback="command"), "command"),
        (Variant(rollback="command", poll_interval_seconds=60.0), "command, poll 60 s"),
        (Variant(rollback="command", has_hold=False), "command, no hold"),
    ],
)
def test_a_variant_is_named_by_what_matters_to_it(variant: Variant, label: str) -> None:
    """The cache is named where a rollback builds, and nowhere else."""
    assert variant.label() == label


def test_values_do_not_change() -> None:
    """What was put into a history cannot be changed behind its back."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Context("deploy-1").intent = "rollback-1"  # type: ignore[misc]
