"""The simulated cluster: timelines of rollouts with constant durations, computed by hand."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from cdlab.errors import (
    Forbidden,
    ManifestRejected,
    NoEarlierRollout,
    RolloutTimedOut,
    WorkloadNotFound,
)
from cdlab.kernel import Kernel
from cdlab.model import (
    Application,
    Content,
    Digest,
    Environment,
    ImageRef,
    PodChange,
    Principal,
    RunningWorkload,
)
from cdlab.ports import Cluster
from cdlab.substrates.sim.cluster import SimCluster
from cdlab.substrates.sim.deployments import Deployment
from cdlab.substrates.sim.surroundings import Surroundings

REPOSITORY = "registry.test/users"
STAGING = "staging"
SECONDS = {"api_call": 0.0, "schedule": 1.0, "pull": 10.0, "pod_start": 2.0, "pod_stop": 4.0}
"""With a probe every 2 s whose first tick is half a period after the start, a pod is Ready 14 s
after it was created, or 4 s if its node has the image."""

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users
spec:
  replicas: {replicas}
  {spec}
  selector:
    matchLabels: {{app: users}}
  template:
    metadata:
      labels: {{app: users}}
    spec:
      containers:
        - name: users
          image: {image}
          readinessProbe: {{httpGet: {{path: /, port: 80}}, periodSeconds: 2}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: users}
spec: {selector: {app: users}, ports: [{port: 80}]}
"""


def digest_of(content: str) -> Digest:
    return Digest(f"sha256:{content}")


def image(tag: str) -> ImageRef:
    return ImageRef(REPOSITORY, tag)


def manifest(tag: str = "v1", *, replicas: int = 3, spec: str = "minReadySeconds: 0") -> str:
    return MANIFEST.format(replicas=replicas, spec=spec, image=image(tag))


@dataclass
class Bench:
    """A cluster with constant durations, a registry that is a dict, and a log of its pods."""

    images: dict[str, str] = field(default_factory=lambda: {"v1": "v1", "v2": "v2", "v3": "v3"})
    """Tag -> content. An image's digest is named after its content."""
    seconds: dict[str, float] = field(default_factory=lambda: dict(SECONDS))
    sick: str = "sick"
    may: Callable[[Principal, str, str], bool] = lambda *_: True
    log: list[tuple[float, str]] = field(default_factory=list)
    changes: list[PodChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kernel = Kernel()
        application = Application((), (Environment(STAGING), Environment("production")))
        surroundings = Surroundings(
            kernel=self.kernel,
            registry=self,
            duration=lambda purpose, entity: self.seconds[purpose],
            uniform=lambda purpose, entity: 0.5,
            is_healthy=lambda content: content != self.sick,
            allows=self._allows,
        )
        self.cluster = SimCluster(surroundings, application)
        self.cluster.observers.append(self._note)

    def _allows(self, principal: Principal, verb: str, environment: str) -> bool:
        return self.may(principal, verb, environment)

    def pull(self, ref: ImageRef) -> tuple[Digest, Content, int] | None:
        by_digest = {digest_of(each): each for each in self.images.values()}
        tag = ref.tag or "latest"
        content = by_digest.get(ref.digest) if ref.digest else self.images.get(tag)
        return (digest_of(content), Content(content), 1) if content else None

    def _note(self, change: PodChange) -> None:
        self.changes.append(change)
        name = change.image.tag or str(change.image.digest).removeprefix("sha256:")
        self.log.append((self.kernel.now(), f"{name} {change.phase}"))

    def run(self, story: Callable[[Bench, Cluster], Coroutine[Any, Any, Any]]) -> Any:
        port: Cluster = self.cluster.as_principal("operator")
        return self.kernel.run(story(self, port), deadline_seconds=100_000)

    def timeline(self, *phases: str, after: float = -1.0) -> list[tuple[float, str]]:
        """What happened, times as they are, equal things at one time counted together."""
        counted: list[tuple[float, str, int]] = []
        for seconds, what in self.log:
            if seconds <= after or (phases and what.split()[1] not in phases):
                continue
            if counted and counted[-1][:2] == (seconds, what):
                counted[-1] = (seconds, what, counted[-1][2] + 1)
            else:
                counted.append((seconds, what, 1))
        return [(seconds, f"{count} {what}") for seconds, what, count in counted]

    def deployment(self) -> Deployment:
        return self.cluster.deployment("users", STAGING)

    async def roll_out(self, port: Cluster, tag: str = "v1", **settings: Any) -> float:
        """Apply, wait, note that it is done, and return when."""
        await port.apply(manifest(tag, **settings), STAGING)
        await port.rollout_status("users", STAGING)
        self.log.append((self.kernel.now(), "rollout complete"))
        return self.kernel.now()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_first_rollout_starts_all_pods_at_once(bench: Bench) -> None:
    """The third pod shares a node with the first, and waits for its pull instead of pulling too."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)

    bench.run(story)
    assert bench.timeline() == [
        (0, "3 v1 created"),
        (1, "3 v1 scheduled"),
        (11, "3 v1 pulled"),
        (13, "3 v1 started"),
        (14, "3 v1 ready"),
        (14, "1 rollout complete"),
    ]


def test_default_strategy_replaces_three_replicas_in_three_waves(bench: Bench) -> None:
    """25 % of 3 is one pod more and none less; the third new pod finds its image on the node."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.set_image("users", image("v2"), STAGING)
        await port.rollout_status("users", STAGING)
        bench.log.append((bench.kernel.now(), "rollout complete"))

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", "complete", after=14 - 1e-6)[2:] == [
        (14, "1 v2 created"),
        (28, "1 v2 ready"),
        (28, "1 v1 stopping"),
        (28, "1 v2 created"),
        (42, "1 v2 ready"),
        (42, "1 v1 stopping"),
        (42, "1 v2 created"),
        (46, "1 v2 ready"),
        (46, "1 v1 stopping"),
        (46, "1 rollout complete"),
    ]


def test_full_surge_replaces_all_replicas_in_one_wave(bench: Bench) -> None:
    """With maxSurge 100 % every new pod starts at once and each old one goes with a new one."""

    async def story(bench: Bench, port: Cluster) -> None:
        spec = "strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 0}}"
        start = await bench.roll_out(port, spec=spec)
        assert await bench.roll_out(port, "v2", spec=spec) == start + 14

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", after=13.5)[1:] == [
        (14, "3 v2 created"),
        *[(28, "1 v2 ready"), (28, "1 v1 stopping")] * 3,
    ]


def test_unavailable_pods_are_stopped_before_new_ones_are_ready(bench: Bench) -> None:
    """maxSurge 0 and maxUnavailable 50 % of 3, rounded down, exchange one pod at a time."""

    async def story(bench: Bench, port: Cluster) -> None:
        spec = "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 50%}}"
        await bench.roll_out(port, spec=spec)
        await bench.roll_out(port, "v2", spec=spec)

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", after=13.5)[1:] == [
        (14, "1 v1 stopping"),
        (14, "1 v2 created"),
        (28, "1 v2 ready"),
        (28, "1 v1 stopping"),
        (28, "1 v2 created"),
        (42, "1 v2 ready"),
        (42, "1 v1 stopping"),
        (42, "1 v2 created"),
        (46, "1 v2 ready"),
    ]


def test_surge_rounds_up_and_unavailable_rounds_down(bench: Bench) -> None:
    """25 % of 10 replicas are 3 more and 2 less: 5 new ones start while 8 old ones stay."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=10)
        await port.apply(manifest("v2", replicas=10), STAGING)

    bench.run(story)
    assert bench.timeline("created", "stopping", after=13.5) == [
        (14, "3 v2 created"),
        (14, "2 v1 stopping"),
        (14, "2 v2 created"),
    ]


def test_recreate_waits_until_every_old_pod_is_gone(bench: Bench) -> None:
    """Old pods take 4 s to stop, and no new pod is created before the last one has ended."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="strategy: {type: Recreate}")
        await bench.roll_out(port, "v2", spec="strategy: {type: Recreate}")

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", "complete", after=13.5)[2:] == [
        (14, "3 v1 stopping"),
        (18, "3 v2 created"),
        (32, "3 v2 ready"),
        (32, "1 rollout complete"),
    ]


def test_a_new_template_in_mid_rollout_drops_the_unfinished_pods_at_once(bench: Bench) -> None:
    """The only v2 pod is not Ready, so it goes before any v1 pod, and v3 takes its place."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.set_image("users", image("v2"), STAGING)
        await bench.kernel.sleep(5)
        await port.set_image("users", image("v3"), STAGING)
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", after=14)[:5] == [
        (19, "1 v2 stopping"),
        (19, "1 v3 created"),
        (33, "1 v3 ready"),
        (33, "1 v1 stopping"),
        (33, "1 v3 created"),
    ]
    assert bench.kernel.now() == 51


def test_undo_reuses_the_earlier_replica_set_and_gives_it_the_next_number(bench: Bench) -> None:
    """Undo goes back to v1 as rollout 3, and undoing that goes forward to v2 as rollout 4."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await bench.roll_out(port, "v2")
        assert bench.deployment().rollout_number == 2
        for number, tag in ((3, "v1"), (4, "v2")):
            await port.rollout_undo("users", STAGING)
            await port.rollout_status("users", STAGING)
            deployment = bench.deployment()
            assert deployment.rollout_number == number
            assert len(deployment.replica_sets) == 2
            assert [each.digests for each in await port.running(STAGING)] == [(digest_of(tag),) * 3]

    bench.run(story)
    assert bench.kernel.now() == 46 + 3 * 4 + 3 * 4


def test_undo_of_the_first_rollout_is_refused(bench: Bench) -> None:
    """There is nothing to go back to."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        with pytest.raises(NoEarlierRollout, match='no rollout history found for deployment "use'):
            await port.rollout_undo("users", STAGING)

    bench.run(story)


def test_revision_history_limit_forgets_the_oldest_rollouts(bench: Bench) -> None:
    """With a limit of 1 only the rollout before the current one can be undone to."""

    async def story(bench: Bench, port: Cluster) -> None:
        for tag in ("v1", "v2", "v3"):
            await bench.roll_out(port, tag, spec="revisionHistoryLimit: 1")
        images = [each.template.containers[0].image for each in bench.deployment().replica_sets]
        assert images == [image("v2"), image("v3")]

    bench.run(story)


def test_missing_image_backs_off_and_is_pulled_when_it_appears(bench: Bench) -> None:
    """The kubelet tries after 10, 20 and 40 s: the image that is there at 50 s is seen at 71 s."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(manifest("late", replicas=1), STAGING)
        await bench.kernel.sleep(5)
        (pod,) = bench.deployment().pods()
        assert pod.waiting_reason == "ErrImagePull"
        await bench.kernel.sleep(45)
        assert pod.waiting_reason == "ImagePullBackOff"
        bench.images["late"] = "late"
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("scheduled", "pulled", "ready") == [
        (1, "1 late scheduled"),
        (81, "1 late pulled"),
        (84, "1 late ready"),
    ]


def test_back_off_stops_doubling_at_five_minutes(bench: Bench) -> None:
    """Attempts at 1, 11, 31, 71, 151, 311 s, and from then on every 300 s."""
    attempts: list[float] = []
    bench.pull = lambda ref: attempts.append(bench.kernel.now())  # type: ignore[method-assign]

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(manifest("none", replicas=1), STAGING)
        await bench.kernel.sleep(1000)

    bench.run(story)
    assert attempts == [1, 11, 31, 71, 151, 311, 611, 911]


def test_missing_image_leaves_the_old_pods_and_ends_at_the_progress_deadline(bench: Bench) -> None:
    """The last progress was the new pod's creation; after the deadline the status says no."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="progressDeadlineSeconds: 60")
        await port.set_image("users", image("none"), STAGING)
        with pytest.raises(RolloutTimedOut, match="exceeded its progress deadline of 60 s") as no:
            await port.rollout_status("users", STAGING)
        assert "ImagePullBackOff" in no.value.help
        assert bench.kernel.now() == 14 + 60
        assert await port.running(STAGING) == (
            RunningWorkload("users", image("none"), (digest_of("v1"),) * 3, False),
        )
        # Asked again it says so at once, as kubectl does.
        with pytest.raises(RolloutTimedOut):
            await port.rollout_status("users", STAGING)
        assert bench.kernel.now() == 14 + 60

    bench.run(story)


def test_every_pod_that_becomes_ready_starts_the_deadline_again(bench: Bench) -> None:
    """A rollout of 32 s in waves of 14 s outlives a deadline of 15 s, but not one of 13 s."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="progressDeadlineSeconds: 15")
        await bench.roll_out(port, "v2", spec="progressDeadlineSeconds: 15")
        assert bench.kernel.now() == 46
        with pytest.raises(RolloutTimedOut):
            await bench.roll_out(port, "v3", spec="progressDeadlineSeconds: 13")
        assert bench.kernel.now() == 46 + 13
        await bench.kernel.sleep(100)
        # The deadline is only a report: the rollout goes on, and its end is noticed.
        await port.rollout_status("users", STAGING)

    bench.run(story)


def test_undo_after_the_deadline_is_complete_as_soon_as_the_new_pod_is_given_up(
    bench: Bench,
) -> None:
    """All old pods are there still, so going back to them takes no time."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="progressDeadlineSeconds: 60")
        await port.set_image("users", image("none"), STAGING)
        with pytest.raises(RolloutTimedOut):
            await port.rollout_status("users", STAGING)
        await port.rollout_undo("users", STAGING)
        await port.rollout_status("users", STAGING)
        assert bench.kernel.now() == 74
        assert bench.timeline("stopping") == [(74, "1 none stopping")]

    bench.run(story)


def test_release_that_never_becomes_ready_stops_after_one_pod(bench: Bench) -> None:
    """The pod starts and its probe fails for ever, so no old pod is given up."""
    bench.images["v2"] = "sick"

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, spec="progressDeadlineSeconds: 30")
        await port.set_image("users", image("v2"), STAGING)
        with pytest.raises(RolloutTimedOut) as no:
            await port.rollout_status("users", STAGING)
        assert "readiness probe failed" in no.value.help
        (workload,) = await port.running(STAGING)
        assert workload.digests == (digest_of("v1"),) * 3

    bench.run(story)
    assert bench.timeline("created", "started", "ready", "stopping", after=14 - 1e-6)[1:] == [
        (14, "1 v2 created"),
        (27, "1 v2 started"),
    ]


def test_without_a_probe_a_pod_is_ready_as_soon_as_it_runs(bench: Bench) -> None:
    """Nobody looks, so even a release that serves nothing counts as Ready."""
    bench.images["v1"] = "sick"
    text = "\n".join(line for line in manifest().splitlines() if "readinessProbe" not in line)

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(text, STAGING)
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("started", "ready") == [
        *[(13, "1 v1 started"), (13, "1 v1 ready")] * 3,
    ]


def test_initial_delay_skips_the_first_probes(bench: Bench) -> None:
    """The probe ticks 1, 3 and 5 s after the start; the first after a delay of 4 s is the third."""
    text = manifest(replicas=1).replace(
        "periodSeconds: 2", "periodSeconds: 2, initialDelaySeconds: 4"
    )

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(text, STAGING)
        await port.rollout_status("users", STAGING)

    bench.run(story)
    assert bench.timeline("started", "ready") == [(13, "1 v1 started"), (18, "1 v1 ready")]


def test_min_ready_seconds_holds_back_the_next_wave(bench: Bench) -> None:
    """A new pod counts 3 s after it is Ready, so each of three waves takes 3 s longer."""

    async def story(bench: Bench, port: Cluster) -> None:
        start = await bench.roll_out(port, spec="minReadySeconds: 3")
        assert start == 17
        assert await bench.roll_out(port, "v2", spec="minReadySeconds: 3") == 17 + 32 + 9

    bench.run(story)


def test_scaling_makes_and_stops_pods_of_the_same_rollout(bench: Bench) -> None:
    """Up takes one start with a warm cache; down takes no time, and the youngest go first."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await bench.roll_out(port, replicas=5)
        await bench.roll_out(port, replicas=2)
        assert bench.deployment().rollout_number == 1
        assert bench.deployment().generation == 3

    bench.run(story)
    assert bench.timeline("created", "ready", "stopping", "complete", after=14) == [
        (18, "2 v1 ready"),
        (18, "1 rollout complete"),
        (18, "3 v1 stopping"),
        (18, "1 rollout complete"),
    ]


def test_scaling_in_mid_rollout_is_shared_in_proportion(bench: Bench) -> None:
    """Kubernetes' own example: 10 replicas as 8 old and 5 new grow to 15 as 11 old and 7 new."""

    async def story(bench: Bench, port: Cluster) -> None:
        spec = "strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}"
        await bench.roll_out(port, replicas=10, spec=spec)
        await port.apply(manifest("none", replicas=10, spec=spec), STAGING)
        deployment = bench.deployment()
        assert [each.replicas for each in deployment.replica_sets] == [8, 5]
        await port.apply(manifest("none", replicas=15, spec=spec), STAGING)
        assert [each.replicas for each in deployment.replica_sets] == [11, 7]

    bench.run(story)


def test_scaling_to_zero_and_back(bench: Bench) -> None:
    """Zero replicas are a complete rollout, and running with no digests."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await bench.roll_out(port, replicas=0)
        assert await port.running(STAGING) == (RunningWorkload("users", image("v1"), (), True),)
        assert await bench.roll_out(port) == 14 + 4

    bench.run(story)


def test_wipe_returns_when_the_last_pod_has_stopped(bench: Bench) -> None:
    """Pods stop in 4 s; the nodes keep the images, so the same manifest is up again in 4 s."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(SERVICE, STAGING)
        await bench.roll_out(port)
        await port.wipe(STAGING)
        assert bench.kernel.now() == 18
        assert await port.running(STAGING) == ()
        assert await port.apply(SERVICE, STAGING)
        assert await bench.roll_out(port) == 22
        assert bench.deployment().rollout_number == 1

    bench.run(story)
    assert len({change.pod for change in bench.changes}) == 6


def test_rollout_status_of_a_workload_that_is_wiped_meanwhile(bench: Bench) -> None:
    """Who waits for a rollout learns that there is none any more."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(manifest(), STAGING)
        bench.kernel.spawn(port.wipe(STAGING), name="somebody")
        with pytest.raises(WorkloadNotFound, match="was deleted during its rollout"):
            await port.rollout_status("users", STAGING)

    bench.run(story)


def test_a_pod_that_runs_nothing_yet_is_gone_at_once(bench: Bench) -> None:
    """There is no container to stop while the image is pulled."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(manifest(), STAGING)
        await bench.kernel.sleep(5)
        await port.wipe(STAGING)
        assert bench.kernel.now() == 5
        # The pull that was broken off holds up nobody.
        assert await bench.roll_out(port) == 5 + 14

    bench.run(story)


def test_a_container_that_ignores_the_signal_is_killed_after_its_grace_period(bench: Bench) -> None:
    """terminationGracePeriodSeconds is 30 if the manifest does not say."""
    bench.seconds["pod_stop"] = 1000.0

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.wipe(STAGING)
        assert bench.kernel.now() == 14 + 30

    bench.run(story)


def test_a_tag_that_moved_is_not_noticed_by_a_node_that_has_it(bench: Bench) -> None:
    """IfNotPresent: a template that is new but names the same tag runs the old image."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        bench.images["v1"] = "moved"
        text = manifest().replace(
            "name: users\n          image", "name: users\n          env: []\n          image"
        )
        await port.apply(text, STAGING)
        await port.rollout_status("users", STAGING)
        assert bench.deployment().rollout_number == 2
        assert (await port.running(STAGING))[0].digests == (digest_of("v1"),) * 3

    bench.run(story)


def test_a_tag_that_moved_is_resolved_by_a_node_that_must_look(bench: Bench) -> None:
    """`Always`: every start resolves the tag, and transfers only what the node does not have."""
    always = manifest(replicas=1).replace("image:", "imagePullPolicy: Always\n          image:")

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(always, STAGING)
        await port.rollout_status("users", STAGING)
        bench.images["v1"] = "moved"
        await port.apply(always.replace("port: 80", "port: 81"), STAGING)
        await port.rollout_status("users", STAGING)
        assert (await port.running(STAGING))[0].digests == (digest_of("moved"),)

    bench.run(story)


def test_an_image_named_by_its_digest_is_the_same_for_ever(bench: Bench) -> None:
    """A digest pulls what it names, and a node that has it by a tag needs no transfer."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        bench.images |= {"v1": "moved", "old": "v1"}
        await port.set_image("users", ImageRef(REPOSITORY, None, digest_of("v1")), STAGING)
        await port.rollout_status("users", STAGING)
        assert bench.kernel.now() == 14 + 3 * 4
        assert (await port.running(STAGING))[0].digests == (digest_of("v1"),) * 3

    bench.run(story)


def test_setting_the_same_image_again_starts_no_rollout(bench: Bench) -> None:
    """The generation stays, and so does every pod."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.set_image("users", image("v1"), STAGING)
        await port.rollout_status("users", STAGING)
        assert bench.deployment().generation == bench.deployment().status.observed_generation == 1

    bench.run(story)
    assert bench.timeline("stopping") == []


def test_apply_tells_whether_anything_changed(bench: Bench) -> None:
    """New, the same, other metadata only, another image."""
    labelled = manifest().replace("name: users\nspec", "name: users\n  labels: {team: a}\nspec")

    async def story(bench: Bench, port: Cluster) -> None:
        answers = [
            await port.apply(text, STAGING)
            for text in (manifest(), manifest(), labelled, manifest("v2"), SERVICE, SERVICE)
        ]
        assert answers == [True, False, True, True, True, False]
        assert bench.deployment().generation == 2

    bench.run(story)


def test_apply_puts_back_what_set_image_changed(bench: Bench) -> None:
    """The manifest is the desired state, whatever happened out of band."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.set_image("users", image("v2"), STAGING)
        assert await port.apply(manifest(), STAGING)
        (workload,) = await port.running(STAGING)
        assert workload.desired == image("v1")

    bench.run(story)


REJECTED = {
    "no matches for kind": manifest().replace("apps/v1", "extensions/v1beta1"),
    'no matches for kind "Rollout"': manifest().replace("kind: Deployment", "kind: Rollout"),
    "kind not set": manifest().replace("kind: Deployment", ""),
    "spec.template.spec.containers: Required value": manifest()
    .split("        - name")[0]
    .replace("containers:", "containers: []"),
    "`selector` does not match template `labels`": manifest().replace(
        "labels: {app: users}", "labels: {app: orders}"
    ),
    "must be greater than or equal to 0": manifest(replicas=-1),
    "may not be 0 when `maxSurge` is 0": manifest(
        spec="strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}"
    ),
    "must not be greater than 100%": manifest(
        spec="strategy: {rollingUpdate: {maxUnavailable: 101%}}"
    ),
    "Unsupported value": manifest(spec="strategy: {type: Canary}"),
    "may not be specified when strategy `type` is": manifest(
        spec="strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}"
    ),
    "must be greater than minReadySeconds": manifest(spec="progressDeadlineSeconds: 0"),
    'unknown field "spec.replica"': manifest(spec="replica: 4"),
    "cannot unmarshal string into": manifest().replace("replicas: 3", "replicas: three"),
    "RFC 1123": manifest().replace("name: users\nspec", "name: Users\nspec"),
    "does not match the namespace": manifest().replace(
        "name: users\nspec", "name: users\n  namespace: other\nspec"
    ),
    "containers[0].image: Required value": manifest().replace(str(image("v1")), '""'),
    "would never start": SERVICE.replace("Service", "Pod"),
    "error parsing": "a: [",
    "no objects passed": "",
}


@pytest.mark.parametrize("words", REJECTED)
def test_manifest_that_the_api_server_refuses(bench: Bench, words: str) -> None:
    """Refused in the API server's words, and nothing is stored."""

    async def story(bench: Bench, port: Cluster) -> None:
        with pytest.raises(ManifestRejected) as no:
            await port.apply(REJECTED[words], STAGING)
        assert words in no.value.message
        assert await port.running(STAGING) == ()

    bench.run(story)


def test_the_selector_cannot_be_changed(bench: Bench) -> None:
    """A Deployment has to be deleted for that."""

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(manifest(), STAGING)
        with pytest.raises(ManifestRejected, match="field is immutable"):
            await port.apply(manifest().replace("{app: users}", "{app: user}"), STAGING)

    bench.run(story)


def test_unknown_workloads_and_environments(bench: Bench) -> None:
    """Each verb says what it did not find."""

    async def story(bench: Bench, port: Cluster) -> None:
        with pytest.raises(WorkloadNotFound, match='"users" not found in "staging"'):
            await port.set_image("users", image("v1"), STAGING)
        with pytest.raises(WorkloadNotFound):
            await port.rollout_status("users", "nowhere")
        with pytest.raises(ManifestRejected, match='namespaces "nowhere" not found'):
            await port.apply(manifest(), "nowhere")
        assert await port.running("nowhere") == ()
        await port.apply(manifest().replace("- name: users", "- name: web"), STAGING)
        with pytest.raises(WorkloadNotFound, match='unable to find container named "users"'):
            await port.set_image("users", image("v2"), STAGING)

    bench.run(story)


@pytest.mark.parametrize(
    ("level", "allowed"),
    [("none", 0), ("read", 2), ("set-image", 3), ("apply", 4), ("admin", 6)],
)
def test_rights_include_those_below_them(bench: Bench, level: str, allowed: int) -> None:
    """A refused call changes nothing and names who, what and where."""
    levels = ("none", "read", "set-image", "apply", "admin")
    bench.may = lambda principal, verb, environment: (
        principal == "operator" or levels.index(verb) <= levels.index(level)
    )

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await bench.roll_out(port, "v2")
        limited = bench.cluster.as_principal("ci")
        verbs = (
            lambda: limited.running(STAGING),
            lambda: limited.rollout_status("users", STAGING),
            lambda: limited.set_image("users", image("v2"), STAGING),
            lambda: limited.apply(manifest("v2"), STAGING),
            lambda: limited.rollout_undo("users", STAGING),
            lambda: limited.wipe(STAGING),
        )
        refused = 0
        for verb in verbs:
            try:
                await verb()
            except Forbidden:
                refused += 1
        assert len(verbs) - refused == allowed

    bench.run(story)


def test_environments_do_not_touch_each_other(bench: Bench) -> None:
    """The same workload in two environments rolls, and is wiped, on its own."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port)
        await port.apply(manifest("v2"), "production")
        await port.rollout_status("users", "production")
        await port.wipe(STAGING)
        assert await port.running(STAGING) == ()
        assert (await port.running("production"))[0].is_available

    bench.run(story)


def test_every_call_takes_an_api_calls_time(bench: Bench) -> None:
    """Two documents are two calls, as kubectl makes them."""
    bench.seconds["api_call"] = 0.5

    async def story(bench: Bench, port: Cluster) -> None:
        await port.apply(manifest() + "---\n" + SERVICE, STAGING)
        assert bench.kernel.now() == 1.0
        await port.running(STAGING)
        assert bench.kernel.now() == 1.5
        await port.rollout_status("users", STAGING)
        assert bench.kernel.now() == 0.5 + 14

    bench.run(story)


def test_the_control_plane_runs_no_pods_and_the_workers_share(bench: Bench) -> None:
    """Four pods are two on each worker."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=4)

    bench.run(story)
    assert [(node.name, node.pod_count) for node in bench.cluster.nodes.all] == [
        ("control-plane", 0),
        ("worker-1", 2),
        ("worker-2", 2),
    ]


def test_digests_are_told_from_the_start_of_a_pod_on(bench: Bench) -> None:
    """Before that nobody knows what a tag will turn out to be."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=1)
        await port.wipe(STAGING)

    bench.run(story)
    assert [(change.phase, change.digest) for change in bench.changes] == [
        ("created", None),
        ("scheduled", None),
        ("pulled", None),
        ("started", digest_of("v1")),
        ("ready", digest_of("v1")),
        ("stopping", digest_of("v1")),
    ]


def test_two_runs_are_equal_to_the_byte() -> None:
    """Names of pods included."""

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=7)
        await bench.roll_out(port, "v2", replicas=5)

    first, second = Bench(), Bench()
    first.run(story)
    second.run(story)
    assert repr(first.changes) == repr(second.changes)
