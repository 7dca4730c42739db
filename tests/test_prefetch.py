"""What laptops without a network get: images, whole, and a README that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO
from unittest.mock import Mock

import docker
import pytest

from cdlab.cli import main
from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind import engine as docker_engine
from cdlab.substrates.kind import kept_images, manager_image, services
from cdlab.substrates.kind.settings import KindSettings
from cdlab.wheelhouse import install_command, served_install_command

ROOT = Path(__file__).parents[1]
SETTINGS = KindSettings(node_image="kindest/node:v1@sha256:" + 64 * "a")
NODE = "kindest/node:v1"
GIT = services.git_image(SETTINGS)
VERSION = {"Arch": "amd64"}
MANAGER = manager_image.manager_image(Mock(version=lambda: VERSION), SETTINGS)


class Engine:
    """A Docker engine as far as images go: names, contents, archives."""

    def __init__(self, *names: str) -> None:
        self.contents = {name: f"content of {kept_images.tagged(name)}" for name in names}
        self.saved: list[str] = []
        self.breaks_after: int | None = None
        self.pushed: list[str] = []
        self.is_offline = False
        self.api = self.images = self

    def get(self, name: str) -> Any:
        if name not in self.contents:
            raise docker.errors.ImageNotFound(name)
        content = self.contents[name]

        def tag(name: str, tag: str = "") -> None:
            self.contents[f"{name}:{tag}" if tag else name] = content

        return SimpleNamespace(id=f"id of {content}", tags=list(self.contents), tag=tag)

    def list(self, repository: str) -> list[Any]:
        return [SimpleNamespace(tags=[each for each in self.contents if repository in each])]

    def version(self) -> dict[str, str]:
        return VERSION

    def push(self, name: str, tag: str, **_: object) -> list[dict[str, Any]]:
        self.pushed.append(self.contents[f"{name}:{tag}"])
        return [{"aux": {"Digest": f"sha256:{64 * '0'}"}}]

    def pull(self, name: str) -> None:
        if self.is_offline:
            raise docker.errors.APIError("no route to host")
        self.contents[name] = f"content of {kept_images.tagged(name)}"

    def build(self, *, tag: str, **_: object) -> None:
        if self.is_offline:
            raise docker.errors.BuildError("apt-get: no route to host", [])
        self.contents[tag] = f"content of {tag}"

    def get_image(self, name: str, chunk_size: int) -> Iterator[bytes]:
        text = json.dumps({name: self.contents[name]}).encode()
        self.saved.append(name)
        for start in range(0, len(text), 7):
            if self.breaks_after is not None and start >= self.breaks_after:
                raise ConnectionError("the engine went away")
            yield text[start : start + 7]

    def load_image(self, file: BinaryIO) -> list[object]:
        self.contents |= json.loads(file.read())
        return []


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """With the images of a lab, and no wheel that the manager's image would need."""
    made = Engine(*SETTINGS.images)

    @contextmanager
    def opened() -> Iterator[Engine]:
        yield made

    monkeypatch.setattr(kept_images, "open_engine", opened)
    monkeypatch.setattr(manager_image, "open_engine", opened)
    monkeypatch.setattr(manager_image, "_wheels", lambda *_: [])
    return made


def quiet(_: str) -> None:
    """Progress that nobody reads."""


def test_everything_that_up_needs_is_saved_and_loaded(engine: Engine, tmp_path: Path) -> None:
    """On an empty machine, under the names by which the lab asks for it."""
    kept = kept_images.save(SETTINGS, tmp_path, quiet)
    assert [each.name for each in kept] == [NODE, *SETTINGS.images[1:], GIT, MANAGER]
    assert {path.name for path in tmp_path.iterdir()} == {
        kept_images.LIST,
        *(each.file for each in kept),
    }
    engine.contents.clear()
    kept_images.load(tmp_path, quiet)
    assert set(engine.contents) == {NODE, *SETTINGS.images[1:], GIT, MANAGER}


def test_what_is_missing_here_is_pulled_first(engine: Engine, tmp_path: Path) -> None:
    """By the name that has the digest."""
    engine.contents.clear()
    said: list[str] = []
    kept_images.save(SETTINGS, tmp_path, said.append)
    assert f"pulling {SETTINGS.node_image}" in said


def test_a_second_call_saves_only_what_changed(engine: Engine, tmp_path: Path) -> None:
    """An image of other content, and a file that is not what the list says."""
    first = kept_images.save(SETTINGS, tmp_path, quiet)
    engine.saved.clear()
    assert kept_images.save(SETTINGS, tmp_path, quiet) == first
    assert engine.saved == []
    engine.contents["registry:3"] = "a new registry"
    path = tmp_path / kept_images.file_name("busybox:1.35")
    path.write_bytes(path.read_bytes()[::-1])
    kept_images.save(SETTINGS, tmp_path, quiet)
    assert engine.saved == ["registry:3", "busybox:1.35"]


def test_an_interrupted_save_leaves_no_half_archive(engine: Engine, tmp_path: Path) -> None:
    """And no list that names one."""
    engine.breaks_after = 10
    with pytest.raises(ConnectionError):
        kept_images.save(SETTINGS, tmp_path, quiet)
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_is_there_is_not_loaded(engine: Engine, tmp_path: Path) -> None:
    """Its archive may even be missing."""
    kept_images.save(SETTINGS, tmp_path, quiet)
    (tmp_path / kept_images.file_name("registry:3")).unlink()
    said: list[str] = []
    kept_images.load(tmp_path, said.append)
    assert all(each.endswith("is there already") for each in said)


def test_a_damaged_archive_is_refused_with_its_name(engine: Engine, tmp_path: Path) -> None:
    """A stick that was pulled out too early is found before Docker sees it."""
    kept_images.save(SETTINGS, tmp_path, quiet)
    path = tmp_path / kept_images.file_name(NODE)
    path.write_bytes(path.read_bytes()[:-1])
    engine.contents.clear()
    with pytest.raises(SubstrateUnavailable, match=path.name):
        kept_images.load(tmp_path, quiet)
    assert engine.contents == {}


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A lab with an empty registry, as far as the manager's image asks for one."""
    monkeypatch.setattr(manager_image, "RegistryApi", lambda *_: Mock(digest_of=lambda *_: None))
    return SimpleNamespace(
        settings=SETTINGS, registry_host="localhost:5001", registry_url="", login=lambda _: ("", "")
    )


def test_the_manager_is_installed_from_a_loaded_image(
    engine: Engine, lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no network and nothing was ever built: it is pushed, and nothing else."""
    kept_images.save(SETTINGS, tmp_path, quiet)
    engine.contents.clear()
    engine.is_offline = True
    monkeypatch.setattr(manager_image, "_wheels", Mock(side_effect=AssertionError("no network")))
    kept_images.load(tmp_path, quiet)
    name = manager_image.ensure_image(lab, quiet)
    assert name.startswith("localhost:5001/cdlab/release-manager:")
    assert engine.pushed == [f"content of {MANAGER}"]
    assert name.rpartition(":")[2] == MANAGER.rpartition(":")[2]


@pytest.mark.parametrize("build", [manager_image.build_manager_image, services.build_git_image])
def test_an_image_that_cannot_be_built_says_what_brings_it(engine: Engine, build: Any) -> None:
    """Both are built with the network on, and both are in the folder."""
    engine.is_offline = True
    with pytest.raises(SubstrateUnavailable, match=r"cannot be built: apt-get") as caught:
        build(engine, SETTINGS, quiet)
    assert "cdlab prefetch DIR --load" in caught.value.help


def test_all_images_that_cannot_be_pulled_are_named_with_what_brings_them(engine: Engine) -> None:
    """Those that are here are not; nothing was pulled before the first one failed."""
    for each in (SETTINGS.node_image, "registry:3"):
        del engine.contents[each]
    engine.is_offline = True
    with pytest.raises(SubstrateUnavailable) as caught:
        docker_engine.pull_missing(engine, SETTINGS.images, quiet)  # type: ignore[arg-type]
    missing = f"{SETTINGS.node_image}, registry:3"
    assert f"the images {missing} are not on this machine" in caught.value.missing
    assert f"docker pull {SETTINGS.node_image} && docker pull registry:3" in caught.value.help
    assert "cdlab prefetch DIR --load" in caught.value.help


def test_a_node_image_that_was_loaded_is_offered_by_the_name_it_has(engine: Engine) -> None:
    """A file keeps no digest, so the name with one is not found."""
    del engine.contents[SETTINGS.node_image]
    engine.contents |= {"kindest/node:v0": "another", NODE: "the one that was loaded"}
    engine.is_offline = True
    with pytest.raises(SubstrateUnavailable, match="the image ") as caught:
        docker_engine.pull_missing(engine, SETTINGS.images, quiet)  # type: ignore[arg-type]
    assert f"export CDLAB_NODE_IMAGE={NODE})" in caught.value.help


def test_a_folder_without_images_says_so(tmp_path: Path) -> None:
    """With the command that makes them."""
    with pytest.raises(SubstrateUnavailable, match=kept_images.LIST) as caught:
        kept_images.load(tmp_path, quiet)
    assert "cdlab prefetch" in caught.value.help


@pytest.mark.parametrize("text", ["", "[]", "[3]", '{"name": "x"}'])
def test_a_list_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    """Empty, cut off, or of something else."""
    (tmp_path / kept_images.LIST).write_text(text)
    with pytest.raises(SubstrateUnavailable, match="no list of images can be read"):
        kept_images.read_list(tmp_path)


def test_the_readme_has_the_command_that_installs(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the node image by the name that it has after loading."""
    monkeypatch.setenv("CDLAB_NODE_IMAGE", SETTINGS.node_image)
    with pytest.raises(SystemExit) as caught:
        main.main(["prefetch", str(tmp_path / "stick"), "--only", "images"])
    assert caught.value.code == 0
    text = (tmp_path / "stick/README.txt").read_text(encoding="utf-8")
    assert f"    {install_command('stick/wheels')}\n" in text
    assert f"    {served_install_command()}\n" in text
    assert "    cdlab-venv\\Scripts\\activate\n" in text
    assert f"export CDLAB_NODE_IMAGE={NODE}\n" in text
    assert "cdlab prefetch stick --load" in text
    (install,) = re.findall(r"cdlab (manager install) mine/(.*)\n", text)
    assert (ROOT / install[1]).is_file()


def test_without_docker_the_wheels_can_be_had_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is missing is said, and what goes without it."""
    silent = SubstrateUnavailable("the Docker engine does not answer", help="start it")
    monkeypatch.setattr(kept_images, "open_engine", Mock(side_effect=silent))
    with pytest.raises(SystemExit) as caught:
        main.main(["prefetch", str(tmp_path), "--only", "images"])
    assert caught.value.code == 3
    said = capsys.readouterr().err
    assert "Docker engine does not answer" in said
    assert "--only wheels" in said


def test_loading_wheels_is_refused(tmp_path: Path) -> None:
    """They are installed, by the command in the README."""
    with pytest.raises(SystemExit) as caught:
        main.main(["prefetch", str(tmp_path), "--load", "--only", "wheels"])
    assert caught.value.code == 2
