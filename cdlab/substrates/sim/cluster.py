"""
The simulated Kubernetes: the Cluster port, for each principal, over one API server and its pods.

`substrate.py` makes one `SimCluster` and hands out `as_principal`. What a manifest may say is in
`admission.py`, what Deployments do in `deployments.py`, what pods do in `pods.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from cdlab.errors import (
    ClusterUnavailable,
    Forbidden,
    ManifestRejected,
    NoEarlierRollout,
    RolloutTimedOut,
    WorkloadNotFound,
)
from cdlab.model import Application, ImageRef, PodChange, Principal, RunningWorkload
from cdlab.ports import Deviation
from cdlab.substrates.sim.admission import Manifest, admitted
from cdlab.substrates.sim.deployments import Deployment
from cdlab.substrates.sim.namespaces import Label, Namespace, key_of
from cdlab.substrates.sim.nodes import Nodes
from cdlab.substrates.sim.pods import Kubelet, Pod
from cdlab.substrates.sim.shown_objects import as_meant, shown
from cdlab.substrates.sim.surroundings import Surroundings
from cdlab.substrates.sim.workload_specs import DeploymentManifest

_VERBS = {
    "read": "get", "set-image": "patch", "apply": "create", "prune": "delete", "admin": "delete"
}  # fmt: skip
"""What each right is called in the API server's refusals."""


class SimCluster:
    """Nodes, namespaces and everything in them. Shared by the ports of all principals."""

    def __init__(
        self, surroundings: Surroundings, application: Application, *, worker_count: int = 2
    ) -> None:
        self.surroundings = surroundings
        self.nodes = Nodes(surroundings.kernel, worker_count)
        self.kubelet = Kubelet(surroundings, self.nodes)
        self._namespaces = {each.name: Namespace() for each in application.environments}

    @property
    def observers(self) -> list[Callable[[PodChange], None]]:
        """Called in order with every change of every pod, at its instant."""
        return self.kubelet.observers

    def as_principal(self, principal: Principal) -> ClusterAccess:
        """The Cluster port with that principal's credentials."""
        return ClusterAccess(self, principal)

    def namespace(self, environment: str) -> Namespace | None:
        """The namespace of an environment, None if there is none."""
        return self._namespaces.get(environment)

    def namespaces(self) -> dict[str, Namespace]:
        """Everything that is stored, by environment."""
        return self._namespaces

    def deployments(self) -> list[Deployment]:
        """All of them, those whose pods are still stopping among them."""
        found = self._namespaces.values()
        return [each for space in found for each in (*space.deployments.values(), *space.deleted)]

    def require_up(self) -> None:
        """Raise `ClusterUnavailable` while the API server is down."""
        if self.kubelet.is_api_down:
            raise ClusterUnavailable("the API server did not answer: connection refused")

    def deployment(self, workload: str, environment: str) -> Deployment:
        """Look one up, or raise `WorkloadNotFound` in kubectl's words."""
        namespace = self._namespaces.get(environment)
        found = namespace.deployments.get(workload) if namespace else None
        if found is None:
            raise WorkloadNotFound(
                f'deployments.apps "{workload}" not found in "{environment}"',
                help="Apply its manifest first: kubectl apply -f service.yaml",
            )
        return found

    def right_to_store(self, manifest: Manifest, environment: str) -> str:
        """What applying an object takes. RBAC cannot tell one patch from another."""
        namespace = self._namespaces.get(environment)
        is_deployment = isinstance(manifest, DeploymentManifest)
        is_there = is_deployment and namespace and manifest.name in namespace.deployments
        return "set-image" if is_there else "apply"

    def store(self, manifest: Manifest, environment: str) -> bool:
        """Make one object as written, and tell whether that changed anything."""
        namespace = self._namespaces.get(environment)
        if namespace is None:
            raise ManifestRejected(f'namespaces "{environment}" not found')
        if isinstance(manifest, DeploymentManifest):
            return self._store_deployment(manifest, environment, namespace)
        key = key_of(manifest)
        is_changed = namespace.inert.get(key) != manifest.fields
        namespace.inert[key] = manifest.fields
        return is_changed

    def _store_deployment(
        self, manifest: DeploymentManifest, environment: str, namespace: Namespace
    ) -> bool:
        found = namespace.deployments.get(manifest.name)
        if found is None:
            found = Deployment(manifest, environment, self.kubelet)
            namespace.deployments[manifest.name] = found
            found.reconcile()
            return True
        if manifest.spec.selector != found.spec.selector:
            raise ManifestRejected(
                f'The Deployment "{manifest.name}" is invalid: spec.selector: '
                f"Invalid value: {manifest.spec.selector}: field is immutable",
                help=f"Delete it first: kubectl delete deployment {manifest.name}",
            )
        is_changed = manifest.metadata != found.metadata
        found.metadata = manifest.metadata
        return found.update(as_meant(manifest.spec, found.spec)) or is_changed


class ClusterAccess:
    """The Cluster port of one principal. Every call takes an API call's time, a refused one too."""

    def __init__(self, cluster: SimCluster, principal: Principal) -> None:
        self._cluster, self._principal = cluster, principal

    async def apply(self, manifest: str, environment: str) -> bool:
        """All documents are checked first, then each takes a call."""
        is_changed, objects = False, admitted(manifest, environment)
        for each in objects:
            right = self._cluster.right_to_store(each, environment)
            await self._call(right, environment, environment)
            is_changed |= self._cluster.store(each, environment)
            label = Label(self._principal, objects)
            self._cluster.namespaces()[environment].labels[key_of(each)] = label
        return is_changed

    async def diff(self, manifest: str, environment: str) -> Deviation:
        """One request, whatever the manifest holds."""
        await self._call("read", environment, environment)
        namespace = self._cluster.namespace(environment) or Namespace()
        return namespace.deviation(admitted(manifest, environment), self._principal)

    async def prune(
        self, manifests: Collection[str], environment: str, *, is_dry_run: bool = False
    ) -> tuple[str, ...]:
        """One request to list, and one for each object that goes."""
        kept = {key_of(each) for text in manifests for each in admitted(text, environment)}
        await self._call("apply", environment, environment)
        namespace = self._cluster.namespace(environment) or Namespace()
        found = {
            key: label
            for key, label in sorted(namespace.labels.items())
            if label.principal == self._principal and key not in kept
        }
        for key, label in () if is_dry_run else tuple(found.items()):
            await self._call("prune", environment, environment)
            if namespace.labels.get(key) == label:
                namespace.delete(key)
            else:
                del found[key]  # somebody else came first
        return tuple("/".join(key) for key in found)

    async def set_image(self, workload: str, image: ImageRef, environment: str) -> None:
        """The same image again changes nothing and starts no rollout, as in Kubernetes."""
        await self._call("set-image", environment, f"{environment}/{workload}")
        deployment = self._cluster.deployment(workload, environment)
        template = deployment.spec.template
        if all(each.name != workload for each in template.containers):
            raise WorkloadNotFound(
                f'unable to find container named "{workload}" in deployment "{workload}" '
                f'in "{environment}"',
                help="Name the container like the workload.",
            )
        template = template.with_image(workload, image)
        deployment.update(replace(deployment.spec, template=template))

    async def rollout_status(self, workload: str, environment: str) -> None:
        """Decide as kubectl does: an earlier rollout's passed deadline counts until a pod moves."""
        await self._call("read", environment, f"{environment}/{workload}")
        deployment = self._cluster.deployment(workload, environment)
        while not deployment.is_deleted:
            if deployment.is_timed_out:
                raise RolloutTimedOut(
                    f'deployment "{workload}" in "{environment}" exceeded its progress deadline '
                    f"of {deployment.spec.progress_deadline_seconds} s",
                    help=_why_it_waits(deployment),
                )
            if deployment.is_complete:
                return
            await deployment.changed.wait()
        raise WorkloadNotFound(
            f'deployments.apps "{workload}" in "{environment}" was deleted during its rollout'
        )

    async def rollout_undo(self, workload: str, environment: str) -> None:
        """Undoing twice is undoing nothing: the second time the first template is the earlier."""
        await self._call("admin", environment, f"{environment}/{workload}")
        deployment = self._cluster.deployment(workload, environment)
        template = deployment.earlier_template()
        if template is None:
            raise NoEarlierRollout(
                f'no rollout history found for deployment "{workload}" in "{environment}"'
            )
        deployment.update(replace(deployment.spec, template=template))

    async def running(self, environment: str, workload: str = "") -> tuple[RunningWorkload, ...]:
        """One digest for each Ready pod that is not stopping, oldest ReplicaSet first."""
        await self._call("read", environment, environment)
        namespace = self._cluster.namespace(environment)
        deployments = namespace.deployments if namespace else {}
        names = deployments.keys() & {workload} if workload else deployments
        return tuple(_running(deployments[name]) for name in sorted(names))

    async def get(self, environment: str) -> tuple[dict[str, Any], ...]:
        """One list of each kind, asked for at once."""
        await self._call("apply", environment, environment)
        namespace = self._cluster.namespace(environment)
        return shown(namespace, environment) if namespace else ()

    async def wipe(self, environment: str) -> None:
        """Delete every object; the environment itself, and the nodes' images, stay."""
        await self._call("admin", environment, environment)
        namespace = self._cluster.namespace(environment)
        if namespace is None:
            return
        namespace.delete_all()
        for deployment in tuple(namespace.deleted):
            while deployment.has_pods_left():
                await deployment.changed.wait()
        namespace.deleted = [each for each in namespace.deleted if each.has_pods_left()]

    async def _call(self, verb: str, environment: str, entity: str) -> None:
        """Take a call's time, then refuse what the principal may not do; down, nothing answers."""
        surroundings = self._cluster.surroundings
        self._cluster.require_up()
        await surroundings.kernel.sleep(surroundings.duration("api_call", entity))
        if not surroundings.allows(self._principal, verb, environment):
            raise Forbidden(
                f'deployments.apps is forbidden: User "{self._principal}" cannot {_VERBS[verb]} '
                f'resource "deployments" in API group "apps" in the namespace "{environment}"',
                help=f'Its grant there is below "{verb}".',
            )


def _running(deployment: Deployment) -> RunningWorkload:
    digests = tuple(pod.digest for pod in deployment.pods() if pod.is_ready and pod.digest)
    desired = deployment.spec.template.container(deployment.name).image
    return RunningWorkload(deployment.name, desired, digests, deployment.is_complete)


def _why_it_waits(deployment: Deployment) -> str:
    """What `kubectl get pods` would show of a pod that holds the rollout up."""
    waiting: Pod | None = next((pod for pod in deployment.pods() if not pod.is_ready), None)
    if waiting is None:
        return "See kubectl describe deployment."
    reason = waiting.waiting_reason or "starting"
    return f'Pod "{waiting.name}" waits: {reason}, image "{waiting.owner.image}".'
