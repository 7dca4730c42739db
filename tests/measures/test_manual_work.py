"""What people do by hand, and what incidents cost, on cones and marks written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.incidents import cluster_rebuild, outage_matrix, requests_dropped, requests_sent
from cdlab.manual_work import manual_steps, steps_by_hand


def by_hand(told: Any, *calls: tuple[str, str, str, str, str]) -> Any:
    """Calls of (principal, kind, component, op, resource) as a cone of `rebuild-1`."""
    found = told("users", "orders")
    found.asked(0, "rebuild")
    for number, (who, kind, component, op, resource) in enumerate(calls, start=1):
        fields: dict[str, Any] = {"principal": who, "intent": "rebuild-1", "resource": resource}
        found.add(number, kind, component, op, **fields)
    return found


CLONE = ("RepositoryCloned", "code-repo", "read")
APPLY = ("ManifestsApplied", "environment", "apply")
RUN = ("ci", "PipelineRunStarted", "ci", "exec", "users")
PUSH = ("CommitPushed", "code-repo", "write")
INSTALL = ("Reinstalled", "people", "notify", "manager")


@pytest.mark.parametrize(
    ("calls", "count"),
    [
        ([], 0),
        (
            [
                ("developer", *CLONE, "users"),
                ("developer", "Committed", "code-repo", "notify", "u"),
            ],
            0,
        ),
        ([("developer", *PUSH, "users")], 1),
        ([("developer", *PUSH, "users"), ("ci", "ImageBuilt", "ci", "exec", "users")], 1),
        ([("developer", *PUSH, "users"), ("operator", *APPLY, "prod")], 2),
        ([("developer", *PUSH, "users"), ("developer", *PUSH, "orders")], 2),
        ([("operator", "Decided", "people", "decide", "prod")], 1),
        # A command to a program is a step, however much it then does.
        ([("manager", "Decided", "manager", "decide", "prod"), ("manager", *APPLY, "prod")], 1),
        ([("ci", *APPLY, "staging"), ("ci", *APPLY, "prod")], 1),
        # CI's own step, run again by a person after a commit of theirs; not so after a pipeline's.
        ([("operator", *PUSH, "config"), ("ci", *APPLY, "prod")], 2),
        ([("developer", *PUSH, "users"), RUN, ("ci", *APPLY, "prod")], 1),
        # To install the manager is a step, and so is the command to it that follows.
        ([("user", *INSTALL), ("manager", *APPLY, "prod")], 2),
        ([("user", *INSTALL)], 1),
        # One source goes to all environments in one go, two sources do not.
        (
            [("operator", *CLONE, "config")]
            + [("operator", *APPLY, where) for where in ("staging", "prod", "dev")],
            1,
        ),
        (
            [
                call
                for name in ("users", "orders")
                for call in (
                    ("operator", *CLONE, name),
                    ("operator", *APPLY, "staging"),
                    ("operator", *APPLY, "prod"),
                )
            ],
            2,
        ),
    ],
)
def test_a_step_is_what_somebody_does_in_one_go(
    told: Any, calls: list[tuple[str, str, str, str, str]], count: int
) -> None:
    """A write, an apply, a decision or a command; looking and committing at home are none."""
    assert steps_by_hand(by_hand(told, *calls).history.cone("rebuild-1")) == count


def test_only_what_changed_the_cluster_was_done(told: Any) -> None:
    """A promotion that was refused took no step, and a second one is not looked at."""
    found = told("users")
    found.asked(0, "promote", workload="users", environment="prod")
    found.add(1, "PromotionRefused", "people", "notify", intent="promote-1", principal="user")
    assert manual_steps(found.history) == {"deploy": None, "rollback": None, "promote": None}


@pytest.mark.parametrize(
    ("after", "share"),
    [
        ({"prod/users": ["a"], "prod/orders": ["b"]}, 1),
        ({"prod/users": ["a"], "prod/orders": ["x"]}, 0.5),
        ({"prod/users": ["b"], "prod/orders": ["a"]}, 0),  # each in its own place
        ({}, 0),
    ],
)
def test_what_comes_back_is_the_same_digest_in_the_same_place(
    told: Any, after: dict[str, list[str]], share: float
) -> None:
    """Of two digests, with two sources and a step for each."""
    found = by_hand(
        told,
        ("observer", "ClusterDeleted", "world", "notify", ""),
        ("operator", *CLONE, "users"),
        ("operator", *APPLY, "prod"),
        ("operator", *CLONE, "orders"),
        ("operator", *APPLY, "prod"),
    )
    assert cluster_rebuild(found.history) is None
    detail = {"before": {"prod/users": ["a"], "prod/orders": ["b"]}, "after": after}
    found.add(50, "RebuildFinished", "people", "notify", intent="rebuild-1", detail=detail)
    assert cluster_rebuild(found.history) == {"digests": share, "sources": 2, "manual_steps": 2}


def tried(told: Any, box: str, operation: str, *, succeeded: bool, stopped: bool = True) -> Any:
    """An attempt while a box is down."""
    found = told("users")
    if stopped:
        found.add(1, "BoxStopped", "world", "notify", resource=box)
    detail = {"operation": operation, "succeeded": succeeded}
    outcome = "ok" if succeeded else "failed"
    mark = ("OutageAttempted", "people", "notify")
    found.add(2, *mark, resource=box, outcome=outcome, detail=detail)
    return found


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_cell_of_the_outage_matrix_is_an_attempt(told: Any, succeeded: bool) -> None:
    """With the box really stopped."""
    found = tried(told, "ci", "rollback", succeeded=succeeded)
    assert outage_matrix(found.history) == {"rollback without ci": succeeded}


def test_an_attempt_with_the_box_up_says_nothing(told: Any) -> None:
    """Nor does a run without an attempt."""
    assert outage_matrix(tried(told, "ci", "deploy", succeeded=True, stopped=False).history) is None
    assert outage_matrix(told("users").history) is None


def test_requests_are_added_up(told: Any) -> None:
    """Over all probes of a run; None without one."""
    found = told("users")
    assert (requests_sent(found.history), requests_dropped(found.history)) == (None, None)
    for sent, dropped in ((100, 0), (50, 3)):
        detail = {"environment": "prod", "sent": sent, "dropped": dropped}
        found.add(1, "RequestsSent", "people", "notify", resource="users", detail=detail)
    assert (requests_sent(found.history), requests_dropped(found.history)) == (150, 3)
