"""
The real world of one run: repositories, images, namespaces and logins on a running lab.

In: a lab, a kernel that runs in real time, the name of the run. Out: `Ports` for each principal,
and every change of every pod. Who calls it: `world` in `__init__.py`, and the contract tests.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cdlab.errors import Forbidden
from cdlab.model import PRINCIPALS, Application, Grant, PodChange, Principal
from cdlab.ports import Ports
from cdlab.substrates.kind import access, removal
from cdlab.substrates.kind.administration import administer
from cdlab.substrates.kind.builder import RUN_LABEL, KindBuilder, connect_docker
from cdlab.substrates.kind.cluster import KindCluster
from cdlab.substrates.kind.decisions import LoggedDecisions
from cdlab.substrates.kind.git import KindGitRepository
from cdlab.substrates.kind.hints import Hints
from cdlab.substrates.kind.incidents import KindIncidents
from cdlab.substrates.kind.kubernetes_api import KubernetesApi
from cdlab.substrates.kind.namespaces import (
    Kinds,
    Namespace,
    environment_namespace,
    make_namespace,
)
from cdlab.substrates.kind.pods import PodWatch
from cdlab.substrates.kind.registry import Arrivals, KindRegistry, Right
from cdlab.substrates.kind.registry_api import RegistryApi

if TYPE_CHECKING:
    from docker import DockerClient

    from cdlab.live_kernel import LiveKernel
    from cdlab.substrates.kind.lab import Lab

THREADS = 8
"""For what is made before a run; the API server is the limit."""
SETTLE_SECONDS = 10.0
"""How long an interrupted run may take to end what it began; a build of the samples takes 2 s."""
CONFIG_REPO = "config"
RUN = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")


class KindSubstrate:
    """One run on a lab. `create` makes everything, `destroy` removes it."""

    name = "kind"

    def __init__(
        self, lab: Lab, kernel: LiveKernel, *, run: str, has_build_cache: bool = True,
        inside: frozenset[Principal] = frozenset(),
    ) -> None:  # fmt: skip
        """Who is *inside* has its credentials in the cluster, from others, and no ports here."""
        if not RUN.fullmatch(run):
            raise ValueError(f"a run is named by at most 30 of a-z, 0-9 and '-', not {run!r}")
        self.lab = lab
        self.kernel = kernel
        self.run = run
        self.has_build_cache = has_build_cache
        self.inside = inside
        self.hints = Hints(kernel, lab.hub_url)
        self.labels = {**lab.labels, RUN_LABEL: run}
        self._observers: list[Callable[[PodChange], None]] = []
        self._application: Application | None = None
        self._grants: tuple[Grant, ...] = ()
        self._namespaces: dict[Principal, dict[str, Namespace]] = {}
        self._ports: dict[Principal, Ports] = {}
        self._watches: list[PodWatch] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._administrator: KubernetesApi | None = None
        self._connections: dict[Principal, KubernetesApi] = {}
        self._docker: DockerClient | None = None
        self._builder: KindBuilder | None = None
        self._kinds = Kinds()
        self._arrivals = Arrivals()
        self.incidents = KindIncidents(self)

    @property
    def administrator(self) -> KubernetesApi:
        """The API server with all rights. Callable after `create`."""
        assert self._administrator is not None, "await KindSubstrate.create first"
        return self._administrator

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments of the run."""
        assert self._application is not None
        return self._application.everywhere

    def image_names(self) -> list[str]:
        """The run's image repositories, as the registry's API names them."""
        assert self._application is not None
        return [f"{self.run}/{each.name}" for each in self._application.microservices]

    def repositories(self, box: str) -> list[str]:
        """The names of the code repos, or of the config repo."""
        assert self._application is not None
        names = [each.name for each in self._application.microservices]
        return names if box == "code-repo" else [CONFIG_REPO]

    def image_repository(self, microservice: str) -> str:
        return f"{self.lab.registry_host}/{self.run}/{microservice}"

    def namespace(self, environment: str) -> str:
        """The namespace of an environment, to type after `kubectl -n`."""
        return environment_namespace(self.run, environment)

    async def create(self, application: Application, grants: Sequence[Grant]) -> None:
        self._application, self._grants = application, tuple(grants)
        await self.kernel.offload(self._create, what="creation of the run")

    def _create(self) -> None:
        assert self._application is not None
        self._folder = tempfile.TemporaryDirectory(prefix=f"cdlab-{self.run}-")
        self._docker = connect_docker()
        self._builder = KindBuilder(
            self.kernel, self._docker, self.labels, has_build_cache=self.has_build_cache
        )
        self.hints.start()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="cdlab-create") as pool:
            repositories = [pool.submit(self._make_repository, *each) for each in self._writers()]
            self._join_cluster(pool)
            for each in repositories:
                each.result()

    def _join_cluster(self, pool: ThreadPoolExecutor) -> None:
        """Make the environments, give everybody what it may do there, and watch the pods."""
        assert self._application is not None
        lab, environments = self.lab, self._application.everywhere
        self._administrator = KubernetesApi.as_administrator(lab.kubeconfig, lab.context)
        list(pool.map(self._make_namespace, environments))
        for principal in (each for each in PRINCIPALS if each not in self.inside):
            self._connections[principal] = KubernetesApi.without_credentials(
                lab.kubeconfig, lab.context
            )
            given = pool.map(partial(self._give, principal), environments)
            # The same mapping, for the ports that were handed out hold it.
            held = self._namespaces.setdefault(principal, {})
            held.update(zip(environments, given, strict=True))
        list(pool.map(self._watch, environments))

    def join_new_cluster(self) -> None:
        """Do all of that again in a cluster that took the place of a deleted one."""
        while self._watches:
            self._watches.pop().end_with_cluster()
        for connection in (self.administrator, *self._connections.values()):
            connection.close()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="cdlab-join") as pool:
            self._join_cluster(pool)

    def _writers(self) -> list[tuple[str, list[str]]]:
        """Every repository of the run, with those who may push to it."""
        assert self._application is not None
        code = access.writers(self._grants, "code_repos")
        microservices = [(each.name, code) for each in self._application.microservices]
        return [*microservices, (CONFIG_REPO, access.writers(self._grants, "config_repo"))]

    def _make_repository(self, name: str, writers: list[str]) -> None:
        administer(self.lab, "PUT", f"{self.run}/{name}", {"writers": writers})

    def _make_namespace(self, environment: str) -> None:
        make_namespace(self.administrator, self.namespace(environment), self.labels)

    def _give(self, principal: Principal, environment: str) -> Namespace:
        name = self.namespace(environment)
        right = access.right_of(self._grants, principal, "environments")
        token = access.give(self.administrator, name, principal, self._grants)
        api = self._connections[principal].with_token(token)
        access.wait_until_given(api, name, right)
        return Namespace(name, api)

    async def regrant(self, grants: Sequence[Grant]) -> None:
        self._grants = tuple(grants)
        self._ports.clear()  # who may not read a repository gets one without a login
        await self.kernel.offload(self._regrant, what="change of all rights")

    def _regrant(self) -> None:
        """Whose credentials are in the cluster gets them where it is installed."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="cdlab-regrant") as pool:
            changes = [pool.submit(self._make_repository, *each) for each in self._writers()]
            for principal, held in self._namespaces.items():
                changes += [
                    pool.submit(access.change, self.administrator, each, principal, self._grants)
                    for each in held.values()
                ]
            for change in changes:
                change.result()

    def _watch(self, environment: str) -> None:
        namespace = Namespace(self.namespace(environment), self.administrator)
        watch = PodWatch(namespace, environment, self._tell)
        self._watches.append(watch)
        watch.start()

    def _tell(self, change: PodChange) -> None:
        def tell() -> None:
            for observer in self._observers:
                observer(change)

        self.kernel.call_soon_threadsafe(tell)

    def observe(self, observer: Callable[[PodChange], None]) -> None:
        self._observers.append(observer)

    def ports(self, principal: Principal) -> Ports:
        if self._application is None or self._docker is None or self._builder is None:
            raise RuntimeError("there are no ports yet: await KindSubstrate.create first")
        if principal in self.inside:
            raise Forbidden(f"the credentials of '{principal}' are inside the cluster")
        if principal not in self._ports:
            right = cast(Right, access.right_of(self._grants, principal, "registry"))
            self._ports[principal] = Ports(
                principal=principal,
                code_repos={
                    each.name: self._repository(each.name, principal, "code_repos")
                    for each in self._application.microservices
                },
                config_repo=self._repository(CONFIG_REPO, principal, "config_repo"),
                builder=self._builder,
                registry=KindRegistry(
                    self.lab, self.hints, (self._docker, self._arrivals), principal, right
                ),
                cluster=KindCluster(
                    self.kernel, self._namespaces[principal], self._kinds, principal
                ),
                decisions=LoggedDecisions(),
                clock=self.kernel,
            )
        return self._ports[principal]

    def _repository(self, name: str, principal: Principal, box: access.Box) -> KindGitRepository:
        assert self._folder is not None
        return KindGitRepository(
            self.lab, self.hints, f"{self.run}/{name}", principal,
            folder=Path(self._folder.name),
            can_read=access.right_of(self._grants, principal, box) != "none",
        )  # fmt: skip

    def reflog(self, repository: str) -> list[dict[str, Any]]:
        """Every ref update that the git server saw, oldest first: a witness beside the history."""
        return list(administer(self.lab, "GET", f"{self.run}/{repository}/reflog"))

    async def destroy(self) -> None:
        # A build or a namespace that is being made would outlive a removal that did not see it.
        await self.kernel.settle(SETTLE_SECONDS)
        await self.kernel.offload(self._destroy, what="removal of the run")

    def _destroy(self) -> None:
        """Do all of it, whatever fails, and then raise what failed first."""
        self._look_away()
        steps: list[Callable[[], object]] = []
        if self._administrator is not None:
            steps.append(partial(removal.delete_namespaces, self._administrator, self.labels))
        if self._docker is not None:
            steps.append(partial(removal.delete_images, self._docker, self.labels))
        if self._application is not None:
            registry = RegistryApi(self.lab.registry_url, self.lab.login("runner"))
            steps.append(partial(removal.delete_tags, registry, self.image_names()))
            steps.append(partial(administer, self.lab, "DELETE", self.run))
        with ThreadPoolExecutor(THREADS, thread_name_prefix="cdlab-destroy") as pool:
            failures = [each.exception() for each in [pool.submit(step) for step in steps]]
        self._let_go()
        for failure in failures:
            if failure is not None:
                raise failure

    def leave(self) -> None:
        """Let go of everything and remove nothing: for an application that stays."""
        self._look_away()
        self._let_go()

    def _look_away(self) -> None:
        self.incidents.mend()
        self.hints.stop()
        while self._watches:
            self._watches.pop().stop()

    def _let_go(self) -> None:
        if self._docker is not None:
            self._docker.close()
        for connection in (self._administrator, *self._connections.values()):
            if connection is not None:
                connection.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._folder = self._application = self._administrator = self._docker = None
        self._ports.clear()
        self._connections.clear()
