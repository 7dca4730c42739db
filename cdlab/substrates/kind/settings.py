"""
The settings of one lab: names, images, ports, and the folder that keeps its state.

In: environment variables (`KindSettings.from_environment`) or keyword arguments. Out: one frozen
value that every module of the kind substrate takes. Who calls it: the command line, the pytest
plugin and the tests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdlab.errors import SubstrateUnavailable

LABEL = "cdlab.dev/lab"
"""Docker and Kubernetes label of everything that is ours; its value is the cluster's name."""
NODE_IMAGE = (
    "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
)
"""The default node image of kind v0.30.0, from its release notes."""
REGISTRY_IMAGE = "registry:3"
PYTHON_IMAGE = "python:3.11-slim"
"""Base of the git server and of the release manager."""
BUSYBOX_IMAGE = "busybox:1.35"
"""Base of the sample microservices."""
NETWORK = "kind"
"""The Docker network that kind makes for its nodes, and leaves behind."""


@dataclass(frozen=True, kw_only=True)
class KindSettings:
    """What a lab is called, what it is made of and where it listens."""

    cluster_name: str = "cdlab"
    """Name of the kind cluster, and prefix of every container, volume and image of the lab."""
    node_image: str = NODE_IMAGE
    """Overridden by CDLAB_NODE_IMAGE or `--cdlab-node-image`."""
    registry_port: int = 5001
    """On 127.0.0.1. Not 5000, which macOS uses for AirPlay."""
    git_port: int = 8418
    """On 127.0.0.1: git, its administration and the hint hub. 9418 is git's own port."""
    node_ports: tuple[int, ...] = (30080, 30081, 30082)
    """NodePorts of the cluster that are published on 127.0.0.1 under the same number."""
    cache_home: Path = field(default_factory=lambda: Path.home() / ".cache")
    """Parent of `cdlab/<cluster>`, where the lab keeps its kubeconfig and its logins."""

    given_kubeconfig: Path | None = None
    """Somebody else's kubeconfig, for runs on a cluster that `cdlab up` did not make."""
    given_context: str | None = None
    """The context of it to use. Without a name no context but ours is ever touched."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", self.cluster_name):
            raise SubstrateUnavailable(
                f'the cluster name "{self.cluster_name}" is not lower-case letters, digits and "-"',
                help="export CDLAB_CLUSTER_NAME=cdlab",
            )
        ports = (self.registry_port, self.git_port, *self.node_ports)
        if len(set(ports)) < len(ports) or not all(0 < port < 65536 for port in ports):
            raise SubstrateUnavailable(
                f"the ports {', '.join(map(str, ports))} are not distinct ports below 65536",
                help="unset CDLAB_REGISTRY_PORT CDLAB_GIT_PORT CDLAB_NODE_PORTS",
            )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> KindSettings:
        """Read CDLAB_NODE_IMAGE, _CLUSTER_NAME, _REGISTRY_PORT, _GIT_PORT and _NODE_PORTS.

        CDLAB_KUBECONFIG and CDLAB_CONTEXT name another cluster; KUBECONFIG is not looked at.
        XDG_CACHE_HOME moves the state folder. An unset or empty variable means the default.
        """
        given = {key: value for key, value in environ.items() if value}
        home = Path(given["HOME"]) if "HOME" in given else Path.home()
        node_ports = _ports(given, "CDLAB_NODE_PORTS", cls.node_ports)
        return cls(
            cluster_name=given.get("CDLAB_CLUSTER_NAME", cls.cluster_name),
            node_image=given.get("CDLAB_NODE_IMAGE", cls.node_image),
            registry_port=_ports(given, "CDLAB_REGISTRY_PORT", (cls.registry_port,))[0],
            git_port=_ports(given, "CDLAB_GIT_PORT", (cls.git_port,))[0],
            node_ports=node_ports,
            cache_home=Path(given.get("XDG_CACHE_HOME", home / ".cache")),
            given_kubeconfig=_given_kubeconfig(given, home),
            given_context=given.get("CDLAB_CONTEXT"),
        )

    @classmethod
    def here(cls) -> KindSettings:
        """The settings of this process's environment."""
        return cls.from_environment(os.environ)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every Docker object of this lab."""
        return {LABEL: self.cluster_name}

    @property
    def state_folder(self) -> Path:
        """Folder of the kubeconfig, the logins, kind's log and what the nodes mount."""
        return self.cache_home.absolute() / "cdlab" / self.cluster_name

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of our cluster alone, or the one that was named; no other is touched."""
        return self.given_kubeconfig or self.state_folder / "kubeconfig"

    @property
    def context(self) -> str:
        """Name that kind gives to the cluster's kubeconfig context, or the one that was given."""
        return self.given_context or f"kind-{self.cluster_name}"

    @property
    def is_elsewhere(self) -> bool:
        """Whether the cluster is somebody else's: used when named, never made or removed."""
        return self.given_kubeconfig is not None

    @property
    def registry_host(self) -> str:
        """Host part of image references, the same on this machine and on the nodes."""
        return f"localhost:{self.registry_port}"

    @property
    def registry_container(self) -> str:
        """Name of the registry's container, which is its host name on the kind network."""
        return f"{self.cluster_name}-registry"

    @property
    def git_container(self) -> str:
        """Name of the git server's container, which is its host name on the kind network."""
        return f"{self.cluster_name}-git"

    @property
    def images(self) -> tuple[str, ...]:
        """Images that have to be on this machine, or pullable, before a lab starts."""
        return (self.node_image, REGISTRY_IMAGE, PYTHON_IMAGE, BUSYBOX_IMAGE)


def _given_kubeconfig(given: Mapping[str, str], home: Path) -> Path | None:
    if "CDLAB_KUBECONFIG" in given:
        return Path(given["CDLAB_KUBECONFIG"])
    return home / ".kube/config" if "CDLAB_CONTEXT" in given else None


def _ports(given: Mapping[str, str], name: str, default: tuple[int, ...]) -> tuple[int, ...]:
    if name not in given:
        return default
    try:
        return tuple(int(port) for port in given[name].split(","))
    except ValueError:
        raise SubstrateUnavailable(
            f'{name} is "{given[name]}", which is not a port number',
            help=f"export {name}={','.join(map(str, default))}",
        ) from None
