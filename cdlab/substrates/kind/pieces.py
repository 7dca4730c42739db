"""
What of a lab is there, piece by piece. Looks, and changes nothing.

In: settings. Out: a `Piece` for each part with its state and address. Who calls it: `lifecycle.py`
for `status`, `check` and `connect`; the doctor for ports that are taken by ourselves.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cdlab.substrates.kind import contexts, credentials, nodes
from cdlab.substrates.kind.engine import find_container, is_ours
from cdlab.substrates.kind.services import answers
from cdlab.substrates.kind.settings import KindSettings

if TYPE_CHECKING:
    from docker import DockerClient

State = Literal["running", "broken", "stopped", "missing", "foreign"]


@dataclass(frozen=True)
class Piece:
    """One part of a lab."""

    name: str
    state: State
    address: str = ""
    detail: str = ""
    """What is wrong with it, or what it is made of."""


def look_at_pieces(engine: DockerClient, settings: KindSettings) -> list[Piece]:
    """Return the state of the logins, the registry, the git server and the cluster."""
    passwords = credentials.load(settings.state_folder)
    logins = settings.state_folder / "logins.json"
    return [
        Piece("logins", "running" if passwords else "missing", str(logins)),
        _service(engine, settings.registry_container, "/v2/", passwords, settings),
        _service(engine, settings.git_container, "/healthz", passwords, settings),
        _other_cluster(settings) if settings.is_elsewhere else _cluster(engine, settings),
    ]


def _service(
    engine: DockerClient,
    name: str,
    health: str,
    passwords: dict[str, str] | None,
    settings: KindSettings,
) -> Piece:
    is_registry = name == settings.registry_container
    what = "registry" if is_registry else "git server"
    port = settings.registry_port if is_registry else settings.git_port
    address = f"http://127.0.0.1:{port}"
    container = find_container(engine, name)
    if container is None:
        return Piece(what, "missing", address, f'there is no container "{name}"')
    if not is_ours(container, settings):
        return Piece(what, "foreign", address, f'cdlab did not make the container "{name}"')
    if container.status != "running":
        return Piece(what, "stopped", address, f'the container "{name}" is {container.status}')
    if passwords is None or not answers(port, health, passwords):
        return Piece(what, "broken", address, f"does not answer, see: docker logs {name}")
    return Piece(what, "running", address, f'container "{name}"')


def _cluster(engine: DockerClient, settings: KindSettings) -> Piece:
    address = f"{settings.kubeconfig} (context {settings.context})"
    containers = nodes.find_nodes(engine, settings)
    if not containers:
        return Piece("cluster", "missing", address, f'no kind cluster "{settings.cluster_name}"')
    if not all(nodes.is_node_ours(node) for node in containers):
        return Piece("cluster", "foreign", address, "cdlab did not make this kind cluster")
    stopped = [str(node.name) for node in containers if node.status != "running"]
    if stopped:
        return Piece("cluster", "stopped", address, f"{', '.join(stopped)} not running")
    if len(containers) < nodes.NODES:
        return Piece("cluster", "broken", address, f"{len(containers)} of {nodes.NODES} nodes")
    why = "there is no kubeconfig"
    if settings.kubeconfig.is_file():
        why = _api_trouble(settings.kubeconfig)
    if why:
        return Piece("cluster", "broken", address, why)
    image = str(containers[0].attrs["Config"]["Image"])
    return Piece("cluster", "running", address, f"{len(containers)} nodes of {image}")


def _other_cluster(settings: KindSettings) -> Piece:
    address = f"{settings.kubeconfig} (context {settings.context})"
    why = contexts.trouble(settings)
    if why:
        return Piece("cluster", "foreign", address, why)
    why = _api_trouble(settings.kubeconfig, "--context", settings.context)
    return Piece("cluster", "broken" if why else "running", address, why or "named, not ours")


def _api_trouble(kubeconfig: Path, *more: str) -> str:
    command = [str(nodes.require_tool("kubectl")), "--kubeconfig", str(kubeconfig), *more]
    try:
        subprocess.run(
            [*command, "get", "--raw=/readyz", "--request-timeout=5s"],
            capture_output=True,
            timeout=10,
            check=True,
        )
    except subprocess.SubprocessError as error:
        return f"the API server does not answer ({type(error).__name__})"
    return ""
