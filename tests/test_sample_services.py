"""The code repos of the sample microservices."""

from __future__ import annotations

import pytest

from cdlab import manifests, sample_services
from cdlab.sample_services import Knobs


def users(knobs: Knobs = sample_services.NO_KNOBS, **settings: str) -> dict[str, str]:
    wanted = {"version": "1", "colour": "green", "run": "run-1", **settings}
    return sample_services.source("users", knobs=knobs, **wanted)


@pytest.mark.parametrize("name", [*sample_services.SERVICES, "service-07"])
def test_every_microservice_has_a_workload_and_a_service_of_its_name(name: str) -> None:
    """Also those without a folder of their own, for simulated runs with many microservices."""
    files = sample_services.source(
        name, version="1", colour="red", run="a", knobs=Knobs(replicas=3)
    )
    (workload,) = manifests.workloads(files["service.yaml"])
    assert (workload.name, workload.replicas) == (name, 3)
    assert workload.containers == ((name, f"registry.invalid/{name}:unreleased"),)
    service = manifests.documents(files["service.yaml"])[1]
    assert service["kind"] == "Service"
    assert service["spec"]["selector"] == {"app": name}
    assert all("namespace" not in d["metadata"] for d in manifests.documents(files["service.yaml"]))


def test_a_derived_microservice_keeps_nothing_of_its_template() -> None:
    """The template's name would show on the page, or select another workload's pods."""
    files = sample_services.source("service-07", version="1", colour="red", run="a")
    assert not [path for path, text in files.items() if "users" in text]


def test_settings_are_written_into_the_files() -> None:
    """Version, colour, run and costs are source, so that a change of them is a change of code."""
    files = users(Knobs(payload_kib=7, build_work=9), version="1.2", colour="#abc", run="x")
    assert files["www/version"] == "1.2\n"
    assert files["www/colour"] == "#abc\n"
    assert files["www/run"] == "x\n"
    assert "PAYLOAD_KIB=7\n" in files["build.env"]
    assert "BUILD_WORK=9\n" in files["build.env"]


def test_a_new_version_edits_one_file() -> None:
    """What a developer commits is small, and empty if nothing changes."""
    files = users()
    assert sample_services.changed(files, version="2") == {"www/version": "2\n"}
    both = sample_services.changed(files, version="2", colour="red")
    assert both == {"www/version": "2\n", "www/colour": "red\n"}
    assert sample_services.changed(files, version="1", colour="green") == {}


def test_the_caller_owns_the_files() -> None:
    """Reading is cached, and the cache is not what callers get."""
    users()["Dockerfile"] = "FROM nothing"
    assert users()["Dockerfile"].count("FROM busybox:1.35") == 1


@pytest.mark.parametrize("name", ["", "Users", "-a", "a-", "a/b", "../x", "a" * 64, "a\n"])
def test_a_name_that_kubernetes_refuses_is_refused(name: str) -> None:
    """The name goes into YAML, HTML and a shell script."""
    with pytest.raises(ValueError, match="not the name"):
        sample_services.source(name, version="1", colour="red", run="a")


@pytest.mark.parametrize("version", ["", "a b", "1\n2", "<b>", "$(reboot)"])
def test_a_version_is_one_word(version: str) -> None:
    """It is shown on a page that does not escape it."""
    with pytest.raises(ValueError, match="not a version"):
        users(version=version)


def test_pods_leave_a_lost_node_after_five_seconds() -> None:
    """Kubernetes' default is five minutes, which nobody watches."""
    for name in sample_services.SERVICES:
        files = sample_services.source(name, version="1", colour="red", run="a")
        pod = manifests.documents(files["service.yaml"])[0]["spec"]["template"]["spec"]
        assert {each["key"]: each["tolerationSeconds"] for each in pod["tolerations"]} == {
            "node.kubernetes.io/not-ready": 5,
            "node.kubernetes.io/unreachable": 5,
        }
