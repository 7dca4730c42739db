"""What a run on kind leaves when it fails, and that it leaves nothing when somebody ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import docker
import pytest
import urllib3

from cdlab import runner
from cdlab.cli import main
from cdlab.errors import StoryFailed
from cdlab.history import History
from cdlab.stories import STORIES, Lab
from cdlab.substrates.kind import lab as real
from cdlab.substrates.kind.builder import RUN_LABEL
from cdlab.substrates.kind.credentials import basic
from cdlab.substrates.kind.kubernetes_api import KubernetesApi

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "scenarios" / "v1" / "rollback.yaml"
REPOSITORIES = ("config", "front-end", "users", "orders")
BEGIN_SECONDS, END_SECONDS = 60.0, 60.0
"""How long a run may take to make its first namespace, and to remove itself."""

pytestmark = pytest.mark.kind


Failing = tuple[tuple[str, ...], Exception, str]
"""A command, what ends its first run, and the name of the folder that it leaves."""


@pytest.mark.usefixtures("cdlab_lab")
@pytest.mark.parametrize(
    "failing",
    [
        (("run", str(SCENARIO)), StoryFailed("refused", help="ask again"), "v1-rollback-kind-1"),
        (("compare",), ZeroDivisionError("oops"), "compare-rollback-v1-revert-cache-kind-1"),
    ],
    ids=["run", "compare"],
)
def test_a_run_that_fails_leaves_a_folder(
    failing: Failing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """History, events, the pods' logs and our cluster's version; the message says where."""
    arguments, error, folder = failing

    async def break_off(lab: Lab) -> None:
        await STORIES["first-deployment"](lab)
        raise error

    monkeypatch.setitem(runner.STORIES, "rollback", break_off)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main.main([*arguments, "--substrate", "kind"])
    said = capsys.readouterr().err
    assert ended.value.code == 4
    assert str(error) in said
    assert f"kept in: artifacts/{folder}" in said
    kept = tmp_path / "artifacts" / folder
    assert History.load(kept / "history.jsonl").of("ManifestsApplied")
    assert str(error) in (kept / "error.txt").read_text()
    assert "serverVersion" in (kept / "versions.txt").read_text()
    assert f"cdlab {arguments[0]} " in (kept / "replay.txt").read_text()
    assert list(kept.glob("*/events.txt"))
    assert list(kept.glob("*/*.log"))


@pytest.fixture
def administrator(cdlab_lab: real.Lab) -> Iterator[KubernetesApi]:
    """A connection that may see everything."""
    api = KubernetesApi.as_administrator(cdlab_lab.kubeconfig, cdlab_lab.context)
    yield api
    api.close()


def phases(administrator: KubernetesApi, label: str) -> dict[str, set[str]]:
    """Run -> the phases of its namespaces."""
    found: dict[str, set[str]] = {}
    for each in administrator.list("/api/v1/namespaces", labelSelector=label)[0]:
        run = each["metadata"]["labels"][RUN_LABEL]
        found.setdefault(run, set()).add(each["status"]["phase"])
    return found


def images(run: str = "") -> set[str]:
    """The runs that have images, or the one run if it has."""
    client = docker.from_env()
    try:
        label = f"{RUN_LABEL}={run}" if run else RUN_LABEL
        # Not `images.list`, which looks at each again: another may be on its way out.
        found = client.api.images(filters={"label": label})
        return {each["Labels"][RUN_LABEL] for each in found}
    finally:
        client.close()


def first_new(runs: Callable[[], Iterable[str]], before: set[str]) -> str:
    """The run that shows up among *runs* and was not there before, as soon as it does."""
    deadline = time.monotonic() + BEGIN_SECONDS
    while time.monotonic() < deadline:
        if new := set(runs()) - before:
            return min(new)
    pytest.fail(f"no run shows up within {BEGIN_SECONDS:g} s")


@pytest.mark.parametrize("moment", ["first namespace", "first image"])
def test_an_interrupted_run_leaves_nothing(
    cdlab_lab: real.Lab, administrator: KubernetesApi, tmp_path: Path, moment: str
) -> None:
    """Ctrl-C: `interrupted`, 130, and no namespace, repository or image of the run."""
    by_namespace = partial(phases, administrator, RUN_LABEL)
    before = by_namespace().keys() | images()
    command = [Path(sys.executable).with_name("cdlab"), "run", SCENARIO, "--substrate", "kind"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            run = first_new(images if moment == "first image" else by_namespace, before)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=END_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "interrupted"
    left = phases(administrator, f"{RUN_LABEL}={run}")
    assert left.get(run, set()) <= {"Terminating"}
    for name in REPOSITORIES:
        assert reflog_status(cdlab_lab, f"{run}/{name}") == 404
    assert not images(run)


def reflog_status(lab: real.Lab, repository: str) -> int:
    """What the git server answers when it is asked for the updates of a repository."""
    headers = {"Authorization": basic(*lab.login("runner"))}
    url = f"{lab.admin_url}/{repository}/reflog"
    with urllib3.PoolManager(retries=False, timeout=10.0) as pool:
        return pool.request("GET", url, headers=headers).status
