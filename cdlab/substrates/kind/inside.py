"""
The release manager's ports in a pod: the same adapters with other addresses.

In: files that a ConfigMap and a Secret were mounted as, and the pod's ServiceAccount. Out: `Ports`
and what the manager is told. Who calls it: `in_cluster.py`; `manager_installation.py` writes the
files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdlab.errors import BuildFailed
from cdlab.model import (
    Application,
    BuiltImage,
    Environment,
    ImageRef,
    Microservice,
    Principal,
    Variant,
)
from cdlab.ports import NO_LABELS, Checkout, Ports
from cdlab.substrates.kind.cluster import KindCluster
from cdlab.substrates.kind.cluster_events import KubernetesEvents
from cdlab.substrates.kind.decisions import LoggedDecisions
from cdlab.substrates.kind.git import KindGitRepository
from cdlab.substrates.kind.hints import Hints
from cdlab.substrates.kind.kubernetes_api import KubernetesApi
from cdlab.substrates.kind.namespaces import Kinds, Namespace
from cdlab.substrates.kind.registry import Arrivals, KindRegistry

if TYPE_CHECKING:
    from cdlab.live_kernel import LiveKernel

PRINCIPAL: Principal = "manager"
CONFIGURATION, SECRETS = Path("/etc/cdlab/configuration"), Path("/etc/cdlab/secrets")
"""Where a pod of the manager finds them."""
APPLICATION, PASSWORD, TOKEN = "application.json", "password", "token"
WEBHOOK_SECRET = "webhook-secret"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CONFIG_REPO = "config"


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a release manager is told: whose it is, where that lives and how it works."""

    run: str
    """The name of the run, or of an application that stays."""
    application: Application
    namespaces: Mapping[str, str]
    """Environment -> namespace."""
    variant: Variant
    intervals: Mapping[str, float | bool]
    """The fields of `ManagerIntervals`."""
    registry_host: str
    registry_url: str
    hub_url: str
    """The git server and the hub, as pods reach them."""
    hosts: tuple[str, ...] = ()
    """Names by which its page is reached, beside localhost."""
    webhook: str = ""
    """Where notifications go; empty: nowhere but to the cluster's events."""

    def to_json(self) -> str:
        """The file's text; the same assignment gives the same."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def of(cls, text: str) -> Assignment:
        """Read the file's text."""
        fields: dict[str, Any] = json.loads(text)
        parts = fields["application"]
        application = Application(
            tuple(Microservice(**each) for each in parts["microservices"]),
            tuple(Environment(**each) for each in parts["environments"]),
        )
        variant, hosts = Variant(**fields["variant"]), tuple(fields["hosts"])
        return cls(**{**fields, "application": application, "variant": variant, "hosts": hosts})


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How a release manager and the world outside its cluster reach each other."""

    hosts: tuple[str, ...] = ()
    webhook: str = ""
    """These two as in `Assignment`."""
    webhook_secret: str = field(default="", repr=False)
    """What notifications are signed with; empty: they are not signed."""


ALONE = Outside()
"""By localhost, and not at all."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The services of a lab as a pod sees them, with the one login that is there."""

    registry_host: str
    registry_url: str
    hub_url: str
    passwords: Mapping[str, str] = field(repr=False)

    @property
    def git_url(self) -> str:
        """Repositories are `<git_url>/<run>/<name>.git`."""
        return f"{self.hub_url}/git"

    def login(self, principal: str) -> tuple[str, str]:
        """Return (user, password); KeyError for anybody else."""
        return principal, self.passwords[principal]


@dataclass(frozen=True, kw_only=True)
class Inside:
    """What a pod of the manager finds in its files."""

    assignment: Assignment
    password: str = field(repr=False)
    """Of the principal `manager`, at the git server and the registry."""
    token: str = field(repr=False)
    """Whoever shows it may ask the manager."""
    webhook_secret: str = field(default="", repr=False)
    """What notifications are signed with; empty: they are not signed."""

    @classmethod
    def read(cls, configuration: Path = CONFIGURATION, secrets: Path = SECRETS) -> Inside:
        """Read the mounted files."""
        return cls(
            assignment=Assignment.of((configuration / APPLICATION).read_text()),
            password=(secrets / PASSWORD).read_text(),
            token=(secrets / TOKEN).read_text(),
            webhook_secret=(secrets / WEBHOOK_SECRET).read_text(),
        )


class NoEngine:
    """Where nothing can be built: there is no Docker engine beside the manager."""

    async def build(
        self, checkout: Checkout, ref: ImageRef, labels: Mapping[str, str] = NO_LABELS
    ) -> BuiltImage:
        raise BuildFailed(f"docker build of '{ref}': there is no engine where this runs")


def connect_to_own_cluster() -> KubernetesApi:
    """The API server of the cluster that this pod runs in, as its ServiceAccount."""
    host, port = (os.environ[f"KUBERNETES_SERVICE_{each}"] for each in ("HOST", "PORT"))
    return KubernetesApi.inside(f"https://{host}:{port}", ACCOUNT / "ca.crt", ACCOUNT / "token")


def events_inside(
    kernel: LiveKernel, found: Inside, api: KubernetesApi, producer: str
) -> KubernetesEvents:
    """Writes the notifications of a process into the cluster."""
    return KubernetesEvents(kernel, _namespaces(found.assignment, api), producer)


def _namespaces(assignment: Assignment, api: KubernetesApi) -> dict[str, Namespace]:
    return {
        environment: Namespace(name, api) for environment, name in assignment.namespaces.items()
    }


def ports_inside(
    kernel: LiveKernel, found: Inside, api: KubernetesApi, hints: Hints, folder: Path
) -> Ports:
    """The manager's ports. It has no right to code repos, so there are none."""
    assignment = found.assignment
    here = Surroundings(
        registry_host=assignment.registry_host,
        registry_url=assignment.registry_url,
        hub_url=assignment.hub_url,
        passwords={PRINCIPAL: found.password},
    )
    config = f"{assignment.run}/{CONFIG_REPO}"
    return Ports(
        principal=PRINCIPAL,
        code_repos={},
        config_repo=KindGitRepository(here, hints, config, PRINCIPAL, folder=folder),
        builder=NoEngine(),
        registry=KindRegistry(here, hints, (None, Arrivals()), PRINCIPAL, "read"),
        cluster=KindCluster(kernel, _namespaces(assignment, api), Kinds(), PRINCIPAL),
        decisions=LoggedDecisions(),
        clock=kernel,
    )
