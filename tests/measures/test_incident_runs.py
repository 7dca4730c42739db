"""What incidents cost in runs: boxes that are down, and a cluster that is lost."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.coupling import needed
from cdlab.incidents import cluster_rebuild, outage_matrix
from cdlab.model import Environment, Variant
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario
from cdlab.worlds import simulated

BOXES = ("ci", "code-repo", "registry", "config-repo", "api-server")


def played(architecture: str, **settings: Any) -> Run:
    """A run with constant costs and, unless said otherwise, one microservice."""
    variant = Variant(rollback="command" if architecture == "v3" else "revert")
    settings = {"microservices": ("users",), "profile": "constant", "variant": variant, **settings}
    scenario = Scenario(architecture=architecture, **settings)
    return run_in(simulated(scenario), scenario)


@pytest.mark.parametrize("operation", ["deploy", "rollback"])
@pytest.mark.parametrize(
    ("architecture", "manager"), [("v1", ()), ("v2", ()), ("v3", ("manager",))]
)
def test_what_an_operation_asks_for_is_what_it_fails_without(
    architecture: str, manager: tuple[str, ...], operation: str
) -> None:
    """Each box is really stopped; the count of components is the count of failures."""
    cone = played(architecture).history.cone(f"{operation}-1")
    asked = {"api-server" if box == "environment" else box for box in needed(cone)}
    for box in (*BOXES, *manager):
        run = played(architecture, story="outage", outage=box, operation=operation)
        assert outage_matrix(run.history) == {f"{operation} without {box}": box not in asked}


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
def test_what_is_written_down_in_one_place_comes_back_from_it(
    architecture: str, n: int, m: int, is_lost: bool
) -> None:
    """
    V1: a source and a step for each microservice, whatever m. V2, V3: one. All need images.

    V3's manager was lost with the cluster, and to install it again is a step more.
    """
    run = played(
        architecture,
        story="cluster-deleted",
        microservices=("users", "orders", "front-end")[:n],
        environments=tuple(Environment(name) for name in ("dev", "staging", "production")[:m]),
        registry_lost=is_lost,
    )
    sources = n if architecture == "v1" else 1
    assert cluster_rebuild(run.history) == {
        "digests": 0 if is_lost else 1,
        "sources": sources,
        "manual_steps": sources + (architecture == "v3"),
    }
