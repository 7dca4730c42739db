"""
What the API server adds to an object that somebody applied, taken away again.

In: a Deployment or a Service as the API server gives it. Out: what a manifest has to say so that
applying it makes the same object: no status, no identity, no value that is filled in where nothing
is said. Pure. Called by `exports.py`, and by the simulated cluster, to which a default that
somebody writes down is no change either.

The defaults are part of the versions `apps/v1` and `v1`, and so the same on every cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdlab.api_objects import OWN_LABELS, Json
from cdlab.model import ImageRef

_METADATA = ("name", "labels", "annotations")
_SERVERS_ANNOTATIONS = (
    "deployment.kubernetes.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
)
"""What annotations of an object begin with that no person wrote."""

_HTTP = {"scheme": "HTTP", "path": "/"}
_HANDLER = {"httpGet": _HTTP}
_PROBE = {
    "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
    "initialDelaySeconds": 0, "grpc": {"service": ""}, **_HANDLER,
}  # fmt: skip
_CONTAINER = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
    "ports": [{"protocol": "TCP"}],
    "env": [{"valueFrom": {"fieldRef": {"apiVersion": "v1"}}}],
    "lifecycle": {"postStart": _HANDLER, "preStop": _HANDLER},
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
}
_MODE = {"defaultMode": 0o644}
_TEMPLATE = {
    "metadata": {"creationTimestamp": None},
    "spec": {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "containers": [_CONTAINER],
        "initContainers": [_CONTAINER],
        "volumes": [
            {
                "configMap": _MODE,
                "secret": _MODE,
                "downwardAPI": _MODE,
                "projected": _MODE,
                "hostPath": {"type": ""},
            }
        ],
    },
}
_DEPLOYMENT = {
    "minReadySeconds": 0,
    "paused": False,
    "progressDeadlineSeconds": 600,
    "revisionHistoryLimit": 10,
    "strategy": {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    },
    "template": _TEMPLATE,
}
_SERVICE = {
    "type": "ClusterIP",
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "externalTrafficPolicy": "Cluster",
    "allocateLoadBalancerNodePorts": True,
    "publishNotReadyAddresses": False,
    "ports": [{"protocol": "TCP"}],
}
"""
Field -> its default. A mapping and a list of one are about what is inside; an empty mapping is a
default by itself.
"""
_GONE_WHEN_EMPTY = ("strategy", "rollingUpdate")
"""What may be left out when nothing in it has to be said. A volume's source may not."""


def written(document: Json) -> Json:
    """What somebody has to write for this Deployment or Service."""
    spec = document["spec"]
    spec = _deployment(spec) if document["kind"] == "Deployment" else _service(spec)
    metadata = _metadata(document["metadata"])
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": metadata,
        "spec": spec,
    }


def _metadata(metadata: Json) -> Json:
    kept = {key: dict(metadata[key]) for key in _METADATA[1:] if metadata.get(key)}
    for label in OWN_LABELS:
        kept.get("labels", {}).pop(label, None)
    for key in [key for key in kept.get("annotations", ()) if key.startswith(_SERVERS_ANNOTATIONS)]:
        del kept["annotations"][key]
    return {"name": metadata["name"], **{key: value for key, value in kept.items() if value}}


def _deployment(spec: Json) -> Json:
    template = written_template(spec["template"])
    return {**_without(spec, _DEPLOYMENT), "template": template}


def written_template(template: Json) -> Json:
    """What somebody has to write for this pod template; every other one rolls out new pods."""
    template = _without(template, _TEMPLATE)
    pod = dict(template["spec"])
    if pod.get("serviceAccount") == pod.get("serviceAccountName"):
        pod.pop("serviceAccount", None)  # the old name of the same field
    for field in ("containers", "initContainers"):
        if field in pod:
            pod[field] = [_without_pull_policy(each) for each in pod[field]]
    return {**template, "spec": pod}


def _without_pull_policy(container: Json) -> Json:
    image = ImageRef.parse(str(container.get("image", "")))
    is_moving = image.digest is None and image.tag in (None, "latest")
    default = "Always" if is_moving else "IfNotPresent"
    is_default = container.get("imagePullPolicy") == default
    return {k: v for k, v in container.items() if not is_default or k != "imagePullPolicy"}


def _service(spec: Json) -> Json:
    gone = {"clusterIPs", "healthCheckNodePort"}
    if spec.get("clusterIP") != "None":  # that one is a wish, every other an answer
        gone.add("clusterIP")
    if spec.get("ipFamilyPolicy", "SingleStack") == "SingleStack":
        gone |= {"ipFamilyPolicy", "ipFamilies"}
    kept = {key: value for key, value in _without(spec, _SERVICE).items() if key not in gone}
    ports = [
        {k: v for k, v in port.items() if k != "targetPort" or v != port["port"]}
        for port in kept.get("ports") or ()
    ]
    return {**kept, "ports": ports} if ports else kept


def _without(value: Any, defaults: Mapping[str, Any]) -> Any:
    """The value without what is as it would be anyway. Other types than expected stay."""
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, each in value.items():
        default = defaults.get(key, ...)
        inner = each
        if isinstance(default, dict) and default:
            inner = _without(each, default)
        elif isinstance(default, list) and isinstance(each, list):
            inner = [_without(item, default[0]) for item in each]
        elif each == default:
            continue
        if inner or each == inner or key not in _GONE_WHEN_EMPTY:
            kept[key] = inner
    return kept
