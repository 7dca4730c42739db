"""
What Deployments and pods say of themselves: whether a rollout is complete, which image runs.

In: objects as the API server gives them. Out: what somebody wants to know of them. Pure. Called by
`exports.py` and, through its `rollouts.py`, by the kind substrate.
"""

from __future__ import annotations

from typing import Any

from cdlab.model import Digest, ImageRef

Json = dict[str, Any]
APPLIED_BY = "cdlab.dev/applied-by"
"""Label: the principal that applied the object last."""
APPLIED = "cdlab.dev/applied"
"""Label: the fingerprint of the object as its manifest had it, and of what else was in there."""
OWN_LABELS = (APPLIED_BY, APPLIED)


def is_observed(deployment: Json) -> bool:
    """Whether the status speaks of the spec as it is now."""
    observed = int(deployment.get("status", {}).get("observedGeneration", 0))
    return observed >= int(deployment["metadata"].get("generation", 0))


def is_complete(deployment: Json) -> bool:
    """Whether all replicas are updated and available, and no old pod is counted."""
    status = deployment.get("status", {})
    updated = int(status.get("updatedReplicas", 0))
    return (
        is_observed(deployment)
        and updated >= int(deployment["spec"].get("replicas", 1))
        and int(status.get("replicas", 0)) <= updated
        and int(status.get("availableReplicas", 0)) >= updated
    )


def container_of(spec: Json, workload: str) -> Json:
    """The container named like the workload, or the first where none is."""
    containers: list[Json] = spec["containers"]
    return next((each for each in containers if each["name"] == workload), containers[0])


def image_of(spec: Json, workload: str) -> ImageRef:
    """The image that a pod spec or template asks for."""
    return ImageRef.parse(str(container_of(spec, workload)["image"]))


def status_of(pod: Json, workload: str) -> Json:
    """What the kubelet says of the workload's container; empty before it says anything."""
    name = container_of(pod["spec"], workload)["name"]
    statuses: list[Json] = pod.get("status", {}).get("containerStatuses") or []
    return next((each for each in statuses if each["name"] == name), {})


def digest_of(pod: Json, workload: str) -> Digest | None:
    """The digest that the pod's container runs, None before it runs one."""
    _, _, digest = str(status_of(pod, workload).get("imageID", "")).rpartition("@")
    return Digest(digest) if digest.startswith("sha256:") else None


def is_true(pod: Json, condition: str) -> bool:
    """Whether a condition of a pod, `Ready` or `PodScheduled`, holds."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


def is_going(pod: Json) -> bool:
    """Whether it was asked to end."""
    return "deletionTimestamp" in pod["metadata"]


def is_selected(pod: Json, deployment: Json) -> bool:
    """Whether a pod is one of a Deployment's, by its labels."""
    labels = pod["metadata"].get("labels") or {}
    selector = deployment["spec"]["selector"].get("matchLabels") or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
