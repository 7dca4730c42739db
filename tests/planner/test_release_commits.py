"""What the commit of a release says, and that nobody can make it say something else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdlab.model import Commit, Revision
from cdlab.policy_edits import hold, lock, skip
from cdlab.release_commits import trailer
from cdlab.releases import ReleaseRequest

if TYPE_CHECKING:
    from tests.planner.conftest import ConfigRepo

WEEK = 7 * 86_400.0


def test_a_commit_says_what_was_released_by_whom_and_from_what(repo: ConfigRepo) -> None:
    """The trailers are what the manager, and people, read the history of releases from."""
    repo.ship("a")
    plan = repo.plan(replace(repo.by_hand("b"), message="It is time"))
    found = repo.trailers(plan)
    assert len(found.pop("Release-Id")) == 16
    assert found == {
        "Cause": "release",
        "User": "alice",
        "Environment": "production",
        "Workload": "users",
        "From": str(repo.image("a")),
        "To": str(repo.image("b")),
        "Digest": str(repo.image("b").digest),
        "Hold": "none",
    }
    assert plan.commit_message.startswith("Release users b in production\n\nIt is time\n\n")


def release_id(repo: ConfigRepo, request: ReleaseRequest) -> str:
    return repo.trailers(repo.plan(request))["Release-Id"]


def test_the_release_id_is_the_same_for_a_repeated_attempt_only(repo: ConfigRepo) -> None:
    """Planned again on a moved head it is the same release; the same change later is another."""
    repo.ship("a")
    first = release_id(repo, repo.by_hand("b"))
    repo.write_elsewhere()
    assert release_id(repo, repo.by_hand("b")) == first
    repo.ship("b")
    repo.release(repo.rollback())
    assert release_id(repo, repo.by_hand("b")) != first


def requests(repo: ConfigRepo, now: float) -> list[ReleaseRequest]:
    """One of each kind, asked for at a time."""
    edits = [hold("ann", "x", now=now), hold("ann", "y", now=now), lock("ann", "x", now=now)]
    asked = [
        repo.by_hand("c"), repo.by_hand("d"), repo.automatic("bc"), repo.rollback(),
        repo.rollback(image_only=True), repo.rollback(is_bad=True), repo.rollback(until="newer"),
        repo.rollback(has_hold=False), *(repo.request("policy", edit=edit) for edit in edits),
    ]  # fmt: skip
    return [replace(each, now=now) for each in asked]


def test_the_release_id_does_not_depend_on_the_time(repo: ConfigRepo) -> None:
    """An attempt that is planned again later is found by it; every other request has another."""
    repo.ship("ab")
    noon = repo.by_hand("c").now
    first = [release_id(repo, each) for each in requests(repo, noon)]
    assert [release_id(repo, each) for each in requests(repo, noon + WEEK)] == first
    assert len({*first}) == len(first)


@pytest.mark.parametrize(
    "gap", ["\n", "\r\n", "\n\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"]
)
@pytest.mark.parametrize("field", ["user", "message"])
def test_trailers_cannot_be_forged(repo: ConfigRepo, field: str, gap: str) -> None:
    """A name or a message with line breaks adds no trailer and changes none."""
    repo.ship("ab")
    forgery = f"fine{gap}Cause: rollback{gap}Forced: true{gap}From: {repo.image('a')}"
    plan = repo.release(replace(repo.by_hand("c"), **{field: forgery}))
    found = repo.trailers(plan)
    assert "Forced" not in found
    assert found["Cause"] == "release"
    assert len(plan.commit_message.splitlines()) == plan.commit_message.count("\n")
    assert repo.plan(repo.rollback()).outcome.image == repo.image("b")


def test_a_tag_of_strangers_stays_on_the_line_of_the_subject(repo: ConfigRepo) -> None:
    """A registry may say anything; git must not take it for trailers."""
    image = replace(repo.image("a"), tag="x\n\nUser: eve")
    plan = repo.plan(repo.request("policy", edit=skip(image, "ann", "slow", now=0.0)))
    assert plan.commit_message.startswith("Skip x User: eve of users in production\n\nRelease-Id")
    assert repo.trailers(plan)["User"] == "alice"


def test_a_trailer_is_read_from_the_last_paragraph() -> None:
    """What a person wrote above it is a message, whatever it looks like."""
    message = "Release\n\nForced: true\n\nCause: release\nUser: a: b\n"
    commit = Commit(Revision("1"), (), message)
    assert [trailer(commit, name) for name in ("Cause", "User", "Forced")] == [
        "release",
        "a: b",
        "",
    ]
