"""Notifications as Kubernetes events: what the API server is asked, and what it answers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import pytest

from cdlab.errors import ClusterUnavailable, Forbidden, Undelivered, WorkloadNotFound
from cdlab.live_kernel import LiveKernel
from cdlab.notifications import Kind, Notification
from cdlab.substrates.kind.cluster_events import KubernetesEvents, event_of
from cdlab.substrates.kind.kubernetes_api import Json, KubernetesApi, ObjectExists
from cdlab.substrates.kind.namespaces import Namespace
from tests import ears

TOLD = replace(ears.TOLD, id="0123456789abcdef-7", reason="loses orders")
NAMESPACE = "cdlab-shop-production"
EVENTS = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/front-end"


class Api:
    """An API server in which one Deployment runs, or which answers with an error."""

    def __init__(self, errors: dict[str, Exception] | None = None) -> None:
        self.errors = errors or {}
        self.calls: list[tuple[str, str, Any]] = []

    def call(self, method: str, path: str, body: Any = None) -> Json:
        self.calls.append((method, path, body))
        if method in self.errors:
            raise self.errors[method]
        return {"metadata": {"uid": "u-1"}} if method == "GET" else {}


def write(api: Api, told: Notification = TOLD) -> list[tuple[str, str, Any]]:
    """What is asked of it."""
    kernel = LiveKernel()
    namespaces = {"production": Namespace(NAMESPACE, cast(KubernetesApi, api))}
    kernel.run(KubernetesEvents(kernel, namespaces, "0123456789abcdef").take(told))
    return api.calls


def test_an_event_is_about_the_deployment() -> None:
    """By its UID, without which `kubectl describe` shows none; and in its namespace."""
    looked, made = write(Api())
    assert looked == ("GET", DEPLOYMENT, None)
    assert made[:2] == ("POST", EVENTS)
    assert made[2] == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "front-end.0123456789abcdef-7", "namespace": NAMESPACE},
        "eventTime": "2026-11-24T20:43:05.000000Z",
        "reportingController": "cdlab.dev/release-manager",
        "reportingInstance": "0123456789abcdef",
        "regarding": {
            "apiVersion": "apps/v1", "kind": "Deployment", "namespace": NAMESPACE,
            "name": "front-end", "uid": "u-1",
        },
        "action": "Rollback",
        "reason": "RolledBack",
        "type": "Normal",
        "note": "rolled back: front-end in production, v1, rollback by ana: loses orders",
    }  # fmt: skip


def test_a_deployment_that_is_not_there_yet_is_named_all_the_same() -> None:
    """A first release is told before it is applied."""
    _, (_, _, made) = write(Api({"GET": WorkloadNotFound("404")}))
    assert "uid" not in made["regarding"]
    assert made["regarding"]["name"] == "front-end"


def test_what_is_about_a_whole_environment_regards_its_namespace() -> None:
    """A hold of all of it, or a prune that failed: no Deployment is looked for."""
    (made,) = write(Api(), replace(TOLD, microservice="", image="", kind=Kind.HELD))
    document = made[2]
    assert document["metadata"]["name"] == f"{NAMESPACE}.0123456789abcdef-7"
    assert document["regarding"] == {
        "apiVersion": "v1", "kind": "Namespace", "namespace": NAMESPACE, "name": NAMESPACE,
    }  # fmt: skip
    assert document["note"] == "held: production, rollback by ana: loses orders"


def test_the_same_notification_is_written_once() -> None:
    """It has a name, so an attempt whose answer was lost is found when it is repeated."""
    write(Api({"POST": ObjectExists("409")}))


@pytest.mark.parametrize(
    ("error", "is_final"),
    [(Forbidden("403"), True), (WorkloadNotFound("404"), True), (ClusterUnavailable("500"), False)],
)
def test_what_is_forbidden_is_not_tried_again(error: Exception, is_final: bool) -> None:
    """And what was not answered is."""
    with pytest.raises(Undelivered) as refused:
        write(Api({"POST": error}))
    assert refused.value.is_final is is_final


def test_what_concerns_no_environment_is_written_nowhere() -> None:
    """There is no object that it would be about, and no right to write elsewhere."""
    assert write(Api(), replace(TOLD, environment="", microservice="")) == []


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_reason_and_a_type(kind: Kind) -> None:
    """A word in CamelCase, and a warning for what wants to be looked at."""
    made = event_of(replace(TOLD, kind=kind), NAMESPACE, "", "p1")
    assert re.fullmatch(r"([A-Z][a-z]+)+", made["reason"])
    is_warning = kind in (Kind.REFUSED, Kind.DRIFT, Kind.FAILED)
    assert made["type"] == ("Warning" if is_warning else "Normal")


def test_a_note_is_no_longer_than_the_api_server_takes() -> None:
    """1024 bytes: a longer one is cut between two characters; half a pair is no character."""
    for reason in ("é" * 2_000, "x" + "🛑" * 2_000, "\udc80" * 2_000):
        note = event_of(replace(TOLD, reason=reason), NAMESPACE, "", "p1")["note"]
        assert 1_020 <= len(note.encode()) <= 1_024
        assert note.endswith("…")
