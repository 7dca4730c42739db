"""What the doctor says about machines that lack something."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind import doctor, lifecycle, manager_image, nodes, python_findings
from cdlab.substrates.kind.doctor import examine, verdict
from cdlab.substrates.kind.findings import Finding
from cdlab.substrates.kind.settings import KindSettings


@pytest.fixture
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with Python and nothing else on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(python_findings, "is_installed", lambda package: False)


@pytest.mark.usefixtures("empty_machine")
def test_the_simulator_needs_only_python() -> None:
    """What a workshop uses beside it is missed, with the commands, and the verdict is go."""
    found = examine("sim")
    assert [(each.name, each.state) for each in found] == [
        ("Python", "ok"), ("venv", "warn"), ("dashboard", "warn"), ("notebooks", "warn"),
    ]  # fmt: skip
    _, venv, dashboard, notebooks = found
    assert "python3-venv" in venv.help
    assert "[dashboard]" in dashboard.help
    assert "[notebooks]" in notebooks.help
    assert verdict(found) == "go"


def test_notebooks_want_their_figures_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Jupyter is there and Matplotlib is not, that is named and no more."""
    monkeypatch.setattr(python_findings, "is_installed", lambda package: package != "matplotlib")
    *others, notebooks = examine("sim")
    assert {each.state for each in others} == {"ok"}
    assert (notebooks.state, notebooks.detail) == ("warn", "not installed: matplotlib")


@pytest.mark.usefixtures("empty_machine")
def test_an_empty_machine_is_told_how_to_mend_everything() -> None:
    """Each missing thing comes with a command."""
    findings = examine("kind")
    missing = {finding.name: finding.help for finding in findings if finding.state == "missing"}
    assert {"docker", "kind", "kubectl", "git", "Python packages", "Docker engine"} <= set(missing)
    assert all(missing.values())
    assert verdict(findings) == "no-go"


def test_a_warning_does_not_stand_in_the_way() -> None:
    """Only what is missing makes a no-go."""
    assert verdict([Finding("memory", "warn", "3 GiB free", "close something")]) == "go"
    assert verdict([Finding("memory", "missing", "1 GiB free", "close something")]) == "no-go"


def test_a_taken_port_is_named_with_the_variable_that_moves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A port that another program has is missing; the help says how to use another one."""
    monkeypatch.setattr(doctor, "run_program", lambda *command: "")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        findings = {f.name: f for f in doctor._ports(KindSettings(git_port=port))}
    assert findings[f"port {port}"].state == "missing"
    assert "CDLAB_GIT_PORT" in findings[f"port {port}"].help


def test_an_absent_node_image_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The help names the pull and the variable."""
    monkeypatch.setattr(doctor, "run_program", lambda *command: None)
    settings = KindSettings(node_image="kindest/node:v0")
    finding = doctor._image("kindest/node:v0", settings)
    assert finding.state == "warn"
    assert "docker pull kindest/node:v0" in finding.help
    assert "CDLAB_NODE_IMAGE" in finding.help


def test_a_node_image_without_its_digest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is after it was saved and loaded; the help has the whole command."""
    monkeypatch.setattr(doctor, "_is_here", lambda image: "@" not in image)
    settings = KindSettings(node_image="kindest/node:v0@sha256:" + 64 * "a")
    finding = doctor._image(settings.node_image, settings)
    assert finding.state == "warn"
    assert finding.help.endswith("export CDLAB_NODE_IMAGE=kindest/node:v0)")


def test_an_absent_git_server_image_can_come_from_a_stick(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is built with the network on, or loaded."""
    monkeypatch.setattr(doctor, "_is_here", lambda image: False)
    finding = doctor._git_image(KindSettings())
    assert finding.state == "warn"
    assert "cdlab prefetch DIR --load" in finding.help


def test_the_release_managers_image_is_looked_for_as_prefetch_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the engine's processor and what the package is, with no client library."""
    settings = KindSettings()
    wanted = manager_image.image_for("amd64", settings)
    monkeypatch.setattr(doctor, "run_program", lambda *command: "amd64")
    monkeypatch.setattr(doctor, "_is_here", lambda image: image == wanted)
    assert doctor._manager_image(settings) == Finding("release manager image", "ok", wanted)
    monkeypatch.setattr(doctor, "_is_here", lambda image: False)
    finding = doctor._manager_image(settings)
    assert finding.state == "warn"
    assert "cdlab prefetch DIR --load" in finding.help


def test_a_cdlab_that_was_never_installed_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the manager needs stands in the metadata; without them there is a finding, no crash."""

    def nothing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "run_program", lambda *command: "amd64")
    monkeypatch.setattr(metadata, "requires", nothing)
    finding = doctor._manager_image(KindSettings())
    assert (finding.state, "[kind]" in finding.help) == ("warn", True)


@pytest.mark.parametrize(("found", "state"), [(1, "warn"), (2, "ok")])
def test_one_core_is_a_warning(found: int, state: str) -> None:
    """A lab starts on it, and takes its time."""
    assert doctor.cores(found).state == state


def test_little_memory_warns_and_less_is_missing() -> None:
    """Both bounds are named."""
    states = [
        doctor._graded("memory", int(gib * doctor.GIB), doctor.MEMORY_BYTES, "").state
        for gib in (8, 3, 1)
    ]
    assert states == ["ok", "warn", "missing"]


@pytest.mark.parametrize(("running", "refuses"), [(0, True), (2, True), (3, False)])
def test_up_refuses_where_the_nodes_cannot_fit(
    monkeypatch: pytest.MonkeyPatch, running: int, refuses: bool
) -> None:
    """By the doctor's own bound, before anything starts; nodes that run already have theirs."""
    short = doctor._graded("memory", doctor.GIB, doctor.MEMORY_BYTES, "close other programs")
    monkeypatch.setattr(doctor, "memory", lambda: short)
    found = [SimpleNamespace(status="running")] * running + [SimpleNamespace(status="exited")]
    monkeypatch.setattr(nodes, "find_nodes", lambda engine, settings: found)
    engine: Any = None
    if not refuses:
        lifecycle._require_memory(engine, KindSettings())
        return
    with pytest.raises(
        SubstrateUnavailable, match=r"3 nodes: 1\.0 GiB free, at least 2"
    ) as refused:
        lifecycle._require_memory(engine, KindSettings())
    assert refused.value.help == "close other programs"


def test_tight_memory_does_not_keep_up_from_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning is the doctor's to give."""
    tight = doctor._graded("memory", 3 * doctor.GIB, doctor.MEMORY_BYTES, "close other programs")
    monkeypatch.setattr(doctor, "memory", lambda: tight)
    monkeypatch.setattr(nodes, "find_nodes", lambda engine, settings: [])
    engine: Any = None
    lifecycle._require_memory(engine, KindSettings())


def test_up_looks_at_the_memory_before_it_pulls_or_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been made when it refuses."""
    for where, name in ((lifecycle, "_refuse_foreign"), (lifecycle, "_require_ports")):
        monkeypatch.setattr(where, name, lambda engine, settings: None)
    monkeypatch.setattr(nodes, "require_tool", lambda name: None)
    monkeypatch.setattr(nodes, "find_nodes", lambda engine, settings: [])
    monkeypatch.setattr(lifecycle, "open_engine", contextlib.nullcontext)
    monkeypatch.setattr(lifecycle, "locked", lambda *given: contextlib.nullcontext())
    short = Finding("memory", "missing", "1.0 GiB free", "close other programs")
    monkeypatch.setattr(doctor, "memory", lambda: short)
    with pytest.raises(SubstrateUnavailable, match="too little memory"):
        lifecycle.up(KindSettings(), lambda sentence: None)


@pytest.mark.slow
def test_the_doctor_works_where_a_lab_cannot_run() -> None:
    """On Windows, which lacks what locks a lab; a stick can be filled there, too."""
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from cdlab.substrates.kind import doctor, kept_images\n"
        "doctor.examine('sim')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_substrate_is_an_error() -> None:
    """The message lists the known ones."""
    with pytest.raises(ValueError, match='"sim" and "kind"'):
        examine("cloud")


def test_a_folder_of_that_name_is_not_a_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Python takes any folder for a namespace package; the doctor does not."""
    (tmp_path / "cdlab_no_such_package").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not python_findings.is_installed("cdlab_no_such_package")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_an_installed_program_is_found() -> None:
    """With its path."""
    assert doctor._tool("git") == Finding("git", "ok", str(shutil.which("git")))
