"""A lab of its own name and ports: started, looked at, damaged, mended and removed, for real.

The tests share one lab, because a cluster takes half a minute to start.
"""

from __future__ import annotations

import io
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind import credentials, doctor, kind_config, lifecycle, nodes
from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.settings import LABEL, NODE_IMAGE, KindSettings

kind = pytest.mark.kind


def test_the_default_node_image_is_pinned_by_digest() -> None:
    """A tag on Docker Hub can move."""
    assert "@sha256:" in NODE_IMAGE


def test_settings_come_from_the_environment() -> None:
    """Every variable is read, and an empty one means the default."""
    settings = KindSettings.from_environment(
        {
            "HOME": "/home/somebody",
            "CDLAB_NODE_IMAGE": "kindest/node:v1",
            "CDLAB_CLUSTER_NAME": "mine",
            "CDLAB_REGISTRY_PORT": "6001",
            "CDLAB_GIT_PORT": "",
            "CDLAB_NODE_PORTS": "31000,31001",
        }
    )
    assert (settings.node_image, settings.context) == ("kindest/node:v1", "kind-mine")
    assert (settings.registry_host, settings.git_port) == ("localhost:6001", 8418)
    assert settings.node_ports == (31000, 31001)
    assert settings.kubeconfig == Path("/home/somebody/.cache/cdlab/mine/kubeconfig")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CDLAB_GIT_PORT", "many"),
        ("CDLAB_GIT_PORT", "5001"),
        ("CDLAB_NODE_PORTS", "70000"),
        ("CDLAB_CLUSTER_NAME", "../mine"),
    ],
)
def test_a_senseless_setting_is_refused_with_help(variable: str, value: str) -> None:
    """The message quotes it, the help is a command."""
    with pytest.raises(SubstrateUnavailable) as refusal:
        KindSettings.from_environment({variable: value})
    assert value in refusal.value.missing
    assert refusal.value.help


def test_logins_are_kept_private(tmp_path: Path) -> None:
    """One password each, the same at the next call, readable by the owner only."""
    passwords = credentials.load_or_create(tmp_path)
    assert credentials.load_or_create(tmp_path) == passwords
    assert len(set(passwords.values())) == len(credentials.PRINCIPALS)
    assert (tmp_path / "logins.json").stat().st_mode & 0o777 == 0o600


def test_the_nodes_login_does_not_open_git() -> None:
    """Every node holds it in clear text."""
    passwords = dict.fromkeys(credentials.PRINCIPALS, "secret")
    assert "node" not in json.loads(credentials.git_users(passwords))


def test_the_kind_config_marks_every_node(tmp_path: Path) -> None:
    """`down` recognizes our nodes by the mount, so none may be without."""
    config = json.loads(kind_config.kind_config(KindSettings(cache_home=tmp_path)))
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    for node in config["nodes"]:
        assert [mount["containerPath"] for mount in node["extraMounts"]] == [kind_config.MARK]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> KindSettings:
    """Settings that share nothing with a lab in use."""
    return KindSettings(
        cluster_name="cdlab-lifecycle",
        node_image=KindSettings.from_environment(os.environ).node_image,
        registry_port=5401,
        git_port=8419,
        node_ports=(30480, 30481),
        cache_home=tmp_path_factory.mktemp("cache"),
    )


@pytest.fixture(scope="module")
def lab(settings: KindSettings) -> Iterator[Lab]:
    """A running lab, removed at the end."""
    findings = doctor.examine("kind", settings)
    if doctor.verdict(findings) == "no-go":
        pytest.skip("; ".join(f"{f.name}: {f.detail}" for f in findings if f.state == "missing"))
    lifecycle.down(settings, print)
    try:
        yield lifecycle.up(settings, print)
    finally:
        lifecycle.down(settings, print)
    assert not any(piece.state == "running" for piece in lifecycle.status(settings).pieces)


def kubectl(lab: Lab, *arguments: str) -> str:
    """Run kubectl against the lab and return what it says."""
    return nodes.kubectl(nodes.kind_cluster(lab.settings), *arguments, seconds=90)


@kind
def test_up_is_idempotent(lab: Lab) -> None:
    """A second `up` finds nothing to do and returns the same handle."""
    assert lifecycle.check(lab.settings) == []
    assert lifecycle.up(lab.settings, print) == lab
    assert lifecycle.connect(lab.settings) == lab
    assert lifecycle.status(lab.settings).is_up


@kind
def test_nodes_pull_what_ci_pushed(lab: Lab) -> None:
    """An image goes through the registry, with a login each, and runs under its digest."""
    import docker

    engine = docker.from_env()
    name = f"{lab.registry_host}/r1/web"
    dockerfile = b'FROM busybox:1.35\nCMD ["sleep", "60"]\n'
    engine.images.build(
        fileobj=io.BytesIO(dockerfile), tag=f"{name}:v1", labels=lab.labels, rm=True
    )
    user, password = lab.login("ci")
    login = {"username": user, "password": password}
    pushed = engine.images.push(name, tag="v1", auth_config=login, stream=True, decode=True)
    digest = next(line["aux"]["Digest"] for line in pushed if "aux" in line)
    kubectl(lab, "run", "web", f"--image={name}:v1", "--restart=Never")
    kubectl(lab, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    image_id = kubectl(lab, "get", "pod", "web", "--output=jsonpath={..imageID}")
    assert image_id == f"{name}@{digest}"
    hint = _hints(lab)[-1]
    assert (hint["repository"], hint["what"]) == ("r1/web", {"tag": "v1", "digest": digest})
    kubectl(lab, "delete", "pod", "web", "--now", "--wait=false")


def _hints(lab: Lab) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{lab.hub_url}/after/0?topic=registry&timeout=10") as answer:
        hints: list[dict[str, Any]] = json.load(answer)["hints"]
    return hints


@kind
def test_the_registry_refuses_a_wrong_password(lab: Lab) -> None:
    """A login is needed to push."""
    import docker

    login = {"username": "ci", "password": "guess"}
    engine = docker.from_env()
    engine.images.get("busybox:1.35").tag(f"{lab.registry_host}/r1/stolen", "v1")
    try:
        said = engine.images.push(f"{lab.registry_host}/r1/stolen", tag="v1", auth_config=login)
    finally:
        engine.images.remove(f"{lab.registry_host}/r1/stolen:v1")
    assert "authentication required" in said


@kind
def test_write_verbs_are_in_the_audit_log(lab: Lab) -> None:
    """The API server records who changed what."""
    import docker

    kubectl(lab, "create", "service", "nodeport", "seen", "--tcp=80", "--node-port=30480")
    kubectl(lab, "delete", "service", "seen")
    node = docker.from_env().containers.get(f"{lab.settings.cluster_name}-control-plane")
    lines = node.exec_run(["cat", kind_config.AUDIT_LOG]).output.decode().splitlines()
    verbs = {
        (event["verb"], event["objectRef"]["name"])
        for event in map(json.loads, lines)
        if event["objectRef"]["resource"] == "services" and "name" in event["objectRef"]
    }
    assert {("create", "seen"), ("delete", "seen")} <= verbs


@kind
def test_the_nodes_network_knows_git_and_the_registry_by_name(lab: Lab) -> None:
    """The in-cluster addresses of the handle resolve where pods resolve names."""
    import docker

    node = docker.from_env().containers.get(f"{lab.settings.cluster_name}-worker")
    for name in (lab.settings.git_container, lab.settings.registry_container):
        assert node.exec_run(["getent", "hosts", name]).exit_code == 0


@kind
def test_up_mends_what_was_stopped_and_lost(lab: Lab) -> None:
    """Stopped nodes and services come back, and a lost state folder is made again."""
    import docker

    engine = docker.from_env()
    mine = [lab.settings.git_container, f"{lab.settings.cluster_name}-worker"]
    for name in mine:
        engine.containers.get(name).stop(timeout=1)
    differences = {difference.piece for difference in lifecycle.check(lab.settings)}
    assert differences == {"git server", "cluster"}
    with pytest.raises(SubstrateUnavailable, match="not running"):
        lifecycle.connect(lab.settings)
    lab.settings.kubeconfig.unlink()
    (lab.settings.state_folder / "logins.json").unlink()
    mended = lifecycle.up(lab.settings, print)
    assert mended.login("ci") != lab.login("ci")
    assert lifecycle.status(lab.settings).is_up


@kind
def test_what_is_not_ours_is_refused_and_left_alone(lab: Lab, tmp_path: Path) -> None:
    """A container of our name without our label stops both `up` and `down`."""
    import docker

    settings = KindSettings(
        cluster_name="cdlab-foreign", registry_port=5402, git_port=8420, cache_home=tmp_path
    )
    stranger = docker.from_env().containers.create("busybox:1.35", name="cdlab-foreign-registry")
    try:
        for act in (lifecycle.up, lifecycle.down):
            with pytest.raises(SubstrateUnavailable, match="cdlab did not make"):
                act(settings, print)
        stranger.reload()
    finally:
        stranger.remove(force=True)


@kind
def test_a_cluster_that_is_not_ours_is_refused(lab: Lab, tmp_path: Path) -> None:
    """kind's label alone does not make a node ours."""
    import docker

    settings = KindSettings(
        cluster_name="cdlab-foreign", registry_port=5402, git_port=8420, cache_home=tmp_path
    )
    stranger = docker.from_env().containers.create(
        "busybox:1.35", labels={"io.x-k8s.kind.cluster": settings.cluster_name}
    )
    try:
        with pytest.raises(SubstrateUnavailable, match="cdlab did not make"):
            lifecycle.down(settings, print)
        assert [piece.state for piece in lifecycle.status(settings).pieces][-1] == "foreign"
        stranger.reload()
    finally:
        stranger.remove(force=True)


@kind
def test_everything_of_the_lab_carries_the_label(lab: Lab) -> None:
    """So `down` finds it; nodes carry it in Kubernetes."""
    import docker

    for name in (lab.settings.registry_container, lab.settings.git_container):
        container = docker.from_env().containers.get(name)
        assert container.labels[LABEL] == lab.settings.cluster_name
        assert docker.from_env().volumes.get(name).attrs["Labels"] == lab.labels
    named = kubectl(
        lab, "get", "nodes", f"--selector={LABEL}={lab.settings.cluster_name}", "-oname"
    )
    assert len(named.split()) == nodes.NODES
