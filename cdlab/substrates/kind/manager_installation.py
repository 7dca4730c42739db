"""
The release manager in the cluster: put up and ended.

In: a lab, an administrator's connection, the manager's assignment. Out: its address and token, or
`SubstrateUnavailable` with what to do. Who calls it: `worlds.py` for a run, `standing.py` for an
application that stays. All of it carries the labels of its run and `cdlab.dev/part-of`.
"""

from __future__ import annotations

import base64
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cdlab.errors import SubstrateUnavailable, WorkloadNotFound
from cdlab.model import Application, Grant, Variant
from cdlab.substrates.kind import access, contexts, inside, manager_objects, manager_pods
from cdlab.substrates.kind.builder import RUN_LABEL
from cdlab.substrates.kind.engine import Progress, wait_until
from cdlab.substrates.kind.inside import ALONE, Assignment, Outside
from cdlab.substrates.kind.kubernetes_api import APPLY, Json, KubernetesApi, ObjectExists
from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.manager_image import ensure_image
from cdlab.substrates.kind.manager_objects import NAME, PART, Plan
from cdlab.substrates.kind.namespaces import Namespace, environment_namespace
from cdlab.substrates.kind.node_ports import first_free

FIELD_MANAGER = "cdlab-manager"
ANSWER_SECONDS = 20.0
"""From Ready to an answer through the NodePort: kube-proxy has to hear of it."""
GONE_SECONDS = 60.0
_without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Address:
    """Where an installed manager answers, and what it wants to be shown."""

    url: str
    token: str = field(repr=False)


def namespace_of(run: str) -> str:
    """The namespace that holds a run's manager."""
    return f"cdlab-{run}-{NAME}"


def assign(
    lab: Lab, run: str, application: Application, variant: Variant, intervals: Mapping[str, Any],
    *, outside: Outside = ALONE,
) -> Assignment:  # fmt: skip
    """What the manager of a run is told, with addresses as pods reach them."""
    return Assignment(
        run=run,
        application=application,
        namespaces={each: environment_namespace(run, each) for each in application.everywhere},
        variant=variant,
        intervals=intervals,
        registry_host=lab.registry_host,
        registry_url=f"http://{lab.settings.registry_container}:5000",
        hub_url=f"http://{lab.settings.git_container}:8418",
        hosts=outside.hosts,
        webhook=outside.webhook,
    )


@dataclass(frozen=True, kw_only=True)
class ManagerInstallation:
    """The manager of one run or application on a lab."""

    lab: Lab
    administrator: Callable[[], KubernetesApi]
    """Asked each time: another cluster may have taken the place of the one before."""
    assignment: Assignment
    grants: Sequence[Grant]
    """Of the architecture: what the manager may do in the environments is one of them."""
    webhook_secret: str = field(default="", repr=False)
    progress: Progress = lambda line: None

    @cached_property
    def namespace(self) -> str:
        """Where it runs."""
        return namespace_of(self.assignment.run)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """What everything of it carries."""
        return labels_of(self.lab, self.assignment.run)

    def install(self) -> Address:
        """Put up what is missing or different, and return when it answers. Safe to repeat."""
        contexts.require_own_cluster(self.lab.settings, "the release manager in the cluster")
        api = self.administrator()
        token = kept_token(api, self.assignment.run) or secrets.token_urlsafe(32)
        plan = Plan(
            namespace=self.namespace,
            labels=self.labels,
            image=ensure_image(self.lab, self.progress),
            configuration={inside.APPLICATION: self.assignment.to_json()},
            secrets={
                inside.PASSWORD: self.lab.passwords[inside.PRINCIPAL],
                inside.TOKEN: token,
                inside.WEBHOOK_SECRET: self.webhook_secret,  # empty: an earlier one is over
            },
        )
        self._apply(api, manager_objects.namespace(plan))
        for document in manager_objects.files(plan):
            self._apply(api, document)
        for namespace in self.assignment.namespaces.values():
            access.allow(
                api, namespace, inside.PRINCIPAL, self.grants,
                account_namespace=self.namespace, labels=self.labels,
            )  # fmt: skip
        port = self._open_door(api, plan)
        self._apply(api, manager_objects.deployment(plan))
        manager_pods.wait_until_ready(self.lab, Namespace(self.namespace, api))
        url = f"http://127.0.0.1:{port}"
        wait_until(
            f"the release manager does not answer at {url}",
            lambda: _is_healthy(url),
            ANSWER_SECONDS,
            help=self._help,
        )
        return Address(url, token)

    @property
    def _help(self) -> str:
        return f"cdlab manager logs --run {self.assignment.run}"

    def _apply(self, api: KubernetesApi, document: Json) -> None:
        """Apply one document; the API server may still be deleting a namespace of that name."""
        deadline = time.monotonic() + GONE_SECONDS
        path = _path(document)
        while True:
            try:
                api.call(
                    "PATCH", path, document,
                    content_type=APPLY, fieldManager=FIELD_MANAGER, force="true",
                )  # fmt: skip
                return
            except (ObjectExists, WorkloadNotFound) as error:
                if time.monotonic() > deadline:
                    raise SubstrateUnavailable(
                        f"{path} cannot be applied: {error}", help="cdlab status"
                    ) from error
                time.sleep(0.2)

    def _open_door(self, api: KubernetesApi, plan: Plan) -> int:
        """Make its Service on the NodePort that it has, or on the first that nobody has."""
        ports = list(self.lab.settings.node_ports)
        try:
            found = api.call("GET", f"/api/v1/namespaces/{self.namespace}/services/{NAME}")
            ports.insert(0, int(found["spec"]["ports"][0]["nodePort"]))
        except WorkloadNotFound:
            pass
        return first_free(ports, lambda port: self._apply(api, manager_objects.service(plan, port)))

    def stop(self) -> None:
        """End its process and return when it is gone. Nothing to do where it is not installed."""
        manager_pods.end(Namespace(self.namespace, self.administrator()))


def labels_of(lab: Lab, run: str) -> dict[str, str]:
    """What everything of a run's manager carries."""
    return {**lab.labels, RUN_LABEL: run, PART: NAME}


def kept_token(api: KubernetesApi, run: str) -> str:
    """The token of what is installed already, so that who has it can go on; empty for none."""
    try:
        found = api.call("GET", f"/api/v1/namespaces/{namespace_of(run)}/secrets/{NAME}")
    except WorkloadNotFound:
        return ""
    return base64.b64decode(found["data"][inside.TOKEN]).decode()


PLURALS = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Service": "services",
    "Deployment": "deployments",
}


def _path(document: Json) -> str:
    version, metadata = document["apiVersion"], document["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    inside_of = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{root}{inside_of}/{PLURALS[document['kind']]}/{metadata['name']}"


def _is_healthy(url: str) -> bool:
    try:
        with _without_proxy.open(f"{url}/healthz", timeout=3):
            return True
    except (OSError, ValueError):
        return False
