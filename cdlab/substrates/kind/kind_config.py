"""
The configuration files of the cluster: kind's, the audit policy, containerd's and ConfigMaps.

In: the settings, and for pulling images the node's login. Out: text. Pure, no input or output of
its own. Who calls it: `nodes.py`.
"""

from __future__ import annotations

import json
from typing import Any

from cdlab.substrates.kind.credentials import basic
from cdlab.substrates.kind.settings import LABEL, KindSettings

WORKERS = 2
MARK = "/etc/cdlab"
"""Where every node mounts a folder of ours. Docker labels cannot be given to kind's containers, so
this mount is how one of them is known to be ours, even when its API server is dead."""
AUDIT_LOG = "/var/log/kubernetes/audit.log"
"""On the control plane node."""

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - group: apps
        resources: [deployments, deployments/scale]
      - group: ""
        resources: [services, pods]
  - level: None
"""

API_SERVER_ARGUMENTS = {
    "audit-policy-file": f"{MARK}/audit-policy.yaml",
    "audit-log-path": AUDIT_LOG,
    "audit-log-maxsize": "50",
    "audit-log-maxbackup": "2",
}
CONTROLLER_MANAGER_ARGUMENTS = {
    # A stopped node is NotReady after about 11 s, instead of 40 s.
    "node-monitor-grace-period": "16s",
}


def kind_config(settings: KindSettings) -> str:
    """Return the configuration for `kind create cluster`, as JSON, which is YAML too."""
    mounts = [
        {
            "hostPath": str(settings.state_folder / "nodes"),
            "containerPath": MARK,
            "readOnly": True,
        }
    ]
    ports = [
        {"containerPort": port, "hostPort": port, "listenAddress": "127.0.0.1"}
        for port in settings.node_ports
    ]
    node: dict[str, Any] = {
        "image": settings.node_image,
        "labels": settings.labels,
        "extraMounts": mounts,
    }
    control_plane = {
        **node,
        "role": "control-plane",
        "extraPortMappings": ports,
        "kubeadmConfigPatches": [json.dumps(patch) for patch in _kubeadm_patches()],
    }
    workers = [{**node, "role": "worker"} for _ in range(WORKERS)]
    config = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": settings.cluster_name,
        "networking": {"apiServerAddress": "127.0.0.1"},
        "nodes": [control_plane, *workers],
    }
    return json.dumps(config, indent=2) + "\n"


def _kubeadm_patches() -> list[dict[str, Any]]:
    # kind v0.30 writes kubeadm's v1beta3, where extra arguments are a map; in v1beta4 they are a
    # list. kind applies a patch where version and kind match, and skips the other.
    volumes = [
        {"name": "cdlab", "hostPath": MARK, "mountPath": MARK, "readOnly": True},
        {
            "name": "audit-log",
            "hostPath": "/var/log/kubernetes",
            "mountPath": "/var/log/kubernetes",
            "readOnly": False,
            "pathType": "DirectoryOrCreate",
        },
    ]

    def listed(arguments: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in arguments.items()]

    def patch(version: str, shape: Any) -> dict[str, Any]:
        return {
            "apiVersion": f"kubeadm.k8s.io/{version}",
            "kind": "ClusterConfiguration",
            "apiServer": {"extraArgs": shape(API_SERVER_ARGUMENTS), "extraVolumes": volumes},
            "controllerManager": {"extraArgs": shape(CONTROLLER_MANAGER_ARGUMENTS)},
        }

    return [patch("v1beta3", dict), patch("v1beta4", listed)]


def containerd_hosts(settings: KindSettings, node_password: str) -> str:
    """Return hosts.toml: nodes pull `localhost:<port>/…` from the registry's container."""
    return (
        f'server = "http://{settings.registry_container}:5000"\n\n'
        f'[host."http://{settings.registry_container}:5000"]\n'
        '  capabilities = ["pull", "resolve"]\n'
        f'  [host."http://{settings.registry_container}:5000".header]\n'
        f'    authorization = ["{basic("node", node_password)}"]\n'
    )


def config_maps(settings: KindSettings) -> str:
    """Return the ConfigMaps of the lab: where the registry is, and that the cluster is ours."""
    hosting = (
        f'host: "{settings.registry_host}"\n'
        f'hostFromContainerRuntime: "{settings.registry_container}:5000"\n'
        f'hostFromClusterNetwork: "{settings.registry_container}:5000"\n'
        'help: "https://kind.sigs.k8s.io/docs/user/local-registry/"\n'
    )
    marker = {
        "lab": settings.cluster_name,
        "registry": settings.registry_host,
        "git": f"http://{settings.git_container}:8418",
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [
                _config_map(
                    "kube-public",
                    "local-registry-hosting",
                    {"localRegistryHosting.v1": hosting},
                    settings,
                ),
                _config_map("kube-system", "cdlab-lab", marker, settings),
            ],
        }
    )


def _config_map(
    namespace: str, name: str, data: dict[str, str], settings: KindSettings
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "labels": {LABEL: settings.cluster_name},
        },
        "data": data,
    }


def registry_config(settings: KindSettings) -> str:
    """Return the registry's config.yml, as JSON, which is YAML too.

    Every push posts a hint. A hub that is away costs a retry each second and nothing else.
    """
    hints = {
        "name": "hints",
        "url": f"http://{settings.git_container}:8418/hints/registry",
        "timeout": "1s",
        "threshold": 3,
        "backoff": "1s",
        "ignore": {"mediatypes": ["application/octet-stream"], "actions": ["pull"]},
    }
    return json.dumps(
        {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": "/var/lib/registry"},
                "delete": {"enabled": True},
            },
            "http": {"addr": ":5000"},
            "auth": {"htpasswd": {"realm": "cdlab", "path": "/etc/distribution/htpasswd"}},
            "notifications": {"endpoints": [hints]},
        },
        indent=2,
    )
