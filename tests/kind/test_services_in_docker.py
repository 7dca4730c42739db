"""The sample microservices, built and run by the Docker engine."""

from __future__ import annotations

import io
import tarfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from cdlab import sample_services

pytestmark = pytest.mark.kind


class Engine:
    """The Docker engine, with the removal of everything that a test made."""

    def __init__(self, client: Any, cleanup: ExitStack) -> None:
        self.client = client
        self.cleanup = cleanup
        self.images: set[str] = set()
        self.run = f"test-{uuid.uuid4().hex[:12]}"

    def source(self, name: str, version: str = "1", **settings: int) -> dict[str, str]:
        knobs = sample_services.Knobs(**settings)
        return sample_services.source(
            name, version=version, colour="red", run=self.run, knobs=knobs
        )

    def build(self, files: Mapping[str, str], nocache: bool = False) -> Any:
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as archive:
            for path, text in files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        context.seek(0)
        image, _ = self.client.images.build(
            fileobj=context, custom_context=True, nocache=nocache, rm=True
        )
        if image.id not in self.images:
            self.images.add(image.id)
            self.cleanup.callback(self.client.images.remove, image.id, force=True)
        return image

    def start(self, name: str, image: Any, network: Any, port: int) -> Any:
        container = self.client.containers.create(image.id, environment={"PORT": str(port)})
        self.cleanup.callback(container.remove, force=True)
        network.connect(container, aliases=[name])
        container.start()
        return container

    def network(self) -> Any:
        network = self.client.networks.create(self.run)
        self.cleanup.callback(network.remove)
        return network


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine that answers, or a skip that says why there is none."""
    docker = pytest.importorskip("docker")
    try:
        client = docker.from_env()
        client.images.get("busybox:1.35")
    except docker.errors.DockerException as error:
        pytest.skip(f"no Docker engine with busybox:1.35: {error}")
    with ExitStack() as cleanup:
        cleanup.callback(client.close)
        yield Engine(client, cleanup)


def get(container: Any, url: str) -> str:
    """Fetch a URL from inside a container, as soon as somebody listens there."""
    deadline = time.monotonic() + 20
    while True:
        code, answer = container.exec_run(["wget", "-q", "-O", "-", url])
        if code == 0 or time.monotonic() > deadline:
            assert code == 0, f"{url} answers {answer!r}"
            return str(answer.decode())


def test_the_front_end_shows_the_versions_of_the_others(engine: Engine) -> None:
    """Each answers /version from its source, and the front-end's page calls the other two."""
    network = engine.network()
    versions = {"users": "1.1", "orders": "1.2", "front-end": "1.3"}
    running = {
        name: engine.start(name, engine.build(engine.source(name, version)), network, port=80)
        for name, version in versions.items()
    }
    for name, version in versions.items():
        assert get(running["front-end"], f"http://{name}/version") == f"{version}\n"
    page = get(running["front-end"], "http://front-end/")
    assert "users <b>1.1</b>" in page
    assert "orders <b>1.2</b>" in page
    assert "version <b>1.3</b>" in page
    assert "background: red" in page


def test_a_stopped_container_ends_by_itself(engine: Engine) -> None:
    """Not by the SIGKILL (137) that busybox httpd as PID 1 would wait for."""
    image = engine.build(engine.source("users"))
    container = engine.start("users", image, engine.network(), port=8080)
    get(container, "http://users:8080/version")
    container.stop(timeout=30)
    container.reload()
    assert container.attrs["State"]["ExitCode"] == 0


def test_a_build_without_cache_is_another_image_of_the_same_source(engine: Engine) -> None:
    """With the cache the same source is the same image; this is what V1's rollback meets."""
    files = engine.source("users")
    first = engine.build(files)
    assert engine.build(files).id == first.id
    assert engine.build(files, nocache=True).id != first.id


def test_a_new_version_reuses_the_costly_layers(engine: Engine) -> None:
    """Only the copy of www/ differs, so that with the cache a new version is cheap."""
    files = engine.source("users", payload_kib=100)
    first = engine.build(files)
    second = engine.build({**files, **sample_services.changed(files, version="2")})
    assert second.id != first.id
    pairs = zip(first.attrs["RootFS"]["Layers"], second.attrs["RootFS"]["Layers"], strict=True)
    assert [before == after for before, after in pairs].count(False) == 1


def test_two_runs_share_no_costly_layer(engine: Engine) -> None:
    """A run's first build would otherwise be fast or slow depending on who was here before."""
    files = engine.source("users", payload_kib=100)
    first = engine.build(files).attrs["RootFS"]["Layers"]
    other = engine.build({**files, "www/run": "another\n"}).attrs["RootFS"]["Layers"]
    base = engine.client.images.get("busybox:1.35").attrs["RootFS"]["Layers"]
    assert set(first) & set(other) - set(base) <= {first[len(base)]}  # WORKDIR, an empty folder


def test_the_payload_adds_its_bytes_and_the_work_its_result(engine: Engine) -> None:
    """The bytes are random: no registry makes them smaller."""
    plain = engine.build(engine.source("users"))
    heavy = engine.build(engine.source("users", payload_kib=512, build_work=2))
    added = heavy.attrs["Size"] - plain.attrs["Size"]
    assert 512 * 1024 <= added < 513 * 1024
    output = engine.client.containers.run(heavy.id, ["cat", "build/work"], remove=True)
    assert output.decode().split()[0] == (
        "5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee"
    )
