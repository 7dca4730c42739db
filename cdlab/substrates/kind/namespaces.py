"""
Where objects live in the API server's paths.

In: a namespace, a manifest. Out: the path of the collection or of the object; and a namespace that
is ready. Who calls it: `substrate.py`, `cluster.py` and `watching.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from cdlab.errors import ClusterUnavailable, ManifestRejected, WorkloadNotFound
from cdlab.substrates.kind.kubernetes_api import Json, KubernetesApi, ObjectExists

READY_SECONDS = 60.0
"""How long a namespace may take to get its default ServiceAccount, or to go away before that."""


def environment_namespace(run: str, environment: str) -> str:
    """The namespace of a run's environment."""
    return f"cdlab-{run}-{environment}"


@dataclass(frozen=True)
class Namespace:
    """A namespace of the run, and the principal's own connection to it."""

    name: str
    api: KubernetesApi

    def path(self, resource: str, name: str = "", *, api: str = "/apis/apps/v1") -> str:
        """URL path of a collection or of one object."""
        tail = f"/{quote(name, safe='')}" if name else ""
        return f"{api}/namespaces/{self.name}/{resource}{tail}"


class Kinds:
    """What the API server calls the collection of a kind; asked once a group for the whole run."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    def path(self, document: Json, namespace: Namespace) -> str:
        """URL path of the object that a manifest describes."""
        version = str(document.get("apiVersion", ""))
        kind, name = str(document.get("kind", "")), str(document["metadata"]["name"])
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        with self._lock:
            if version not in self._names:
                self._names[version] = self._read(root, namespace.api)
            found = self._names[version].get(kind)
        if found is None:
            raise ManifestRejected(f'no matches for kind "{kind}" in version "{version}"')
        plural, is_namespaced = found
        if not is_namespaced:
            return f"{root}/{plural}/{quote(name, safe='')}"
        return namespace.path(plural, name, api=root)

    def _read(self, root: str, api: KubernetesApi) -> dict[str, tuple[str, bool]]:
        try:
            resources = api.call("GET", root)["resources"]
        except WorkloadNotFound:
            return {}
        return {
            each["kind"]: (each["name"], each["namespaced"])
            for each in resources
            if "/" not in each["name"]
        }


def make_namespace(api: KubernetesApi, name: str, labels: Mapping[str, str]) -> None:
    """Make a namespace, after the end of an earlier one of that name; returns when it is ready."""
    metadata = {"name": name, "labels": dict(labels)}
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            api.call("POST", "/api/v1/namespaces", document)
        except ObjectExists:
            found = api.call("GET", f"/api/v1/namespaces/{name}")
            if found["status"]["phase"] == "Terminating":  # an earlier run of this name
                time.sleep(0.2)
                continue
        try:
            # Without it the first pods would be refused, and tried again after a pause.
            api.call("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")
            return
        except WorkloadNotFound:
            time.sleep(0.02)
    raise ClusterUnavailable(f'the namespace "{name}" is not ready after {READY_SECONDS} s')
