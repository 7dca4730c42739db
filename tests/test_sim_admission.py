"""What the simulated API server makes of manifests, and what it refuses in which words."""

from __future__ import annotations

import pytest

from cdlab.errors import ManifestRejected
from cdlab.model import ImageRef
from cdlab.substrates.sim.admission import Manifest, admitted
from cdlab.substrates.sim.workload_specs import DeploymentManifest, InertManifest, ReadinessProbe

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users
spec:
  replicas: 3
  SPEC
  selector:
    matchLabels: {app: users}
  template:
    metadata:
      labels: {app: users}
    spec:
      containers:
        - name: users
          image: registry.test/users:v1
"""


def deployment(spec: str = "minReadySeconds: 0") -> str:
    return DEPLOYMENT.replace("SPEC", spec)


def only(text: str) -> Manifest:
    (manifest,) = admitted(text, "staging")
    return manifest


REJECTED = {
    "no matches for kind": deployment().replace("apps/v1", "extensions/v1beta1"),
    'no matches for kind "Rollout"': deployment().replace("kind: Deployment", "kind: Rollout"),
    "kind not set": deployment().replace("kind: Deployment", ""),
    "spec.template.spec.containers: Required value": deployment()
    .split("        - name")[0]
    .replace("containers:", "containers: []"),
    "`selector` does not match template `labels`": deployment().replace(
        "labels: {app: users}", "labels: {app: orders}"
    ),
    "must be greater than or equal to 0": deployment().replace("replicas: 3", "replicas: -1"),
    "may not be 0 when `maxSurge` is 0": deployment(
        spec="strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}"
    ),
    "must not be greater than 100%": deployment(
        spec="strategy: {rollingUpdate: {maxUnavailable: 101%}}"
    ),
    "Unsupported value": deployment(spec="strategy: {type: Canary}"),
    "may not be specified when strategy `type` is": deployment(
        spec="strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}"
    ),
    "must be greater than minReadySeconds": deployment(spec="progressDeadlineSeconds: 0"),
    'unknown field "spec.replica"': deployment(spec="replica: 4"),
    "cannot unmarshal string into": deployment().replace("replicas: 3", "replicas: three"),
    "RFC 1123": deployment().replace("name: users\nspec", "name: Users\nspec"),
    "does not match the namespace": deployment().replace(
        "name: users\nspec", "name: users\n  namespace: other\nspec"
    ),
    "containers[0].image: Required value": deployment().replace("registry.test/users:v1", '""'),
    "would never start": deployment().replace("kind: Deployment", "kind: StatefulSet"),
    "error parsing": "a: [",
    "no objects passed": "",
}


@pytest.mark.parametrize("words", REJECTED)
def test_manifest_that_the_api_server_refuses(words: str) -> None:
    """Refused in the API server's words."""
    with pytest.raises(ManifestRejected) as no:
        admitted(REJECTED[words], "staging")
    assert words in no.value.message


def test_defaults_are_those_of_kubernetes() -> None:
    """25 % surge and unavailable, 600 s deadline, 10 old ReplicaSets, 30 s grace, one replica."""
    manifest = only(deployment().replace("replicas: 3", ""))
    assert isinstance(manifest, DeploymentManifest)
    spec = manifest.spec
    assert (spec.strategy, spec.max_surge, spec.max_unavailable) == ("RollingUpdate", "25%", "25%")
    assert (spec.replicas, spec.min_ready_seconds, spec.progress_deadline_seconds) == (1, 0, 600)
    assert (spec.revision_history_limit, spec.template.grace_seconds) == (10, 30)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("users", "Always"),
        ("users:latest", "Always"),
        ("users:v1", "IfNotPresent"),
        ("users:latest@sha256:1", "IfNotPresent"),
        ("localhost:5001/users", "Always"),
    ],
)
def test_pull_policy_depends_on_the_tag(image: str, policy: str) -> None:
    """A reference without a tag or with `latest` is looked up at every start."""
    manifest = only(deployment().replace("registry.test/users:v1", image))
    assert isinstance(manifest, DeploymentManifest)
    (container,) = manifest.spec.template.containers
    assert (container.image, container.pull_policy) == (ImageRef.parse(image), policy)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "most", "least"),
    [
        (1, "25%", "25%", 2, 1),
        (3, "25%", "25%", 4, 3),
        (4, "25%", "25%", 5, 3),
        (10, "25%", "25%", 13, 8),
        (3, "100%", "0", 6, 3),
        (3, "0", "1%", 3, 2),
        (2, "0", "5", 2, 0),
    ],
)
def test_surge_is_rounded_up_and_unavailable_down(
    replicas: int, surge: str, unavailable: str, most: int, least: int
) -> None:
    """When both come to nothing, one pod may be unavailable."""
    strategy = f"{{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}"
    text = deployment(f"strategy: {strategy}").replace("replicas: 3", f"replicas: {replicas}")
    manifest = only(text)
    assert isinstance(manifest, DeploymentManifest)
    assert manifest.spec.replicas + manifest.spec.surge == most
    assert manifest.spec.min_available == least


def test_services_and_the_like_are_kept_and_compared() -> None:
    """Order and layout of fields do not matter."""
    first = only("{apiVersion: v1, kind: Service, metadata: {name: users}, spec: {a: 1, b: 2}}")
    second = only("kind: Service\napiVersion: v1\nspec: {b: 2, a: 1}\nmetadata: {name: users}\n")
    assert isinstance(first, InertManifest)
    assert first == second


@pytest.mark.parametrize(
    ("delay", "period", "phase", "successes", "seconds"),
    [(0, 1, 0.0, 1, 0), (0, 2, 0.5, 1, 1), (4, 2, 0.5, 1, 5), (4, 2, 0.0, 1, 4), (0, 2, 0.5, 3, 5)],
)
def test_first_probe_that_counts(
    delay: int, period: int, phase: float, successes: int, seconds: float
) -> None:
    """Ticks before the initial delay are skipped, and as many must succeed as are asked for."""
    assert ReadinessProbe(delay, period, successes).seconds_to_ready(phase) == seconds
