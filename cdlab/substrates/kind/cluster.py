"""
The kubectl verbs on the lab's cluster, as one principal may use them.

In: manifests, image references, names of environments. Out: what changed, what runs, or the port's
errors. Who calls it: `substrate.py` makes one for each principal, with a token for each namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from cdlab.errors import (
    ClusterUnavailable,
    Forbidden,
    NoEarlierRollout,
    RolloutTimedOut,
    WorkloadNotFound,
)
from cdlab.model import ImageRef, Principal, RunningWorkload
from cdlab.ports import Deviation
from cdlab.substrates.kind import applied_by, rollouts
from cdlab.substrates.kind.applying import FIELD_MANAGER, Applying
from cdlab.substrates.kind.kubernetes_api import (
    JSON_PATCH,
    STRATEGIC,
    Json,
)
from cdlab.substrates.kind.namespaces import Kinds, Namespace
from cdlab.substrates.kind.watching import Waiting

if TYPE_CHECKING:
    from cdlab.live_kernel import LiveKernel

WIPE_SECONDS = 120.0
"""How long pods may take to end: their grace period is 30 s unless the manifest says less."""
SHOWN = (("apps/v1", "Deployment"), ("v1", "Service"), ("v1", "Pod"))
"""What an environment is made of, for who reads all of it."""


class KindCluster:
    """The cluster with one principal's tokens."""

    def __init__(
        self, kernel: LiveKernel, namespaces: Mapping[str, Namespace], kinds: Kinds,
        principal: Principal,
    ) -> None:  # fmt: skip
        self.kernel = kernel
        self.namespaces = namespaces
        """By environment."""
        self.principal = principal
        self.applying = Applying(kinds, principal)

    def _namespace(self, environment: str) -> Namespace:
        try:
            return self.namespaces[environment]
        except KeyError:
            raise Forbidden(f"there is no environment '{environment}' for anybody") from None

    async def apply(self, manifest: str, environment: str) -> bool:
        namespace = self._namespace(environment)

        applying = self.applying
        return await self.kernel.offload(
            lambda: applying.apply(manifest, namespace), what=f"kubectl apply in {environment}"
        )

    async def diff(self, manifest: str, environment: str) -> Deviation:
        """As `kubectl diff --server-side`, of what was there at most a second ago."""
        namespace = self._namespace(environment)
        applying = self.applying
        return await self.kernel.offload(
            lambda: applying.diff(manifest, namespace), what=f"kubectl diff in {environment}"
        )

    async def prune(
        self, manifests: Collection[str], environment: str, *, is_dry_run: bool = False
    ) -> tuple[str, ...]:
        namespace, who = self._namespace(environment), self.principal
        return await self.kernel.offload(
            lambda: applied_by.prune(manifests, namespace, who, is_dry_run=is_dry_run),
            what=f"kubectl delete in {environment}",
        )

    async def set_image(self, workload: str, image: ImageRef, environment: str) -> None:
        namespace = self._namespace(environment)
        await self.kernel.offload(
            lambda: self._set_image(workload, image, namespace),
            what=f"kubectl set image {workload} in {environment}",
        )

    def _set_image(self, workload: str, image: ImageRef, namespace: Namespace) -> None:
        path = namespace.path("deployments", workload)
        pod = namespace.api.call("GET", path)["spec"]["template"]["spec"]
        if all(container["name"] != workload for container in pod["containers"]):
            # A patch by that name would add a second container.
            raise WorkloadNotFound(
                f'unable to find container named "{workload}" in deployment "{workload}"',
                help="name the container like the workload",
            )
        container = {"name": workload, "image": str(image)}
        patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
        namespace.api.call(
            "PATCH", path, patch, content_type=STRATEGIC, fieldManager=f"{FIELD_MANAGER}-set-image"
        )

    async def rollout_status(self, workload: str, environment: str) -> None:
        waiting = Waiting(self._namespace(environment))

        def late_rollout(message: str) -> RolloutTimedOut:
            return RolloutTimedOut(
                f'deployment "{workload}" in "{environment}": {message}',
                help=f"kubectl -n {waiting.namespace.name} describe pods -l app={workload}",
            )

        def check(deployments: dict[str, Json]) -> bool:
            deployment = deployments.get(workload)
            if deployment is None:
                raise WorkloadNotFound(
                    f'deployments.apps "{workload}" not found in "{environment}"',
                    help="apply its manifest first: kubectl apply -f service.yaml",
                )
            late = rollouts.lateness(deployment)
            if late is not None and not late.is_of_earlier_rollout:
                raise late_rollout(late.message)
            if late is not None:
                waiting.limit(rollouts.deadline_seconds(deployment))
            return rollouts.is_complete(deployment)

        try:
            what = f"rollout of {workload} in {environment}"
            await self._until(waiting, "deployments", check, what)
        except TimeoutError as error:
            raise late_rollout("no progress since it was written to") from error

    async def _until(
        self, waiting: Waiting, resource: str, check: Callable[[dict[str, Json]], bool], what: str
    ) -> None:
        try:
            await self.kernel.offload(lambda: waiting.until(resource, check), what=what)
        finally:
            waiting.stop()

    async def rollout_undo(self, workload: str, environment: str) -> None:
        namespace = self._namespace(environment)
        await self.kernel.offload(
            lambda: self._undo(workload, namespace),
            what=f"kubectl rollout undo {workload} in {environment}",
        )

    def _undo(self, workload: str, namespace: Namespace) -> None:
        path = namespace.path("deployments", workload)
        deployment = namespace.api.call("GET", path)
        replica_sets, _ = namespace.api.list(namespace.path("replicasets"))
        template = rollouts.earlier_template(deployment, replica_sets)
        if template is None:
            raise NoEarlierRollout(
                f'no rollout history found for deployment "{workload}" in "{namespace.name}"'
            )
        patch = [{"op": "replace", "path": "/spec/template", "value": template}]
        namespace.api.call(
            "PATCH", path, patch, content_type=JSON_PATCH, fieldManager=f"{FIELD_MANAGER}-undo"
        )

    async def running(self, environment: str, workload: str = "") -> tuple[RunningWorkload, ...]:
        namespace = self._namespace(environment)
        which = {"fieldSelector": f"metadata.name={workload}"} if workload else {}

        def read() -> tuple[RunningWorkload, ...]:
            deployments, _ = namespace.api.list(namespace.path("deployments"), **which)
            pods, _ = namespace.api.list(namespace.path("pods", api="/api/v1"))
            pods.sort(key=_age)
            return tuple(
                _running(each, pods)
                for each in sorted(deployments, key=lambda each: str(each["metadata"]["name"]))
            )

        return await self.kernel.offload(read, what=f"pods of {environment}")

    async def get(self, environment: str) -> tuple[Json, ...]:
        namespace = self._namespace(environment)

        def read() -> tuple[Json, ...]:
            found = []
            for version, kind in SHOWN:
                root = f"/apis/{version}" if "/" in version else f"/api/{version}"
                path = namespace.path(f"{kind.lower()}s", api=root)
                # A list says once for all what its objects are.
                found += [
                    {"apiVersion": version, "kind": kind, **each}
                    for each in namespace.api.list(path)[0]
                ]
            return tuple(found)

        return await self.kernel.offload(read, what=f"kubectl get in {environment}")

    async def wipe(self, environment: str) -> None:
        namespace = self._namespace(environment)
        waiting = Waiting(namespace)
        waiting.limit(WIPE_SECONDS)

        def delete() -> None:
            options = {"propagationPolicy": "Background"}
            namespace.api.call("DELETE", namespace.path("deployments"), options)
            services, _ = namespace.api.list(namespace.path("services", api="/api/v1"))
            for service in services:
                name = str(service["metadata"]["name"])
                namespace.api.call("DELETE", namespace.path("services", name, api="/api/v1"))

        await self.kernel.offload(delete, what=f"deletion of all in {environment}")
        try:
            await self._until(waiting, "pods", lambda pods: not pods, f"wipe of {environment}")
        except TimeoutError as error:
            raise ClusterUnavailable(
                f'"{namespace.name}" still has pods after {WIPE_SECONDS:.0f} s', definite=False
            ) from error


def _age(pod: Json) -> tuple[str, str]:
    return str(pod["metadata"]["creationTimestamp"]), str(pod["metadata"]["name"])


def _running(deployment: Json, pods: list[Json]) -> RunningWorkload:
    name = str(deployment["metadata"]["name"])
    serving = [
        rollouts.digest_of(pod, name)
        for pod in pods
        if rollouts.is_selected(pod, deployment)
        and rollouts.is_true(pod, "Ready")
        and not rollouts.is_going(pod)
    ]
    return RunningWorkload(
        name,
        rollouts.image_of(deployment["spec"]["template"]["spec"], name),
        tuple(digest for digest in serving if digest is not None),
        rollouts.is_complete(deployment),
    )
