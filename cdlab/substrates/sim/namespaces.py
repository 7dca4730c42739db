"""
What the simulated API server stores of one environment.

`cluster.py` reads and writes it; `incidents.py` loses it with the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from cdlab.model import Principal
from cdlab.ports import Deviation
from cdlab.substrates.sim.admission import Manifest
from cdlab.substrates.sim.deployments import Deployment
from cdlab.substrates.sim.shown_objects import as_meant
from cdlab.substrates.sim.workload_specs import DeploymentManifest

DEPLOYMENT = "Deployment"
Key = tuple[str, str]
"""Kind and name."""


class Label(NamedTuple):
    """What an object says of its last apply."""

    principal: Principal
    manifest: tuple[Manifest, ...]
    """All objects of the manifest that it was part of."""


@dataclass(slots=True)
class Namespace:
    """The objects, and the Deployments that are on their way out."""

    deployments: dict[str, Deployment] = field(default_factory=dict)
    inert: dict[Key, str] = field(default_factory=dict)
    """The object as JSON."""
    labels: dict[Key, Label] = field(default_factory=dict)
    deleted: list[Deployment] = field(default_factory=list)
    """Whose pods may still be stopping."""

    def deviation(self, manifest: tuple[Manifest, ...], principal: Principal) -> Deviation:
        """How the objects of a manifest differ from what one principal would apply."""
        if not any(map(self._differs, manifest)):
            return ""
        labels = [self.labels.get(key_of(each)) for each in manifest]
        own = [each.manifest for each in labels if each and each.principal == principal]
        if any(each != manifest for each in own):
            return "not applied"
        return "changed" if all(map(self._has, manifest)) else "absent"

    def _differs(self, manifest: Manifest) -> bool:
        if isinstance(manifest, DeploymentManifest):
            found = self.deployments.get(manifest.name)
            if found is None:
                return True
            wanted = as_meant(manifest.spec, found.spec), manifest.metadata
            return (found.spec, found.metadata) != wanted
        return self.inert.get(key_of(manifest)) != manifest.fields

    def _has(self, manifest: Manifest) -> bool:
        key = key_of(manifest)
        return key in self.inert or (key[0] == DEPLOYMENT and key[1] in self.deployments)

    def delete(self, key: Key) -> None:
        """Delete an object. Its pods stop after that."""
        kind, name = key
        self.labels.pop(key, None)
        self.inert.pop(key, None)
        if kind == DEPLOYMENT and name in self.deployments:
            deployment = self.deployments.pop(name)
            deployment.delete()
            self.deleted.append(deployment)

    def delete_all(self) -> None:
        """Delete every object."""
        for key in [*self.inert, *((DEPLOYMENT, name) for name in self.deployments)]:
            self.delete(key)

    def forget(self) -> None:
        """Be empty, at once: the cluster is another one."""
        self.deployments.clear()
        self.inert.clear()
        self.labels.clear()
        self.deleted.clear()


def key_of(manifest: Manifest) -> Key:
    """What an object is called."""
    if isinstance(manifest, DeploymentManifest):
        return DEPLOYMENT, manifest.name
    return manifest.kind, manifest.name
