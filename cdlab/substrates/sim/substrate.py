"""
The simulator as a `Substrate`: makes the boxes and joins them.

In: a kernel, random streams and costs. Out: for each principal the ports with its rights. Made by
the runner, once for every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cdlab.kernel import Kernel
from cdlab.model import Application, Decision, Grant, PodChange, Principal
from cdlab.ports import Ports
from cdlab.random_streams import RandomStreams
from cdlab.substrates.sim.access import Credentials, Rights
from cdlab.substrates.sim.builder import SimBuilder
from cdlab.substrates.sim.cluster import SimCluster
from cdlab.substrates.sim.costs import Costs
from cdlab.substrates.sim.git import SimGitRepository
from cdlab.substrates.sim.git_server import GitServer
from cdlab.substrates.sim.incidents import SimIncidents
from cdlab.substrates.sim.registry import RegistryServer, SimImageRegistry
from cdlab.substrates.sim.surroundings import Surroundings

HOST = "registry.test"
"""Where the simulated registry lives. `.test` is reserved: nobody can mistake it for a real one."""


class NoDecisions:
    """Forgets what is decided: a recording substrate puts the history in its place."""

    async def record(self, decision: Decision) -> None:
        """Do nothing."""


class SimSubstrate:
    """The boxes of one run. Registry and builder outlive `destroy`, as machines do."""

    name = "sim"

    def __init__(
        self,
        kernel: Kernel,
        streams: RandomStreams,
        costs: Costs,
        *,
        has_build_cache: bool = True,
    ) -> None:
        self.kernel = kernel
        self.streams = streams
        """Nothing here draws from it but the costs; whoever plans faults for this world does."""
        self.costs = costs
        self.builder = SimBuilder(kernel, costs, has_build_cache=has_build_cache)
        self.registry = RegistryServer(kernel, costs, self.builder.images)
        self.code_repos: dict[str, GitServer] = {}
        """Servers, whose reflogs are the witnesses of every push. Filled by `create`."""
        self.config_repo = GitServer("config", "config_repo", kernel, costs)
        self.rights = Rights(())
        self.cluster: SimCluster | None = None
        self._incidents: SimIncidents | None = None
        self._observers: list[Callable[[PodChange], None]] = []

    def image_repository(self, microservice: str) -> str:
        return f"{HOST}/{microservice}"

    async def create(self, application: Application, grants: Sequence[Grant]) -> None:
        self.rights = Rights(grants)
        self.code_repos = {
            each.name: GitServer(each.name, "code_repos", self.kernel, self.costs)
            for each in application.microservices
        }
        self.config_repo = GitServer("config", "config_repo", self.kernel, self.costs)
        surroundings = Surroundings(
            kernel=self.kernel,
            registry=self.registry,
            duration=self.costs.duration,
            share=self.costs.share,
            is_healthy=self.builder.is_healthy,
            is_crashing=self.builder.is_crashing,
            allows=self.rights.allows_in,
        )
        self.cluster = SimCluster(surroundings, application)
        self.cluster.observers.extend(self._observers)
        self._incidents = SimIncidents(
            self.cluster, self.registry, self.code_repos, self.config_repo
        )

    async def regrant(self, grants: Sequence[Grant]) -> None:
        self.rights.change(grants)

    @property
    def incidents(self) -> SimIncidents:
        """What can happen to this world."""
        if self._incidents is None:
            raise RuntimeError("nothing can happen yet: await SimSubstrate.create first")
        return self._incidents

    def ports(self, principal: Principal) -> Ports:
        if self.cluster is None:
            raise RuntimeError("there are no ports yet: await SimSubstrate.create first")
        credentials = Credentials(principal, self.rights)
        return Ports(
            principal=principal,
            code_repos={
                name: SimGitRepository(server, credentials)
                for name, server in self.code_repos.items()
            },
            config_repo=SimGitRepository(self.config_repo, credentials),
            builder=self.builder,
            registry=SimImageRegistry(self.registry, credentials),
            cluster=self.cluster.as_principal(principal),
            decisions=NoDecisions(),
            clock=self.kernel,
        )

    def testimony(self) -> dict[str, dict[str, int]]:
        """What the servers noted themselves, in the words of `cdlab/witnesses.py`."""
        repositories = [*self.code_repos.values(), self.config_repo]
        pushes = (
            f"{each.repository}:{each.tag} {each.digest}" for each in self.registry.notifications
        )
        return {
            "image pushes": dict.fromkeys(pushes, 1),
            "ref updates": {each.name: len(each.reflog) for each in repositories if each.reflog},
        }

    def observe(self, observer: Callable[[PodChange], None]) -> None:
        self._observers.append(observer)
        if self.cluster is not None:
            self.cluster.observers.append(observer)

    async def destroy(self) -> None:
        self.cluster = None
        self.code_repos = {}
