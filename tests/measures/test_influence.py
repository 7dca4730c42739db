"""How far a change reaches: edges by hand, those of `grants.toml`, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.architectures import ARCHITECTURES
from cdlab.grants import BOXES, grants_of, influence_of
from cdlab.history import Event, History
from cdlab.influence import density, mediated_blast_radius, propagation_cost, reach, reached
from cdlab.model import Grant

N = len(BOXES)


def history(architecture: str, n: int = 3, **environments: str) -> History:
    """A history of which only the settings are asked."""
    detail: dict[str, Any] = {
        "architecture": architecture,
        "microservices": [f"service-{number}" for number in range(n)],
        "environments": environments or {"staging": "automated", "production": "automated"},
    }
    return History([Event(0, 0, 0, "RunStarted", "people", "notify", detail=detail)])


def test_what_follows_follows_through_others_and_in_circles() -> None:
    """A change goes on as long as there are edges, and a circle ends where it began."""
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]
    assert reached(edges, "a") == {"a", "b", "c"}
    assert reached(edges, "d") == {"a", "b", "c", "d"}
    assert reached([], "a") == {"a"}


def test_without_influence_everything_reaches_itself_alone() -> None:
    """The least density is 1/N, of a diagonal, and the most is 1, of a circle through all."""
    assert density([]) == pytest.approx(1 / N)
    assert density(list(zip(BOXES, [*BOXES[1:], BOXES[0]], strict=True))) == 1


@pytest.mark.parametrize(
    ("architecture", "boxes_reached"),
    [
        # code repos, CI, registry, workloads, config repo, policies, manager: each with itself
        ("v1", (4, 3, 2, 1, 1, 1, 1)),
        ("v2", (5, 4, 2, 1, 1, 1, 1)),  # CI also changes the config repo
        ("v3", (7, 6, 5, 1, 4, 4, 4)),  # config repo, policies and manager change each other
    ],
)
def test_the_propagation_cost_is_the_mean_reach_of_a_box(
    architecture: str, boxes_reached: tuple[int, ...]
) -> None:
    """Counted by hand on the pictures of the article: V3 loses, automation ties its boxes."""
    edges = influence_of(architecture)
    assert tuple(len(reached(edges, box)) for box in BOXES) == boxes_reached
    assert propagation_cost(history(architecture)) == pytest.approx(sum(boxes_reached) / N**2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_automation_influences_what_it_may_write_and_nothing_else(architecture: str) -> None:
    """An edge from CI or the manager to a box stands for a right to write it, and each has one."""
    rights = {"registry": "registry", "config-repo": "config_repo", "workloads": "environments"}

    def writable(grant: Grant) -> set[str]:
        held = {box: getattr(grant, right) for box, right in rights.items()}
        return {box for box, right in held.items() if right not in ("none", "read")}

    for grant in grants_of(architecture):
        if grant.is_automation:
            ends = {end for start, end in influence_of(architecture) if start == grant.principal}
            # Policies are annotations in the config repo, and no right of their own.
            assert ends - {"policies"} == writable(grant)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_without_a_box_has_no_influence_on_it(architecture: str) -> None:
    """V1 has no config repo, V1 and V2 have no manager and no policies."""
    named = {box for edge in influence_of(architecture) for box in edge}
    missing = {"v1": {"config-repo", "policies", "manager"}, "v2": {"policies", "manager"}}
    assert set(BOXES) - named == missing.get(architecture, set())


@pytest.mark.parametrize(("n", "share"), [(1, 1), (3, 1 / 3), (50, 0.02)])
@pytest.mark.parametrize("architecture", ["v1", "v2"])
def test_a_push_reaches_all_of_its_workload_or_with_one_identity_all(
    architecture: str, n: int, share: float
) -> None:
    """1 and 1/n, for any number of environments."""
    found = reach(history(architecture, n, dev="automated", prod="automated"))
    assert found == {"one_identity": 1, "one_each": pytest.approx(share)}


@pytest.mark.parametrize(("m", "automated"), [(1, 1), (2, 1), (3, 1), (3, 2), (3, 3)])
def test_in_v3_a_push_reaches_the_environments_that_release_by_themselves(
    m: int, automated: int
) -> None:
    """The size of A by m, and that by n."""
    how = ["automated"] * automated + ["manual"] * (m - automated)
    found = reach(history("v3", 4, **{f"e{number}": each for number, each in enumerate(how)}))
    assert found["one_identity"] == pytest.approx(automated / m)
    assert found["one_each"] == pytest.approx(automated / m / 4)


def test_a_gate_stops_the_push_of_v1_as_well() -> None:
    """What waits for an approval is not reached without a further decision."""
    assert reach(history("v1", staging="automated", production="manual"))["one_identity"] == 0.5


def test_whoever_writes_the_config_repo_has_the_cluster_in_v3_alone() -> None:
    """V1 has none, in V2 CI stands between, in V3 the manager applies whatever is there."""
    found = [mediated_blast_radius(history(each)) for each in ("v1", "v2", "v3")]
    assert found == [None, 0, 1]
