"""The article's own road on the real cluster: no pod notices, and RBAC refuses what was taken."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cdlab import sample_services, worlds
from cdlab.cli import main
from cdlab.equality import differences
from cdlab.expectations import judge
from cdlab.grants import grants_of
from cdlab.live_kernel import LiveKernel
from cdlab.manifests import image_of, replace_image
from cdlab.model import Application, Environment, ImageRef, Microservice
from cdlab.runner import Run
from cdlab.scenario import Scenario, load
from cdlab.substrates.kind.kubernetes_api import STRATEGIC, KubernetesApi
from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.substrate import KindSubstrate
from cdlab.testing.failure_story import failure_story

pytestmark = [pytest.mark.kind, pytest.mark.usefixtures("cdlab_lab")]
FILE = Path(__file__).parents[2] / "scenarios" / "v3" / "move-from-v1.yaml"
NAME = "users"


def play(scenario: Scenario, **where: str) -> Run:
    """Play it on kind and hold it to its expectations and to its witnesses."""
    run = worlds.run(scenario, substrate="kind", **where)
    told = failure_story(run.history) + str(run.evidence)
    assert run.is_finished, told
    broken = [each for each in judge(scenario.expect, run.measures) if not each.holds]
    assert not broken, told
    assert run.disagreements == [], told
    return run


def refusals(run: Run) -> list[tuple[str, str]]:
    """Where CI was refused, and in whose words."""
    return [(e.component, e.because) for e in run.history.of("Forbidden") if e.principal == "ci"]


def test_the_whole_road_changes_no_pod_and_takes_cis_rights() -> None:
    """As in the simulator, as the audit log and the reflogs counted, and refused by the servers."""
    run = play(load(FILE))
    simulated = worlds.run(load(FILE)).history
    assert differences(simulated, run.history) == [], failure_story(run.history)
    (cluster, of_cluster), (config, _) = refusals(run)
    assert (cluster, config) == ("environment", "config-repo")
    assert "403" in of_cluster
    assert "system:serviceaccount:" in of_cluster
    assert 'cannot get resource "deployments"' in of_cluster, "not even to look"


@pytest.mark.slow_kind
def test_the_manager_in_the_cluster_takes_over_as_well() -> None:
    """It is installed during the move, with its own credentials; pods stay, CI is refused."""
    small = replace(load(FILE), microservices=("front-end",), faults=())
    run = play(small, manager="inside")
    assert [component for component, _ in refusals(run)] == ["environment", "config-repo"]
    assert run.measures["cluster_credentials_outside"] == 0


@dataclass(frozen=True)
class Shop:
    """One workload that people brought into a namespace with kubectl, and its API server."""

    lab: Lab
    substrate: KindSubstrate
    kernel: LiveKernel
    images: tuple[ImageRef, ImageRef]

    @property
    def namespace(self) -> str:
        return self.substrate.namespace("staging")

    @property
    def api(self) -> KubernetesApi:
        return self.substrate.administrator

    def kubectl(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = ["kubectl", f"--kubeconfig={self.lab.kubeconfig}", "-n", self.namespace]
        return subprocess.run(
            [*command, *arguments],
            input=text, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def said(self, *arguments: str, text: str = "") -> str:
        done = self.kubectl(*arguments, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def list(self, path: str) -> list[Any]:
        return self.api.list(path.format(self.namespace))[0]

    def looks(self) -> dict[str, Any]:
        """Pods by identity and restarts, ReplicaSets by template hash, the template itself."""
        pods = self.list("/api/v1/namespaces/{}/pods")
        (deployment,) = self.list("/apis/apps/v1/namespaces/{}/deployments")
        sets = self.list("/apis/apps/v1/namespaces/{}/replicasets")
        return {
            "pods": sorted(
                (each["metadata"]["uid"], each["status"]["containerStatuses"][0]["restartCount"])
                for each in pods
                if "deletionTimestamp" not in each["metadata"]
            ),
            "replica sets": sorted(each["metadata"]["name"] for each in sets),
            "template": json.dumps(deployment["spec"]["template"], sort_keys=True),
            "rollout": deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        }

    def export(self, folder: Path, *more: str) -> int | str | None:
        """`cdlab export` of the namespace."""
        where = ["--environment", f"staging={self.namespace}"]
        with pytest.raises(SystemExit) as ended:
            main.main(["export", str(folder), *where, *more])
        return ended.value.code


@pytest.fixture
def shop(cdlab_lab: Lab) -> Iterator[Shop]:
    """`kubectl apply -f service.yaml` once, and `kubectl set image` since, as in V1."""
    kernel, run = LiveKernel(), f"export-{secrets.token_hex(3)}"
    substrate = KindSubstrate(cdlab_lab, kernel, run=run)
    image = substrate.image_repository(NAME)
    application = Application((Microservice(NAME, image),), (Environment("staging"),))
    files = sample_services.source(NAME, version="1", colour="red", run=run)

    async def build(tag: str) -> ImageRef:
        checkout = await substrate.ports("developer").code_repos[NAME].clone()
        for path, text in sample_services.source(NAME, version=tag, colour="red", run=run).items():
            checkout.write(path, text)
        await checkout.commit(f"Make {tag}")
        ci = substrate.ports("ci")
        await ci.registry.push(await ci.builder.build(checkout, ImageRef(image, tag)))
        return ImageRef(image, tag)

    async def make() -> tuple[ImageRef, ImageRef]:
        await substrate.create(application, grants_of("v1"))
        return await build("one"), await build("two")

    try:
        found = Shop(cdlab_lab, substrate, kernel, kernel.run(make()))
        manifest = replace_image(files["service.yaml"], NAME, str(found.images[0]))
        found.said("apply", "-f", "-", text=manifest)
        found.said("set", "image", f"deployment/{NAME}", f"{NAME}={found.images[1]}")
        found.said("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
        yield found
    finally:
        kernel.run(substrate.destroy())


def changed(diff: str) -> list[str]:
    """The lines of a diff, without what kubectl notes of its last client-side apply."""
    lines = [each[1:].strip() for each in diff.splitlines() if re.match(r"[-+](?![-+])", each)]
    return [each for each in lines if not each.startswith(('{"apiVersion"', "generation: "))]


@pytest.mark.parametrize(
    "apply",
    [
        pytest.param(("apply", "-f"), id="client side", marks=pytest.mark.slow_kind),
        pytest.param(("apply", "--server-side", "--force-conflicts", "-f"), id="server side"),
    ],
)
def test_an_export_applied_with_kubectl_replaces_no_pod(
    shop: Shop, tmp_path: Path, apply: tuple[str, ...]
) -> None:
    """Both kinds of apply: kubectl sees no difference but in its note, and nothing rolls out."""
    before = shop.looks()
    assert shop.export(tmp_path) == 0
    path = tmp_path / "environments" / "staging" / f"{NAME}.yaml"
    assert image_of(path.read_text(), NAME) == str(shop.images[1])
    compared = shop.kubectl("diff", "--server-side", "-f", str(path))
    assert compared.returncode in (0, 1), compared.stderr
    assert changed(compared.stdout) == []
    shop.said(*apply, str(path))
    shop.said("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
    assert shop.looks() == before
    assert shop.export(tmp_path) == 0, "and again it is the same"


@pytest.mark.slow_kind
def test_an_export_alone_brings_back_what_was_deleted(shop: Shop, tmp_path: Path) -> None:
    """Deployment and Service, with the image that ran."""
    assert shop.export(tmp_path) == 0
    path = tmp_path / "environments" / "staging" / f"{NAME}.yaml"
    template = shop.looks()["template"]
    shop.said("delete", "-f", str(path), "--wait=true")
    shop.said("apply", "-f", str(path))
    shop.said("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
    assert shop.looks()["template"] == template
    (service,) = shop.list("/api/v1/namespaces/{}/services")
    assert service["spec"]["selector"] == {"app": NAME}


def test_what_no_deployment_runs_is_refused_by_its_name(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pod of somebody's beside it, unless the workload is named; then that pod stays nobody's."""
    (deployment,) = shop.list("/apis/apps/v1/namespaces/{}/deployments")
    pod = {"metadata": {"name": "debug"}, "spec": deployment["spec"]["template"]["spec"]}
    shop.api.call("POST", f"/api/v1/namespaces/{shop.namespace}/pods", pod)
    assert shop.export(tmp_path) == 1
    assert 'the Pod "debug" is neither a Deployment nor of one' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert shop.export(tmp_path, NAME) == 0


def test_two_containers_are_refused_where_none_has_the_workloads_name(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody could tell which of them a release is about."""
    beside = [{"name": "proxy", "image": str(shop.images[0])}]
    path = f"/apis/apps/v1/namespaces/{shop.namespace}/deployments/{NAME}"
    rename = {"name": "web", "image": str(shop.images[1])}
    containers = [{"$patch": "replace"}, rename, *beside]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    shop.api.call("PATCH", path, patch, content_type=STRATEGIC)
    assert shop.export(tmp_path) == 1
    assert f"{NAME}: it has 2 containers, and none is called {NAME}" in capsys.readouterr().err
