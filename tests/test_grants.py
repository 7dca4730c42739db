"""Who may do what: what the article says of each version, in `grants.toml`."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, cast

import pytest

import cdlab
from cdlab.architectures import ARCHITECTURES
from cdlab.coupling import can_change_workloads, resources_of
from cdlab.grants import grants_of
from cdlab.model import PRINCIPALS, Grant, Principal
from cdlab.substrates.kind.access import RBAC, RULES, Rule, allow, right_of, rules_of, writers
from cdlab.substrates.kind.kubernetes_api import KubernetesApi
from cdlab.substrates.sim.access import Rights

RIGHTS = ("none", "read", "set-image", "apply", "prune", "admin")


def grant(architecture: str, principal: Principal) -> Grant:
    (found,) = [each for each in grants_of(architecture) if each.principal == principal]
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_has_grants(architecture: str) -> None:
    """One for each principal at most, and somebody who acts by themselves."""
    names = [each.principal for each in grants_of(architecture)]
    assert len(set(names)) == len(names)
    assert any(each.is_automation for each in grants_of(architecture))


@pytest.mark.parametrize("m", [1, 2, 5])
@pytest.mark.parametrize(
    ("architecture", "principal", "boxes", "has_environments"),
    [
        ("v1", "ci", 1, True),
        ("v2", "ci", 2, True),
        ("v3", "ci", 1, False),
        ("v3", "manager", 1, True),
    ],
)
def test_how_much_automation_can_write(
    architecture: str, principal: Principal, boxes: int, has_environments: bool, m: int
) -> None:
    """CI 1+m in V1, 2+m in V2, 1 in V3, where the manager has 1+m."""
    expected = boxes + has_environments * m
    assert resources_of(grant(architecture, principal), m) == expected


def test_ci_of_version_3_knows_no_cluster_and_no_config_repo() -> None:
    """It stops after the push because it could not go on."""
    ci = grant("v3", "ci")
    assert (ci.config_repo, ci.environments) == ("none", "none")
    assert not can_change_workloads(ci)


def test_nobody_but_people_and_the_manager_deletes_workloads() -> None:
    """CI never can; the manager can."""
    for architecture in ARCHITECTURES:
        assert not Rights(grants_of(architecture)).allows_in("ci", "prune", "any")
    assert grant("v3", "manager").environments == "prune"


def test_the_manager_reads_the_registry_and_never_the_code() -> None:
    """Who releases does not build."""
    manager = grant("v3", "manager")
    assert (manager.code_repos, manager.registry) == ("none", "read")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_ci_never_writes_code_and_developers_write_nothing_else(architecture: str) -> None:
    """A push of code is a person's; what follows from it is not."""
    developer = grant(architecture, "developer")
    assert grant(architecture, "ci").code_repos == "read"
    assert (developer.code_repos, developer.registry, developer.environments) == (
        *("write", "none", "none"),
    )


@pytest.mark.parametrize("right", RIGHTS)
def test_a_right_more_never_makes_a_principal_weaker(right: str) -> None:
    """The blast radius grows with the grants: only reading or nothing changes no workload."""
    it = Grant(principal="ci", runs="outside", environments=right)  # type: ignore[arg-type]
    assert can_change_workloads(it) is (right not in ("none", "read"))


@pytest.mark.parametrize("right", RIGHTS)
def test_a_right_is_the_same_to_the_measures_the_simulator_and_rbac(right: str) -> None:
    """Who may change what runs: asked of a grant, of the simulator, and of the rules of a Role."""
    it = Grant(principal="ci", runs="outside", environments=right)  # type: ignore[arg-type]
    may_patch = any(
        {"deployments", "*"} & set(rule.resources) and {"patch", "*"} & set(rule.verbs)
        for rule in RULES[right_of([it], "ci", "environments")]
    )
    assert Rights([it]).allows_in("ci", "set-image", "any") is may_patch
    assert can_change_workloads(it) is may_patch


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_kind_lets_push_whom_the_file_names(architecture: str) -> None:
    """The hook's list of writers is who has `write`, in the simulator as well."""
    grants = grants_of(architecture)
    rights = Rights(grants)
    for box in ("code_repos", "config_repo"):
        named = sorted(each.principal for each in grants if getattr(each, box) == "write")
        allowed = sorted(who for who in PRINCIPALS if rights.allows(who, box, "write"))
        assert writers(grants, box) == named == allowed


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("principal", PRINCIPALS)
def test_only_the_manager_of_version_3_is_given_events(
    architecture: str, principal: Principal
) -> None:
    """It may make new ones and do nothing else to any; its other rules are those of its right."""
    grants = grants_of(architecture)
    rules = RULES[right_of(grants, principal, "environments")]
    is_manager = (architecture, principal) == ("v3", "manager")
    events = Rule(["events.k8s.io"], ["events"], ["create"])
    assert rules_of(grants, principal) == (*rules, *[events] * is_manager)


def test_a_role_says_what_the_grants_say() -> None:
    """What the API server is asked to make in an environment, for an account that is elsewhere."""
    made: dict[str, Any] = {}

    class Administrator:
        def call(self, method: str, path: str, body: Any, **more: str) -> dict[str, Any]:
            made[path] = body
            return {}

    grants = grants_of("v3")
    administrator = cast(KubernetesApi, Administrator())
    allow(administrator, "shop-staging", "manager", grants, account_namespace="shop-manager")
    role, binding = made.values()
    assert all(path.startswith(f"{RBAC}/namespaces/shop-staging/") for path in made)
    assert role["rules"] == [each.as_json() for each in rules_of(grants, "manager")]
    assert [each["namespace"] for each in binding["subjects"]] == ["shop-manager"]


def test_nothing_else_makes_a_grant() -> None:
    """`grants.toml` is the one source: no other module constructs a right."""
    package = Path(cdlab.__file__).parent
    made = [
        path.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Grant"
    ]
    assert made == ["grants.py"]


def test_an_unknown_architecture_has_none() -> None:
    """A slip in a name is an error and not an empty list of rights."""
    with pytest.raises(KeyError):
        grants_of("v9")
