"""
Where objects live in the API server's paths.

In: a namespace, a manifest. Out: the path of the collection or of the object. Who calls it:
`cluster.py` and `watching.py`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from urllib.parse import quote

from cdlab.errors import ManifestRejected, WorkloadNotFound
from cdlab.substrates.kind.kubernetes_api import Json, KubernetesApi


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
