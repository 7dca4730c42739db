"""The labels on what is applied to a real cluster, and what is pruned by them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from cdlab.api_objects import APPLIED, APPLIED_BY
from cdlab.errors import ManifestRejected
from cdlab.substrates.kind import applied_by
from cdlab.substrates.kind.applied_by import fingerprints, labelled, parsed, written
from cdlab.substrates.kind.kubernetes_api import Json, ObjectExists
from cdlab.substrates.kind.namespaces import Namespace

USERS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: users, labels: {app: users}}
"""
OWN = {APPLIED_BY: "manager"}


def with_labels(name: str, labels: Json | None, version: str = "1") -> Json:
    """An object as the API server lists it."""
    metadata: Json = {"name": name, "uid": f"uid of {name}", "resourceVersion": version}
    return {"metadata": metadata if labels is None else {**metadata, "labels": labels}}


class Collections:
    """As much of an API server as a prune asks for."""

    def __init__(self, **found: list[Json]) -> None:
        self.found = found
        self.deleted: list[str] = []

    def list_metadata(self, path: str, **query: str) -> list[Json]:
        key, _, value = query["labelSelector"].partition("=")
        listed = [
            deepcopy(each)
            for each in self.found.get(path.rpartition("/")[2], [])
            if (each["metadata"].get("labels") or {}).get(key) == value
        ]
        for each in self.found.get(path.rpartition("/")[2], []):
            name, metadata = each["metadata"]["name"], each["metadata"]
            if name in ("touched", "taken", "remade"):  # after the list was made
                metadata["resourceVersion"] = "2"
            if name == "taken":
                metadata["labels"] = {APPLIED_BY: "operator"}
            if name == "remade":
                metadata["uid"] = "another"
        return listed

    def call(self, method: str, path: str, options: Json | None = None) -> Json:
        collection, name = path.split("/")[-2:]
        (found,) = (e for e in self.found[collection] if e["metadata"]["name"] == name)
        if method == "GET":
            return deepcopy(found)
        assert method == "DELETE"
        assert options is not None
        for key, value in options["preconditions"].items():
            if found["metadata"][key] != value:
                raise ObjectExists("the object has been modified")
        self.deleted.append(f"{collection}/{name}")
        return {}


def prune(api: Collections, *manifests: str, is_dry_run: bool = False) -> tuple[str, ...]:
    namespace = Namespace("cdlab-r1-staging", api)  # type: ignore[arg-type]
    return applied_by.prune(manifests, namespace, "manager", is_dry_run=is_dry_run)


def test_what_is_applied_says_by_whom_and_as_part_of_what() -> None:
    """Its own labels stay, and the document that came in is not touched."""
    (document,) = parsed(USERS)
    assert labelled(document, "manager", "0123")["metadata"]["labels"] == {
        "app": "users", APPLIED_BY: "manager", APPLIED: "0123",
    }  # fmt: skip
    assert document["metadata"]["labels"] == {"app": "users"}
    wrong = {**document, "metadata": {"name": "users", "labels": ["app"]}}
    assert labelled(wrong, "manager", "0123") == wrong, "the API server says what is wrong"


def test_the_fingerprint_is_the_objects_and_not_their_comments() -> None:
    """One object more is news for all of them, another value for one. Any key can be written."""

    def of(manifest: str) -> tuple[str, ...]:
        return fingerprints(parsed(manifest))

    assert of(f"# Users.\n{USERS}") == of(USERS)
    assert of(USERS.replace("app: users", "app: user")) != of(USERS)
    orders = USERS.replace("users", "orders")
    first, second = of(f"{USERS}---\n{orders}")
    assert first not in (*of(USERS), second)
    changed = orders.replace("app: orders", "app: order")
    assert of(f"{USERS}---\n{changed}")[0] == first
    assert of("1: a\nb: 2\n")


@pytest.mark.parametrize("labels", [None, {}, {"app": "users"}])
def test_the_labels_are_no_difference(labels: Any) -> None:
    """What was applied before there were any needs no second apply."""
    before = with_labels("users", labels)
    after = with_labels("users", {**(labels or {}), APPLIED_BY: "manager", APPLIED: "0123"})
    assert written(before) == written(after)
    assert written(before) != written(with_labels("users", {"app": "orders"}))


def test_a_difference_is_called_by_who_applied_what() -> None:
    """Somebody else's objects, and those without a label, were changed past us."""
    ours = with_labels("users", {**OWN, APPLIED: "new"})
    older = with_labels("users", {**OWN, APPLIED: "old"})
    theirs = with_labels("users", {APPLIED_BY: "operator", APPLIED: "old"})
    nobodys = with_labels("users", None)
    for before, expected in [
        ([ours], "changed"),
        ([theirs], "changed"),
        ([nobodys], "changed"),
        ([ours, None], "absent"),
        ([None], "absent"),
        ([older], "not applied"),
        ([None, older], "not applied"),
    ]:
        wanted = ["new"] * len(before)
        assert applied_by.deviation(before, "manager", wanted) == expected


def test_only_what_carries_our_label_and_is_in_no_manifest_is_deleted() -> None:
    """Whatever stands beside it; a dry run deletes nothing."""
    found = [
        with_labels("users", OWN),
        with_labels("old", OWN),
        with_labels("theirs", {APPLIED_BY: "operator"}),
        with_labels("nobodys", None),
    ]
    api = Collections(deployments=found, services=[with_labels("users", OWN)])
    gone = ("Deployment/old", "Service/users")
    assert prune(api, USERS, is_dry_run=True) == gone
    assert api.deleted == []
    assert prune(api, USERS) == gone
    assert api.deleted == ["deployments/old", "services/users"]


def test_what_somebody_took_since_it_was_listed_stays() -> None:
    """The API server compares, so nothing comes in between. A controller's status is no claim."""
    names = ("old", "touched", "taken", "remade")
    api = Collections(deployments=[with_labels(each, OWN) for each in names])
    assert prune(api) == ("Deployment/old", "Deployment/touched")
    assert api.deleted == ["deployments/old", "deployments/touched"]


def test_a_manifest_that_cannot_be_read_deletes_nothing() -> None:
    """It may be the one that has them."""
    api = Collections(deployments=[with_labels("old", OWN)])
    with pytest.raises(ManifestRejected):
        prune(api, USERS, "kind: [\n")
    assert api.deleted == []
