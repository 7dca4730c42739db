"""The wheels of a stick: gathered whole wherever cdlab came from, and installed from it."""

from __future__ import annotations

import http.server
import shlex
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cdlab import wheelhouse
from cdlab.errors import SubstrateUnavailable
from cdlab.version import __version__
from cdlab.wheelhouse import EXTRAS, WHAT, gather, install_command, served_install_command

WORKSHOP = Path(__file__).parents[1] / "docs/workshop.md"


def wheel(folder: Path, name: str, *needs: str, version: str = "1.0") -> Path:
    """A wheel with one module, and what it needs."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        "Provides-Extra: more",
    ]
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", "HERE = True\n")
        archive.writestr(f"{info}/METADATA", "\n".join([*lines, *needs]) + "\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return file


def install(command: str, folder: Path) -> None:
    """Run what a participant types, for the sample, into a folder, with no setting of pip's."""
    _, *words = shlex.split(command.replace(WHAT, "sample[more]"))
    target = ["--quiet", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *words, *target], check=True, env={})


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that needs another, and another still with an extra, where pip looks for them."""
    folder = tmp_path / "index"
    wheel(folder, "needed_always")
    wheel(folder, "needed_for_more")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    needs = ("needed_always", 'needed_for_more; extra == "more"')
    return wheel(tmp_path / "own", "sample", *(f"Requires-Dist: {each}" for each in needs))


@pytest.mark.slow
def test_the_wheels_of_all_extras_are_gathered_and_installed(index: Path, tmp_path: Path) -> None:
    """With nothing but the folder, as on a laptop without a network."""
    found = gather(tmp_path / "wheels", package=str(index), extras=["more"])
    assert [each.name.partition("-")[0] for each in found] == [
        "needed_always", "needed_for_more", "sample",
    ]  # fmt: skip
    install(install_command(shlex.quote(str(tmp_path / "wheels"))), tmp_path / "installed")
    assert (tmp_path / "installed/needed_for_more.py").is_file()


@pytest.mark.slow
def test_wheels_that_cannot_be_had_leave_those_of_before(index: Path, tmp_path: Path) -> None:
    """And say what pip says."""
    gather(tmp_path / "wheels", package=str(index), extras=["more"])
    before = sorted(tmp_path.joinpath("wheels").iterdir())
    other = wheel(tmp_path / "other", "other", "Requires-Dist: needed_elsewhere")
    with pytest.raises(SubstrateUnavailable, match="needed_elsewhere"):
        gather(tmp_path / "wheels", package=str(other), extras=["more"])
    assert sorted(tmp_path.joinpath("wheels").iterdir()) == before
    assert not list(tmp_path.glob(".cdlab-*"))


@pytest.mark.slow
def test_wheels_of_another_kind_of_machine_stay(index: Path, tmp_path: Path) -> None:
    """One laptop of each kind adds its own to the folder."""
    (tmp_path / "wheels").mkdir()
    other = tmp_path / "wheels/needed_always-1.0-cp313-cp313-win_amd64.whl"
    other.write_bytes(b"of another machine")
    found = gather(tmp_path / "wheels", package=str(index), extras=["more"])
    assert len(found) == 4
    assert other.read_bytes() == b"of another machine"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """This cdlab is no checkout, and came from a folder of wheels, of which pip notes nothing."""
    monkeypatch.setattr(wheelhouse, "checkout", lambda: None)
    monkeypatch.setattr(wheelhouse, "origin", lambda: "")


def of_cdlab(folder: Path) -> Path:
    """What stands for cdlab's own wheel of this version."""
    need = 'Requires-Dist: needed_for_more; extra == "more"'
    return wheel(folder, "cdlab", need, version=__version__)


@pytest.mark.slow
@pytest.mark.usefixtures("index", "installed")
def test_a_laptop_of_another_kind_adds_to_the_stick_from_which_it_installed(tmp_path: Path) -> None:
    """It has no checkout; cdlab's own wheel is on the stick, and fits every machine."""
    own = of_cdlab(tmp_path / "wheels")
    before = own.read_bytes()
    found = gather(tmp_path / "wheels", extras=["more"])
    assert [each.name.partition("-")[0] for each in found] == ["cdlab", "needed_for_more"]
    assert own.read_bytes() == before


@pytest.mark.slow
@pytest.mark.usefixtures("index", "installed")
def test_what_somebody_was_sent_fills_a_stick_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pip notes where a file was that it installed."""
    sent = of_cdlab(tmp_path / "sent")
    monkeypatch.setattr(wheelhouse, "origin", sent.as_uri)
    found = gather(tmp_path / "wheels", extras=["more"])
    assert [each.name.partition("-")[0] for each in found] == ["cdlab", "needed_for_more"]


@pytest.mark.usefixtures("installed")
def test_where_no_wheel_of_cdlab_is_known_that_is_said(tmp_path: Path) -> None:
    """With the name of the file that is wanted, and where; the index is not asked for one."""
    with pytest.raises(SubstrateUnavailable, match=f"wheel of this cdlab, {__version__}") as caught:
        gather(tmp_path / "wheels")
    assert f"cdlab-{__version__}-py3-none-any.whl" in caught.value.help
    assert str(tmp_path / "wheels") in caught.value.help
    assert not list(tmp_path.iterdir())


def own_address() -> str:
    """This machine's own, by which a room would reach it. Asking for it sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but its own loop's, which pip trusts anyway")
        return str(probe.getsockname()[0])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[int]:
    """The port at which a folder `stick` is served, as `python3 -m http.server` does it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    handler = partial(Quiet, directory=str(tmp_path / "stick"))
    with http.server.ThreadingHTTPServer(("", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_a_room_installs_from_the_machine_that_serves_the_stick(
    index: Path, served: int, tmp_path: Path
) -> None:
    """Over plain HTTP, by an address that pip does not trust of itself."""
    gather(tmp_path / "stick/wheels", package=str(index), extras=["more"])
    install(served_install_command(own_address(), served), tmp_path / "installed")
    assert (tmp_path / "installed/needed_for_more.py").is_file()


def test_the_workshops_page_has_the_commands_of_the_stick() -> None:
    """What participants type the week before, and in the room."""
    text = WORKSHOP.read_text(encoding="utf-8")
    own = f"./cdlab-{__version__}-py3-none-any.whl[{','.join(EXTRAS)}]"
    assert f'\npip install "{own}"\n' in text
    assert f"\n{served_install_command()}\n" in text
