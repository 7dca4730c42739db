"""
What a real API server makes of a manifest: the defaults of `apps/v1` and `v1`, and its own fields.

Written from Kubernetes' `defaults.go` and not from `cdlab/server_fields.py`, which takes the same
away again.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Json = dict[str, Any]
UID = "7b0f0c43-8f5b-4d3e-9d6d-1f0a8f3c2b11"
DIGEST = "sha256:" + "a" * 64


def stored(document: Json) -> Json:
    """The object as `kubectl get -o json` shows it after the manifest was applied."""
    found = deepcopy(document)
    found["metadata"] |= {
        "namespace": "shop",
        "uid": UID,
        "resourceVersion": "4711",
        "creationTimestamp": "2026-03-01T10:00:00Z",
        "managedFields": [
            {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}
        ],
    }
    spec = found["spec"]
    if found["kind"] == "Service":
        _service(spec)
        return found | {"status": {"loadBalancer": {}}}
    annotations = found["metadata"].setdefault("annotations", {})
    annotations["deployment.kubernetes.io/revision"] = "3"
    annotations["kubectl.kubernetes.io/last-applied-configuration"] = "{}\n"
    found["metadata"]["generation"] = 3
    spec.setdefault("replicas", 1)
    if not spec.get("minReadySeconds"):
        spec.pop("minReadySeconds", None)  # a zero is not shown
    spec.setdefault("progressDeadlineSeconds", 600)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    spec["template"]["metadata"]["creationTimestamp"] = None
    _pod(spec["template"]["spec"])
    pods = spec["replicas"]
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return found | {"status": {"observedGeneration": 3, **dict.fromkeys(counts, pods)}}


def _pod(pod: Json) -> None:
    pod.setdefault("dnsPolicy", "ClusterFirst")
    pod.setdefault("restartPolicy", "Always")
    pod.setdefault("schedulerName", "default-scheduler")
    pod.setdefault("securityContext", {})
    pod.setdefault("terminationGracePeriodSeconds", 30)
    if "serviceAccountName" in pod:
        pod["serviceAccount"] = pod["serviceAccountName"]
    for volume in pod.get("volumes", ()):
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)
        if "hostPath" in volume:
            volume["hostPath"].setdefault("type", "")
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        _container(container)


def _container(container: Json) -> None:
    name, _, digest = container["image"].partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    is_moving = not digest and tag in ("", "latest")
    container.setdefault("imagePullPolicy", "Always" if is_moving else "IfNotPresent")
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        if "fieldRef" in variable.get("valueFrom", {}):
            variable["valueFrom"]["fieldRef"].setdefault("apiVersion", "v1")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            _probe(container[probe])


def _probe(probe: Json) -> None:
    for key, number in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        probe.setdefault(key, number)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")


def _service(spec: Json) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("clusterIP", "10.96.12.34")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    for port in spec["ports"]:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])


def pod_of(deployment: Json, number: int = 1, digest: str | None = DIGEST) -> Json:
    """A pod of a Deployment, Ready, that runs this digest."""
    template, name = deployment["spec"]["template"], deployment["metadata"]["name"]
    containers = template["spec"]["containers"]
    image = f"registry.test/{name}@{digest}" if digest else "sha256:" + "b" * 64
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-5d8f-{number}",
            "uid": f"{UID}-{number}",
            "labels": {**template["metadata"]["labels"], "pod-template-hash": "5d8f"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{name}-5d8f"}],
        },
        "spec": template["spec"],
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": each["name"], "restartCount": 0, "imageID": image} for each in containers
            ],
        },
    }
