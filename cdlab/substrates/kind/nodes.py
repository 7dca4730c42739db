"""
The kind cluster of a lab: made through pytest_kind, recognized as ours, wired to the registry.

In: settings, a Docker client. Out: a cluster whose nodes are Ready and pull from our registry, and
its kubeconfig in the state folder. Who calls it: `lifecycle.py`; the pytest plugin takes
`kind_cluster`.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdlab.errors import SubstrateUnavailable
from cdlab.installing import install_command
from cdlab.substrates.kind import kind_config
from cdlab.substrates.kind.engine import File, Progress, archive
from cdlab.substrates.kind.settings import KindSettings

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from pytest_kind import KindCluster

NODES = 1 + kind_config.WORKERS
LONG_AGO = datetime.min.replace(tzinfo=UTC)
READY_SECONDS = 120.0
"""A new cluster needs about 15 s from its creation to Ready nodes on two cores."""

REVIVE_SECONDS = 60.0
"""How long a stopped cluster gets to come back before it is made anew."""


def require_tool(name: str) -> Path:
    """Return the path of a program, or say where to get it."""
    path = shutil.which(name)
    if path is None:
        raise SubstrateUnavailable(f'the program "{name}" is not on the PATH', help=TOOLS[name])
    return Path(path)


TOOLS = {
    "docker": "install the Docker engine: https://docs.docker.com/engine/install/",
    "kind": "go install sigs.k8s.io/kind@v0.30.0   (or: https://kind.sigs.k8s.io/#installation)",
    "kubectl": "install kubectl: https://kubernetes.io/docs/tasks/tools/#kubectl",
    "git": "install git: https://git-scm.com/downloads",
}
"""Programs of the kind substrate, and where each comes from."""


def kind_cluster(settings: KindSettings) -> KindCluster:
    """Return pytest_kind's handle of our cluster, whether it exists or not."""
    try:
        from pytest_kind import KindCluster
    except ImportError as error:
        raise SubstrateUnavailable(
            'the Python package "pytest-kind" is not installed', help=install_command("kind")
        ) from error
    settings.state_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Its constructor makes a folder `.pytest-kind` where the process happens to be.
    with contextlib.chdir(settings.state_folder):
        return KindCluster(
            settings.cluster_name,
            kubeconfig=settings.kubeconfig,
            kind_path=_logging_kind(settings),
            kubectl_path=require_tool("kubectl"),
        )


def _logging_kind(settings: KindSettings) -> Path:
    # pytest_kind lets kind write to our standard error, where a failure's reason would be lost to
    # the exception and progress bars be torn; this script keeps what kind says in a file.
    script = settings.state_folder / "kind"
    kind, log = (
        shlex.quote(str(path))
        for path in (require_tool("kind"), settings.state_folder / "kind.log")
    )
    script.write_text(f'#!/bin/sh\nexec {kind} "$@" 2>>{log}\n')
    script.chmod(0o700)
    return script


def find_nodes(engine: DockerClient, settings: KindSettings) -> list[Container]:
    """Return the node containers of the cluster of our name, control plane first, ours or not."""
    label = f"io.x-k8s.kind.cluster={settings.cluster_name}"
    found: list[Container] = engine.containers.list(
        all=True, filters={"label": label}, ignore_removed=True
    )
    return sorted(found, key=lambda node: node.name or "")


def is_node_ours(node: Container) -> bool:
    """Whether a node was made from our kind config; see `kind_config.MARK`."""
    mounts = node.attrs.get("Mounts") or ()
    return any(mount.get("Destination") == kind_config.MARK for mount in mounts)


def refuse_foreign_cluster(nodes: list[Container], settings: KindSettings) -> None:
    """Raise when a cluster of our name exists that cdlab did not make."""
    for node in nodes:
        if not is_node_ours(node):
            raise SubstrateUnavailable(
                f'a kind cluster "{settings.cluster_name}" exists that cdlab did not make',
                help="export CDLAB_CLUSTER_NAME=<another name>   "
                f"(or: kind delete cluster --name {settings.cluster_name})",
            )


def write_node_files(settings: KindSettings) -> Path:
    """Write what the nodes mount, and kind's configuration; return the latter's path."""
    mounted = settings.state_folder / "nodes"
    mounted.mkdir(parents=True, exist_ok=True)
    (mounted / "audit-policy.yaml").write_text(kind_config.AUDIT_POLICY)
    path = settings.state_folder / "kind.yaml"
    path.write_text(kind_config.kind_config(settings))
    return path


def ensure_cluster(engine: DockerClient, settings: KindSettings, progress: Progress) -> None:
    """Return when the cluster of our name exists, is ours, and all its nodes are Ready.

    A cluster that was left half made, or that does not come back after the engine was stopped, is
    deleted and made anew.
    """
    nodes = find_nodes(engine, settings)
    refuse_foreign_cluster(nodes, settings)
    config = write_node_files(settings)
    cluster = kind_cluster(settings)
    if nodes and not _revive(nodes, cluster, settings, progress):
        progress("the old cluster does not come back: deleting it")
        remove_nodes(nodes)
        nodes = []
    if not nodes:
        started = time.monotonic()
        progress(f"creating the cluster: {NODES} nodes of {settings.node_image}")
        _create(cluster, config, settings)
        wait_ready(cluster, READY_SECONDS)
        progress(f"the cluster is ready ({time.monotonic() - started:.0f} s)")


def _create(cluster: KindCluster, config: Path, settings: KindSettings) -> None:
    log = settings.state_folder / "kind.log"
    log.unlink(missing_ok=True)
    settings.kubeconfig.unlink(missing_ok=True)
    _unfinished(settings).touch()
    try:
        cluster.create(config_file=config)
    except subprocess.CalledProcessError as error:
        said = log.read_text().strip().splitlines() if log.exists() else []
        reason = next((line for line in said if line.startswith("ERROR")), "") or "".join(said[-1:])
        mend = f"cdlab doctor; less {log}"
        if any("kubelet is not healthy" in line for line in said):
            # A kubelet that gets no inotify instance does not start, and kind waits 4 minutes.
            mend = "sudo sysctl fs.inotify.max_user_instances=512   (or remove other clusters)"
        raise SubstrateUnavailable(f"kind could not create the cluster: {reason}", help=mend) from (
            error
        )
    _unfinished(settings).unlink()


def _unfinished(settings: KindSettings) -> Path:
    """Mark of a cluster whose creation was cut short; there is no point in waiting for it."""
    return settings.state_folder / "unfinished"


def _revive(
    nodes: list[Container], cluster: KindCluster, settings: KindSettings, progress: Progress
) -> bool:
    if len(nodes) < NODES or _unfinished(settings).exists():
        return False
    stopped = [node for node in nodes if node.status != "running"]
    if stopped:
        progress(f"starting {len(stopped)} stopped nodes")
    since = datetime.now(UTC) if stopped else LONG_AGO
    for node in stopped:
        node.start()
    try:
        if not settings.kubeconfig.is_file() or not settings.kubeconfig.stat().st_size:
            _export_kubeconfig(cluster, settings)
        wait_ready(cluster, REVIVE_SECONDS, since)
    except (SubstrateUnavailable, subprocess.SubprocessError):
        return False
    return True


def _export_kubeconfig(cluster: KindCluster, settings: KindSettings) -> None:
    command = [str(cluster.kind_path), "export", "kubeconfig", "--name", settings.cluster_name]
    subprocess.run(
        [*command, "--kubeconfig", str(settings.kubeconfig)],
        check=True,
        timeout=30,
        stdout=subprocess.DEVNULL,
    )


def kubectl(cluster: KindCluster, *arguments: str, seconds: float = 30.0, stdin: str = "") -> str:
    """Run kubectl against our cluster and return its output; CalledProcessError when it fails."""
    kubeconfig = Path(cluster.kubeconfig_path)
    # Without a folder of our own for it, kubectl keeps its cache beside the user's kubeconfig.
    cache = f"--cache-dir={kubeconfig.parent / 'kubectl-cache'}"
    command = [str(cluster.kubectl_path), "--kubeconfig", str(kubeconfig), cache, *arguments]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=seconds, check=True
    )
    return done.stdout


def wait_ready(cluster: KindCluster, seconds: float, since: datetime = LONG_AGO) -> None:
    """Return when every node and its system pods are Ready, as reported after `since`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            why = _not_ready(cluster, since)
        except subprocess.CalledProcessError as error:
            why = f"the API server does not answer: {error.stderr.strip().splitlines()[-1:]}"
        except subprocess.TimeoutExpired:
            why = "the API server does not answer in time"
        if not why:
            return
        if time.monotonic() > deadline:
            raise SubstrateUnavailable(
                f"the cluster is not ready after {seconds:.0f} s: {why}",
                help="cdlab doctor, then: cdlab down && cdlab up",
            )
        time.sleep(0.3)


def _not_ready(cluster: KindCluster, since: datetime) -> str:
    """Return why the cluster is not ready yet; empty when it is."""
    answer = kubectl(
        cluster,
        *("get", "nodes,leases,pods", "--all-namespaces", "--output=json"),
        "--request-timeout=5s",
        seconds=10,
    )
    items = json.loads(answer)["items"]
    joined = [item for item in items if item["kind"] == "Node"]
    if len(joined) < NODES:
        return f"{len(joined)} of {NODES} nodes have joined"
    return next(filter(None, (_trouble(item, since) for item in items)), "")


def _trouble(item: dict[str, Any], since: datetime) -> str:
    name, namespace = item["metadata"]["name"], item["metadata"].get("namespace")
    if item["kind"] == "Lease" and namespace == "kube-node-lease":
        # After a stop of the engine, a node's old condition stands until its kubelet reports.
        if datetime.fromisoformat(item["spec"]["renewTime"]) < since:
            return f'node "{name}" has not reported since it was started'
    elif item["kind"] == "Node" or (item["kind"] == "Pod" and namespace == "kube-system"):
        conditions = item["status"].get("conditions", [])
        if not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            return f'{item["kind"].lower()} "{name}" is not Ready'
    return ""


def wire(nodes: list[Container], node_password: str, settings: KindSettings) -> None:
    """Make the nodes pull from our registry, and write the lab's ConfigMaps. Safe to repeat."""
    hosts = kind_config.containerd_hosts(settings, node_password).encode()
    path = f"etc/containerd/certs.d/{settings.registry_host}/hosts.toml"
    for node in nodes:
        node.put_archive("/", archive({path: File(hosts, mode=0o600)}))
    try:
        kubectl(
            kind_cluster(settings),
            *("apply", "--server-side", "--force-conflicts", "--filename=-"),
            stdin=kind_config.config_maps(settings),
        )
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", "") or str(error)
        raise SubstrateUnavailable(
            f"the lab's ConfigMaps cannot be written: {said}", help="cdlab down && cdlab up"
        ) from error


def remove_nodes(nodes: list[Container]) -> None:
    """Remove node containers as `kind delete cluster` does, even of a cluster that is half made."""
    import docker

    for node in nodes:
        with contextlib.suppress(docker.errors.NotFound):
            node.remove(force=True, v=True)
