"""
The Docker engine, seen through the few things that a lab needs of it.

In: settings, tar-able files, container descriptions. Out: images, volumes and containers that
carry our label, or `SubstrateUnavailable` with the command that mends what is missing. Who calls
it: `lifecycle.py` and `nodes.py`.
"""

from __future__ import annotations

import contextlib
import io
import socket
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cdlab.errors import SubstrateUnavailable
from cdlab.installing import install_command
from cdlab.substrates.kind.settings import LABEL, PYTHON_IMAGE, KindSettings

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

CONFIGURATION_LABEL = f"{LABEL}-configuration"
Progress = Callable[[str], None]


OFFLINE = (
    "Without a network: cdlab prefetch DIR --load, with a DIR that `cdlab prefetch DIR` filled "
    "elsewhere"
)
"""What helps wherever an image cannot be had."""


@dataclass(frozen=True)
class File:
    """A file to put into a container or a build context."""

    content: bytes
    mode: int = 0o644
    user: int = 0


@dataclass(frozen=True, kw_only=True)
class Service:
    """A container of the lab that is not a node."""

    name: str
    image: str
    port: int
    """Where it listens inside."""
    published: int
    """Where that is on 127.0.0.1."""
    health: str
    """Path that answers 200 when the service works."""
    volume: str
    """Named volume that outlives the container, until `cdlab down`."""
    data: str
    """Where the volume is mounted."""
    files: Mapping[str, File] = field(default_factory=dict)
    fingerprint: str
    """Tells this configuration from another one; a container with another one is replaced."""


def connect_engine() -> DockerClient:
    """Return a client of the Docker engine: DOCKER_HOST, or the current docker context's."""
    try:
        import docker
        from docker.context import ContextAPI
    except ImportError as error:
        raise SubstrateUnavailable(
            'the Python package "docker" is not installed', help=install_command("kind")
        ) from error
    try:
        context = ContextAPI.get_current_context()
        is_plain = context is None or context.name == "default"
        client = docker.from_env() if is_plain else docker.DockerClient(base_url=context.Host)
        client.ping()
    except docker.errors.DockerException as error:
        raise SubstrateUnavailable(
            f"the Docker engine does not answer: {error}",
            help="start it (Docker Desktop, or: sudo systemctl start docker)",
        ) from error
    return client


@contextlib.contextmanager
def open_engine() -> Iterator[DockerClient]:
    """Yield a client, close it at the end, and translate what the Docker SDK raises meanwhile."""
    engine = connect_engine()
    import docker
    import requests

    try:
        yield engine
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise SubstrateUnavailable(
            f"the Docker engine refused: {error}", help="cdlab doctor, then the same command again"
        ) from error
    finally:
        engine.close()


def archive(files: Mapping[str, File]) -> bytes:
    """Return a tar archive; the same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(file.content), file.mode
            entry.uid = entry.gid = file.user
            tar.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()


def missing_images(engine: DockerClient, images: tuple[str, ...]) -> list[str]:
    """Return those of `images` that this machine does not have."""
    import docker

    missing = []
    for image in images:
        try:
            engine.images.get(image)
        except docker.errors.ImageNotFound:
            missing.append(image)
    return missing


def pull_missing(engine: DockerClient, images: tuple[str, ...], progress: Progress) -> None:
    """Pull those of `images` that are not here, or say which those are and what brings them."""
    import docker

    missing = missing_images(engine, images)
    for number, image in enumerate(missing):
        progress(f"pulling {image}")
        try:
            engine.images.pull(image)
        except docker.errors.DockerException as error:
            left = missing[number:]
            named = f'the image "{image}" is'
            if len(left) > 1:
                named = f"the images {', '.join(left)} are"
            why = getattr(error, "explanation", None) or error
            raise SubstrateUnavailable(
                f"{named} not on this machine and cannot be pulled: {why}",
                help=_what_brings(engine, left),
            ) from error


def build_image(
    engine: DockerClient, context: bytes, name: str, what: str, labels: dict[str, str]
) -> None:
    """Build an image on Python and git from a tar archive, or say what its build wants."""
    import docker

    try:
        engine.images.build(
            fileobj=io.BytesIO(context),
            custom_context=True,
            tag=name,
            labels=labels,
            rm=True,
            forcerm=True,
        )
    except docker.errors.DockerException as error:
        raise SubstrateUnavailable(
            f"{what} cannot be built: {error}",
            help=f"docker pull {PYTHON_IMAGE}; its build installs git with apt-get. {OFFLINE}",
        ) from error


def _what_brings(engine: DockerClient, images: list[str]) -> str:
    mend = " && ".join(f"docker pull {each}" for each in images)
    for node in [each for each in images if "kindest/node" in each]:
        here = [tag for each in engine.images.list("kindest/node") for tag in each.tags]
        own = node.partition("@")[0]  # what a file keeps of a name
        if here:
            mend += f"   (or: export CDLAB_NODE_IMAGE={own if own in here else here[0]})"
    return f"{mend}. {OFFLINE}"


def find_container(engine: DockerClient, name: str) -> Container | None:
    """Return the container of that name, whatever state it is in and whoever made it."""
    import docker

    try:
        return engine.containers.get(name)
    except docker.errors.NotFound:
        return None


def is_ours(container: Container, settings: KindSettings) -> bool:
    """Whether a container carries the label of this lab."""
    return bool(container.labels.get(LABEL) == settings.cluster_name)


def refuse_foreign(container: Container | None, settings: KindSettings) -> None:
    """Raise when a container of one of our names is not ours."""
    if container is not None and not is_ours(container, settings):
        raise SubstrateUnavailable(
            f'a container "{container.name}" exists that cdlab did not make',
            help=f"docker rename {container.name} {container.name}-old   "
            "(or another lab name: export CDLAB_CLUSTER_NAME=…)",
        )


def ensure_volume(engine: DockerClient, name: str, settings: KindSettings) -> None:
    """Create a labelled volume unless it exists; refuse one that is not ours."""
    import docker

    try:
        labels = engine.volumes.get(name).attrs.get("Labels") or {}
    except docker.errors.NotFound:
        engine.volumes.create(name, labels=settings.labels)
        return
    if labels.get(LABEL) != settings.cluster_name:
        raise SubstrateUnavailable(
            f'a volume "{name}" exists that cdlab did not make',
            help=f"docker volume rm {name}   (or another lab name: export CDLAB_CLUSTER_NAME=…)",
        )


def ensure_service(
    engine: DockerClient, service: Service, network: str, settings: KindSettings
) -> bool:
    """Run the service's container; keep one that runs with the same configuration.

    Say whether anything had to be done.
    """
    container = find_container(engine, service.name)
    refuse_foreign(container, settings)
    if container is not None:
        is_same = container.labels.get(CONFIGURATION_LABEL) == service.fingerprint
        if is_same and container.status == "running":
            return False
        if is_same and container.status == "exited" and _start(container):
            return True
        # Anything else may lack its files: an interrupt came between creation and start.
        container.remove(force=True)
    ensure_volume(engine, service.volume, settings)
    container = engine.containers.create(
        service.image,
        name=service.name,
        hostname=service.name,
        labels={**settings.labels, CONFIGURATION_LABEL: service.fingerprint},
        network=network,
        ports={f"{service.port}/tcp": ("127.0.0.1", service.published)},
        volumes={service.volume: {"bind": service.data, "mode": "rw"}},
        init=True,
        use_config_proxy=False,
        log_config={"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
    )
    container.put_archive("/", archive(service.files))
    container.start()
    return True


def _start(container: Container) -> bool:
    import docker

    try:
        container.start()
    except docker.errors.APIError:
        return False
    return True


def wait_until(what: str, is_done: Callable[[], bool], seconds: float, help: str = "") -> None:
    """Poll `is_done` until it is true; `SubstrateUnavailable` when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            raise SubstrateUnavailable(f"{what} after {seconds:.0f} s", help=help)
        time.sleep(0.1)


def is_port_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at that port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
