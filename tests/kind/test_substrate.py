"""What the adapters of the kind substrate promise beyond the ports: that a run leaves nothing, that
a lost hint or connection costs nothing but time, that no login is shown, and what they read out of
the words of git, docker and Kubernetes. The ports' own promises are in `tests/contracts`.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cdlab import sample_services
from cdlab.errors import (
    BuildFailed,
    ClusterUnavailable,
    Forbidden,
    RegistryUnavailable,
    RepositoryUnavailable,
)
from cdlab.grants import grants_of
from cdlab.live_kernel import LiveKernel
from cdlab.model import (
    Application,
    Environment,
    ImageRef,
    Microservice,
    PodChange,
    Revision,
)
from cdlab.substrates.kind import access, rollouts
from cdlab.substrates.kind.git_commands import GitCommands, Moved
from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.pods import PodWatch
from cdlab.substrates.kind.registry import Arrivals, _bytes_written, push_log
from cdlab.substrates.kind.registry_api import StoredManifest, _microseconds
from cdlab.substrates.kind.settings import KindSettings
from cdlab.substrates.kind.substrate import KindSubstrate

kind = pytest.mark.kind
NAME = "users"
OLD, NEW = Revision("a" * 40), Revision("b" * 40)
DIGEST = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        (f" \tx:refs/heads/main\t{OLD}..{NEW}", Moved(False, OLD)),
        (f"+\tx:refs/heads/main\t{OLD}...{NEW} (forced update)", Moved(True, OLD)),
        ("*\tx:refs/heads/main\t[new branch]", Moved(False, None)),
        ("=\tx:refs/heads/main\t[up to date]", Moved(False, NEW)),
    ],
)
def test_what_a_push_did_is_read_from_gits_answer(line: str, moved: Moved) -> None:
    """With `core.abbrev=no` the ids are whole."""
    assert Moved.parse(f"To http://server/x.git\n{line}\nDone\n", NEW) == moved


def test_no_login_is_on_a_command_line_or_shown(tmp_path: Path) -> None:
    """It is in the environment of the process, as a header, and not in the value's text."""
    git = GitCommands("ci", ("ci", "secret-password"), tmp_path)
    assert "secret-password" not in repr(git)
    environment = git._environment()
    header = [key for key, value in environment.items() if value.startswith("Authorization")]
    assert len(header) == 1
    assert "secret-password" not in "".join(environment.values())
    assert (environment["GIT_CONFIG_GLOBAL"], environment["GIT_CONFIG_NOSYSTEM"]) == (
        "/dev/null",
        "1",
    )


def test_bytes_are_those_of_layers_that_docker_sent() -> None:
    """Neither a layer that the registry had nor one that it mounted counts, nor one twice."""
    layers = tuple(
        (f"sha256:{digit * 64}", size) for digit, size in (("a", 1), ("b", 20), ("c", 3))
    )
    manifest = StoredManifest("sha256:c", 7, (*layers, layers[1]), (0, 0), "")
    diff_ids = [f"sha256:{digit * 64}" for digit in "defe"]
    statuses = {"d" * 12: "Layer already exists", "e" * 12: "Pushed", "f" * 12: "Mounted from x"}
    assert _bytes_written(manifest, diff_ids, statuses) == 20
    containerd = {"a" * 12: "Pushed", "b" * 12: "Layer already exists"}
    assert _bytes_written(manifest, diff_ids, containerd) == 1


def test_a_refused_push_and_a_lost_one_are_told_apart() -> None:
    """docker says both in its log. A lost one may have happened."""
    with pytest.raises(Forbidden):
        push_log([{"error": "unauthorized: authentication required"}], "push")
    with pytest.raises(RegistryUnavailable) as lost:
        push_log([{"error": "dial tcp 127.0.0.1:5001: connect: connection refused"}], "push")
    assert not lost.value.definite


def test_tags_of_one_age_are_in_the_order_in_which_they_arrived() -> None:
    """A tag that moves goes to the end; one that is pushed again unchanged stays."""
    arrivals = Arrivals()
    first = arrivals.number("repo", "a", "1", is_push=True)
    second = arrivals.number("repo", "b", "1", is_push=True)
    assert first < second == arrivals.number("repo", "b", "1", is_push=True)
    assert arrivals.number("repo", "a", "2", is_push=True) > second
    assert arrivals.number("repo", "c", "1") > second


def test_dates_of_images_are_read_to_the_microsecond() -> None:
    """docker writes nine digits, or fewer; a base image may have no date."""
    assert _microseconds("1970-01-01T00:00:01.123456789Z") == 1_123_456
    assert _microseconds("1970-01-01T00:00:01.5Z") == 1_500_000
    assert (_microseconds("1970-01-01T00:00:02Z"), _microseconds("")) == (2_000_000, 0)


def test_rights_of_several_grants_add_up() -> None:
    """The highest counts, and no grant is no right."""
    grants = grants_of("v2")
    assert access.right_of(grants, "ci", "environments") == "apply"
    assert access.right_of(grants, "observer", "environments") == "none"
    assert access.writers(grants, "config_repo") == ["ci", "operator"]
    assert access.writers(grants, "code_repos") == ["developer"]


def deployment(*, written: str, reason: str = "ProgressDeadlineExceeded") -> Any:
    """A Deployment whose deadline passed at 12:00:10."""
    condition = {"type": "Progressing", "reason": reason, "message": "late"}
    return {
        "metadata": {"generation": 2, "managedFields": [{"time": written}]},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 2,
            "conditions": [{**condition, "lastUpdateTime": "2026-01-01T12:00:10Z"}],
        },
    }


def test_a_deadline_of_an_earlier_rollout_is_known_by_its_date() -> None:
    """The condition stays for a moment when an old template becomes the newest again."""
    late = rollouts.lateness(deployment(written="2026-01-01T12:00:01Z"))
    assert late is not None
    assert not late.is_of_earlier_rollout
    undone = rollouts.lateness(deployment(written="2026-01-01T12:00:10Z"))
    assert undone is not None
    assert undone.is_of_earlier_rollout
    assert rollouts.lateness(deployment(written="", reason="ReplicaSetUpdated")) is None


def pod(uid: str = "u", *, state: Any = None, is_ready: bool = False, **metadata: Any) -> Any:
    """A pod as the API server gives it."""
    conditions = [
        {"type": "PodScheduled", "status": "True" if state is not None else "False"},
        {"type": "Ready", "status": "True" if is_ready else "False"},
    ]
    status = {"name": NAME, "state": state or {}, "imageID": f"host/users@{DIGEST}"}
    return {
        "metadata": {"uid": uid, "name": "users-1-2", "labels": {"app": NAME}, **metadata},
        "spec": {"containers": [{"name": NAME, "image": "host/users:a"}]},
        "status": {"conditions": conditions, "containerStatuses": [status]},
    }


def watched() -> tuple[PodWatch, list[PodChange]]:
    """A watch that nothing feeds but the test."""
    told: list[PodChange] = []
    namespace: Any = type("Namespace", (), {"name": "n", "path": lambda *_, **__: "", "api": None})
    return PodWatch(namespace(), "staging", told.append), told


RUNNING: Any = {"running": {}}


def test_the_phases_of_a_pod_are_told_once_and_in_the_order_of_its_life() -> None:
    """Also when the kubelet's event comes late, or a state was never seen."""
    watch, told = watched()
    for each in (pod(), pod(), pod(state={}), pod(state=RUNNING)):
        watch._see("MODIFIED", each)
    watch._see_events({"e": {"involvedObject": {"uid": "u"}}})
    watch._see("MODIFIED", pod(state=RUNNING, is_ready=True))
    watch._see("MODIFIED", pod(state=RUNNING))
    watch._see("MODIFIED", pod(state=RUNNING, is_ready=True))
    watch._see("MODIFIED", pod(state=RUNNING, is_ready=True, deletionTimestamp="now"))
    watch._see("MODIFIED", pod(state=RUNNING, deletionTimestamp="now"))
    watch._see("DELETED", pod(state=RUNNING, deletionTimestamp="now"))
    phases = ["created", "scheduled", "pulled", "started", "ready", "unready", "ready", "stopping"]
    assert [change.phase for change in told] == phases
    assert {change.digest for change in told if change.phase in phases[3:]} == {DIGEST}


def test_changes_during_a_lost_watch_are_told_when_it_is_back() -> None:
    """A pod that went away meanwhile has stopped; one that stayed is not told again."""
    watch, told = watched()
    watch._compare({"u": pod(state=RUNNING), "v": pod("v", state=RUNNING)})
    told.clear()
    watch._compare({"v": pod("v", state=RUNNING, is_ready=True)})
    assert [change.phase for change in told] == ["stopping", "ready"]


def test_an_init_containers_image_is_not_the_pods() -> None:
    """Its event says nothing about the workload's image."""
    watch, told = watched()
    watch._see("ADDED", pod(state={}))
    subject = {"uid": "u", "fieldPath": "spec.initContainers{setup}"}
    watch._see_events({"e": {"involvedObject": subject}})
    assert "pulled" not in [change.phase for change in told]


@pytest.fixture
def substrate(cdlab_lab: Lab) -> Iterator[KindSubstrate]:
    """A run of its own, removed afterwards."""
    substrate = KindSubstrate(cdlab_lab, LiveKernel(), run=f"t{secrets.token_hex(3)}")
    yield substrate
    substrate.kernel.run(substrate.destroy())


def play(substrate: KindSubstrate, main: Callable[[], Awaitable[Any]], version: str = "v1") -> Any:
    """Create the run with an architecture's grants and do something in it."""
    application = Application(
        (Microservice(NAME, substrate.image_repository(NAME)),), (Environment("staging"),)
    )

    async def whole() -> Any:
        await substrate.create(application, grants_of(version))
        return await main()

    return substrate.kernel.run(whole(), deadline_seconds=120)


async def pushed(substrate: KindSubstrate) -> Any:
    """The source of a microservice as the head of its code repo, in a checkout of the developer."""
    checkout = await substrate.ports("developer").code_repos[NAME].clone()
    files = sample_services.source(NAME, version="one", colour="seagreen", run=substrate.run)
    for path, text in files.items():
        checkout.write(path, text)
    await checkout.commit("one")
    await checkout.push()
    return checkout


@kind
def test_a_run_leaves_nothing(cdlab_lab: Lab, substrate: KindSubstrate) -> None:
    """No repository, image, tag or thread; its namespaces are gone or about to go."""
    before = threading.active_count()

    async def main() -> None:
        checkout = await pushed(substrate)
        ci = substrate.ports("ci")
        image = await ci.builder.build(checkout, ImageRef(substrate.image_repository(NAME), "one"))
        await ci.registry.push(image)
        await substrate.ports("operator").cluster.apply(checkout.read("service.yaml"), "staging")

    play(substrate, main)
    substrate.kernel.run(substrate.destroy())
    import docker

    from cdlab.substrates.kind.kubernetes_api import KubernetesApi
    from cdlab.substrates.kind.registry_api import RegistryApi

    client = docker.from_env()
    assert client.images.list(filters={"label": f"cdlab.dev/run={substrate.run}"}) == []
    client.close()
    registry = RegistryApi(cdlab_lab.registry_url, cdlab_lab.login("runner"))
    assert registry.tags(f"{substrate.run}/{NAME}") == []
    administrator = KubernetesApi.as_administrator(cdlab_lab.kubeconfig, cdlab_lab.context)
    left, _ = administrator.list(
        "/api/v1/namespaces", labelSelector=f"cdlab.dev/run={substrate.run}"
    )
    assert {each["status"]["phase"] for each in left} <= {"Terminating"}
    administrator.close()
    with pytest.raises(RepositoryUnavailable):
        substrate.reflog(NAME)
    # The kernel's own threads are told to end, and do so in their own time.
    names = [each.name for each in threading.enumerate() if each.name != "cdlab offload"]
    assert not [name for name in names if name.startswith("cdlab")]
    assert threading.active_count() <= before + 2


@kind
def test_a_push_is_seen_without_any_hint(substrate: KindSubstrate) -> None:
    """The hub saves time and is never needed: the truth is looked at every 2 s."""

    async def main() -> None:
        substrate.hints.stop()
        repository = substrate.ports("ci").code_repos[NAME]
        waiting = substrate.kernel.spawn(repository.wait_for_push(None), name="CI")
        checkout = await pushed(substrate)
        assert await waiting.join() == checkout.head

    play(substrate, main)


@kind
def test_the_api_server_says_what_a_token_may_do(substrate: KindSubstrate) -> None:
    """V1's CI may patch a Deployment, in its namespaces, and nothing else."""
    asked = [
        ("patch", "apps", "deployments", True),
        ("create", "apps", "deployments", False),
        ("delete", "apps", "deployments", False),
        ("list", "apps", "replicasets", False),
        ("get", "", "secrets", False),
        ("create", "", "pods/exec", False),
        ("impersonate", "", "serviceaccounts", False),
    ]

    async def main() -> list[bool]:
        namespace = substrate.ports("ci").cluster.namespaces["staging"]  # type: ignore[attr-defined]
        answers = []
        for verb, group, resource, _ in asked:
            attributes = {
                "namespace": namespace.name, "verb": verb, "group": group,
                "resource": resource.partition("/")[0], "subresource": resource.partition("/")[2],
            }  # fmt: skip
            review = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
            path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            answers.append(bool(namespace.api.call("POST", path, review)["status"]["allowed"]))
        return answers

    assert play(substrate, main) == [allowed for *_, allowed in asked]


@kind
def test_what_was_lost_is_told_even_if_this_clone_never_had_it(substrate: KindSubstrate) -> None:
    """Two developers; the second forces, and learns which commit of the first it dropped."""

    async def main() -> None:
        await pushed(substrate)
        repository = substrate.ports("developer").code_repos[NAME]
        first, second = await repository.clone(), await repository.clone()
        first.write("first", "")
        lost = await first.commit("first")
        await first.push()
        second.write("second", "")
        await second.commit("second")
        report = await second.push(force=True)
        assert (report.previous, report.lost, report.is_rewrite) == (lost, (lost,), True)
        assert [each["new"] for each in substrate.reflog(NAME)][-2:] == [lost, second.head]

    play(substrate, main)


@kind
def test_a_failed_build_shows_the_end_of_its_log(substrate: KindSubstrate) -> None:
    """And only committed files are built."""

    async def main() -> None:
        checkout = await pushed(substrate)
        ref = ImageRef(substrate.image_repository(NAME), "bad")
        checkout.write("Dockerfile", "FROM busybox:1.35\nRUN echo a sentence && false\n")
        builder = substrate.ports("ci").builder
        await builder.build(checkout, ref)
        await checkout.commit("bad")
        with pytest.raises(BuildFailed, match="a sentence"):
            await builder.build(checkout, ref)

    play(substrate, main)


@kind
def test_services_that_are_not_there_are_named(cdlab_lab: Lab, tmp_path: Path) -> None:
    """A refused connection is definite: nothing can have happened."""
    from cdlab.substrates.kind.kubernetes_api import KubernetesApi
    from cdlab.substrates.kind.registry_api import RegistryApi

    nowhere = Lab(settings=KindSettings(registry_port=1, git_port=2), passwords=cdlab_lab.passwords)
    with pytest.raises(RegistryUnavailable) as registry:
        RegistryApi(nowhere.registry_url, cdlab_lab.login("ci")).tags("x")
    kubeconfig = tmp_path / "kubeconfig"
    text = cdlab_lab.kubeconfig.read_text()
    port = text.partition("https://127.0.0.1:")[2].split()[0]
    kubeconfig.write_text(text.replace(f"127.0.0.1:{port}", "127.0.0.1:3"))
    with pytest.raises(ClusterUnavailable) as cluster:
        KubernetesApi.as_administrator(kubeconfig, cdlab_lab.context).call("GET", "/version")
    assert (registry.value.definite, cluster.value.definite) == (True, True)
