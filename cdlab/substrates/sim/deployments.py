"""
Deployments: from a spec to ReplicaSets, with their rollout numbers, conditions and deadline.

`cluster.py` makes them and changes their spec; pods that change make them reconcile: nothing here
polls. The controllers take their steps at once and to the end, or one by one with a pause before
each, as the costs say.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cdlab.kernel import Actor
from cdlab.substrates.sim import rollouts
from cdlab.substrates.sim.nodes import Node
from cdlab.substrates.sim.pods import Kubelet, Pod
from cdlab.substrates.sim.replica_sets import ReplicaSet
from cdlab.substrates.sim.workload_specs import DeploymentManifest, DeploymentSpec, PodTemplate

ProgressReason = Literal[
    "", "NewReplicaSetCreated", "ReplicaSetUpdated", "NewReplicaSetAvailable",
    "ProgressDeadlineExceeded",
]  # fmt: skip

MANY = 2**30


class DeploymentStatus(NamedTuple):
    """The Deployment's `status`, as the controller last wrote it."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0


class Deployment:
    """One Deployment and the controller that looks after it."""

    def __init__(self, manifest: DeploymentManifest, environment: str, kubelet: Kubelet) -> None:
        self.name, self.environment, self.kubelet = manifest.name, environment, kubelet
        self.spec, self.metadata = manifest.spec, manifest.metadata
        self.kernel = kubelet.surroundings.kernel
        self.generation = 1
        self.status = DeploymentStatus()
        self.progress_reason: ProgressReason = ""
        """The reason of the Progressing condition, which is False for the last one only."""
        self.progressed_us = 0
        self.rollout_number = 0
        self.replica_sets: list[ReplicaSet] = []
        """In the order of their creation."""
        self.new_replica_set: ReplicaSet | None = None
        """The one whose template is the Deployment's."""
        self.changed = self.kernel.signal(f"a change of {environment}/{manifest.name}")
        """Sent when the status or a condition changed, and when a pod is gone."""
        self.is_deleted = False
        self._alarm: Actor | None = None
        self._controller: Actor | None = None
        """Who takes the steps, where they take time."""
        self._has_news = False

    @property
    def is_complete(self) -> bool:
        """Whether `kubectl rollout status` would say so."""
        status = self.status
        return (
            status.observed_generation >= self.generation
            and status.updated_replicas >= self.spec.replicas
            and status.replicas <= status.updated_replicas
            and status.available_replicas >= status.updated_replicas
        )

    @property
    def is_timed_out(self) -> bool:
        """Whether the progress deadline passed, and nothing moved since."""
        return self.progress_reason == "ProgressDeadlineExceeded"

    def update(self, spec: DeploymentSpec) -> bool:
        """Change the spec, and tell whether that was a change."""
        if spec == self.spec:
            return False
        if spec.progress_deadline_seconds != self.spec.progress_deadline_seconds and self._alarm:
            self._alarm.cancel()
            self._alarm = None
        self.spec = spec
        self.generation += 1
        same = (each for each in self.replica_sets if each.template == spec.template)
        self.new_replica_set = next(same, None)
        if self.new_replica_set is not None:
            self._number(self.new_replica_set)
        self.reconcile()
        return True

    def earlier_template(self) -> PodTemplate | None:
        """The pod template of the rollout before this one."""
        by_number = sorted(self.replica_sets, key=lambda each: each.rollout_number)
        return by_number[-2].template if len(by_number) > 1 else None

    def delete(self) -> None:
        """Stop all pods and never reconcile again."""
        self.is_deleted = True
        if self._alarm is not None:
            self._alarm.cancel()
        for each in self.replica_sets:
            each.replicas = 0
            each.settle()
        self.changed.notify_all()

    def vanish(self) -> None:
        """End with the cluster: at once, with every pod."""
        self.is_deleted = True
        if self._alarm is not None:
            self._alarm.cancel()
        for each in self.replica_sets:
            for pod in (*each.pods, *each.leaving):
                self.kubelet.vanish(pod)
            each.pods.clear()
            each.leaving.clear()
        self.changed.notify_all()

    def pods(self) -> list[Pod]:
        """The pods that are not stopping, those of the oldest ReplicaSet first."""
        return [pod for each in self.replica_sets for pod in each.pods]

    def nodes(self) -> list[Node | None]:
        """Where those pods are; None for those that are not scheduled."""
        return [pod.node for each in self.replica_sets for pod in each.pods]

    def has_pods_left(self) -> bool:
        """Whether a pod is still there, if only to stop."""
        return any(each.pods or each.leaving for each in self.replica_sets)

    def pod_gone(self) -> None:
        """Go on with a deletion, or with `Recreate`; nothing else waits for the end of a pod."""
        if self.is_deleted:
            self.changed.notify_all()
        elif self.spec.strategy == "Recreate":
            self.reconcile()

    def reconcile(self) -> None:
        """Have the controllers look at what has changed."""
        if self.kubelet.is_api_down:
            return  # they see nothing and do nothing; they look again when it is back
        if self._controller is not None:
            self._has_news = True
        elif pause := self._pause():
            name = f"controller of {self.environment}/{self.name}"
            self._controller = self.kernel.spawn(self._take_steps_in_time(pause), name=name)
        else:
            self._take_steps()

    def _pause(self) -> float:
        return self.kubelet.surroundings.duration("reconcile", f"{self.environment}/{self.name}")

    async def _take_steps_in_time(self, pause: float) -> None:
        """Take a step after each pause, until nothing moves and nothing new has happened."""
        is_moving = True
        while is_moving or self._has_news:
            await self.kernel.sleep(pause)
            self._has_news = False
            is_moving = not self.kubelet.is_api_down and self._take_steps(most=1)
            pause = self._pause()
        self._controller = None

    def _take_steps(self, *, most: int = MANY) -> bool:
        """
        Take steps until nothing moves any more, as the controllers do by waking each other.

        Each step writes the status by the pods that there were when it began: the deadline's clock
        depends on seeing the new ReplicaSet without pods first. Returns whether it goes on.
        """
        before = self.status, self.progress_reason
        is_moving = not self.is_deleted
        while is_moving and most:
            self._step()
            is_moving = False
            most -= 1
            for each in self.replica_sets:
                if each.replicas != len(each.pods):
                    is_moving |= each.settle()
        if self.is_complete:
            self._forget_old_replica_sets()
        if before != (self.status, self.progress_reason):
            self.changed.notify_all()
        self._watch_deadline()
        return is_moving

    def _step(self) -> None:
        spec, new = self.spec, self.new_replica_set
        if rollouts.is_scaled(spec, self.replica_sets):
            rollouts.rescale(spec, new, self.replica_sets)
            self.status = self._counted(new)
            return
        if spec.strategy == "Recreate":
            if rollouts.recreate(spec, new, self.replica_sets) and new is None:
                new = self._create_replica_set()
                rollouts.recreate(spec, new, self.replica_sets)
        else:
            new = new or self._create_replica_set()
            rollouts.roll(spec, new, self.replica_sets)
        self._estimate_progress(self._counted(new))

    def _number(self, new: ReplicaSet) -> None:
        """Give the current ReplicaSet the highest rollout number: going back is going on."""
        others = (each.rollout_number for each in self.replica_sets if each is not new)
        new.rollout_number = max(new.rollout_number, max(others, default=0) + 1)
        new.min_ready_seconds = self.spec.min_ready_seconds
        self.rollout_number = new.rollout_number

    def _create_replica_set(self) -> ReplicaSet:
        new = ReplicaSet(self.environment, self.name, self.spec.template, self.kubelet, self)
        self.replica_sets.append(new)
        self.new_replica_set = new
        self._number(new)
        self._set_progress("NewReplicaSetCreated")
        return new

    def _counted(self, new: ReplicaSet | None) -> DeploymentStatus:
        pods = ready = available = 0
        for each in self.replica_sets:
            pods += len(each.pods)
            ready += each.ready
            available += each.available
        updated = 0 if new is None else len(new.pods)
        return DeploymentStatus(self.generation, pods, updated, ready, available)

    def _estimate_progress(self, now: DeploymentStatus) -> None:
        """Write the status and the Progressing condition (`syncRolloutStatus` in `progress.go`)."""
        before, self.status = self.status, now
        is_resting = (
            self.progress_reason == "NewReplicaSetAvailable"
            and now.replicas == now.updated_replicas
        )
        if is_resting:
            return
        wanted = self.spec.replicas
        if wanted == now.updated_replicas == now.replicas == now.available_replicas:
            self._set_progress("NewReplicaSetAvailable")
        elif (
            now.updated_replicas > before.updated_replicas
            or now.replicas - now.updated_replicas < before.replicas - before.updated_replicas
            or now.ready_replicas > before.ready_replicas
            or now.available_replicas > before.available_replicas
        ):
            self._set_progress("ReplicaSetUpdated")
        elif self._deadline_us() <= self.kernel.now_us and self._is_watched():
            self._set_progress("ProgressDeadlineExceeded")

    def _set_progress(self, reason: ProgressReason) -> None:
        self.progress_reason = reason
        self.progressed_us = self.kernel.now_us

    def _deadline_us(self) -> int:
        return self.progressed_us + self.spec.progress_deadline_seconds * 1_000_000

    def _is_watched(self) -> bool:
        """Whether a deadline is running: not after success and not after failure."""
        return self.progress_reason in ("NewReplicaSetCreated", "ReplicaSetUpdated")

    def _watch_deadline(self) -> None:
        """Have one actor that looks when the deadline is over, as long as one is running."""
        if self._alarm is None and self._is_watched() and not self.is_deleted:
            name = f"progress deadline of {self.environment}/{self.name}"
            self._alarm = self.kernel.spawn(self._time_out(), name=name)
        if self._alarm is not None:
            # Asleep after success, it keeps no run alive; a rollout that begins meanwhile uses it.
            self._alarm.daemon = not self._is_watched()

    async def _time_out(self) -> None:
        """Look when the deadline is over. While the API server is down nobody looks."""
        while self._is_watched() and not self.kubelet.is_api_down:
            rest_us = self._deadline_us() - self.kernel.now_us
            if rest_us > 0:
                await self.kernel.sleep_us(rest_us)
            else:
                self._take_steps()
        self._alarm = None

    def _forget_old_replica_sets(self) -> None:
        """Keep as many old ReplicaSets as `revisionHistoryLimit` says, the latest."""
        old = [
            each
            for each in self.replica_sets
            if not each.replicas and not each.pods and each.rollout_number < self.rollout_number
        ]
        old.sort(key=lambda each: each.rollout_number)
        for each in old[: max(0, len(old) - self.spec.revision_history_limit)]:
            self.replica_sets.remove(each)
