"""
Put a scenario's world together: boxes, recorder, faults, CI, release manager, and the people's lab.

In: a world and a scenario. Out: a `Lab` in which nothing is shipped yet. Called by the runner, for
one story, and by the playground, for a world that stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cdlab.architectures import ARCHITECTURES, Delivery
from cdlab.fault_plans import Fault, Plan
from cdlab.faults import faulty
from cdlab.grants import grants_of
from cdlab.inside_manager import InsideManager, Installation
from cdlab.kernel import Kernel
from cdlab.manager.queue import ReleaseQueue
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Application, Microservice, Principal, Variant
from cdlab.observed import Observed
from cdlab.pipelines import Pipelines
from cdlab.ports import Ports, Substrate
from cdlab.random_streams import RandomStreams
from cdlab.recorded_incidents import RecordedIncidents, Stoppable
from cdlab.recorded_ports import recorded
from cdlab.recording import Recorder
from cdlab.sample_services import Knobs
from cdlab.scenario import Scenario
from cdlab.stories import Lab, StorySettings
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


async def assemble(
    world: World,
    scenario: Scenario,
    recorder: Recorder,
    around: Callable[[Ports], Ports] = lambda ports: ports,
) -> Lab:
    """
    Make the boxes of a scenario in a world and put everybody to work; nothing is shipped yet.

    *around* is what somebody else puts around everybody's recorded ports.
    """
    application = Application(
        tuple(
            Microservice(name, world.substrate.image_repository(name))
            for name in scenario.microservices
        ),
        scenario.effective_environments,
    )
    await world.substrate.create(application, grants_of(scenario.architecture))
    observed = Observed(world.kernel, recorder.contents)
    world.substrate.observe(recorder.pod_changed)
    world.substrate.observe(observed.see)

    faults = [Fault(**each) for each in scenario.faults]
    plan = Plan(world.kernel, faults, recorder.fault_happened)

    @cache
    def ports(principal: Principal) -> Ports:
        return around(recorded(faulty(world.substrate.ports(principal), plan), recorder))

    pipelines, delivery = await _start(world, scenario, application, recorder, ports)
    actors: dict[str, Stoppable] = {"ci": pipelines}
    if isinstance(delivery, (ReleaseQueue, InsideManager)):
        actors["manager"] = delivery
    return Lab(
        kernel=world.kernel,
        application=application,
        architecture=ARCHITECTURES[scenario.architecture],
        ports=ports,
        delivery=delivery,
        pipelines=pipelines,
        observed=observed,
        recorder=recorder,
        incidents=RecordedIncidents(world.substrate, recorder, actors),
        settings=_story_settings(world, scenario),
    )


async def _start(
    world: World,
    scenario: Scenario,
    application: Application,
    recorder: Recorder,
    ports: Callable[[Principal], Ports],
) -> tuple[Pipelines, Delivery]:
    """Put CI and, where there is one, the release manager to work."""
    architecture = ARCHITECTURES[scenario.architecture]
    variant = scenario.variant
    pipelines = Pipelines(
        world.kernel,
        architecture.continuous_integration(application, ports, variant),
        ports("ci"),
        recorder,
        scenario.executors,
    )
    pipelines.start()
    if architecture.manager is None:
        assert architecture.delivery is not None, "without a manager people deliver"
        by_hand = pipelines.steps_by_hand(ports("ci"))
        return pipelines, architecture.delivery(
            application, lambda who: by_hand if who == "ci" else ports(who), variant
        )
    intervals = intervals_of(world.pace, variant, phase=world.look_phase)
    if world.manager is not None:
        # Only people's credentials are here, and all that it is asked for is what people do.
        people = architecture.manager(application, lambda _: ports("operator"), variant)
        installation = world.manager(application, variant, intervals)
        inside = InsideManager(installation, recorder, people, variant)
        await inside.start()
        return pipelines, inside
    manager = architecture.manager(application, ports, variant)
    queue = ReleaseQueue(world.kernel, manager, ports("manager"), application, intervals)
    queue.start()
    return pipelines, queue


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
