"""What runs, written down: clean manifests, or every reason why there can be none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cdlab.errors import NotExportable
from cdlab.exports import exports
from cdlab.manifests import documents
from cdlab.model import Digest
from cdlab.sample_services import source
from tests.api_server import DIGEST, Json, pod_of, stored

IMAGE = "registry.test/users:1.4"


def sample(name: str = "users", image: str = IMAGE) -> list[Json]:
    """A sample microservice as an API server shows it: its Deployment, its Service, two pods."""
    text = source(name, version="1", colour="red", run="r")["service.yaml"]
    deployment, service = map(stored, documents(text))
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return [deployment, service, pod_of(deployment, 1), pod_of(deployment, 2)]


def troubles(objects: list[Json], *names: str) -> list[str]:
    with pytest.raises(NotExportable) as error:
        exports("staging", objects, names)
    return list(error.value.troubles)


def test_a_sample_comes_back_as_somebody_wrote_it() -> None:
    """With the image that runs, and without one field that the API server added."""
    (found,) = exports("staging", sample())
    written = documents(source("users", version="1", colour="red", run="r")["service.yaml"])
    container = written[0]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = IMAGE
    del container["imagePullPolicy"]  # it is the default of an image with a tag
    assert documents(found.text) == written
    assert (found.workload, str(found.image), found.digest) == ("users", IMAGE, Digest(DIGEST))


def test_the_image_stays_what_the_pod_template_says() -> None:
    """A digest in place of a tag is the same image and another template: it replaces pods."""
    (by_tag,) = exports("staging", sample())
    assert f"image: {IMAGE}\n" in by_tag.text
    (by_digest,) = exports("staging", sample(image=f"{IMAGE}@{DIGEST}"))
    assert f"image: {IMAGE}@{DIGEST}\n" in by_digest.text


def test_the_texts_are_written_as_people_write_them() -> None:
    """What a thing is and what it is called comes first; lists stand below their key."""
    (found,) = exports("staging", sample())
    lines = found.text.splitlines()
    assert lines[:4] == ["apiVersion: apps/v1", "kind: Deployment", "metadata:", "  name: users"]
    at = lines.index("      containers:")
    assert lines[at + 1 : at + 3] == ["        - name: users", f"          image: {IMAGE}"]


@pytest.mark.parametrize("text", ["y", "N", "1e3", "012", "0x1F", "1_000", "12:30", "no", "null"])
def test_a_text_that_a_parser_could_take_for_something_else_has_quotes(text: str) -> None:
    """Kubernetes reads YAML by other rules than we do, and takes no number for a label."""
    objects = sample()
    for each in (objects[0]["metadata"], *(pod["metadata"] for pod in objects[2:])):
        each["labels"]["odd"] = text
    (found,) = exports("staging", objects)
    assert re.search(rf"""^    odd: ["']{text}["']$""", found.text, re.MULTILINE)


def test_every_workload_has_its_own_services() -> None:
    """By what a Service selects, and not by its name."""
    users, orders = sample("users"), sample("orders", "registry.test/orders:2")
    users[1]["metadata"]["name"] = "people"
    found = {each.workload: each for each in exports("staging", [*orders, *users])}
    assert [d["metadata"]["name"] for d in documents(found["users"].text)] == ["users", "people"]
    assert [d["metadata"]["name"] for d in documents(found["orders"].text)] == ["orders"] * 2


def test_a_container_beside_it_is_exported_too() -> None:
    """As long as one is called like the workload, it is clear which of them is released."""
    objects = sample()
    beside = {"name": "proxy", "image": "registry.test/proxy:3"}
    objects[0]["spec"]["template"]["spec"]["containers"].insert(0, beside)
    (found,) = exports("staging", [*objects[:2], pod_of(objects[0])])
    assert str(found.image) == IMAGE
    assert "image: registry.test/proxy:3" in found.text


def test_a_workload_without_replicas_has_no_digest() -> None:
    """There is nothing that could tell, and nothing wrong."""
    objects = sample()
    objects[0]["spec"]["replicas"] = 0
    objects[0]["status"] = {"observedGeneration": 3}
    (found,) = exports("staging", objects[:2])
    assert found.digest is None


def change(*path: Any, to: Any) -> Callable[[list[Json]], None]:
    def do(objects: list[Json]) -> None:
        inner: Any = objects
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return do


IN_POD = (0, "spec", "template", "spec", "containers")
OTHER = f"registry.test/users@sha256:{'c' * 64}"
BAD: dict[str, Callable[[list[Json]], None]] = {
    "users: it has 2 containers, and none is called users": change(
        *IN_POD, to=[{"name": each, "image": IMAGE} for each in ("a", "b")]
    ),
    'users: "registry.test/users" says no version: a new pod runs whatever that is by then': change(
        *IN_POD, 0, "image", to="registry.test/users"
    ),
    'users: "users:latest" says no version: a new pod runs whatever that is by then': change(
        *IN_POD, 0, "image", to="users:latest"
    ),
    f'users: not every pod tells by digest what it runs as "{IMAGE}"': change(
        3, "status", "containerStatuses", to=[]
    ),
    f'users: "{IMAGE}" is two images: the tag was moved, and some pods run the one before': change(
        3, "status", "containerStatuses", 0, "imageID", to=OTHER
    ),
    "users: a rollout is under way or has failed: see kubectl rollout status": change(
        0, "status", "updatedReplicas", to=1
    ),
    'users: it belongs to the Website "shop", which would change it back': change(
        0, "metadata", "ownerReferences", to=[{"kind": "Website", "name": "shop"}]
    ),
    "users: it is being deleted": change(
        0, "metadata", "deletionTimestamp", to="2026-03-01T10:00:00Z"
    ),
    'the Service "users" sends requests to pods of no Deployment': change(
        1, "spec", "selector", to={"app": "people"}
    ),
    'the ReplicaSet "users-5d8f" is neither a Deployment nor of one': change(
        3, "metadata", "labels", to={"app": "people"}
    ),
}


@pytest.mark.parametrize("trouble", BAD)
def test_what_cannot_be_told_or_said_is_refused(trouble: str) -> None:
    """In one sentence, with the environment and the name of what it is about."""
    objects = sample()
    BAD[trouble](objects)
    assert any(each.startswith(f"staging: {trouble}") for each in troubles(objects))


def test_an_empty_environment_is_refused() -> None:
    """More likely than nothing to export is a wrong name of a namespace."""
    assert troubles([]) == ["staging: nothing runs there that is a Deployment"]


def test_all_that_is_in_the_way_is_told_at_once() -> None:
    """Nobody has to try again for every single reason."""
    users, orders = sample("users", "users:latest"), sample("orders", "orders:latest")
    job = {**pod_of(orders[0]), "status": {"phase": "Running"}}
    job["metadata"] = {"name": "copy-1", "ownerReferences": [{"kind": "Job", "name": "copy"}]}
    found = troubles([*users, *orders, job])
    assert [each.split()[1] for each in found] == ["the", "users:", "orders:"]
    assert 'the Job "copy" is neither a Deployment nor of one' in found[0]


def test_a_pod_that_has_ended_is_in_nobodys_way() -> None:
    """It runs nothing any more: a migration that went through."""
    objects = sample()
    ended = {**pod_of(objects[0]), "status": {"phase": "Succeeded"}}
    ended["metadata"] = {"name": "copy-1"}
    assert len(exports("staging", [*objects, ended])) == 1


def test_who_names_workloads_gets_those_alone() -> None:
    """What else runs there stays where it is managed now; a name that nothing has is told."""
    users, orders = sample("users"), sample("orders", "orders:latest")
    stranger = {**pod_of(orders[0]), "metadata": {"name": "db-0"}}
    objects = [*users, *orders, stranger]
    assert [each.workload for each in exports("staging", objects, ["users"])] == ["users"]
    assert troubles(objects, "users", "user") == ['staging: there is no Deployment "user"']


def test_a_service_of_two_workloads_is_told_unless_it_has_the_name_of_one() -> None:
    """One file has to have it."""
    users, orders = sample("users"), sample("orders", "registry.test/orders:2")
    for each in (users[0], orders[0]):
        each["spec"]["template"]["metadata"]["labels"]["tier"] = "back"
    users[1]["spec"]["selector"] = {"tier": "back"}
    assert [each.workload for each in exports("staging", [*users, *orders])] == ["users", "orders"]
    users[1]["metadata"]["name"] = "back"
    wanted = 'staging: the Service "back" sends requests to pods of users and orders'
    assert troubles([*users, *orders]) == [wanted]
