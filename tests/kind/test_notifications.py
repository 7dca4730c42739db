"""Kubernetes events of a release manager in the cluster: each thing once, and the right to it."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from cdlab import worlds
from cdlab.errors import Forbidden
from cdlab.model import RollbackRequest
from cdlab.notifications import Kind, Notification
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.stories import Lab
from cdlab.stories.actions import Change, bootstrap, push_change
from cdlab.substrates.kind.cluster_events import CONTROLLER, event_of
from cdlab.substrates.kind.kubernetes_api import KubernetesApi, ObjectExists
from cdlab.substrates.kind.manager_installation import namespace_of
from cdlab.substrates.kind.substrate import KindSubstrate
from cdlab.testing.failure_story import failure_story

NAME = "users"
SMALL = Scenario(architecture="v3", microservices=(NAME,))
ROLLBACK = RollbackRequest(workload=NAME, environment="staging", message="it is slow")
TOLD = Notification(
    id="test-1", kind=Kind.RELEASED, time="2026-11-24T20:43:05Z", environment="staging",
    microservice=NAME, cause="release",
)  # fmt: skip
EVENTS = "/apis/events.k8s.io/v1/namespaces/{}/events"

pytestmark = [pytest.mark.kind, pytest.mark.usefixtures("cdlab_lab")]


def test_the_cluster_has_an_event_of_each_thing_and_the_manager_only_the_right_to_that() -> None:
    """As `kubectl get events` and `kubectl describe` show them; refused is all but a new one."""
    world = worlds.real(SMALL, manager="inside")
    substrate = cast(KindSubstrate, world.substrate)

    async def story(lab: Lab) -> None:
        await bootstrap(lab)
        shipped = await push_change(lab, NAME, Change(version="1.1"))
        await lab.until_serves(NAME, "staging", shipped.content)
        assert (await lab.delivery.rollback(ROLLBACK)).is_released
        assert (await lab.delivery.rollback(ROLLBACK)).status == "refused"
        while "Refused" not in reasons(substrate, "staging"):  # the last; the run has a deadline
            await lab.kernel.sleep(0.2)
        assert reasons(substrate, "staging") == {"Released": 2, "RolledBack": 1, "Refused": 1}
        assert reasons(substrate, "production")["Released"] == 1
        assert {"RolledBack", "Refused"} <= described(substrate)
        may_write_new_events_and_nothing_else(substrate)

    run = run_in(world, SMALL, story)
    assert run.is_finished, failure_story(run.history) + str(run.evidence)


def events(substrate: KindSubstrate, environment: str) -> list[dict[str, Any]]:
    """The manager's, in an environment."""
    path = EVENTS.format(substrate.namespace(environment))
    found, _ = substrate.administrator.list(path)
    return [each for each in found if each.get("reportingController") == CONTROLLER]


def reasons(substrate: KindSubstrate, environment: str) -> dict[str, int]:
    return dict(Counter(each["reason"] for each in events(substrate, environment)))


def described(substrate: KindSubstrate) -> set[str]:
    """The reasons of the events that `kubectl describe deployment users` asks for."""
    namespace = substrate.namespace("staging")
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{NAME}"
    uid = substrate.administrator.call("GET", path)["metadata"]["uid"]
    found, _ = substrate.administrator.list(
        f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"involvedObject.uid={uid}"
    )
    return {str(each["reason"]) for each in found}


def may_write_new_events_and_nothing_else(substrate: KindSubstrate) -> None:
    """With the token of the pod's ServiceAccount, in its environments and elsewhere."""
    own, staging = namespace_of(substrate.run), substrate.namespace("staging")
    account = f"/api/v1/namespaces/{own}/serviceaccounts/manager/token"
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = str(substrate.administrator.call("POST", account, wanted)["status"]["token"])
    lab = substrate.lab
    nobody = KubernetesApi.without_credentials(lab.kubeconfig, lab.context)
    manager = nobody.with_token(token)
    manager.call("POST", EVENTS.format(staging), event_of(TOLD, staging, "", "test"))
    with pytest.raises(ObjectExists):
        manager.call("POST", EVENTS.format(staging), event_of(TOLD, staging, "", "test"))
    one = f"{EVENTS.format(staging)}/{NAME}.test-1"
    elsewhere = [EVENTS.format(each) for each in (own, "default", "kube-system")]
    for method, path in [
        *(("POST", each) for each in elsewhere),
        ("POST", f"/api/v1/namespaces/{staging}/events"),
        ("GET", EVENTS.format(staging)),
        ("GET", one),
        ("PUT", one),
        ("DELETE", one),
        ("DELETE", EVENTS.format(staging)),
        ("GET", "/apis/events.k8s.io/v1/events"),
    ]:
        with pytest.raises(Forbidden):
            manager.call(method, path, {} if method in ("POST", "PUT") else None)
    nobody.close()
