"""
What `kubectl get -o json` shows of the simulated cluster: Deployments, Services and pods.

In: a namespace. Out: objects with the fields that somebody applied, the server's defaults of what
is simulated, and a status. Called by `cluster.py`, which also asks here whether two pod templates
are the same to Kubernetes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cdlab.api_objects import APPLIED_BY
from cdlab.server_fields import written_template
from cdlab.substrates.sim.deployments import Deployment
from cdlab.substrates.sim.pods import Pod
from cdlab.substrates.sim.replica_sets import ReplicaSet
from cdlab.substrates.sim.workload_specs import DeploymentSpec, PodTemplate, template_hash

if TYPE_CHECKING:
    from cdlab.substrates.sim.namespaces import Namespace

Json = dict[str, Any]


def shown(namespace: Namespace, environment: str) -> tuple[Json, ...]:
    """Its objects: Deployments, Services, pods that are not stopping; each kind by name."""
    deployments = sorted(namespace.deployments.values(), key=lambda each: each.name)
    inert = sorted(namespace.inert.items())
    services = (
        _labelled(json.loads(fields), namespace) for (kind, _), fields in inert if kind == "Service"
    )
    replica_sets = (each for deployment in deployments for each in deployment.replica_sets)
    pods = (_pod(pod, each) for each in replica_sets for pod in each.pods)
    return (
        *(_labelled(_deployment(each, environment), namespace) for each in deployments),
        *services,
        *sorted(pods, key=lambda pod: str(pod["metadata"]["name"])),
    )


def _labelled(document: Json, namespace: Namespace) -> Json:
    """With the label of who applied it last."""
    metadata = document["metadata"]
    label = namespace.labels.get((document["kind"], metadata["name"]))
    labels = {**(metadata.get("labels") or {}), **({APPLIED_BY: label.principal} if label else {})}
    return {**document, "metadata": {**metadata, "labels": labels}}


def as_meant(asked: DeploymentSpec, now: DeploymentSpec) -> DeploymentSpec:
    """What was asked for; where its pod template means what there is, the one that there is."""
    one, other = asked.template, now.template
    if (one.containers, one.grace_seconds) != (other.containers, other.grace_seconds):
        return asked
    is_same = one == other or _meaning(one) == _meaning(other)
    return replace(asked, template=other) if is_same else asked


@lru_cache(maxsize=4096)
def _meaning(template: PodTemplate) -> Json:
    return written_template(_template(template))


def _template(template: PodTemplate) -> Json:
    shown: Json = json.loads(template.other_fields)
    for fields, container in zip(shown["spec"]["containers"], template.containers, strict=True):
        fields["image"] = str(container.image)
    return shown


def _deployment(deployment: Deployment, environment: str) -> Json:
    spec, status = deployment.spec, deployment.status
    strategy: Json = {"type": spec.strategy}
    if spec.strategy == "RollingUpdate":
        shares = {"maxSurge": spec.max_surge, "maxUnavailable": spec.max_unavailable}
        strategy["rollingUpdate"] = shares
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            **json.loads(deployment.metadata),
            "namespace": environment,
            "generation": deployment.generation,
        },
        "spec": {
            "replicas": spec.replicas,
            "selector": json.loads(spec.selector),
            "strategy": strategy,
            "template": _template(spec.template),
            "minReadySeconds": spec.min_ready_seconds,
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "revisionHistoryLimit": spec.revision_history_limit,
        },
        "status": {
            "observedGeneration": status.observed_generation,
            "replicas": status.replicas,
            "updatedReplicas": status.updated_replicas,
            "readyReplicas": status.ready_replicas,
            "availableReplicas": status.available_replicas,
        },
    }


def _pod(pod: Pod, owner: ReplicaSet) -> Json:
    template = _template(owner.template)
    labels = template.get("metadata", {}).get("labels") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "uid": pod.name,  # neither is ever used again
            "labels": {**labels, "pod-template-hash": template_hash(owner.template)},
            "ownerReferences": [{"kind": "ReplicaSet", "name": owner.name}],
        },
        "spec": template["spec"],
        "status": {
            "phase": "Running" if pod.is_started else "Pending",
            "conditions": [{"type": "Ready", "status": str(pod.is_ready)}],
            "containerStatuses": list(_statuses(pod, owner)),
        },
    }


def _statuses(pod: Pod, owner: ReplicaSet) -> Iterator[Json]:
    """Of its containers; the digest is known of the one that is the microservice."""
    for container in owner.template.containers:
        is_known = pod.digest and container.image is owner.image
        image = f"{container.image.repository}@{pod.digest}" if is_known else ""
        yield {"name": container.name, "ready": pod.is_ready, "restartCount": 0, "imageID": image}
