"""
The life of a lab: start it, look at it, use it, remove it.

In: `KindSettings`, and a callable that takes progress as sentences. Out: a `Lab`, a status, or
`SubstrateUnavailable` with the command that mends what is missing. Who calls it: the command line
(`cdlab up`, `up --check`, `status`, `down`), the pytest plugin and the runner.

Whatever starts carries our label (or, for nodes, our mount) from its first moment, so that an
interrupt at any time leaves nothing that `down` does not find.
"""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind import contexts, credentials, doctor, nodes
from cdlab.substrates.kind.engine import (
    Progress,
    Service,
    ensure_service,
    find_container,
    is_port_free,
    missing_images,
    open_engine,
    pull_missing,
    refuse_foreign,
    wait_until,
)
from cdlab.substrates.kind.findings import Finding
from cdlab.substrates.kind.lab import NOT_RUNNING, Lab, kept_lab
from cdlab.substrates.kind.lock import locked
from cdlab.substrates.kind.pieces import Piece, look_at_pieces
from cdlab.substrates.kind.services import (
    answers,
    build_git_image,
    git_service,
    registry_service,
)
from cdlab.substrates.kind.settings import LABEL, NETWORK, KindSettings

if TYPE_CHECKING:
    from docker import DockerClient

ANSWER_SECONDS = 30.0
"""How long a started service gets to answer; it takes about 0.3 s."""
NETWORK_SECONDS = 60.0
"""kind makes its network in its first second, after it has looked at the node image."""
PROGRAMS = ("docker", "kind", "kubectl")
"""kind itself runs the docker program."""
ACTIONS = {
    "missing": "create it",
    "stopped": "start it",
    "broken": "start it, or make it anew",
    "foreign": "refuse, until it is out of the way",
}
"""State of a piece -> what `up` does about it."""


@dataclass(frozen=True)
class Difference:
    """Something that `up` would change."""

    piece: str
    found: str
    action: str


@dataclass(frozen=True)
class LabStatus:
    """The pieces of a lab, in the order in which they are shown."""

    pieces: tuple[Piece, ...]

    @property
    def is_up(self) -> bool:
        """Whether every piece runs."""
        return all(piece.state == "running" for piece in self.pieces)


def up(settings: KindSettings, progress: Progress) -> Lab:
    """Start the lab, or whatever of it does not run; return when all of it answers.

    Safe to repeat and safe to interrupt. A cluster that exists is kept, with the node image that
    it has.
    """
    contexts.require_own_cluster(settings, "up")
    for tool in PROGRAMS:
        nodes.require_tool(tool)
    with open_engine() as engine, locked(settings, progress):
        _refuse_foreign(engine, settings)
        _require_ports(engine, settings)
        _require_memory(engine, settings)
        pull_missing(engine, _needed_images(engine, settings), progress)
        settings.state_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        passwords = credentials.load_or_create(settings.state_folder)
        _start_all(engine, passwords, settings, progress)
        nodes.wire(nodes.find_nodes(engine, settings), passwords["node"], settings)
    lab = kept_lab(settings)
    progress(f"the lab is up: registry {lab.registry_host}, git {lab.git_url}")
    return lab


def _start_all(
    engine: DockerClient, passwords: dict[str, str], settings: KindSettings, progress: Progress
) -> None:
    """Start the services in threads and the cluster here, where an interrupt arrives."""
    is_given_up = threading.Event()

    def start(service: Service, what: str) -> None:
        _wait_for_network(engine, is_given_up)
        if is_given_up.is_set():
            return
        started = time.monotonic()
        if ensure_service(engine, service, NETWORK, settings):
            wait_until(
                f'the container "{service.name}" does not answer on 127.0.0.1:{service.published}',
                lambda: answers(service.published, service.health, passwords),
                ANSWER_SECONDS,
                help=f"docker logs {service.name}",
            )
            progress(f"the {what} answers ({time.monotonic() - started:.1f} s)")

    def start_git() -> None:
        image = build_git_image(engine, settings, progress)
        start(git_service(image, passwords, settings), "git server")

    def start_registry() -> None:
        start(registry_service(passwords, settings), "registry")

    pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="cdlab-up")
    try:
        services: list[Future[None]] = [pool.submit(start_git), pool.submit(start_registry)]
        nodes.ensure_cluster(engine, settings, progress)
        for service in services:
            service.result()
    finally:
        is_given_up.set()
        pool.shutdown(cancel_futures=True)


def _wait_for_network(engine: DockerClient, is_given_up: threading.Event) -> None:
    wait_until(
        f'kind has not made its Docker network "{NETWORK}"',
        lambda: is_given_up.is_set() or bool(engine.networks.list(names=[f"^{NETWORK}$"])),
        NETWORK_SECONDS,
        help="cdlab doctor",
    )


def _refuse_foreign(engine: DockerClient, settings: KindSettings) -> None:
    nodes.refuse_foreign_cluster(nodes.find_nodes(engine, settings), settings)
    for name in (settings.registry_container, settings.git_container):
        refuse_foreign(find_container(engine, name), settings)


def _needed_images(engine: DockerClient, settings: KindSettings) -> tuple[str, ...]:
    has_cluster = bool(nodes.find_nodes(engine, settings))
    return settings.images[1:] if has_cluster else settings.images


def _taken_ports(engine: DockerClient, settings: KindSettings) -> list[int]:
    """Return the ports that pieces still to be started need and somebody else has."""
    wanted: list[int] = []
    if find_container(engine, settings.registry_container) is None:
        wanted.append(settings.registry_port)
    if find_container(engine, settings.git_container) is None:
        wanted.append(settings.git_port)
    if not nodes.find_nodes(engine, settings):
        wanted.extend(settings.node_ports)
    return [port for port in wanted if not is_port_free(port)]


def _require_ports(engine: DockerClient, settings: KindSettings) -> None:
    taken = _taken_ports(engine, settings)
    if taken:
        variable = {
            settings.registry_port: "CDLAB_REGISTRY_PORT",
            settings.git_port: "CDLAB_GIT_PORT",
        }.get(taken[0], "CDLAB_NODE_PORTS")
        raise SubstrateUnavailable(
            f"port {taken[0]} on 127.0.0.1 is in use by another program",
            help=f"ss -ltnp 'sport = :{taken[0]}' shows which; or: export {variable}=…",
        )


def _short_memory(engine: DockerClient, settings: KindSettings) -> list[Finding]:
    """Return what the doctor says where nodes have to start and clearly do not fit."""
    running = [n for n in nodes.find_nodes(engine, settings) if n.status == "running"]
    found = [] if len(running) >= nodes.NODES else [doctor.memory()]
    return [finding for finding in found if finding.state == "missing"]


def _require_memory(engine: DockerClient, settings: KindSettings) -> None:
    for short in _short_memory(engine, settings):
        raise SubstrateUnavailable(
            f"too little memory for {nodes.NODES} nodes: {short.detail}", help=short.help
        )


def check(settings: KindSettings) -> list[Difference]:
    """Return what `up` would do, and do none of it. Empty when the lab is up."""
    differences = [
        Difference(f"program {tool}", "not on the PATH", nodes.TOOLS[tool])
        for tool in PROGRAMS
        if shutil.which(tool) is None
    ]
    with open_engine() as engine:
        differences += [
            Difference(f"image {image}", "not on this machine", "pull it")
            for image in missing_images(engine, _needed_images(engine, settings))
        ]
        differences += [
            Difference(f"port {port}", "in use by another program", "refuse, until it is free")
            for port in _taken_ports(engine, settings)
        ]
        differences += [
            Difference(short.name, short.detail, "refuse, until there is more")
            for short in _short_memory(engine, settings)
        ]
        return differences + [
            Difference(piece.name, piece.detail or piece.state, ACTIONS[piece.state])
            for piece in look_at_pieces(engine, settings)
            if piece.state in ACTIONS
        ]


def status(settings: KindSettings) -> LabStatus:
    """Return the state and the address of every piece."""
    with open_engine() as engine:
        return LabStatus(tuple(look_at_pieces(engine, settings)))


def connect(settings: KindSettings) -> Lab:
    """Return the handle of a lab that runs. Costs about 0.1 s; starts nothing."""
    lab = kept_lab(settings)
    for piece in status(settings).pieces:
        if piece.state != "running":
            help = "cdlab up"
            if settings.is_elsewhere and piece.name == "cluster":
                help = "name it: export CDLAB_CONTEXT=NAME; or unset CDLAB_KUBECONFIG"
            raise SubstrateUnavailable(
                f"{NOT_RUNNING}: {piece.name} {piece.state}: {piece.detail}", help=help
            )
    return lab


def down(settings: KindSettings, progress: Progress) -> None:
    """Remove everything that carries our label, our cluster and the state folder; nothing else.

    Safe to repeat. kind's Docker network stays, as it does after `kind delete cluster`: other
    clusters share it.
    """
    contexts.require_own_cluster(settings, "down")
    with open_engine() as engine, locked(settings, progress):
        _refuse_foreign(engine, settings)
        mine: dict[str, Any] = {"filters": {"label": f"{LABEL}={settings.cluster_name}"}}
        cluster = nodes.find_nodes(engine, settings)
        if cluster:
            progress(f"removing the cluster ({len(cluster)} nodes)")
            nodes.remove_nodes(cluster)
        for container in engine.containers.list(all=True, ignore_removed=True, **mine):
            progress(f"removing the container {container.name}")
            container.remove(force=True, v=True)
        _remove_images(engine, mine, progress)
        for volume in engine.volumes.list(**mine):
            progress(f"removing the volume {volume.name}")
            volume.remove(force=True)
        shutil.rmtree(settings.state_folder, ignore_errors=True)
    progress("the lab is gone")


def _remove_images(engine: DockerClient, mine: dict[str, Any], progress: Progress) -> None:
    import docker

    images = engine.images.list(**mine)
    if images:
        progress(f"removing {len(images)} images that the lab built")
    for image in images:
        try:
            engine.images.remove(image.id, force=True)
        except docker.errors.ImageNotFound:
            # Removing another image took this one with it.
            continue
        except docker.errors.APIError as error:
            progress(f"the image {image.short_id} stays: {error.explanation}")
