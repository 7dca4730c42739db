"""
An application that stays in a lab, with its release manager in the cluster.

In: a lab, a name, an application. Out: its repositories, environments, rights and its manager; or
their end. Who calls it: `cdlab manager`. A run has its own manager and removes it by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cdlab.errors import RepositoryUnavailable, SubstrateUnavailable, WorkloadNotFound
from cdlab.live_kernel import LiveKernel
from cdlab.model import Application, Grant, Microservice, Variant
from cdlab.substrates.kind import access, removal
from cdlab.substrates.kind.administration import administer
from cdlab.substrates.kind.builder import RUN_LABEL
from cdlab.substrates.kind.engine import Progress, wait_until
from cdlab.substrates.kind.inside import ALONE, APPLICATION, PRINCIPAL, Assignment, Outside
from cdlab.substrates.kind.kubernetes_api import KubernetesApi, ObjectExists
from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.manager_installation import (
    GONE_SECONDS,
    Address,
    ManagerInstallation,
    assign,
    kept_token,
    labels_of,
    namespace_of,
)
from cdlab.substrates.kind.manager_objects import NAME
from cdlab.substrates.kind.registry_api import RegistryApi
from cdlab.substrates.kind.substrate import KindSubstrate


def install(
    lab: Lab,
    run: str,
    scenario: tuple[Sequence[str], Application, Variant, Mapping[str, Any]],
    grants: Sequence[Grant],
    progress: Progress,
    *,
    outside: Outside = ALONE,
) -> Address:
    """
    Make what is missing of an application, and install its manager. Safe to repeat.

    *scenario*: the names of the microservices, an application that gives the environments, the
    variant and the fields of `ManagerIntervals`.
    """
    names, given, variant, intervals = scenario
    kernel = LiveKernel()
    substrate = KindSubstrate(lab, kernel, run=run, inside=frozenset({PRINCIPAL}))
    repositories = tuple(Microservice(each, substrate.image_repository(each)) for each in names)
    application = Application(repositories, given.environments)
    kernel.run(substrate.create(application, grants), name="creation")
    try:
        return ManagerInstallation(
            lab=lab,
            administrator=lambda: substrate.administrator,
            assignment=assign(lab, run, application, variant, intervals, outside=outside),
            grants=grants,
            webhook_secret=outside.webhook_secret,
            progress=progress,
        ).install()
    finally:
        substrate.leave()


def uninstall(lab: Lab, run: str, *, has_application: bool = False) -> bool:
    """
    Remove what carries the labels of a manager; say whether there was anything.

    With *has_application* the application goes too: environments, repositories and images.
    """
    api = KubernetesApi.as_administrator(lab.kubeconfig, lab.context)
    try:
        application = _application(api, run)
        found = _remove_manager(lab, api, run)
        if has_application:
            _remove_application(lab, api, run, application)
        return found
    finally:
        api.close()


def token_of(lab: Lab, run: str) -> str:
    """What its installed manager wants to be shown; empty where there is none."""
    api = KubernetesApi.as_administrator(lab.kubeconfig, lab.context)
    try:
        return kept_token(api, run)
    finally:
        api.close()


def _application(api: KubernetesApi, run: str) -> Application | None:
    try:
        found = api.call("GET", f"/api/v1/namespaces/{namespace_of(run)}/configmaps/{NAME}")
    except WorkloadNotFound:
        return None
    return Assignment.of(found["data"][APPLICATION]).application


def _remove_application(
    lab: Lab, api: KubernetesApi, run: str, application: Application | None
) -> None:
    removal.delete_namespaces(api, {**lab.labels, RUN_LABEL: run})
    if application is not None:
        registry = RegistryApi(lab.registry_url, lab.login("runner"))
        removal.delete_tags(registry, [f"{run}/{each.name}" for each in application.microservices])
    try:
        administer(lab, "DELETE", run)
    except RepositoryUnavailable as error:
        raise SubstrateUnavailable(error.message, help="cdlab status") from error


def _remove_manager(lab: Lab, api: KubernetesApi, run: str) -> bool:
    selector = ",".join(f"{key}={value}" for key, value in labels_of(lab, run).items())
    doomed = []
    for kind in ("rolebindings", "roles"):
        found, _ = api.list(f"{access.RBAC}/{kind}", labelSelector=selector)
        doomed += [
            f"{access.RBAC}/namespaces/{each['metadata']['namespace']}/{kind}/"
            f"{each['metadata']['name']}"
            for each in found
        ]
    found, _ = api.list("/api/v1/namespaces", labelSelector=selector)
    namespaces = [f"/api/v1/namespaces/{each['metadata']['name']}" for each in found]
    for path in [*doomed, *namespaces]:
        _delete(api, path)
    wait_until(
        f"the namespace of the release manager of {run} is not gone",
        lambda: not any(_is_there(api, path) for path in namespaces),
        GONE_SECONDS,
        help="cdlab manager uninstall again",
    )
    return bool(doomed or namespaces)


def _delete(api: KubernetesApi, path: str) -> None:
    try:
        api.call("DELETE", path)
    except (WorkloadNotFound, ObjectExists):
        return  # it is going away already


def _is_there(api: KubernetesApi, path: str) -> bool:
    try:
        api.call("GET", path)
    except WorkloadNotFound:
        return False
    return True
