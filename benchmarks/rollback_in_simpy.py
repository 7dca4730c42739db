"""
V1's rollback written by hand in SimPy: what `bench_simpy.py` compares the simulator with.

The same people, CI system, registry and cluster as in `scenarios/v1/rollback.yaml`, on the same
costs: whatever is an event of a history there is counted here, under the same name. There are no
manifests, no files, no digests and no history; nothing is done that this one story does not need.
"""

from __future__ import annotations

from collections.abc import Generator
from math import log
from random import Random
from typing import Any

import simpy

from cdlab.substrates.sim.costs import load_profile

Process = Generator[Any, Any, None]

MICROSERVICES = ("front-end", "users", "orders")
ENVIRONMENTS = ("staging", "production")
REPLICAS, EXECUTORS, WORKERS = 2, 4, 2
OBSERVATION_SECONDS = 900.0

KINDS = (
    "RunStarted", "IntentDeclared", "RepositoryCloned", "Committed", "CommitPushed", "Shipped",
    "PipelineRunQueued", "PipelineRunStarted", "ImageBuilt", "ImagePushed", "WorkloadNotFound",
    "PipelineRunFailed", "PipelineRunFinished", "ManifestsApplied", "ImageSet", "PodCreated",
    "PodScheduled", "ImagePulled", "ContainerStarted", "PodReady", "PodStopping",
    "RolloutFinished", "PromotionRefused", "Reverted", "RollbackAccepted", "RollbackSeen",
    "ObservationEnded", "RunFinished",
)  # fmt: skip

COSTS = {name: cost.numbers for name, cost in load_profile("lean-ci").costs.items()}
(HINT,) = COSTS["hint"]
(API_CALL,) = COSTS["api_call"]
(SCHEDULE,) = COSTS["schedule"]
(POD_STOP,) = COSTS["pod_stop"]
(IMAGE_PUSH_KNOWN,) = COSTS["image_push_known"]


def drawn(purpose: str) -> tuple[float, float]:
    """The two parameters of `lognormvariate` for a cost with a median in seconds."""
    median, sigma = COSTS[purpose]
    return log(median), sigma


GIT_CLONE, GIT_PUSH, PULL = drawn("git_clone"), drawn("git_push"), drawn("pull")
BUILD, BUILD_CACHED = drawn("build"), drawn("build_cached")
IMAGE_PUSH, POD_START = drawn("image_push"), drawn("pod_start")


class Repository:
    """A code repo: what its head is, and an event for whoever waits for the next push."""

    def __init__(self, env: simpy.Environment, name: str) -> None:
        self.name = name
        self.revision = 0
        self.content = ""
        self.pushed = env.event()
        self.built: dict[int, simpy.Event] = {}


class Node:
    """A machine: the images it has, one pull at a time."""

    def __init__(self, env: simpy.Environment) -> None:
        self.pulls = simpy.Resource(env, 1)
        self.contents: set[str] = set()
        self.references: set[tuple[int, str]] = set()
        self.pods = 0


class Pod:
    """A pod of one image."""

    __slots__ = ("content", "image", "is_ready", "node")

    def __init__(self, image: tuple[int, str]) -> None:
        self.image = image
        self.content = image[1]
        self.node: Node | None = None
        self.is_ready = False


class Workload:
    """A Deployment in one environment. An image is the number of a commit and its content."""

    def __init__(self, env: simpy.Environment, image: tuple[int, str]) -> None:
        self.image = image
        self.pods: list[Pod] = []
        self.changed = env.event()


class Rollback:
    """One run of the model."""

    def __init__(self, seed: int) -> None:
        self.env = simpy.Environment()
        self.random = Random(seed)
        self.seen = dict.fromkeys(KINDS, 0)
        self.repositories = [Repository(self.env, name) for name in MICROSERVICES]
        self.executors = simpy.Resource(self.env, EXECUTORS)
        self.built: set[str] = set()
        self.stored: set[str] = set()
        self.nodes = [Node(self.env) for _ in range(WORKERS)]
        self.workloads: dict[tuple[str, str], Workload] = {}
        self.rollback_seconds = 0.0

    def run(self) -> Rollback:
        """Play the story to its end."""
        self.seen["RunStarted"] += 1
        for repository in self.repositories:
            self.env.process(self.watch(repository))
        self.env.run(until=self.env.process(self.story()))
        self.seen["RunFinished"] += 1
        return self

    # People.

    def story(self) -> Process:
        """Bring everything up, ship a bad release, revert it, watch that it stays."""
        env, seen, first = self.env, self.seen, self.repositories[0]
        seen["IntentDeclared"] += 1
        for repository in self.repositories:
            yield from self.push(repository, "good", "Committed")
            seen["Shipped"] += 1
        yield env.all_of([env.process(self.team(each)) for each in self.repositories])
        seen["IntentDeclared"] += 1
        yield from self.push(first, "bad", "Committed")
        seen["Shipped"] += 1
        yield from self.until_serves(first.name, "staging", "bad")
        yield env.timeout(API_CALL)
        seen["RolloutFinished"] += 1
        seen["IntentDeclared"] += 1
        seen["PromotionRefused"] += 1
        yield from self.until_serves(first.name, "production", "bad")
        asked = env.now
        seen["IntentDeclared"] += 1
        yield from self.push(first, "good", "Reverted")
        seen["RollbackAccepted"] += 1
        yield from self.until_serves(first.name, "production", "good")
        self.rollback_seconds = env.now - asked
        seen["RollbackSeen"] += 1
        yield env.timeout(OBSERVATION_SECONDS)
        seen["ObservationEnded"] += 1

    def push(self, repository: Repository, content: str, kind: str) -> Process:
        """Clone, commit or revert, push."""
        draw = self.random.lognormvariate
        yield self.env.timeout(draw(*GIT_CLONE))
        self.seen["RepositoryCloned"] += 1
        self.seen[kind] += 1
        yield self.env.timeout(draw(*GIT_PUSH))
        self.seen["CommitPushed"] += 1
        repository.revision += 1
        repository.content = f"{content} {repository.name}"
        repository.built[repository.revision] = self.env.event()
        pushed, repository.pushed = repository.pushed, self.env.event()
        pushed.succeed()

    def team(self, repository: Repository) -> Process:
        """Apply a first version by hand once it is built, and see it run everywhere."""
        env = self.env
        yield repository.built[1]
        yield env.timeout(self.random.lognormvariate(*GIT_CLONE))
        self.seen["RepositoryCloned"] += 1
        for environment in ENVIRONMENTS:
            yield env.timeout(API_CALL)
            workload = Workload(env, (repository.revision, repository.content))
            self.workloads[environment, repository.name] = workload
            self.reconcile(workload)
            yield env.timeout(API_CALL)  # the Service beside the Deployment
            self.seen["ManifestsApplied"] += 1
        for environment in ENVIRONMENTS:
            yield from self.until_serves(repository.name, environment, "good")

    def until_serves(self, name: str, environment: str, content: str) -> Process:
        """Wait until every replica serves a content and nothing else does."""
        workload, wanted = self.workloads[environment, name], f"{content} {name}"
        while not serves(workload, wanted):
            yield workload.changed

    # CI.

    def watch(self, repository: Repository) -> Process:
        """Start a pipeline run for each push."""
        while True:
            yield repository.pushed
            yield self.env.timeout(HINT)
            self.env.process(self.pipeline(repository, repository.revision, repository.content))

    def pipeline(self, repository: Repository, revision: int, content: str) -> Process:
        """Clone, build, push and point every environment at the image."""
        env, seen, draw = self.env, self.seen, self.random.lognormvariate
        seen["PipelineRunQueued"] += 1
        with self.executors.request() as executor:
            yield executor
            seen["PipelineRunStarted"] += 1
            yield env.timeout(draw(*GIT_CLONE))
            seen["RepositoryCloned"] += 1
            yield env.timeout(draw(*(BUILD_CACHED if content in self.built else BUILD)))
            seen["ImageBuilt"] += 1
            self.built.add(content)
            is_known = content in self.stored
            yield env.timeout(IMAGE_PUSH_KNOWN if is_known else draw(*IMAGE_PUSH))
            seen["ImagePushed"] += 1
            self.stored.add(content)
            for environment in ENVIRONMENTS:
                yield env.timeout(API_CALL)
                workload = self.workloads.get((environment, repository.name))
                if workload is None:
                    seen["WorkloadNotFound"] += 1
                    seen["PipelineRunFailed"] += 1
                    break
                workload.image = (revision, content)
                self.reconcile(workload)
                seen["ImageSet"] += 1
            else:
                seen["PipelineRunFinished"] += 1
            repository.built[revision].succeed()

    # Kubernetes.

    def reconcile(self, workload: Workload) -> None:
        """A rolling update: one pod more than wanted, and none less that is Ready."""
        while True:
            new = [pod for pod in workload.pods if pod.image == workload.image]
            old = [pod for pod in workload.pods if pod.image != workload.image]
            ready = sum(pod.is_ready for pod in workload.pods)
            if len(new) < REPLICAS and len(workload.pods) <= REPLICAS:
                pod = Pod(workload.image)
                workload.pods.append(pod)
                self.seen["PodCreated"] += 1
                self.env.process(self.start(workload, pod))
            elif old and ready > REPLICAS:
                workload.pods.remove(old[0])
                self.seen["PodStopping"] += 1
                self.env.process(self.stop(old[0]))
            else:
                break
        changed, workload.changed = workload.changed, self.env.event()
        changed.succeed()

    def start(self, workload: Workload, pod: Pod) -> Process:
        """From a pod without a node to one that is Ready."""
        env, seen, random = self.env, self.seen, self.random
        yield env.timeout(SCHEDULE)
        beside = [each.node for each in workload.pods]
        node = min(self.nodes, key=lambda each: (beside.count(each), each.pods))
        node.pods += 1
        pod.node = node
        seen["PodScheduled"] += 1
        if pod.image not in node.references:
            with node.pulls.request() as turn:
                yield turn
                if pod.content not in node.contents:
                    yield env.timeout(random.lognormvariate(*PULL))
                    node.contents.add(pod.content)
                node.references.add(pod.image)
        seen["ImagePulled"] += 1
        yield env.timeout(random.lognormvariate(*POD_START))
        seen["ContainerStarted"] += 1
        yield env.timeout(random.random())
        pod.is_ready = True
        seen["PodReady"] += 1
        self.reconcile(workload)

    def stop(self, pod: Pod) -> Process:
        """To the end of its container."""
        yield self.env.timeout(POD_STOP)
        assert pod.node is not None, "a pod that was Ready has a node"
        pod.node.pods -= 1


def serves(workload: Workload, content: str) -> bool:
    """Whether as many pods as wanted are Ready, and all of them serve a content."""
    contents = [pod.content for pod in workload.pods if pod.is_ready]
    return len(contents) >= REPLICAS and all(each == content for each in contents)
