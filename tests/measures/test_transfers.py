"""What a rollback makes nodes pull, by hand: an image counts once for each node that lacks it."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.transfers import pulled_bytes, registry_bytes


@pytest.fixture
def served(told: Any) -> Any:
    """Image a, of 100 bytes, runs on two nodes."""
    found = told("users")
    image(found, 0, "a", 100, "deploy-1")
    pod(found, 1, "one", "node 1", "a")
    pod(found, 1, "two", "node 2", "a")
    found.asked(10, "rollback", workload="users", environment="prod", good="users a")
    return found


def image(found: Any, second: float, tag: str, size: int, intent: str) -> None:
    """CI pushes an image."""
    detail = {"ref": f"r/users:{tag}", "content": f"users {tag}"}
    shared = {"resource": "users", "intent": intent, "digest_after": tag.upper(), "bytes": size}
    found.add(second, "ImagePushed", "registry", "write", **shared, detail=detail)


def pod(found: Any, second: float, name: str, node: str, tag: str) -> None:
    """A pod comes to a node, and has its image there."""
    detail = {"pod": name, "workload": "users", "image": f"r/users:{tag}"}
    shared = {"resource": "prod"}
    where = {**detail, "node": node}
    found.add(second, "PodScheduled", "environment", "observe", **shared, detail=where)
    found.add(second, "ImagePulled", "environment", "observe", **shared, detail=detail)


def test_an_image_that_a_node_has_costs_nothing(served: Any) -> None:
    """A third pod with the old image finds it there."""
    pod(served, 20, "three", "node 1", "a")
    assert (registry_bytes(served.history), pulled_bytes(served.history)) == (0, 0)


def test_a_rebuilt_image_is_pulled_by_each_node(served: Any) -> None:
    """Twice 70 bytes for two nodes, and none for a second pod on one of them."""
    image(served, 15, "b", 70, "rollback-1")
    for name, node in (("three", "node 1"), ("four", "node 2"), ("five", "node 2")):
        pod(served, 20, name, node, "b")
    assert (registry_bytes(served.history), pulled_bytes(served.history)) == (70, 140)


def test_what_is_asked_for_later_is_not_the_rollbacks(served: Any) -> None:
    """A push after it brings an image of its own."""
    served.asked(30, "deploy", workload="users")
    image(served, 35, "c", 70, "deploy-2")
    pod(served, 40, "three", "node 1", "c")
    assert pulled_bytes(served.history) == 0


def test_without_a_rollback_there_is_no_answer(told: Any) -> None:
    """None, not 0."""
    history = told("users").ended(10)
    assert (registry_bytes(history), pulled_bytes(history)) == (None, None)
