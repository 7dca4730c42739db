"""
The handle of a running lab: where everything is, and who may log in.

In: the settings, and the logins that `cdlab up` kept. Out: addresses as this machine sees them,
and `(user, password)` of a principal. Who calls it: the adapters (`git.py`, `builder.py`,
`registry.py`, `cluster.py`) and the runner; `lifecycle.up` and `lifecycle.connect` make one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind import credentials
from cdlab.substrates.kind.settings import KindSettings

NOT_RUNNING = "the lab is not running"


class Services(Protocol):
    """Where the git server, the hub and the registry are, as one process sees them, and its logins.

    A `Lab` is that on the machine that started it; `inside.Surroundings` in a pod.
    """

    @property
    def registry_host(self) -> str:
        """Host part of image references, the same wherever one is."""

    @property
    def registry_url(self) -> str:
        """The registry's API."""

    @property
    def git_url(self) -> str:
        """Repositories are `<git_url>/<run>/<name>.git`."""

    @property
    def passwords(self) -> Mapping[str, str]:
        """principal -> password, of those whose logins are known here."""

    def login(self, principal: str) -> tuple[str, str]:
        """Return (user, password) for git and the registry; KeyError for a stranger."""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Addresses and logins of one lab. Holds no connection and no state of a run."""

    settings: KindSettings
    passwords: Mapping[str, str] = field(repr=False)
    """principal -> password, the same for git and the registry. Never printed."""

    @property
    def registry_host(self) -> str:
        """Host part of image references: "localhost:5001", here and on the nodes."""
        return self.settings.registry_host

    @property
    def registry_url(self) -> str:
        """The registry's API as this machine sees it."""
        return f"http://127.0.0.1:{self.settings.registry_port}"

    @property
    def hub_url(self) -> str:
        """The hint hub: `GET <hub_url>/after/<n>?topic=…&timeout=…`."""
        return f"http://127.0.0.1:{self.settings.git_port}"

    @property
    def git_url(self) -> str:
        """Repositories are `<git_url>/<run>/<name>.git`."""
        return f"{self.hub_url}/git"

    @property
    def admin_url(self) -> str:
        """`PUT <admin_url>/<run>/<name>` and its like, with the login of `runner`."""
        return f"{self.hub_url}/repositories"

    @property
    def kubeconfig(self) -> Path:
        """Administrator's kubeconfig of our cluster, with one context."""
        return self.settings.kubeconfig

    @property
    def context(self) -> str:
        """Name of that context."""
        return self.settings.context

    @property
    def labels(self) -> dict[str, str]:
        """Labels that every Docker object of the lab carries, images of a run included."""
        return self.settings.labels

    def login(self, principal: str) -> tuple[str, str]:
        """Return (user, password) for git and the registry; KeyError for a stranger."""
        return principal, self.passwords[principal]


def kept_lab(settings: KindSettings) -> Lab:
    """Return the lab that `up` left in the state folder, without a look at whether it runs."""
    passwords = credentials.load(settings.state_folder)
    if passwords is None or not settings.kubeconfig.is_file():
        raise SubstrateUnavailable(NOT_RUNNING, help="cdlab up")
    return Lab(settings=settings, passwords=passwords)
