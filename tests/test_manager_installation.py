"""What a release manager in the cluster is made of: its files, its objects, its image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cdlab import in_cluster
from cdlab.errors import BuildFailed, Forbidden, SubstrateUnavailable
from cdlab.kernel import Kernel
from cdlab.model import (
    Application,
    BuiltImage,
    Content,
    Environment,
    ImageRef,
    Microservice,
    Variant,
)
from cdlab.substrates.kind import inside, manager_image, manager_objects
from cdlab.substrates.kind.inside import Assignment, Inside, NoEngine, Surroundings
from cdlab.substrates.kind.manager_objects import Plan

ASSIGNMENT = Assignment(
    run="r1",
    application=Application(
        (Microservice("users", "localhost:5001/r1/users"),),
        (Environment("staging"), Environment("production", False)),
    ),
    namespaces={"staging": "cdlab-r1-staging", "production": "cdlab-r1-production"},
    variant=Variant(rollback="command", poll_interval_seconds=2.5),
    intervals={"seconds": 2.5, "is_poll_only": True, "phase": 0.0, "sync_seconds": 2.5},
    registry_host="localhost:5001",
    registry_url="http://cdlab-registry:5000",
    hub_url="http://cdlab-git:8418",
    webhook="https://hooks.example/cdlab",
)
PLAN = Plan(
    namespace="cdlab-r1-release-manager",
    labels={"cdlab.dev/run": "r1"},
    image="localhost:5001/cdlab/release-manager:1",
    configuration={inside.APPLICATION: ASSIGNMENT.to_json()},
    secrets={inside.PASSWORD: "hunter2", inside.TOKEN: "t0ken"},
)


def test_what_the_manager_is_told_survives_its_file(tmp_path: Path) -> None:
    """Written by the installation, read in the pod."""
    (tmp_path / inside.APPLICATION).write_text(ASSIGNMENT.to_json())
    (tmp_path / inside.PASSWORD).write_text("hunter2")
    (tmp_path / inside.TOKEN).write_text("t0ken")
    (tmp_path / inside.WEBHOOK_SECRET).write_text("s3cret")
    found = Inside.read(tmp_path, tmp_path)
    assert found.assignment == ASSIGNMENT
    assert (found.password, found.token, found.webhook_secret) == ("hunter2", "t0ken", "s3cret")


def test_no_secret_is_shown() -> None:
    """Neither of the plan nor of what the pod reads."""
    found = Inside(
        assignment=ASSIGNMENT, password="hunter2", token="t0ken", webhook_secret="hunter2"
    )
    services = Surroundings(
        registry_host="h", registry_url="u", hub_url="g", passwords={"manager": "hunter2"}
    )
    assert services.login("manager") == ("manager", "hunter2")
    for each in (PLAN, found, services):
        assert "hunter2" not in repr(each)
        assert "t0ken" not in repr(each)


def test_the_pod_may_do_nothing_to_its_node() -> None:
    """As the strictest of the pod security standards wants it, with a place to write in."""
    (container,) = manager_objects.deployment(PLAN)["spec"]["template"]["spec"]["containers"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    writable = [each["mountPath"] for each in container["volumeMounts"] if "readOnly" not in each]
    assert writable == ["/tmp"]
    labels = manager_objects.namespace(PLAN)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_two_managers_never_run_at_once() -> None:
    """One replica, and the old one ends before the new one begins."""
    spec = manager_objects.deployment(PLAN)["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_other_files_make_another_pod() -> None:
    """Kubernetes does not restart a pod because its ConfigMap changed."""
    before, after = (
        manager_objects.deployment(each)["spec"]["template"]
        for each in (PLAN, replace(PLAN, configuration={inside.APPLICATION: "{}"}))
    )
    assert before["metadata"]["annotations"] != after["metadata"]["annotations"]


def test_everything_carries_the_labels_by_which_it_is_removed() -> None:
    """Its pods too."""
    documents = [
        manager_objects.namespace(PLAN),
        *manager_objects.files(PLAN),
        manager_objects.service(PLAN, 30080),
        manager_objects.deployment(PLAN),
    ]
    for each in documents:
        assert each["metadata"]["labels"]["cdlab.dev/run"] == "r1"


def test_the_pod_listens_where_its_service_sends() -> None:
    """The two constants are in modules that may not import each other."""
    assert in_cluster.PORT == manager_objects.PORT


def test_the_image_gets_what_the_package_says_it_needs() -> None:
    """The dependencies of all and those of the manager; not the engine's, not the tests'."""
    declared = ["PyYAML>=6", 'docker>=7; extra == "kind"', "GitPython>=3; extra == 'manager'"]
    assert manager_image.requirements(declared) == ["PyYAML>=6", "GitPython>=3"]
    names = " ".join(manager_image.requirements())
    assert "kubernetes" in names
    assert "pytest" not in names
    with pytest.raises(SubstrateUnavailable) as old:
        manager_image.requirements(["PyYAML>=6"])
    assert "pip install" in old.value.help


def test_nothing_is_built_or_pushed_where_the_manager_runs() -> None:
    """There is no engine. Its grant lacks both, so that is no loss."""
    ref = ImageRef("localhost:5001/r1/users", "1")
    with pytest.raises(BuildFailed, match="no engine"):
        Kernel().run(NoEngine().build(None, ref))  # type: ignore[arg-type]
    from cdlab.live_kernel import LiveKernel
    from cdlab.substrates.kind.hints import Hints
    from cdlab.substrates.kind.registry import Arrivals, KindRegistry

    kernel = LiveKernel()
    services = Surroundings(
        registry_host="h", registry_url="http://127.0.0.1:9", hub_url="g", passwords={}
    )
    hints = Hints(kernel, "http://127.0.0.1:9")
    registry = KindRegistry(services, hints, (None, Arrivals()), "manager", "read")
    with pytest.raises(Forbidden, match="no engine"):
        kernel.run(registry.push(BuiltImage(ref, "sha256:1", Content("c"))))
