"""
What Deployments, ReplicaSets and pods say of a rollout, by kubectl's rules.

In: objects as the API server gives them. Out: whether a rollout is complete or late, which template
was the one before, which pod runs which image. Pure. Who calls it: `cluster.py` and `pods.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cdlab.model import Digest, ImageRef

Json = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
"""The rollout number, an annotation of Deployments and ReplicaSets."""
HASH = "pod-template-hash"


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


@dataclass(frozen=True)
class Lateness:
    """That a progress deadline passed."""

    message: str
    """The controller's sentence."""
    is_of_earlier_rollout: bool
    """The Deployment was written to since: the sentence may be about what it was before.

    `kubectl rollout status` fails here: when the newest template is an old one again, the
    controller leaves the condition as it is until a pod of the failed rollout is gone.
    """


def lateness(deployment: Json) -> Lateness | None:
    """Whether the progress deadline has passed, and whether that is about the newest rollout."""
    for condition in deployment.get("status", {}).get("conditions", ()):
        is_late = condition.get("reason") == "ProgressDeadlineExceeded"
        if condition.get("type") == "Progressing" and is_late and is_observed(deployment):
            entries = deployment["metadata"].get("managedFields") or ()
            written = max(
                (str(each.get("time", "")) for each in entries if not each.get("subresource")),
                default="",
            )
            # Whole seconds, all of the API server's clock; a deadline is at least one of them.
            is_old = written >= str(condition.get("lastUpdateTime", ""))
            return Lateness(str(condition.get("message", "")), is_old)
    return None


def deadline_seconds(deployment: Json) -> float:
    """The progress deadline. Kubernetes' default is 600 s."""
    return float(deployment["spec"].get("progressDeadlineSeconds", 600))


def earlier_template(deployment: Json, replica_sets: list[Json]) -> Json | None:
    """The pod template of the rollout before the newest one, None if there is none."""
    uid = deployment["metadata"]["uid"]
    owned = [
        each
        for each in replica_sets
        if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", ()))
    ]
    owned.sort(key=lambda each: int(each["metadata"].get("annotations", {}).get(REVISION, 0)))
    if len(owned) < 2:
        return None
    template: Json = owned[-2]["spec"]["template"]
    labels = {k: v for k, v in template["metadata"].get("labels", {}).items() if k != HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


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
