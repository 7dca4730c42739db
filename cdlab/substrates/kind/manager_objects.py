"""
The Kubernetes objects of a release manager in the cluster, as plain values.

In: what it is called, its image, its files. Out: documents to apply. Pure. Who calls it:
`manager_installation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cdlab.substrates.kind import inside
from cdlab.substrates.kind.credentials import fingerprint
from cdlab.substrates.kind.manager_image import USER

Json = dict[str, Any]
NAME = "release-manager"
PORT = 8080
"""Where it listens in its pod; `in_cluster.PORT`."""
LOST_NODE_SECONDS = 5
"""How long its pod tolerates a lost node, as those of the samples do."""
START_SECONDS = 60
"""Until it has to answer, on a machine with much else to do."""
END_SECONDS = 10
"""From SIGTERM to SIGKILL. It ends at once, and waits 3 s at most for who reads its events."""
PART = "cdlab.dev/part-of"
"""Label of everything that belongs to an installation, also of its roles in the environments."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to put up."""

    namespace: str
    labels: Mapping[str, str]
    image: str
    configuration: Mapping[str, str]
    """File name -> text."""
    secrets: Mapping[str, str] = field(repr=False)


def namespace(plan: Plan) -> Json:
    """The namespace that holds all of it but the roles."""
    labels = {**plan.labels, "pod-security.kubernetes.io/enforce": "restricted"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": plan.namespace, "labels": labels},
    }


def service(plan: Plan, node_port: int) -> Json:
    """Its door, on every node and so on this machine."""
    port = {"name": "http", "port": 80, "targetPort": "http", "nodePort": node_port}
    return _object(plan, "Service", NAME) | {
        "spec": {"type": "NodePort", "selector": {"app": NAME}, "ports": [port]}
    }


def files(plan: Plan) -> list[Json]:
    """Its ServiceAccount and its mounted files."""
    return [
        _object(plan, "ServiceAccount", inside.PRINCIPAL),
        _object(plan, "ConfigMap", NAME) | {"data": dict(plan.configuration)},
        _object(plan, "Secret", NAME) | {"type": "Opaque", "stringData": dict(plan.secrets)},
    ]


def deployment(plan: Plan) -> Json:
    """One process: two at once would be two writers, so the old one ends before the new begins."""
    mounted = fingerprint(*plan.configuration.values(), *plan.secrets.values())
    template = {
        "metadata": {
            "labels": {**plan.labels, "app": NAME},
            "annotations": {"cdlab.dev/files": mounted},  # other files, another pod
        },
        "spec": _pod(plan),
    }
    return _object(plan, "Deployment", NAME, version="apps/v1") | {
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": NAME}},
            "template": template,
        }
    }


def _pod(plan: Plan) -> Json:
    return {
        "serviceAccountName": inside.PRINCIPAL,
        # A webhook may be a Service. The lab's containers have names without a dot, which the
        # cluster's server asks Docker's for: at once, for every push begins with that.
        "dnsPolicy": "ClusterFirst",
        "dnsConfig": {"options": [{"name": "ndots", "value": "0"}]},
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": END_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [_tolerates("not-ready"), _tolerates("unreachable")],
        "containers": [_container(plan)],
        "volumes": [
            {"name": "configuration", "configMap": {"name": NAME}},
            {"name": "secrets", "secret": {"secretName": NAME, "defaultMode": 0o440}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    }


def _tolerates(what: str) -> Json:
    return {
        "key": f"node.kubernetes.io/{what}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": LOST_NODE_SECONDS,
    }


def _container(plan: Plan) -> Json:
    health = {"path": "/healthz", "port": "http"}
    return {
        "name": NAME,
        "image": plan.image,
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": {
            "requests": {"cpu": "50m", "memory": "96Mi"},
            "limits": {"memory": "256Mi"},  # git beside Python; no CPU limit, it would be throttled
        },
        # Often until it has begun; later each costs what a look at a microservice does.
        "startupProbe": {
            "httpGet": health,
            "periodSeconds": 1,
            "timeoutSeconds": 3,
            "failureThreshold": START_SECONDS,
        },
        "readinessProbe": {"httpGet": health, "periodSeconds": 10, "timeoutSeconds": 5},
        "livenessProbe": {"httpGet": health, "periodSeconds": 10, "timeoutSeconds": 5},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "configuration", "mountPath": str(inside.CONFIGURATION), "readOnly": True},
            {"name": "secrets", "mountPath": str(inside.SECRETS), "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp"},
        ],
    }


def _object(plan: Plan, kind: str, name: str, *, version: str = "v1") -> Json:
    metadata = {"name": name, "namespace": plan.namespace, "labels": dict(plan.labels)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
