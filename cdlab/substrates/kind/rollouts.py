"""
What Deployments, ReplicaSets and pods say of a rollout, by kubectl's rules.

In: objects as the API server gives them. Out: whether a rollout is complete or late, which template
was the one before, which pod runs which image. Pure. Who calls it: `cluster.py` and `pods.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdlab.api_objects import (
    Json,
    container_of,
    digest_of,
    image_of,
    is_complete,
    is_going,
    is_observed,
    is_selected,
    is_true,
    status_of,
)

__all__ = [
    "HASH", "REVISION", "Lateness", "container_of", "deadline_seconds", "digest_of",
    "earlier_template", "image_of", "is_complete", "is_going", "is_observed", "is_selected",
    "is_true", "lateness", "status_of",
]  # fmt: skip

REVISION = "deployment.kubernetes.io/revision"
"""The rollout number, an annotation of Deployments and ReplicaSets."""
HASH = "pod-template-hash"


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
