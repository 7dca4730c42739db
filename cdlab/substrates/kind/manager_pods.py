"""
How the pods of a release manager are, what they said, and the end of them.

In: a namespace. Out: nothing when all is well, else why not. Who calls it:
`manager_installation.py` and the command line.
"""

from __future__ import annotations

import subprocess
import time

from cdlab.errors import SubstrateUnavailable, WorkloadNotFound
from cdlab.substrates.kind import nodes, rollouts
from cdlab.substrates.kind.kubernetes_api import Json
from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.manager_objects import NAME
from cdlab.substrates.kind.namespaces import Namespace
from cdlab.substrates.kind.watching import Waiting

READY_SECONDS = 180.0
"""With a cold image: a node pulls some 90 MB. Warm it takes 3 s."""
GONE_SECONDS = 60.0
LOOK_SECONDS = 0.2
RESTARTS = 2
"""So many, and it will not get better by itself."""
LAST_LINES = 12
MERGE = "application/merge-patch+json"


def wait_until_ready(lab: Lab, namespace: Namespace) -> None:
    """Return when the newest pod is Ready and no other is left."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        found = namespace.api.call("GET", namespace.path("deployments", NAME))
        if rollouts.is_complete(found):
            return
        pods, _ = namespace.api.list(namespace.path("pods", api="/api/v1"))
        has_failed = any(restarts(pod) >= RESTARTS for pod in pods)
        if has_failed or time.monotonic() > deadline:
            how = "fails again and again" if has_failed else f"not Ready after {READY_SECONDS} s"
            said = last_words(lab, namespace.name)
            raise SubstrateUnavailable(
                f"the release manager: {how}: {_states(pods)}\n{said}",
                help=f"kubectl --namespace {namespace.name} describe pods",
            )
        time.sleep(LOOK_SECONDS)


def end(namespace: Namespace) -> None:
    """Have none, and return when none is left. Nothing to do where there is no Deployment."""
    path = f"{namespace.path('deployments', NAME)}/scale"
    try:
        namespace.api.call("PATCH", path, {"spec": {"replicas": 0}}, content_type=MERGE)
    except WorkloadNotFound:
        return
    waiting = Waiting(namespace)
    waiting.limit(GONE_SECONDS)
    try:
        waiting.until("pods", lambda pods: not pods)
    except TimeoutError as error:
        raise SubstrateUnavailable(
            f"the release manager's pod is not gone after {GONE_SECONDS:.0f} s",
            help=f"kubectl --namespace {namespace.name} describe pods",
        ) from error
    finally:
        waiting.stop()


def restarts(pod: Json) -> int:
    """How often a container of it was started again."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return sum(int(each.get("restartCount", 0)) for each in statuses)


def _states(pods: list[Json]) -> str:
    """What the kubelet says of them."""
    said = [
        f"{what} {state.get('reason', '')} {state.get('message', '')}".strip()
        for pod in pods
        for each in pod.get("status", {}).get("containerStatuses") or ()
        for what, state in each.get("state", {}).items()
    ]
    return "; ".join(said) or "no pod was started"


def last_words(lab: Lab, namespace: str) -> str:
    """The end of the log of its last process that ended, or of the one that runs."""
    cluster = nodes.kind_cluster(lab.settings)
    asked = ("logs", f"--namespace={namespace}", f"deployments/{NAME}", f"--tail={LAST_LINES}")
    for more in (["--previous"], []):
        try:
            return nodes.kubectl(cluster, *asked, *more)
        except subprocess.SubprocessError:
            continue
    return ""


def follow_log(lab: Lab, namespace: str, *, is_followed: bool) -> int:
    """Print the log, and with *is_followed* what comes; kubectl's exit code."""
    cluster = nodes.kind_cluster(lab.settings)
    command = [
        *(str(cluster.kubectl_path), "--kubeconfig", str(lab.kubeconfig)),
        *("logs", f"--namespace={namespace}", f"deployments/{NAME}"),
    ]
    return subprocess.call([*command, "--follow"] if is_followed else command)
