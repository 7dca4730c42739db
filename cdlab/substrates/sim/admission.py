"""
What the API server says to a manifest: the text comes in, checked values come out.

The checks and their words are those of Kubernetes for the fields that the simulation acts on, with
strict field names around them, as `kubectl apply` asks for. Besides, it refuses what would run pods
or change rollouts in a way that is not simulated, rather than act as if it were not there.
Called by `cluster.py`, often with the same text, so results are cached.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from cdlab.errors import ManifestError, ManifestRejected
from cdlab.model import ImageRef
from cdlab.parsed_files import parse
from cdlab.server_fields import written
from cdlab.substrates.sim.api_fields import Fields, as_json
from cdlab.substrates.sim.workload_specs import (
    Container,
    DeploymentManifest,
    DeploymentSpec,
    InertManifest,
    IntOrPercent,
    PodTemplate,
    PullPolicy,
    ReadinessProbe,
)

Manifest: TypeAlias = DeploymentManifest | InertManifest

INERT_KINDS: Mapping[str, str] = {
    "ConfigMap": "v1",
    "Ingress": "networking.k8s.io/v1",
    "LimitRange": "v1",
    "Namespace": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "ResourceQuota": "v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "Secret": "v1",
    "Service": "v1",
    "ServiceAccount": "v1",
}
"""Kinds that the simulation stores and does nothing with, and their API versions."""

REFUSED_KINDS: Mapping[str, str] = {
    "CronJob": "batch/v1",
    "DaemonSet": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Job": "batch/v1",
    "Pod": "v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
}
"""Kinds that run pods, or scale them, in ways that are not simulated."""

_SPEC_FIELDS = (
    "minReadySeconds", "paused", "progressDeadlineSeconds", "replicas", "revisionHistoryLimit",
    "selector", "strategy", "template",
)  # fmt: skip
_CONTAINER_FIELDS = (
    "args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe",
    "name", "ports", "readinessProbe", "resizePolicy", "resources", "restartPolicy",
    "securityContext", "startupProbe", "stdin", "stdinOnce", "terminationMessagePath",
    "terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir",
)  # fmt: skip
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-.a-z0-9]*[a-z0-9])?")


@lru_cache(maxsize=4096)
def admitted(text: str, namespace: str) -> tuple[Manifest, ...]:
    """Check every document of *text*, which is to be applied to *namespace*."""
    try:
        documents = parse(text, "manifest").data
    except ManifestError as error:
        raise ManifestRejected(f"error parsing the manifest: {error.message}") from error
    if not documents:
        raise ManifestRejected("error: no objects passed to apply")
    return tuple(_manifest(document, namespace) for document in documents)


def _manifest(document: dict[str, Any], namespace: str) -> Manifest:
    kind, version = document.get("kind"), document.get("apiVersion")
    if not isinstance(kind, str) or not kind:
        raise ManifestRejected("error validating data: kind not set")
    if not isinstance(version, str) or not version:
        raise ManifestRejected("error validating data: apiVersion not set")
    known = "apps/v1" if kind == "Deployment" else INERT_KINDS.get(kind, REFUSED_KINDS.get(kind))
    if version != known:
        raise ManifestRejected(
            f'no matches for kind "{kind}" in version "{version}"',
            help="Correct the kind or the apiVersion, or install the CRDs first.",
        )
    if kind in REFUSED_KINDS:
        raise ManifestRejected(
            f'the simulated cluster runs no "{kind}": its pods would never start',
            help="Use a Deployment, or run on the real thing with --substrate kind.",
        )
    metadata = Fields(f"The {kind}", "metadata", document.get("metadata") or {})
    name = metadata.get("name", str)
    metadata.title = f'The {kind} "{name}"'
    if not _DNS_SUBDOMAIN.fullmatch(name):
        what = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"
        metadata.refuse("name", f"Invalid value: {json.dumps(name)}: {what}, '-' or '.'")
    own = metadata.get("namespace", str, namespace)
    if own != namespace and kind != "Namespace":
        raise ManifestRejected(
            f'the namespace from the provided object "{own}" does not match '
            f'the namespace "{namespace}"',
            help=f"Leave metadata.namespace out, or apply it to {own}.",
        )
    if kind != "Deployment":
        meant = written(document) if kind == "Service" and "spec" in document else document
        return InertManifest(kind, name, as_json(meant))
    return _deployment(Fields(metadata.title, "", document), name)


def _deployment(fields: Fields, name: str) -> DeploymentManifest:
    fields.refuse_unknown(("apiVersion", "kind", "metadata", "spec", "status"))
    spec = fields.inside("spec")
    spec.refuse_unknown(_SPEC_FIELDS)
    if spec.get("paused", bool, False):
        raise ManifestRejected("the simulated cluster has no paused rollouts (spec.paused)")
    labels = spec.inside("template").inside("metadata", {}).get("labels", dict, {})
    selector = spec.inside("selector")
    _check_selector(spec, selector, labels)
    is_recreate, surge, unavailable = _strategy(spec.inside("strategy", {}))
    min_ready = spec.number("minReadySeconds", 0)
    deadline = spec.number("progressDeadlineSeconds", 600)
    if deadline <= min_ready:
        what = f"Invalid value: {deadline}: must be greater than minReadySeconds"
        spec.refuse("progressDeadlineSeconds", what)
    return DeploymentManifest(
        name,
        DeploymentSpec(
            replicas=spec.number("replicas", 1),
            template=_template(spec.inside("template")),
            selector=as_json(selector.fields),
            strategy="Recreate" if is_recreate else "RollingUpdate",
            max_surge=surge,
            max_unavailable=unavailable,
            min_ready_seconds=min_ready,
            progress_deadline_seconds=deadline,
            revision_history_limit=spec.number("revisionHistoryLimit", 10),
        ),
        as_json({k: v for k, v in fields.fields["metadata"].items() if k != "namespace"}),
    )


def _check_selector(spec: Fields, selector: Fields, labels: dict[str, Any]) -> None:
    selector.refuse_unknown(("matchLabels", "matchExpressions"))
    wanted = selector.get("matchLabels", dict, {})
    if selector.fields.get("matchExpressions"):
        raise ManifestRejected("the simulated cluster has no spec.selector.matchExpressions")
    if not wanted:
        spec.refuse("selector", "Invalid value: {}: empty selector is invalid for deployment")
    if any(labels.get(key) != value for key, value in wanted.items()):
        spec.refuse(
            "template.metadata.labels",
            f"Invalid value: {json.dumps(labels)}: `selector` does not match template `labels`",
        )


def _strategy(strategy: Fields) -> tuple[bool, IntOrPercent, IntOrPercent]:
    """Whether it is `Recreate`, the surge and the pods that may be unavailable."""
    strategy.refuse_unknown(("type", "rollingUpdate"))
    kind = strategy.choice("type", ("Recreate", "RollingUpdate"), "RollingUpdate")
    if kind == "Recreate" and strategy.fields.get("rollingUpdate") is not None:
        what = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        strategy.refuse("rollingUpdate", what)
    rolling = strategy.inside("rollingUpdate", {})
    rolling.refuse_unknown(("maxSurge", "maxUnavailable"))
    surge, unavailable = rolling.share("maxSurge"), rolling.share("maxUnavailable")
    if all(int(str(each).rstrip("%")) == 0 for each in (surge, unavailable)):
        what = f"Invalid value: {json.dumps(unavailable)}: may not be 0 when `maxSurge` is 0"
        rolling.refuse("maxUnavailable", what)
    return kind == "Recreate", surge, unavailable


def _template(template: Fields) -> PodTemplate:
    template.refuse_unknown(("metadata", "spec"))
    spec = template.inside("spec")
    written = spec.get("containers", list)
    if not written:
        spec.refuse("containers", "Required value")
    containers: list[Container] = []
    for number, each in enumerate(written):
        if not isinstance(each, dict):
            spec.refuse(f"containers[{number}]", "Invalid value: must be an object")
        container = _container(Fields(spec.title, f"{spec.path}.containers[{number}]", each))
        if any(container.name == other.name for other in containers):
            what = f'Duplicate value: "{container.name}"'
            spec.refuse(f"containers[{number}].name", what)
        containers.append(container)
    without_images = [{**each, "image": ""} for each in written]
    others = {**template.fields, "spec": {**spec.fields, "containers": without_images}}
    grace = spec.number("terminationGracePeriodSeconds", 30)
    return PodTemplate(tuple(containers), grace, as_json(others))


def _container(container: Fields) -> Container:
    container.refuse_unknown(_CONTAINER_FIELDS)
    name, image = container.get("name", str), container.get("image", str)
    if not _DNS_LABEL.fullmatch(name):
        what = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters"
        container.refuse("name", f"Invalid value: {json.dumps(name)}: {what} or '-'")
    if not image.strip():
        container.refuse("image", "Required value")
    ref = ImageRef.parse(image)
    is_moving = ref.digest is None and ref.tag in (None, "latest")
    policy: PullPolicy = container.choice(
        "imagePullPolicy",
        ("Always", "IfNotPresent", "Never"),
        "Always" if is_moving else "IfNotPresent",
    )
    probe = None
    if container.fields.get("readinessProbe") is not None:
        written = container.inside("readinessProbe")
        probe = ReadinessProbe(
            written.number("initialDelaySeconds", 0),
            # Kubernetes fills in its default for an explicit 0 as well.
            written.number("periodSeconds", 10) or 10,
            written.number("successThreshold", 1) or 1,
        )
    return Container(name, ref, policy, probe)
