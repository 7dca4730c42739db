"""
What can happen to the simulated world: boxes that are down, lost machines, a deleted cluster.

In: the servers and the cluster of one run. Out: the `Incidents` port. Made by `substrate.py`. A run
in which nothing happens never comes here.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdlab.errors import WorkloadNotFound
from cdlab.kernel import Actor
from cdlab.ports import Box
from cdlab.substrates.sim.cluster import SimCluster
from cdlab.substrates.sim.git_server import GitServer
from cdlab.substrates.sim.nodes import Node
from cdlab.substrates.sim.pods import Pod
from cdlab.substrates.sim.registry import RegistryServer
from cdlab.substrates.sim.replica_sets import ReplicaSet
from cdlab.substrates.sim.workload_specs import unreachable_seconds


class SimIncidents:
    """The incidents of one run."""

    def __init__(
        self,
        cluster: SimCluster,
        registry: RegistryServer,
        code_repos: dict[str, GitServer],
        config_repo: GitServer,
    ) -> None:
        self.cluster, self.registry = cluster, registry
        self.repositories = {"code-repo": list(code_repos.values()), "config-repo": [config_repo]}
        self._kernel = cluster.surroundings.kernel
        self._evictions: dict[str, Actor] = {}
        self._turn = 0

    async def stop(self, box: Box) -> None:
        for server in self.repositories.get(box, ()):
            server.is_down = True
        if box == "registry":
            self.registry.is_down = True
        elif box == "api-server":
            self.cluster.kubelet.is_api_down = True

    async def restart(self, box: Box) -> None:
        for server in self.repositories.get(box, ()):
            server.restart()
        if box == "registry":
            self.registry.restart()
        elif box == "api-server":
            self.cluster.kubelet.is_api_down = False
            for deployment in self.cluster.deployments():
                deployment.reconcile()

    async def lose_node(self, workload: str, environment: str) -> str:
        """Of several with as many Ready pods of the workload, the first in the list of nodes."""
        pods = self.cluster.deployment(workload, environment).pods()
        ready = [p.node for p in pods if p.is_ready and p.node and not p.node.is_lost]
        if not ready:
            raise WorkloadNotFound(f'no pod of "{workload}" is Ready in "{environment}"')
        node = max(self.cluster.nodes.all, key=ready.count)
        node.is_lost = True
        for _, pod in list(self._pods_on(node)):
            self.cluster.kubelet.cut_off(pod)
        self._evictions[node.name] = self._kernel.spawn(
            self._evict(node), name=f"the node controller, about {node.name}"
        )
        return node.name

    async def _evict(self, node: Node) -> None:
        """Notice, and give each pod up when its toleration is over."""
        grace = self.cluster.surroundings.duration("node_monitor_grace", node.name)
        await self._kernel.sleep(grace)
        noticed_us = self._kernel.now_us
        for replica_set, pod in list(self._pods_on(node)):
            if pod in replica_set.pods:
                replica_set.pod_missing(pod)
                replica_set.owner.reconcile()
        tolerant = [(unreachable_seconds(rs.template), rs, pod) for rs, pod in self._pods_on(node)]
        for seconds, replica_set, pod in sorted(tolerant, key=lambda each: each[0]):
            due_us = noticed_us + seconds * 1_000_000
            await self._kernel.sleep_us(max(0, due_us - self._kernel.now_us))
            if pod in replica_set.pods:
                replica_set.give_up(pod)
                replica_set.owner.reconcile()

    async def restore_node(self, node: str) -> None:
        """What was given up meanwhile is gone now; what was not is started again in its place."""
        found = next(each for each in self.cluster.nodes.all if each.name == node)
        found.is_lost = False
        if node in self._evictions:
            self._evictions.pop(node).cancel()
        for replica_set, pod in list(self._pods_on(found)):
            if pod in replica_set.leaving:
                self.cluster.kubelet.remove(pod)
            else:
                replica_set.pod_missing(pod)
                self.cluster.kubelet.start_again(pod)
        self.cluster.nodes.is_back.notify_all()

    def _pods_on(self, node: Node) -> Iterator[tuple[ReplicaSet, Pod]]:
        for deployment in self.cluster.deployments():
            for replica_set in deployment.replica_sets:
                for pod in (*replica_set.pods, *replica_set.leaving):
                    if pod.node is node:
                        yield replica_set, pod

    async def delete_cluster(self) -> None:
        """The nodes are new machines afterwards, with no image on them."""
        for deployment in self.cluster.deployments():
            deployment.vanish()
        for namespace in self.cluster.namespaces().values():
            namespace.forget()
        for eviction in self._evictions.values():
            eviction.cancel()
        self._evictions.clear()
        for node in self.cluster.nodes.all:
            node.forget_images()
            node.is_lost, node.pod_count = False, 0
        self.cluster.nodes.is_back.notify_all()

    async def empty_registry(self) -> None:
        self.registry.empty()

    async def request(self, workload: str, environment: str) -> bool:
        """Endpoints take turns, as with kube-proxy in ipvs mode; its iptables draw lots."""
        endpoints = [pod for pod in self._known_pods(workload, environment) if self._is_routed(pod)]
        if not endpoints:
            return False
        self._turn += 1
        pod = endpoints[self._turn % len(endpoints)]
        has_ended = pod.ended_us is not None and pod.ended_us <= self._kernel.now_us
        return pod.is_started and not has_ended and pod.listens_us <= self._kernel.now_us

    def _known_pods(self, workload: str, environment: str) -> list[Pod]:
        space = self.cluster.namespace(environment)
        found = space.deployments.get(workload) if space else None
        stopping = [
            pod
            for pod in self.cluster.kubelet.ended
            if (pod.owner.workload, pod.owner.environment) == (workload, environment)
        ]
        return [*(found.pods() if found else ()), *stopping]

    def _is_routed(self, pod: Pod) -> bool:
        """Whether the nodes know it as an endpoint: they hear of every change a little late."""
        if pod.endpoint_lag_us is None:
            lag = self.cluster.surroundings.duration("endpoint_update", pod.owner.entity)
            pod.endpoint_lag_us = round(lag * 1_000_000)
        known_us = self._kernel.now_us - pod.endpoint_lag_us
        if pod.asked_us is not None:
            return 0 < pod.ready_us <= pod.asked_us and pod.asked_us > known_us
        return pod.is_ready and pod.ready_us <= known_us
