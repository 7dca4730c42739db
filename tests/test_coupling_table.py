"""
The coupling table of the design, for n microservices and m environments from one to three.

Each expectation is a formula of n, m and a, the environments that release by themselves, written
from the table in `docs/measures.md`. Every row with an expected value is here or named where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from cdlab.model import Environment, Variant
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.worlds import simulated

NAMES, PLACES = ("users", "orders", "front-end"), ("dev", "staging", "production")
SIZES = [(n, m) for n in (1, 2, 3) for m in (1, 2, 3)]
COMMAND = Variant(rollback="command")
WITHOUT_CACHE = {
    "v1": Variant(has_build_cache=False),
    "v2": Variant(has_build_cache=False),
    "v3": Variant(rollback="command", has_build_cache=False),
}
Formula = Callable[[int, int], Any]


@cache
def measures(architecture: str, n: int, m: int, **settings: Any) -> Mapping[str, Any]:
    """
    All measures of a run with constant costs.

    Unless `automated` says how many, V3 releases by itself to the first environment alone, and V1
    and V2 to all.
    """
    automated = settings.pop("automated", 1 if architecture == "v3" else m)
    environments = tuple(Environment(each, k < automated) for k, each in enumerate(PLACES[:m]))
    settings.setdefault("variant", COMMAND if architecture == "v3" else Variant())
    scenario = Scenario(
        architecture=architecture,
        microservices=NAMES[:n],
        environments=environments,
        profile="constant",
        **settings,
    )
    return run_in(simulated(scenario), scenario).measures


def always(value: object) -> Formula:
    """The same for all n and m."""
    return lambda n, m: value


def other_places_of_it(n: int, m: int) -> float:
    """(m-1)/(nm-1): who goes back in production goes back everywhere."""
    return (m - 1) / (n * m - 1) if n * m > 1 else 0


def share_of_pushes(n: int, m: int) -> float:
    """
    Deploys by push of all that changed an environment: of the bad release and its way back.

    The push reaches the first environment, each of the others takes a promotion, and the rollback
    goes without code as well.
    """
    return 1 / (1 + (m - 1) + 1)


def spread(*, one_identity: Formula) -> Formula:
    """Reach: with one identity for all pipelines, and with one for each."""
    return lambda n, m: {
        "one_identity": pytest.approx(one_identity(n, m)),
        "one_each": pytest.approx(one_identity(n, m) / n),
    }


def in_one_hand(n: int, m: int) -> dict[str, object]:
    """CI has everything, and there is no manager to divide."""
    return {"one_manager": 1, "one_manager_per_environment": None}


def gathered(n: int, m: int) -> dict[str, object]:
    """(1 + (1+m)^2) / (2+m)^2, and (1+4m) / (1+2m)^2 with a manager for each environment."""
    return {
        "one_manager": pytest.approx((1 + (1 + m) ** 2) / (2 + m) ** 2),
        "one_manager_per_environment": pytest.approx((1 + 4 * m) / (1 + 2 * m) ** 2),
    }


def steps(*, promote: Formula) -> Formula:
    """A push, a request for a rollback, and a promotion where there is one."""
    return lambda n, m: {"deploy": 1, "rollback": 1, "promote": promote(n, m)}


def where_there_is_one(value: object) -> Formula:
    """Nobody promotes where the only environment releases by itself."""
    return lambda n, m: value if m > 1 else None


TABLE: list[tuple[str, Formula, Formula, Formula]] = [
    # measure, V1, V2, V3
    ("code_coupling", always(1), always(1), share_of_pushes),
    ("write_touch_of_a_rollback", always(3), always(4), always(2)),
    ("touch_of_a_rollback", always(4), always(5), always(3)),
    ("touch_of_a_deploy", always(4), always(5), always(6)),
    ("touch_of_a_manual_release", always(None), always(None), where_there_is_one(3)),
    ("rebuilds", always(1), always(1), always(0)),
    ("registry_bytes", always(0), always(0), always(0)),
    ("artifact_fidelity", always(1), always(1), always(1)),
    ("history_rewrites", always(0), always(0), always(0)),
    ("good_commits_lost", always(0), always(0), always(0)),
    ("good_commits_withdrawn", always(0), always(0), always(0)),
    ("collateral", other_places_of_it, other_places_of_it, always(0)),
    ("change_amplification", lambda n, m: m, lambda n, m: m, always(1)),
    ("cluster_credentials_outside", lambda n, m: m, lambda n, m: m, lambda n, m: m),
    ("components_to_roll_back", always(4), always(5), always(3)),
    ("components_to_roll_back_cold", always(4), always(5), always(4)),
    ("components_to_deploy", always(4), always(5), always(6)),
    ("mediated_blast_radius", always(None), always(0), always(1)),
    (
        "reach",
        spread(one_identity=always(1)),
        spread(one_identity=always(1)),
        spread(one_identity=lambda n, m: 1 / m),
    ),
    ("privilege_concentration", in_one_hand, in_one_hand, gathered),
    (
        "manual_steps",
        steps(promote=always(None)),
        steps(promote=always(None)),
        steps(promote=where_there_is_one(1)),  # so that a push takes m steps to production
    ),
    (
        "writable_resources",
        lambda n, m: {"ci": 1 + m},
        lambda n, m: {"ci": 2 + m},
        lambda n, m: {"ci": 1, "manager": 1 + m},
    ),
    ("blast_radius", always({"ci": 1}), always({"ci": 1}), always({"ci": 0, "manager": 1})),
    ("stayed_rolled_back", always(True), always(True), always(True)),
    ("divergence_after_rollback", always("none"), always("none"), always("none")),
    (
        "ssot_divergence_maximum",
        always(None),
        lambda n, m: pytest.approx(m / (n * m)),  # a push in all environments at once
        lambda n, m: pytest.approx(1 / (n * m)),  # a release in one after the other
    ),
    ("ssot_divergence_ended_by", always(None), always("deploy"), always("deploy")),
    ("is_finished", always(True), always(True), always(True)),
]


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_the_table_of_the_design_is_what_runs_show(
    row: tuple[str, Formula, Formula, Formula], n: int, m: int
) -> None:
    """One row for each measure; a principal's share also gives the maximum."""
    name, *formulas = row
    for architecture, formula in zip(("v1", "v2", "v3"), formulas, strict=True):
        found, expected = deepcopy(measures(architecture, n, m)[name]), formula(n, m)
        if "maximum" in (found if isinstance(expected, dict) else ()):
            assert found.pop("maximum") == max(expected.values()), architecture
        assert found == expected, architecture


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("automated", [1, 2, 3])
def test_what_releases_by_itself_is_what_a_push_reaches_in_v3(
    automated: int, n: int, m: int
) -> None:
    """The size of A: workloads that one push changes, and the share of pushes of all requests."""
    a = min(automated, m)
    found = measures("v3", n, m, automated=a)
    assert found["change_amplification"] == a
    assert found["reach"]["one_identity"] == pytest.approx(a / m)
    assert found["reach"]["one_each"] == pytest.approx(a / m / n)
    assert found["code_coupling"] == pytest.approx(1 / (1 + (m - a) + 1))
    assert found["touch_of_a_manual_release"] == (3 if m > a else None)
    assert found["manual_steps"]["promote"] == (1 if m > a else None)
    assert found["collateral"] == 0


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_without_a_cache_the_registry_grows_and_the_artifact_changes(n: int, m: int) -> None:
    """The same code is not the same image, in V1 and V2; V3 builds nothing."""
    for architecture, fidelity in (("v1", 0), ("v2", 0), ("v3", 1)):
        found = measures(architecture, n, m, variant=WITHOUT_CACHE[architecture])
        assert (found["registry_bytes"] > 0) == (fidelity == 0), architecture
        assert found["artifact_fidelity"] == fidelity, architecture


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("architecture", ["v1", "v2"])
def test_a_force_push_rewrites_history_once(architecture: str, n: int, m: int) -> None:
    """And loses no good commit where the bad one is the last."""
    found = measures(architecture, n, m, variant=Variant(rollback="force-push"))
    assert (found["history_rewrites"], found["good_commits_lost"]) == (1, 0)
    assert found["collateral"] == pytest.approx(other_places_of_it(n, m))


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize(("architecture", "independence"), [("v1", 0), ("v2", 0), ("v3", 1)])
def test_a_pinned_version_survives_a_push_in_v3_alone(
    architecture: str, independence: int, n: int, m: int
) -> None:
    """Rolled back, and pushed to once more."""
    found = measures(architecture, n, m, next_push=True)
    assert found["version_independence"] == independence
    assert found["bad_is_back_after_next_push"] is False


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize(
    ("architecture", "sources", "manual_steps"),
    [
        ("v1", lambda n: n, lambda n: n),
        ("v2", lambda n: 1, lambda n: 1),
        ("v3", lambda n: 1, lambda n: 1 + 1),  # and the manager is to be installed again
    ],
)
def test_a_cluster_comes_back_from_what_is_written_down(
    architecture: str,
    sources: Callable[[int], int],
    manual_steps: Callable[[int], int],
    n: int,
    m: int,
) -> None:
    """From n sources with n steps, or from one."""
    assert measures(architecture, n, m, story="cluster-deleted")["cluster_rebuild"] == {
        "digests": 1,
        "sources": sources(n),
        "manual_steps": manual_steps(n),
    }
