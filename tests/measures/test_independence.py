"""Whether a workload can stay as it is: by hand, for what the standard runs do not show."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.independence import (
    change_amplification,
    good_commits_withdrawn,
    version_independence,
)

ROLLBACK = {"workload": "users", "environment": "prod", "good": "users a", "bad": "users b"}


@pytest.fixture
def pinned(told: Any) -> Any:
    """B was rolled back to a in production, and then somebody pushes c."""
    found = told("users", environments=("staging", "prod"))
    found.built("users", "a", "b")
    found.pod(10, "users", "B")
    found.pod(10, "users", "B", where="staging")
    found.asked(20, "rollback", **ROLLBACK, bad_revisions=["b"])
    found.pod(30, "users", "A", gone="B")
    found.asked(40, "deploy", workload="users")
    found.code(50, "users", "b", "c", intent="deploy-1")
    found.built("users", "c")
    found.pod(60, "users", "C", gone="B", where="staging")
    return found


def test_a_pinned_workload_that_stays_is_independent(pinned: Any) -> None:
    """Staging was not pinned, so that its new image is no loss."""
    assert version_independence(pinned.ended(100)) == 1


def test_a_pinned_workload_that_a_push_replaces_is_not(pinned: Any) -> None:
    """One replica of the new image is enough."""
    pinned.pod(70, "users", "C", gone="A")
    assert version_independence(pinned.ended(100)) == 0


def test_what_somebody_decides_later_is_no_fault_of_the_push(pinned: Any) -> None:
    """A promotion may replace what a push may not."""
    pinned.asked(65, "promote", workload="users", environment="prod")
    pinned.pod(70, "users", "C", gone="A")
    assert version_independence(pinned.ended(100)) == 1


def test_a_refused_decision_decides_nothing(pinned: Any) -> None:
    """Who was refused changed nothing, so the push did."""
    pinned.asked(65, "promote", workload="users", environment="prod")
    pinned.add(65, "PromotionRefused", "people", "notify", intent="promote-1")
    pinned.pod(70, "users", "C", gone="A")
    assert version_independence(pinned.ended(100)) == 0


def test_a_rollback_that_is_still_under_way_may_arrive(told: Any) -> None:
    """What it goes back to was asked for before the push, also when it is built again."""
    found = told("users")
    found.built("users", "b")
    found.pod(10, "users", "B")
    found.asked(20, "rollback", **ROLLBACK)
    found.code(50, "users", "b", "c", intent="deploy-1")
    found.built("users", "a")
    found.pod(60, "users", "A", gone="B")
    assert version_independence(found.ended(100)) == 1


def test_a_rollback_that_is_a_push_does_not_count_against_itself(told: Any) -> None:
    """V1 goes back by pushing code, and that is the decision."""
    found = told("users")
    found.pod(10, "users", "B")
    found.asked(20, "rollback", **ROLLBACK)
    found.code(30, "users", "b", "r", intent="rollback-1")
    assert version_independence(found.ended(100)) is None


def test_an_environment_that_waits_for_decisions_is_pinned(told: Any) -> None:
    """Nobody rolled anything back: it is manual."""
    found = told("users", environments={"staging": "automated", "prod": "manual"})
    for where in ("staging", "prod"):
        found.pod(10, "users", "A", where=where)
    found.code(30, "users", "a", "b", intent="deploy-1")
    assert version_independence(found.history) == 1
    found.pod(40, "users", "B", gone="A")
    assert version_independence(found.ended(100)) == 0


def test_a_promotion_pins_nothing_where_automation_goes_on(told: Any) -> None:
    """Who asked for this version did not ask for no other one."""
    found = told("users")
    found.pod(10, "users", "A")
    found.asked(20, "promote", workload="users", environment="prod")
    found.code(30, "users", "a", "b", intent="deploy-1")
    found.pod(40, "users", "B", gone="A")
    assert version_independence(found.ended(100)) is None


def test_a_push_amplifies_to_what_it_changes_without_a_decision(told: Any) -> None:
    """An apply that changes nothing counts nothing, nor does what a promotion lets through."""
    found = told("users", environments=("dev", "staging", "qa", "prod"))
    assert change_amplification(found.history) is None
    found.asked(10, "deploy", workload="users")
    assert change_amplification(found.history) == 0
    found.applied(20, "dev", "deploy-1", changed=True)
    found.applied(30, "qa", "deploy-1", changed=False)
    found.applied(30, "staging", "deploy-1", changed=True)
    assert change_amplification(found.history) == 2
    found.asked(40, "promote", workload="users", environment="prod")
    found.applied(50, "prod", "deploy-1", changed=True)
    assert change_amplification(found.ended(100)) == 2


@pytest.fixture
def batch(told: Any) -> Any:
    """Good a; one push of bad b with good c and d; it serves, and somebody wants to go back."""
    found = told("users")
    found.code(0, "users", "", "a", intent="bootstrap-1")
    found.built("users", "a")
    found.pod(5, "users", "A")
    found.code(10, "users", "a", "b", "c", "d", intent="deploy-1")
    found.built("users", "d")
    found.pod(15, "users", "D", gone="A")
    found.asked(20, "rollback", **ROLLBACK, bad_revisions=["b"])
    return found


def test_an_earlier_image_withdraws_the_good_commits_of_the_batch(batch: Any) -> None:
    """C and d were good and ran, and go with b."""
    batch.pod(30, "users", "A", gone="D")
    assert good_commits_withdrawn(batch.ended(100)) == 2


def test_a_revert_withdraws_the_bad_commit_alone(batch: Any) -> None:
    """What is reverted is no longer in force; c and d are."""
    common = {"resource": "users", "intent": "rollback-1"}
    reverted = {"revision": "r", "reverted": "b"}
    batch.add(25, "Reverted", "code-repo", "notify", **common, detail=reverted)
    pushed = {"revision": "r", "previous": "d", "lost": []}
    batch.add(25, "CommitPushed", "code-repo", "write", **common, detail=pushed)
    batch.built("users", "r", content="users a")
    batch.pod(30, "users", "R", gone="D")
    assert good_commits_withdrawn(batch.ended(100)) == 0


def test_a_revert_of_a_good_commit_withdraws_it(batch: Any) -> None:
    """Whoever reverts the wrong one takes it back, although it was good."""
    common = {"resource": "users", "intent": "rollback-1"}
    reverted = {"revision": "r", "reverted": "c"}
    batch.add(25, "Reverted", "code-repo", "notify", **common, detail=reverted)
    pushed = {"revision": "r", "previous": "d", "lost": []}
    batch.add(25, "CommitPushed", "code-repo", "write", **common, detail=pushed)
    batch.built("users", "r", content="users a")
    batch.pod(30, "users", "R", gone="D")
    assert good_commits_withdrawn(batch.ended(100)) == 1


def test_what_was_committed_for_a_rejected_push_never_ran(told: Any) -> None:
    """Whoever lost the race clones and commits again, and only that is withdrawn."""
    found = told("users")
    found.code(0, "users", "", "a", intent="bootstrap-1")
    found.built("users", "a", "y")
    found.pod(5, "users", "A")
    common = {"resource": "users", "intent": "deploy-1"}
    found.add(10, "RepositoryCloned", "code-repo", "read", **common)
    found.add(10, "Committed", "code-repo", "notify", **common, detail={"revision": "x"})
    found.code(11, "users", "a", "y", intent="deploy-1")
    found.pod(15, "users", "Y", gone="A")
    found.asked(20, "rollback", **ROLLBACK)
    found.pod(30, "users", "A", gone="Y")
    assert good_commits_withdrawn(found.ended(100)) == 1


def test_a_forced_push_withdraws_what_it_makes_unreachable(batch: Any) -> None:
    """The head is the old commit again, and its image is built once more."""
    pushed = {"revision": "a", "previous": "d", "lost": ["d", "c", "b"]}
    batch.add(
        *(25, "CommitPushed", "code-repo", "write"),
        resource="users",
        intent="rollback-1",
        detail=pushed,
    )
    batch.pod(30, "users", "A", gone="D")
    assert good_commits_withdrawn(batch.ended(100)) == 2


def test_a_rollback_that_never_ended_withdrew_nothing_yet(batch: Any) -> None:
    """None, and not 0."""
    assert good_commits_withdrawn(batch.ended(100)) is None
