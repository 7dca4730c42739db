"""
What the grants of an architecture become on the lab: RBAC, tokens and writers of repositories.

In: grants. Out: in every environment a ServiceAccount, a Role and a RoleBinding for each principal,
its token, and the lists of writers for the git server. Who calls it: `substrate.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from cdlab.errors import ClusterUnavailable, WorkloadNotFound
from cdlab.model import Grant, Principal
from cdlab.ports import NO_LABELS
from cdlab.substrates.kind.credentials import PRINCIPALS as KNOWN_TO_GIT
from cdlab.substrates.kind.credentials import REGISTRY_ONLY
from cdlab.substrates.kind.kubernetes_api import APPLY, Json, KubernetesApi

if TYPE_CHECKING:
    from cdlab.substrates.kind.lab import Services
    from cdlab.substrates.kind.namespaces import Namespace

Box = Literal["code_repos", "config_repo", "registry", "environments", "events"]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
TOKEN_SECONDS = 12 * 3600
"""Longer than any run; the tokens end with their ServiceAccounts anyway."""
EFFECT_SECONDS = 10.0
"""How long a new right, or the end of one, may take to count; the API server needs some 10 ms."""
_LEVELS = ("none", "read", "set-image", "apply", "prune", "write", "admin")
_LOOK = ["get", "list", "watch"]


@dataclass(frozen=True)
class Rule:
    """A rule of a Role."""

    groups: list[str]
    resources: list[str]
    verbs: list[str]

    def as_json(self) -> Json:
        """As the API server takes it."""
        return {"apiGroups": self.groups, "resources": self.resources, "verbs": self.verbs}


_APPLY = [*_LOOK, "create", "patch"]

RULES: Mapping[str, tuple[Rule, ...]] = {
    "none": (),
    "read": (
        Rule(["apps"], ["deployments"], _LOOK),
        Rule([""], ["pods"], _LOOK),
    ),
    "set-image": (
        Rule(["apps"], ["deployments"], [*_LOOK, "patch"]),
        Rule([""], ["pods"], _LOOK),
    ),
    "apply": (
        Rule(["apps"], ["deployments"], _APPLY),
        Rule([""], ["services"], _APPLY),
        Rule([""], ["pods"], _LOOK),
    ),
    "prune": (
        Rule(["apps"], ["deployments"], [*_APPLY, "delete"]),
        Rule([""], ["services"], [*_APPLY, "delete"]),
        Rule([""], ["pods"], _LOOK),
    ),
    "admin": (Rule(["*"], ["*"], ["*"]),),
}
"""
Only what the verbs need. Reading pods tells what runs, which everybody with a right may ask.
`rollout undo` reads ReplicaSets, so nothing less than `admin` is enough for it. Who may patch a
Deployment may change all of it: RBAC cannot say "only the image", nor "only what it applied".
"""
EVENTS = Rule(["events.k8s.io"], ["events"], ["create"])
"""What `events` gives beside that: to write new ones, and neither to read nor to change any."""
_WITNESSES: Mapping[str, tuple[str, str, str]] = {
    "read": ("get", "apps", "deployments"),
    "set-image": ("patch", "apps", "deployments"),
    "apply": ("create", "", "services"),
    "prune": ("delete", "", "services"),
    "admin": ("delete", "", "pods"),
}
"""(verb, group, resource) that a principal is asked about, to know that its right counts."""


def right_of(grants: Iterable[Grant], principal: Principal, box: Box) -> str:
    """The highest right that the grants give. A principal without one may do nothing."""
    held = [str(getattr(grant, box)) for grant in grants if grant.principal == principal]
    return max(held, key=_LEVELS.index, default="none")


def rules_of(grants: Sequence[Grant], principal: Principal) -> tuple[Rule, ...]:
    """The rules of a principal's Role in each environment."""
    rules = RULES[right_of(grants, principal, "environments")]
    return (*rules, EVENTS) if right_of(grants, principal, "events") == "write" else rules


def writers(grants: Sequence[Grant], box: Box) -> list[str]:
    """Who may push. The git server knows no other principals than those that have a login."""
    known = [name for name in KNOWN_TO_GIT if name not in REGISTRY_ONLY]
    return sorted(
        {each.principal for each in grants if right_of(grants, each.principal, box) == "write"}
        & set(known)
    )


def login_of(lab: Services, principal: Principal, *, is_granted: bool) -> tuple[str, str] | None:
    """
    Return the login with which a principal goes to the git server and the registry, or None.

    Both show everything to every login. So who was granted nothing is given none, and is refused by
    the service itself; so is a principal for whom the lab keeps no login.
    """
    is_known = principal in lab.passwords
    return lab.login(principal) if is_granted and is_known else None


def give(
    administrator: KubernetesApi, namespace: str, principal: Principal, grants: Sequence[Grant]
) -> str:
    """Make the principal's ServiceAccount in a namespace, with its rights, and return a token."""
    _make(administrator, namespace, "/api/v1", _named("ServiceAccount", principal, {}))
    allow(administrator, namespace, principal, grants, account_namespace=namespace)
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{principal}/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    return str(administrator.call("POST", path, request)["status"]["token"])


def allow(
    administrator: KubernetesApi, namespace: str, principal: Principal, grants: Sequence[Grant],
    *, account_namespace: str, labels: Mapping[str, str] = NO_LABELS,
) -> None:  # fmt: skip
    """Give a ServiceAccount, of this namespace or another one, its rights in this one."""
    make = partial(_make, administrator, namespace, RBAC)
    rules = [rule.as_json() for rule in rules_of(grants, principal)]
    if rules:
        make(_named("Role", principal, labels) | {"rules": rules})
        subject = {"kind": "ServiceAccount", "name": principal, "namespace": account_namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": principal}
        binding = {"subjects": [subject], "roleRef": role}
        make(_named("RoleBinding", principal, labels) | binding)


def change(
    administrator: KubernetesApi, namespace: Namespace, principal: Principal,
    grants: Sequence[Grant],
) -> None:  # fmt: skip
    """Give a principal that has a token these rights and no others; returns when that counts."""
    name = namespace.name
    if rules_of(grants, principal):
        allow(administrator, name, principal, grants, account_namespace=name)
    else:
        for kind in ("rolebindings", "roles"):
            with suppress(WorkloadNotFound):  # it had none
                administrator.call("DELETE", f"{RBAC}/namespaces/{name}/{kind}/{principal}")
    right = right_of(grants, principal, "environments")
    wait_until_given(namespace.api, name, right)
    wait_until_taken(namespace.api, name, right)


def _named(kind: str, name: str, labels: Mapping[str, str]) -> Json:
    return {"kind": kind, "metadata": {"name": name, "labels": dict(labels)}}


def _make(administrator: KubernetesApi, namespace: str, root: str, content: Json) -> None:
    kind, name = str(content["kind"]), str(content["metadata"]["name"])
    version = root.removeprefix("/apis/").removeprefix("/api/")
    document = {"apiVersion": version, **content}
    path = f"{root}/namespaces/{namespace}/{kind.lower()}s/{name}"
    administrator.call(
        "PATCH", path, document, content_type=APPLY, fieldManager="cdlab-access", force="true"
    )


def wait_until_given(api: KubernetesApi, namespace: str, right: str) -> None:
    """Ask the API server whether the owner of this token may do it, until it says yes."""
    if right in _WITNESSES:
        _wait_until(api, namespace, right, is_allowed=True)


def wait_until_taken(api: KubernetesApi, namespace: str, right: str) -> None:
    """Ask whether the owner of this token may do more than that, until it says no."""
    for more in _LEVELS[_LEVELS.index(right) + 1 :]:
        if more in _WITNESSES:
            _wait_until(api, namespace, more, is_allowed=False)


def _wait_until(api: KubernetesApi, namespace: str, right: str, *, is_allowed: bool) -> None:
    verb, group, resource = _WITNESSES[right]
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    deadline = time.monotonic() + EFFECT_SECONDS
    while api.call("POST", path, review)["status"]["allowed"] != is_allowed:
        if time.monotonic() > deadline:
            what = "take effect" if is_allowed else "end"
            raise ClusterUnavailable(f'the right "{right}" in "{namespace}" does not {what}')
        time.sleep(0.01)
