"""
Put a scenario's world together: boxes, recorder, faults, CI, release manager, and the people's lab.

In: a world and a scenario. Out: a `Lab` in which nothing is shipped yet, and another one in the
same world when a story moves on to the next architecture. Called by the runner, for one story, and
by the playground, for a world that stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Protocol

from cdlab.architectures import ARCHITECTURES, Architecture, Delivery
from cdlab.fault_plans import Fault, Plan
from cdlab.faults import faulty
from cdlab.grants import grants_of
from cdlab.inside_manager import InsideManager, Installation
from cdlab.kernel import Kernel
from cdlab.manager.queue import ReleaseQueue
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Application, Environment, Microservice, Principal, Variant
from cdlab.observed import Observed
from cdlab.pipelines import Pipelines
from cdlab.ports import Ports, Substrate
from cdlab.random_streams import RandomStreams
from cdlab.recorded_incidents import RecordedIncidents, Stoppable
from cdlab.recorded_ports import recorded
from cdlab.recording import Recorder
from cdlab.sample_services import Knobs
from cdlab.scenario import Scenario
from cdlab.stories import ROADS, Lab, StorySettings
from cdlab.witnesses import Testimony


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The waits that a world is worth. Seconds of its own time."""

    look_seconds: float
    """How often the release manager looks at the registry whatever it was told."""
    observation_seconds: float
    """How long a story watches that a rollback stays: at least two looks."""
    deadline_seconds: float
    """When a run is given up and counts as censored."""
    sync_seconds: float
    """How often the release manager compares the cluster with the config repo."""
    attempt_seconds: float
    """When something that was attempted and did not happen counts as failed."""
    request_seconds: float = 0.1
    """Between two requests of a load."""


class Probe(Protocol):
    """Somebody outside the cluster who asks a Service for its version all the time."""

    cpu_seconds: float

    @property
    def answers(self) -> Sequence[tuple[int, str]]:
        """Microseconds of the run's clock, and what was said; empty where nobody answered."""

    def start(self) -> None:
        """Begin. Blocks until it has."""

    def stop(self) -> None:
        """Leave nothing behind. Blocks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """A substrate that is ready to be used once, with the kernel it runs on."""

    kernel: Kernel
    substrate: Substrate
    run: str
    """The name of this run in image repositories, namespaces and sources."""
    pace: Pace
    look_phase: float = 0.0
    """Where in its interval the manager's first look falls, 0 to 1."""
    facts: dict[str, Any] | None = None
    """What to note about the machine, for the first event."""
    witnesses: Callable[[], Testimony] = dict
    """What others counted, asked at the end of a run and before it is removed."""
    evidence: Callable[[], Mapping[str, str]] = dict
    """File name -> text, asked when a run fails and before it is removed: logs, events."""
    manager: Callable[[Application, Variant, ManagerIntervals], Installation] | None = None
    """How the release manager gets into its own process. None: it runs in ours."""
    probe: Callable[[str, str, float], Probe] | None = None
    """A probe of a workload in an environment, at an interval in seconds. None: no outside."""
    architectures: Mapping[str, Architecture] = field(default_factory=lambda: ARCHITECTURES)
    """Name -> what runs under it; somebody may have put a page of their own there."""


class Assembly:
    """
    One world with one scenario's boxes, and the people and programs that use them.

    They work as one architecture; a story may have them move on to another, in the same world.
    """

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        recorder: Recorder,
        around: Callable[[Ports], Ports] = lambda ports: ports,
    ) -> None:
        """*around* is what somebody else puts around everybody's recorded ports."""
        self.world, self.scenario, self.recorder = world, scenario, recorder
        self.around = around
        self.lab: Lab | None = None
        """As it is now."""
        self.observed = Observed(world.kernel, recorder.contents)
        faults = [Fault(**each) for each in scenario.faults]
        self.plan = Plan(world.kernel, faults, recorder.fault_happened)

    async def start(self) -> Lab:
        """Make the boxes and put everybody to work; nothing is shipped yet."""
        scenario, substrate = self.scenario, self.world.substrate
        architecture, *_ = ROADS.get(scenario.story, (scenario.architecture,))
        await substrate.create(self._application(architecture), grants_of(architecture))
        substrate.observe(self.recorder.pod_changed)
        substrate.observe(self.observed.see)
        return await self._begin(self._lab(architecture))

    async def move(self, to: str, prepare: Callable[[Lab], Awaitable[None]]) -> Lab:
        """
        Have everybody work as another architecture, with its rights; return the new lab.

        Meanwhile CI takes up no push, and goes on afterwards with those that came. *prepare* is
        what people do in between.
        """
        assert self.lab is not None, "who moves has started"
        await self.lab.pipelines.pause()
        self._note("pause", to)
        await self.world.substrate.regrant(grants_of(to))
        self._note("rights", to)
        lab = self._lab(to, self.lab.pipelines)
        await prepare(lab)
        return await self._begin(lab)

    async def finish(self) -> None:
        """Hear the last of a manager in another process."""
        if self.lab is not None and isinstance(self.lab.delivery, InsideManager):
            await self.lab.delivery.finish()

    async def _begin(self, lab: Lab) -> Lab:
        """Let CI and, where there is one, the release manager begin."""
        has_moved, self.lab = self.lab is not None, lab
        lab.pipelines.start()
        if has_moved:
            self._note("pipeline", lab.architecture.name)
        if isinstance(lab.delivery, (ReleaseQueue, InsideManager)):
            started = lab.delivery.start()
            if started is not None:
                await started
            if has_moved:
                self._note("manager", lab.architecture.name)
        return lab

    def _note(self, what: str, to: str) -> None:
        self.recorder.mark("ArrangementChanged", to, detail={"what": what})

    def _application(self, architecture: str) -> Application:
        """Where no manager is, every push goes everywhere, also where a decision comes later."""
        world, scenario = self.world, self.scenario
        microservices = tuple(
            Microservice(name, world.substrate.image_repository(name))
            for name in scenario.microservices
        )
        environments = scenario.effective_environments
        if architecture != scenario.architecture:
            environments = tuple(Environment(each.name) for each in environments)
        return Application(microservices, environments)

    def _lab(self, name: str, pipelines: Pipelines | None = None) -> Lab:
        world, scenario, recorder = self.world, self.scenario, self.recorder
        architecture, application = world.architectures[name], self._application(name)
        variant = scenario.variant
        if name != scenario.architecture:
            variant = replace(variant, rollback=architecture.rollbacks[0])

        @cache
        def ports(principal: Principal) -> Ports:
            inner = faulty(world.substrate.ports(principal), self.plan)
            return self.around(recorded(inner, recorder))

        page = architecture.continuous_integration(application, ports, variant)
        if pipelines is None:
            pipelines = Pipelines(world.kernel, page, ports("ci"), recorder, scenario.executors)
        else:
            pipelines.become(page, ports("ci"))
        delivery = self._delivery(architecture, application, variant, ports, pipelines)
        actors: dict[str, Stoppable] = {"ci": pipelines}
        if isinstance(delivery, (ReleaseQueue, InsideManager)):
            actors["manager"] = delivery
        return Lab(
            kernel=world.kernel,
            application=application,
            architecture=architecture,
            ports=ports,
            delivery=delivery,
            pipelines=pipelines,
            observed=self.observed,
            recorder=recorder,
            incidents=RecordedIncidents(world.substrate, recorder, actors),
            settings=_story_settings(world, scenario),
            move=self.move,
        )

    def _delivery(
        self,
        architecture: Architecture,
        application: Application,
        variant: Variant,
        ports: Callable[[Principal], Ports],
        pipelines: Pipelines,
    ) -> Delivery:
        world = self.world
        if architecture.manager is None:
            assert architecture.delivery is not None, "without a manager people deliver"
            by_hand = pipelines.steps_by_hand(ports("ci"))
            return architecture.delivery(
                application, lambda who: by_hand if who == "ci" else ports(who), variant
            )
        intervals = intervals_of(world.pace, variant, phase=world.look_phase)
        if world.manager is not None:
            # Only people's credentials are here, and all that it is asked for is what people do.
            people = architecture.manager(application, lambda _: ports("operator"), variant)
            installation = world.manager(application, variant, intervals)
            return InsideManager(installation, self.recorder, people, variant)
        manager = architecture.manager(application, ports, variant)
        return ReleaseQueue(world.kernel, manager, ports("manager"), application, intervals)


def intervals_of(pace: Pace, variant: Variant, *, phase: float = 0.0) -> ManagerIntervals:
    """When the manager looks: as the variant says, else at the pace of its world."""
    return ManagerIntervals(
        variant.poll_interval_seconds or pace.look_seconds,
        is_poll_only=variant.poll_interval_seconds is not None,
        phase=phase,
        sync_seconds=variant.poll_interval_seconds or pace.sync_seconds,
    )


def _story_settings(world: World, scenario: Scenario) -> StorySettings:
    poll = scenario.variant.poll_interval_seconds or 0.0
    streams = RandomStreams(scenario.seed)
    return StorySettings(
        run=world.run,
        knobs=Knobs(
            payload_kib=scenario.payload_kib,
            build_work=scenario.build_work,
            replicas=scenario.replicas,
            has_readiness_probe=scenario.readiness_probe,
            strategy=scenario.strategy,
        ),
        is_out_of_band=scenario.variant.rollback == "rollout-undo",
        has_next_push=scenario.next_push,
        has_merge=scenario.merge,
        observation_seconds=max(world.pace.observation_seconds, 2 * poll),
        bad=scenario.bad,
        batch=scenario.batch,
        commits_on_top=scenario.commits_on_top,
        outage=scenario.outage,
        operation=scenario.operation,
        is_compatible=scenario.compatible,
        has_registry_loss=scenario.registry_lost,
        spread_seconds=poll,
        share=lambda what: streams.draw("moment", what, 0),
        attempt_seconds=world.pace.attempt_seconds,
        request_seconds=world.pace.request_seconds,
        steps=scenario.steps,
    )
