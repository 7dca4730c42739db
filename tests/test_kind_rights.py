"""How rights are changed in a cluster, against an API server that knows roles and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.errors import ClusterUnavailable, WorkloadNotFound
from cdlab.kernel import Kernel
from cdlab.model import Grant
from cdlab.substrates.kind import access
from cdlab.substrates.kind.cluster import KindCluster
from cdlab.substrates.kind.namespaces import Kinds, Namespace

RBAC = f"{access.RBAC}/namespaces/shop"


class Server:
    """Roles and bindings by path. What is allowed follows them only after so many questions."""

    def __init__(self, late: int = 0) -> None:
        self.late, self.calls = late, [""]
        self.objects: dict[str, Any] = {}
        self._seen: dict[str, Any] = {}

    def call(self, method: str, path: str, body: Any = None, **_: str) -> dict[str, Any]:
        self.calls.append(f"{method} {path}")
        if path.endswith("selfsubjectaccessreviews"):
            self.late -= 1
            if self.late < 0:
                self._seen = dict(self.objects)
            return {"status": {"allowed": self._allows(body["spec"]["resourceAttributes"])}}
        if method == "DELETE":
            if path not in self.objects:
                raise WorkloadNotFound(path)
            del self.objects[path]
        else:
            self.objects[path] = body
        return {}

    def _allows(self, asked: dict[str, str]) -> bool:
        role = self._seen.get(f"{RBAC}/roles/ci")
        return f"{RBAC}/rolebindings/ci" in self._seen and any(
            {asked["verb"], "*"} & set(rule["verbs"])
            and {asked["group"], "*"} & set(rule["apiGroups"])
            and {asked["resource"], "*"} & set(rule["resources"])
            for rule in role["rules"]
        )

    def rules(self) -> Any:
        return self.objects[f"{RBAC}/roles/ci"]["rules"]


def change(server: Any, right: Any) -> None:
    grants = (Grant(principal="ci", runs="outside", environments=right),)
    access.change(server, Namespace("shop", server), "ci", grants)


def test_ci_gets_other_rights_and_then_none() -> None:
    """V1, V2, V3: the role is another one, and then it is gone with its binding."""
    server = Server()
    for right in ("set-image", "apply"):
        change(server, right)
        assert server.rules() == [each.as_json() for each in access.RULES[right]]
    change(server, "none")
    assert server.objects == {}
    change(server, "none")  # again is no harm


@pytest.mark.parametrize(
    ("before", "after"), [("none", "apply"), ("admin", "read"), ("apply", "none")]
)
def test_it_returns_when_the_change_counts(before: str, after: str) -> None:
    """The API server hears of its own roles a little later; who was asked in between said no."""
    server = Server()
    change(server, before)
    server.late = 3
    asked = len(server.calls)
    change(server, after)
    reviews = [each for each in server.calls[asked:] if each.startswith("POST")]
    assert len(reviews) > 3
    assert server.late < 0


def test_a_right_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another role may give it: better told than believed to be taken."""
    monkeypatch.setattr(access, "EFFECT_SECONDS", 0.02)
    server = Server()
    change(server, "apply")
    server.late = 1_000_000
    with pytest.raises(ClusterUnavailable, match='the right "read" in "shop" does not end'):
        change(server, "none")


class Lists:
    """Answers lists, whose items do not say what they are."""

    def list(self, path: str) -> tuple[list[dict[str, Any]], str]:
        return [{"metadata": {"name": path.rpartition("/")[2]}}], "1"


class InThisThread(Kernel):
    """A kernel on which nothing has to be waited for."""

    async def offload(self, work: Any, what: str) -> Any:
        return work()


def test_what_is_shown_says_what_it_is() -> None:
    """A list says the kind once for all its items, and who reads them wants it with each."""
    kernel: Any = InThisThread()
    namespace = Namespace("shop", Lists())  # type: ignore[arg-type]
    cluster = KindCluster(kernel, {"staging": namespace}, Kinds(), "operator")
    found = kernel.run(cluster.get("staging"))
    assert [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in found] == [
        ("apps/v1", "Deployment", "deployments"),
        ("v1", "Service", "services"),
        ("v1", "Pod", "pods"),
    ]
