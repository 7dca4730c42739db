"""A history that is written line by line, to know by hand what a measure has to say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cdlab.history import Event, History


class Told:
    """A history that is written line by line. Times are seconds."""

    def __init__(
        self, *workloads: str, environments: Mapping[str, str] | Sequence[str] = ("prod",)
    ) -> None:
        if not isinstance(environments, Mapping):
            environments = dict.fromkeys(environments, "automated")
        settings = {
            "architecture": "v2",
            "replicas": 1,
            "microservices": list(workloads),
            "environments": environments,
        }
        self.history = History()
        self.add(0, "RunStarted", "people", "notify", detail=settings)

    def add(self, second: float, kind: str, component: str, op: str, **fields: Any) -> None:
        """Any event."""
        t = round(second * 1e6)
        event = Event(len(self.history), t, t, kind, component, op, **fields)  # type: ignore[arg-type]
        self.history.append(event)

    def asked(self, second: float, intent: str, **target: Any) -> None:
        """Somebody asks for something."""
        detail = {"intent": intent, **target}
        self.add(second, "IntentDeclared", "people", "notify", intent=f"{intent}-1", detail=detail)

    def code(self, second: float, name: str, before: str, *after: str, intent: str) -> None:
        """Commits of a code repo that are pushed at once, on top of *before*."""
        common = {"resource": name, "intent": intent, "principal": "developer"}
        self.add(second, "RepositoryCloned", "code-repo", "read", **common)
        for revision in after:
            made = {"revision": revision}
            self.add(second, "Committed", "code-repo", "notify", **common, detail=made)
        made = {"revision": after[-1], "previous": before or None, "lost": []}
        self.add(second, "CommitPushed", "code-repo", "write", **common, detail=made)

    def built(self, name: str, *tags: str, content: str = "", digest: str = "") -> None:
        """Images of a workload, whose digests are their tags in capitals unless given."""
        for tag in tags:
            self.add(
                *(0, "ImagePushed", "registry", "write"),
                resource=name,
                digest_after=digest or tag.upper(),
                detail={"ref": f"r/{name}:{tag}", "content": content or f"{name} {tag}"},
            )

    def shipped(self, second: float, name: str, tag: str, **said: Any) -> None:
        """Somebody says what the content of an image is."""
        detail = {"content": f"{name} {tag}", "is_bad": False, **said}
        self.add(second, "Shipped", "people", "notify", resource=name, detail=detail)

    def config(self, second: float, name: str, image: str, intent: str, where: str = "prod") -> str:
        """A commit of the config repo that is pushed at once."""
        text = f"""
            apiVersion: apps/v1
            kind: Deployment
            metadata:
              name: {name}
            spec:
              template:
                spec:
                  containers:
                    - name: {name}
                      image: {image}
            """
        revision = f"{second} {name}"
        files = {f"environments/{where}/{name}.yaml": text}
        made = {"revision": revision, "files": files}
        self.add(second, "Committed", "config-repo", "notify", intent=intent, detail=made)
        self.pushed(second, revision, intent)
        return revision

    def pushed(self, second: float, revision: str, intent: str) -> None:
        """The push of a commit to the config repo."""
        detail = {"revision": revision}
        self.add(second, "CommitPushed", "config-repo", "write", intent=intent, detail=detail)

    def pod(
        self, second: float, name: str, digest: str, *, gone: str = "", where: str = "prod"
    ) -> None:
        """A pod is Ready and takes another one's place."""
        for kind, pod in (("PodReady", digest), ("PodStopping", gone)):
            if pod:
                detail = {
                    "workload": name,
                    "pod": f"{name}-{pod}",
                    "image": f"r/{name}:{pod.lower()}",
                }
                self.add(
                    *(second, kind, "environment", "observe"),
                    resource=where,
                    digest_after=pod,
                    detail=detail,
                )

    def applied(self, second: float, where: str, intent: str, *, changed: bool) -> None:
        """Somebody applies a manifest."""
        manifest = "".join(f"name: {name}\n" for name in self.history.settings["microservices"])
        detail = {"changed": changed, "manifest": manifest}
        self.add(
            *(second, "ManifestsApplied", "environment", "apply"),
            resource=where,
            intent=intent,
            detail=detail,
        )

    def image_set(self, second: float, name: str, intent: str) -> None:
        """Somebody uses kubectl."""
        detail = {"workload": name, "image": "any"}
        self.add(
            *(second, "ImageSet", "environment", "apply"),
            resource="prod",
            intent=intent,
            detail=detail,
        )

    def ended(self, second: float) -> History:
        """The whole history."""
        self.add(second, "RunFinished", "people", "notify")
        return self.history


@pytest.fixture
def told() -> type[Told]:
    """`told("users")` begins a history of one workload."""
    return Told


@pytest.fixture
def deployed() -> Told:
    """Two workloads at a, and at 100 s somebody who asks for a deploy of the first."""
    history = Told("users", "orders")
    history.built("users", "a", "b")
    history.built("orders", "c")
    for second, name, tag in ((10, "users", "a"), (20, "orders", "c")):
        history.config(second, name, f"r/{name}:{tag}", "bootstrap-1")
        history.pod(second + 5, name, tag.upper())
    history.asked(100, "deploy")
    return history
