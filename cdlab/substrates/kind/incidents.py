"""
What can happen to a lab, done for real: containers stopped, repositories moved away, a node killed,
the cluster deleted and made anew.

In: a run's substrate. Out: the `Incidents` port. Who calls it: stories, and `substrate.py`, which
mends what is still broken before it removes the run. Other runs on the same lab suffer with it.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from cdlab.errors import ClusterUnavailable, PortError, SubstrateUnavailable, WorkloadNotFound
from cdlab.ports import Box
from cdlab.substrates.kind import nodes, removal, rollouts
from cdlab.substrates.kind.engine import open_engine
from cdlab.substrates.kind.registry_api import RegistryApi

if TYPE_CHECKING:
    from docker.models.containers import Container

    from cdlab.substrates.kind.substrate import KindSubstrate

T = TypeVar("T")
MANIFEST = "kube-apiserver.yaml"
MANIFESTS = "/etc/kubernetes/manifests"
STEADY_LOOKS = 10
"""Two a second: the kubelet may start or end an API server once more before it is at rest."""
DOWN_SECONDS, UP_SECONDS = 30.0, 120.0
"""How long a box may take to stop, and to answer again."""
REQUEST = (
    "while read url; do curl --silent --output /dev/null --max-time 2"
    ' --write-out "%{http_code}\\n" "$url"; done'
)


class KindIncidents:
    """The incidents of one run."""

    def __init__(self, substrate: KindSubstrate) -> None:
        self.substrate = substrate
        self.settings = substrate.lab.settings
        self._stopped: dict[str, Callable[[], None]] = {}
        """What is down -> how to bring it back."""
        self.has_lost_cluster = False
        """Whether what the cluster had written down about the run is gone."""
        self._clients: dict[tuple[str, str], tuple[str, subprocess.Popen[str]]] = {}

    async def stop(self, box: Box) -> None:
        await self._blocking(lambda: self._stop(box), f"stop of {box}")

    async def restart(self, box: Box) -> None:
        await self._blocking(self._stopped.pop(box), f"restart of {box}")

    async def lose_node(self, workload: str, environment: str) -> str:
        """The machine's container is killed, as by a power cut; the control plane never is."""
        return await self._blocking(
            lambda: self._lose_node(workload, environment), f"loss of a node of {workload}"
        )

    async def restore_node(self, node: str) -> None:
        await self._blocking(self._stopped.pop(node), f"start of {node}")

    async def delete_cluster(self) -> None:
        """`kind delete cluster`, and a new one as `cdlab up` makes it. Half a minute or more."""
        await self._blocking(self._delete_cluster, "deletion of the cluster")

    async def empty_registry(self) -> None:
        """Delete the run's images by the registry's API; other runs keep theirs."""
        await self._blocking(self._empty_registry, "emptying of the registry")

    async def request(self, workload: str, environment: str) -> bool:
        """
        Ask the Service's cluster address from the control plane, where kube-proxy routes it.

        One `curl` for each, without keep-alive: a new connection every time, so that each goes to
        an endpoint of its own.
        """
        return await self._blocking(
            lambda: self._request(workload, environment), f"request to {workload}"
        )

    def mend(self) -> None:
        """Bring everything back that is still down. For the end of a run, however it ended."""
        self._hang_up()
        while self._stopped:
            _, bring_back = self._stopped.popitem()
            bring_back()

    def _hang_up(self) -> None:
        for _, client in self._clients.values():
            client.kill()
            client.communicate()
        self._clients.clear()

    async def _blocking(self, work: Callable[[], T], what: str) -> T:
        return await self.substrate.kernel.offload(work, what=what)

    def _stop(self, box: Box) -> None:
        if box == "registry":
            self._stop_registry()
        elif box == "api-server":
            self._stop_api_server()
        else:
            self._move_repositories(box)

    def _stop_registry(self) -> None:
        name = self.settings.registry_container
        registry = RegistryApi(self.substrate.lab.registry_url, self.substrate.lab.login("runner"))

        def start() -> None:
            with open_engine() as engine:
                engine.containers.get(name).start()
            _until(lambda: _answers(lambda: registry.tags("cdlab-nobody")), UP_SECONDS, name)

        with open_engine() as engine:
            engine.containers.get(name).stop(timeout=1)
        self._stopped["registry"] = start

    def _stop_api_server(self) -> None:
        """Take its static pod away from the kubelet, and kill what still runs."""

        def start() -> None:
            self._in_control_plane(f"mv /etc/kubernetes/{MANIFEST} {MANIFESTS}/{MANIFEST}")
            _until(self._api_stays, UP_SECONDS, "the API server")
            self._wait_for_nodes()

        self._in_control_plane(f"mv {MANIFESTS}/{MANIFEST} /etc/kubernetes/{MANIFEST}")
        self._stopped["api-server"] = start
        # The kubelet gives it a grace period; and may start it once more before it looks.
        _until(self._is_api_server_gone, DOWN_SECONDS, "the end of the API server")

    def _is_api_server_gone(self) -> bool:
        for _ in range(STEADY_LOOKS):
            self._in_control_plane("pkill -KILL kube-apiserver || true")
            time.sleep(0.5)
            found = self._in_control_plane("pgrep -x kube-apiserver || true")
            if found.strip() or self._api_answers():
                return False
        return True

    def _api_answers(self) -> bool:
        return _answers(lambda: self.substrate.administrator.call("GET", "/version"))

    def _api_stays(self) -> bool:
        for _ in range(STEADY_LOOKS):
            time.sleep(0.5)
            if not self._api_answers():
                return False
        return True

    def _wait_for_nodes(self) -> None:
        cluster = nodes.kind_cluster(self.settings)
        nodes.wait_ready(cluster, UP_SECONDS)

    def _move_repositories(self, box: Box) -> None:
        """The git server goes on, and has these repositories no more."""
        names = self.substrate.repositories(box)
        folder = f"/srv/git/{self.substrate.run}"

        def move(before: str, after: str) -> None:
            moves = (f"mv {folder}/{name}.{before} {folder}/{name}.{after}" for name in names)
            with open_engine() as engine:
                _in(engine.containers.get(self.settings.git_container), " && ".join(moves))

        move("git", "away")
        self._stopped[box] = lambda: move("away", "git")

    def _in_control_plane(self, command: str) -> str:
        with open_engine() as engine:
            return _in(nodes.find_nodes(engine, self.settings)[0], command)

    def _lose_node(self, workload: str, environment: str) -> str:
        pods, _ = self.substrate.administrator.list(
            f"/api/v1/namespaces/{self.substrate.namespace(environment)}/pods"
        )
        hosts = Counter(
            str(pod["spec"]["nodeName"])
            for pod in pods
            if rollouts.is_true(pod, "Ready")
            and pod["metadata"]["labels"].get("app") == workload
            and "deletionTimestamp" not in pod["metadata"]
        )
        if not hosts:
            raise WorkloadNotFound(f'no pod of "{workload}" is Ready in "{environment}"')
        name = min(hosts, key=lambda each: (-hosts[each], each))

        def start() -> None:
            with open_engine() as engine:
                engine.containers.get(name).start()
            self._wait_for_nodes()

        with open_engine() as engine:
            engine.containers.get(name).kill()
        self._stopped[name] = start
        return name

    def _delete_cluster(self) -> None:
        self._stopped = {k: v for k, v in self._stopped.items() if k in ("registry", *_GIT)}
        self._hang_up()
        self.has_lost_cluster = True
        with open_engine() as engine:
            nodes.kind_cluster(self.settings).delete()
            nodes.ensure_cluster(engine, self.settings, lambda line: None)
            password = self.substrate.lab.passwords["node"]
            nodes.wire(nodes.find_nodes(engine, self.settings), password, self.settings)
        self.substrate.join_new_cluster()

    def _empty_registry(self) -> None:
        registry = RegistryApi(self.substrate.lab.registry_url, self.substrate.lab.login("runner"))
        removal.delete_tags(registry, self.substrate.image_names())

    def _request(self, workload: str, environment: str) -> bool:
        where = workload, environment
        if where not in self._clients or self._clients[where][1].poll() is not None:
            self._clients[where] = self._client(*where)
        url, client = self._clients[where]
        assert client.stdin, "made with a pipe"
        assert client.stdout, "made with a pipe"
        client.stdin.write(f"{url}\n")
        client.stdin.flush()
        return client.stdout.readline().strip() == "200"

    def _client(self, workload: str, environment: str) -> tuple[str, subprocess.Popen[str]]:
        path = f"/api/v1/namespaces/{self.substrate.namespace(environment)}/services/{workload}"
        address = self.substrate.administrator.call("GET", path)["spec"]["clusterIP"]
        with open_engine() as engine:
            name = str(nodes.find_nodes(engine, self.settings)[0].name)
        command = [str(nodes.require_tool("docker")), "exec", "--interactive", name, "sh", "-c"]
        client = subprocess.Popen(
            [*command, REQUEST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return f"http://{address}/version", client


_GIT: tuple[Box, ...] = ("code-repo", "config-repo")


def _in(container: Container, command: str) -> str:
    code, output = container.exec_run(["sh", "-c", command], user="root")
    text = str(output, errors="replace")
    if code != 0:
        raise SubstrateUnavailable(f'"{command}" in {container.name} failed: {text}')
    return text


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except PortError:
        return False
    return True


def _until(is_so: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise ClusterUnavailable(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.2)
