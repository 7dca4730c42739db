"""`cdlab run --commands` on a real lab: a person who types the script ends where the run ended."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdlab.pod_timeline import served_at
from cdlab.runner import Run
from cdlab.script.commands import script
from cdlab.script.frame import Addresses
from cdlab.substrates.kind.lab import Lab
from tests.kind.real_rollbacks import rolled_back

pytestmark = pytest.mark.kind
FILES = ("www/version", "www/colour")


class Replay:
    """A script in a folder of its own, on the lab."""

    def __init__(self, lab: Lab, folder: Path, run: Run) -> None:
        settings = lab.settings
        addresses = Addresses(
            state_folder=str(settings.state_folder),
            registry=lab.registry_host,
            git=lab.hub_url,
            lab=settings.cluster_name,
        )
        self.name = f"replay-{os.getpid()}-{run.scenario.architecture}"
        self.kubeconfig = lab.kubeconfig
        self.path = folder / "replay.sh"
        self.path.write_text(script(run.history, addresses))
        self.folder = folder

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "RUN": self.name, "TMPDIR": str(self.folder)}
        return subprocess.run(
            ["bash", str(self.path), *arguments],
            env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def served(self, environment: str, workload: str) -> set[tuple[str, ...]]:
        """What each pod of a workload serves: its version and its colour."""
        ours = [
            "kubectl",
            f"--kubeconfig={self.kubeconfig}",
            "-n",
            f"cdlab-{self.name}-{environment}",
        ]
        listed = self.said([*ours, "get", "pods", "-l", f"app={workload}", "-o", RUNNING])
        pods = [name for name in listed.split() if name]
        return {
            tuple(self.said([*ours, "exec", pod, "--", "cat", file]).strip() for file in FILES)
            for pod in pods
        }

    def said(self, command: list[str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout


RUNNING = (
    'go-template={{range .items}}{{if eq .status.phase "Running"}}'
    "{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}{{end}}"
)


@pytest.fixture(scope="module", params=["v1", "v3"])
def played(request: pytest.FixtureRequest, cdlab_lab: Lab) -> Run:
    """A rollback that really ran on kind."""
    return rolled_back(request.param)


@pytest.fixture
def replay(played: Run, cdlab_lab: Lab, tmp_path: Path) -> Iterator[Replay]:
    found = Replay(cdlab_lab, tmp_path, played)
    yield found
    found("remove")


def sources(run: Run) -> dict[str, tuple[str, ...]]:
    """Content -> the version and colour in its files, from the commits of the code repos."""
    found: dict[str, tuple[str, ...]] = {}
    files: dict[str, dict[str, str]] = {}
    for event in run.history:
        if event.component == "code-repo" and event.kind == "Committed":
            files.setdefault(event.resource, {}).update(event.detail["files"])
        if event.component == "code-repo" and event.kind == "CommitPushed":
            now = files.get(event.resource, {})
            words = tuple(now[file].strip() for file in FILES)
            found.setdefault(event.detail["content"], words)
    return found


def test_the_script_ends_with_the_content_that_the_run_ended_with(
    played: Run, replay: Replay
) -> None:
    """
    Every workload in every environment serves the same version and colour, and nothing else.

    Afterwards `bash SCRIPT remove` leaves no namespace, no image and no folder.
    """
    done = replay()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    known = sources(played)
    content = {e.digest_after: e.detail["content"] for e in played.history.of("ImagePushed")}
    for environment in played.history.settings["environments"]:
        for workload in played.history.settings["microservices"]:
            digests = served_at(played.history, environment, workload, len(played.history))
            wanted = {known[content[digest]] for digest in digests}
            assert replay.served(environment, workload) == wanted, (environment, workload)
    assert_removed(replay)


def assert_removed(replay: Replay) -> None:
    assert replay("remove").returncode == 0
    ours = ["kubectl", f"--kubeconfig={replay.kubeconfig}", "get", "namespaces", "-o", "name"]
    assert replay.name not in replay.said(ours)
    label = f"label=cdlab.dev/run={replay.name}"
    assert replay.said(["docker", "image", "ls", "--quiet", "--filter", label]) == ""
    assert not (replay.folder / f"cdlab-{replay.name}").exists()
