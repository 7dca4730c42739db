"""
Notifications as Kubernetes events about the Deployment that they concern.

In: notifications, and the manager's own connection to each environment's namespace. Out: events of
`events.k8s.io/v1`, which `kubectl describe` and `kubectl get events` show for an hour. Who calls
it: `inside.py` makes it for `in_cluster.py`. The right is `events = "write"` in grants.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from cdlab.errors import Forbidden, ManifestRejected, PortError, Undelivered, WorkloadNotFound
from cdlab.notifications import Kind, Notification
from cdlab.substrates.kind.kubernetes_api import Json, ObjectExists
from cdlab.substrates.kind.namespaces import Namespace

if TYPE_CHECKING:
    from cdlab.live_kernel import LiveKernel

GROUP = "events.k8s.io"
CONTROLLER = "cdlab.dev/release-manager"
LONGEST_NOTE_BYTES = 1_024
"""Of an event's note; the API server refuses more."""
WARNINGS = (Kind.REFUSED, Kind.DRIFT, Kind.FAILED)
FINAL = (Forbidden, ManifestRejected, WorkloadNotFound)
"""What asking again does not change. The last one is about the namespace."""


class KubernetesEvents:
    """A `Receiver` that writes events."""

    name = "kubernetes"

    def __init__(
        self, kernel: LiveKernel, namespaces: Mapping[str, Namespace], instance: str
    ) -> None:
        """*namespaces* by environment; *instance* is the name of this process."""
        self.kernel, self.namespaces, self.instance = kernel, namespaces, instance

    async def take(self, notification: Notification) -> None:
        """Write it. What concerns no environment is about no object, and is not written."""
        if notification.environment in self.namespaces:
            write = partial(self._write, notification, self.namespaces[notification.environment])
            await self.kernel.offload(write, what=f"an event in {notification.environment}")

    def _write(self, notification: Notification, namespace: Namespace) -> None:
        try:
            workload = notification.microservice
            uid = _uid(namespace, workload) if workload else ""
            event = event_of(notification, namespace.name, uid, self.instance)
            namespace.api.call("POST", namespace.path("events", api=f"/apis/{GROUP}/v1"), event)
        except ObjectExists:
            return  # an attempt that nobody answered had written it
        except PortError as error:
            raise Undelivered(error.message, is_final=isinstance(error, FINAL)) from error


def _uid(namespace: Namespace, workload: str) -> str:
    """`kubectl describe` shows only what names the object by its UID."""
    try:
        found = namespace.api.call("GET", namespace.path("deployments", workload))
    except WorkloadNotFound:
        return ""
    return str(found["metadata"]["uid"])


def event_of(notification: Notification, namespace: str, uid: str, instance: str) -> Json:
    """
    The document. Its name is the notification's own, so none is written twice.

    What is about a whole environment regards its namespace.
    """
    name = notification.microservice or namespace
    version, kind = ("apps/v1", "Deployment") if notification.microservice else ("v1", "Namespace")
    regarding = {"apiVersion": version, "kind": kind, "namespace": namespace, "name": name}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{notification.id}", "namespace": namespace},
        "eventTime": notification.time.replace("Z", ".000000Z"),
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "regarding": regarding | ({"uid": uid} if uid else {}),
        "action": _camel_case(notification.cause),
        "reason": _camel_case(notification.kind),
        "type": "Warning" if notification.kind in WARNINGS else "Normal",
        "note": _shortened(notification.text),
    }


def _camel_case(words: str) -> str:
    return "".join(word.capitalize() for word in words.split())


def _shortened(text: str) -> str:
    encoded = text.encode(errors="replace")
    if len(encoded) <= LONGEST_NOTE_BYTES:
        return encoded.decode()
    return encoded[: LONGEST_NOTE_BYTES - len("…".encode())].decode(errors="ignore") + "…"
