"""The release manager as a pod: what it may do, that it counts the same, that nothing kills it."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from cdlab import worlds
from cdlab.cli import main
from cdlab.equality import differences
from cdlab.errors import Forbidden, ManagerUnavailable
from cdlab.kernel import Actor
from cdlab.model import ImageRef
from cdlab.releases import config_path
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario, load
from cdlab.stories import Lab
from cdlab.stories.actions import Change, bootstrap, push_change
from cdlab.substrates.kind import lab as real
from cdlab.substrates.kind.access import RBAC
from cdlab.substrates.kind.builder import RUN_LABEL
from cdlab.substrates.kind.kubernetes_api import KubernetesApi
from cdlab.substrates.kind.manager_installation import labels_of, namespace_of
from cdlab.substrates.kind.namespaces import environment_namespace
from cdlab.substrates.kind.registry_api import RegistryApi
from cdlab.substrates.kind.substrate import KindSubstrate
from cdlab.testing.failure_story import failure_story

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NAME = "users"
SMALL = Scenario(architecture="v3", microservices=(NAME,))
KILL = "read moment; pkill -KILL -f '[c]dlab.in_cluster'"

KILLED_RUNS = 4
"""Where a kill falls is chance: on a busy machine three of eight came between."""

pytestmark = [pytest.mark.kind, pytest.mark.usefixtures("cdlab_lab")]


def test_a_rollback_counts_the_same_with_the_manager_in_the_cluster() -> None:
    """As in the simulator, as its witnesses counted, and with no credentials outside."""
    scenario = replace(load(SCENARIOS / "v3" / "rollback.yaml"), microservices=("front-end",))
    real_run = worlds.run(scenario, substrate="kind", manager="inside")
    assert real_run.is_finished, failure_story(real_run.history)
    told = failure_story(real_run.history)
    assert differences(worlds.run(scenario).history, real_run.history) == [], told
    assert real_run.disagreements == []
    assert real_run.measures["cluster_credentials_outside"] == 0


@dataclass(frozen=True)
class Pod:
    """The manager's pod, and a hand on the switch of its node."""

    substrate: KindSubstrate
    name: str
    restart: subprocess.Popen[str]

    @classmethod
    def of(cls, substrate: KindSubstrate) -> Pod:
        """The one that runs now. The switch waits for its moment, which costs 100 ms to set up."""
        pods, _ = substrate.administrator.list(cls.path(substrate))
        (pod,) = (each for each in pods if "deletionTimestamp" not in each["metadata"])
        command = ["docker", "exec", "--interactive", pod["spec"]["nodeName"], "sh", "-c", KILL]
        switch = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        return cls(substrate, pod["metadata"]["name"], switch)

    @staticmethod
    def path(substrate: KindSubstrate) -> str:
        return f"/api/v1/namespaces/{namespace_of(substrate.run)}/pods"

    def kill(self) -> None:
        """End the process at once, then the pod, so that the next one comes without a pause."""
        self.restart.communicate("now\n", timeout=10)
        path = f"{self.path(self.substrate)}/{self.name}"
        self.substrate.administrator.call("DELETE", path, {"gracePeriodSeconds": 0})


Moment = Callable[[Lab, KindSubstrate, str], None]
"""Returns, in a thread, when the process is to be killed that releases to an environment."""


def when_committed(lab: Lab, substrate: KindSubstrate, environment: str) -> None:
    """The git server has the commit, and the manager has perhaps not heard of it yet."""
    before = len(substrate.reflog("config"))
    until(lambda: len(substrate.reflog("config")) > before)


def when_pods_come(lab: Lab, substrate: KindSubstrate, environment: str) -> None:
    """The rollout is under way."""
    path = f"/api/v1/namespaces/{substrate.namespace(environment)}/pods"
    before = names(substrate, path)
    until(lambda: names(substrate, path) - before)


def names(substrate: KindSubstrate, path: str) -> set[str]:
    return {str(each["metadata"]["name"]) for each in substrate.administrator.list(path)[0]}


def soon(seconds: float) -> Moment:
    """So long after a tag can be seen or a command is sent: while it clones, plans or pushes."""

    def moment(lab: Lab, substrate: KindSubstrate, environment: str) -> None:
        if environment == "staging":
            before = tags(substrate)
            until(lambda: tags(substrate) - before)
        begin = time.monotonic()
        until(lambda: time.monotonic() - begin > seconds)

    return moment


def tags(substrate: KindSubstrate) -> set[str]:
    registry = RegistryApi(substrate.lab.registry_url, substrate.lab.login("runner"))
    return set(registry.tags(f"{substrate.run}/{NAME}"))


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "the moment did not come"


MOMENTS: list[tuple[Moment, Moment]] = [
    (when_committed, soon(0.05)),
    (soon(0.15), when_committed),
    (when_pods_come, soon(0.15)),
    (soon(0.05), when_pods_come),
]
"""While it releases a new image to staging by itself, and while it promotes it to production."""


def test_a_killed_manager_ends_every_release_once() -> None:
    """Between commit and apply, during a push, during a rollout: one commit each, and it runs."""
    for _ in range(KILLED_RUNS):
        if a_kill_came_between(play_with_kills()):
            return
    pytest.fail(f"in {KILLED_RUNS} runs no kill came between a commit and its apply")


def play_with_kills() -> Run:
    """Ship and promote while the manager is killed at each moment; everything ended once."""
    world = worlds.real(SMALL, manager="inside")
    substrate = cast(KindSubstrate, world.substrate)

    async def story(lab: Lab) -> None:
        await bootstrap(lab)
        shipped = []
        for number, (automated, promoted) in enumerate(MOMENTS):
            killing = doom(lab, substrate, automated, "staging")
            commit = await push_change(lab, NAME, Change(version=f"1.{number}"))
            shipped.append(commit.revision)
            await killing.join()
            await lab.until_serves(NAME, "staging", commit.content)
            await promote_through(lab, substrate, promoted)
            await lab.until_serves(NAME, "production", commit.content)
        for environment in ("staging", "production"):
            await assert_each_is_released_once(lab, environment, shipped)

    run = run_in(world, SMALL, story)
    assert run.is_finished, failure_story(run.history) + str(run.evidence)
    return run


def a_kill_came_between(run: Run) -> bool:
    """Whether something was applied by a process that had not committed it. It is chance."""
    applied = [each for each in run.history.of("ManifestsApplied") if each.detail["changed"]]
    return any(not each.intent for each in applied)


def doom(lab: Lab, substrate: KindSubstrate, moment: Moment, environment: str) -> Actor:
    """Have the manager killed at its moment, beside what goes on."""
    pod = Pod.of(substrate)

    def work() -> None:
        moment(lab, substrate, environment)
        pod.kill()

    return lab.kernel.spawn(lab.kernel.offload(work, what="the moment"), name="murderer")


async def promote_through(lab: Lab, substrate: KindSubstrate, moment: Moment) -> None:
    """Promote, and look whether that was done before asking again, as people do."""
    await lab.ports("operator").cluster.rollout_status(NAME, "staging")
    while not await has_answered(lab):
        await lab.kernel.sleep(0.2)
    before = await released(lab, "production")
    killing = doom(lab, substrate, moment, "production")
    while await released(lab, "production") == before:
        try:
            await lab.delivery.promote(NAME, "staging", "production", "alice")
        except ManagerUnavailable:
            await lab.kernel.sleep(0.2)
    await killing.join()


async def has_answered(lab: Lab) -> bool:
    """Whether the manager is back."""
    try:
        await lab.delivery.promote("nobody", "staging", "production", "alice")
    except ManagerUnavailable:
        return False
    return True


async def released(lab: Lab, environment: str) -> list[str]:
    """What each release of an environment went to, newest first, from git alone."""
    checkout = await lab.ports("operator").config_repo.clone()
    log = checkout.log(config_path(environment, NAME))
    lines = (line for each in log for line in each.message.splitlines())
    return [line.removeprefix("To: ") for line in lines if line.startswith("To: ")]


async def assert_each_is_released_once(lab: Lab, environment: str, shipped: list[Any]) -> None:
    """One commit each, no other, and the cluster runs what the config repo says."""
    images = [ImageRef.parse(each) for each in await released(lab, environment)]
    counts = Counter(image.tag for image in images)
    assert [counts[each] for each in shipped] == [1] * len(shipped), counts
    assert sum(counts.values()) == len(shipped) + 1, "and the first version"
    operator = lab.ports("operator")
    checkout = await operator.config_repo.clone()
    assert not await operator.cluster.diff(
        checkout.read(config_path(environment, NAME)), environment
    )
    await operator.cluster.rollout_status(NAME, environment)
    (running,) = await operator.cluster.running(environment, NAME)
    assert set(running.digests) == {images[0].digest}


def test_installed_by_hand_it_may_do_its_work_and_nothing_else(
    cdlab_lab: real.Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    """`cdlab manager install`: refused by the API server what its grant lacks; gone afterwards."""
    file = str(SCENARIOS / "v3" / "rollback.yaml")
    api = KubernetesApi.as_administrator(cdlab_lab.kubeconfig, cdlab_lab.context)
    try:
        for _ in range(2):  # again is no harm
            command("manager", "install", file, "--run", "standing-test")
        assert "answers at http://127.0.0.1:" in capsys.readouterr().out
        refuse_all(cdlab_lab, api, "standing-test")
        command("manager", "uninstall", "--run", "standing-test")
        staging = environment_namespace("standing-test", "staging")
        assert api.call("GET", f"/api/v1/namespaces/{staging}")["status"]["phase"] == "Active"
        assert leftovers(cdlab_lab, api, "standing-test") == []
    finally:
        command("manager", "uninstall", "--run", "standing-test", "--with-application")
    selector = f"{RUN_LABEL}=standing-test"
    left, _ = api.list("/api/v1/namespaces", labelSelector=selector)
    assert all(each["status"]["phase"] == "Terminating" for each in left)
    api.close()


def command(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments)
    assert ended.value.code == 0


def leftovers(lab: real.Lab, api: KubernetesApi, run: str) -> list[str]:
    """Everything that carries the labels of a run's manager."""
    selector = ",".join(f"{key}={value}" for key, value in labels_of(lab, run).items())
    paths = ["/api/v1/namespaces", f"{RBAC}/roles", f"{RBAC}/rolebindings", "/api/v1/services"]
    paths += ["/api/v1/pods", "/api/v1/secrets", "/apis/apps/v1/deployments"]
    found = [each for path in paths for each in api.list(path, labelSelector=selector)[0]]
    return [str(each["metadata"]["name"]) for each in found]


def refuse_all(lab: real.Lab, api: KubernetesApi, run: str) -> None:
    """With the token of the pod's ServiceAccount, ask the API server for all sorts of things."""
    own, staging = namespace_of(run), environment_namespace(run, "staging")
    account = f"/api/v1/namespaces/{own}/serviceaccounts/manager/token"
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    nobody = KubernetesApi.without_credentials(lab.kubeconfig, lab.context)
    manager = nobody.with_token(str(api.call("POST", account, wanted)["status"]["token"]))
    assert manager.call("GET", f"/apis/apps/v1/namespaces/{staging}/deployments")["items"] == []
    for method, path in [
        ("GET", f"/api/v1/namespaces/{staging}/secrets"),
        ("GET", f"/api/v1/namespaces/{own}/secrets"),
        ("GET", f"/api/v1/namespaces/{own}/pods"),
        ("GET", "/apis/apps/v1/namespaces/default/deployments"),
        ("GET", "/api/v1/namespaces/kube-system/pods"),
        ("GET", "/api/v1/namespaces"),
        ("DELETE", f"/apis/apps/v1/namespaces/{staging}/deployments"),
        ("DELETE", f"/api/v1/namespaces/{staging}/pods/users"),
        ("POST", f"/api/v1/namespaces/{staging}/pods"),
        ("POST", f"{RBAC}/namespaces/{staging}/rolebindings"),
    ]:
        with pytest.raises(Forbidden):
            manager.call(method, path, {} if method == "POST" else None)
    nobody.close()
