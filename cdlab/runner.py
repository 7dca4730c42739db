"""
The composition root: a scenario and a world in, a run with its history out.

Here, and nowhere else, the pieces are joined: substrate, recorder, CI system, release manager,
story. Called by the CLI, the pytest fixture, notebooks and benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any

from cdlab.architectures import ARCHITECTURES, Delivery
from cdlab.errors import Stalled
from cdlab.fault_plans import Fault, Plan
from cdlab.faults import faulty
from cdlab.grants import grants_of
from cdlab.history import SCHEMA, History
from cdlab.kernel import Kernel
from cdlab.manager.queue import ReleaseQueue
from cdlab.manager.watching import ManagerIntervals
from cdlab.measures import measure
from cdlab.model import Application, Microservice, Principal
from cdlab.observed import Observed
from cdlab.pipelines import Pipelines
from cdlab.ports import Ports, Substrate
from cdlab.random_streams import RandomStreams
from cdlab.recorded_incidents import RecordedIncidents, Stoppable
from cdlab.recorded_ports import recorded
from cdlab.recording import Call, Recorder
from cdlab.rollback_time import phases
from cdlab.sample_services import Knobs
from cdlab.scenario import Scenario
from cdlab.stories import STORIES, Lab, Story, StorySettings
from cdlab.version import __version__
from cdlab.witnesses import Testimony, disagreements


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


@dataclass(frozen=True)
class Run:
    """One execution of a scenario. Everything else about it is computed from its history."""

    scenario: Scenario
    history: History
    is_finished: bool
    """False when the deadline passed: the run is censored, and stays in the statistics."""
    evidence: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What its world said when it was given up."""
    testimony: Testimony = field(default_factory=dict, repr=False)
    """What others than the recorder counted."""

    @cached_property
    def disagreements(self) -> list[str]:
        """Where the history does not say what the witnesses saw. Empty where none was asked."""
        return disagreements(self.testimony, self.history)

    @cached_property
    def measures(self) -> dict[str, Any]:
        """Every measure by name; None where this run cannot tell."""
        return measure(self.history)

    @cached_property
    def phases(self) -> dict[str, float]:
        """Phase of the rollback -> seconds."""
        return phases(self.history)

    def _repr_html_(self) -> str:
        from cdlab.report.html import run_html

        return run_html(self)


def run_in(world: World, scenario: Scenario, story: Story | None = None) -> Run:
    """
    Run a scenario in a world and remove what it left there, also when it fails.

    *story* takes the place of the scenario's, for benchmarks that measure something else. An error
    that ends the run carries the history so far as `history`, and `evidence` from its world.
    """
    history = History()
    recorder = Recorder(world.kernel, history)
    recorder.append(
        Call("RunStarted", "people", "notify", scenario.story, "user"),
        detail={"schema": SCHEMA, "version": __version__, **_settings(world, scenario)},
    )
    is_finished, evidence, testimony = True, {}, {}
    try:
        world.kernel.run(
            _play(world, scenario, recorder, story or STORIES[scenario.story]),
            name="story",
            deadline_seconds=_deadline_seconds(world, scenario),
        )
        testimony = dict(world.witnesses())
    except Stalled as stalled:
        is_finished, evidence = False, dict(world.evidence())
        recorder.mark("RunStalled", scenario.story, outcome="censored", because=stalled.message)
    except Exception as error:
        error.history, error.evidence = history, world.evidence()  # type: ignore[attr-defined]
        raise
    finally:
        _clean_up(world)
    recorder.mark("RunFinished", scenario.story, outcome="ok" if is_finished else "censored")
    return Run(scenario, history, is_finished, evidence, testimony)


def _deadline_seconds(world: World, scenario: Scenario) -> float:
    """Looks that are far apart are waited for; four of them follow each other in no story."""
    return world.pace.deadline_seconds + 4 * (scenario.variant.poll_interval_seconds or 0.0)


def _clean_up(world: World) -> None:
    """On virtual time the world is forgotten with the kernel; a real one has to be told."""
    world.kernel.run(world.substrate.destroy(), name="clean-up")


def _settings(world: World, scenario: Scenario) -> dict[str, Any]:
    settings = scenario.settings()
    if world.substrate.name != "sim":
        settings["profile"] = None
    facts = {"facts": world.facts} if world.facts else {}
    return {"substrate": world.substrate.name, "pace": asdict(world.pace), **settings, **facts}


async def _play(world: World, scenario: Scenario, recorder: Recorder, story: Story) -> None:
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
        return recorded(faulty(world.substrate.ports(principal), plan), recorder)

    pipelines, delivery = _start(world, scenario, application, recorder, ports)
    actors: dict[str, Stoppable] = {"ci": pipelines}
    if isinstance(delivery, ReleaseQueue):
        actors["manager"] = delivery
    lab = Lab(
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
    await story(lab)


def _start(
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
    intervals = ManagerIntervals(
        variant.poll_interval_seconds or world.pace.look_seconds,
        is_poll_only=variant.poll_interval_seconds is not None,
        phase=world.look_phase,
        sync_seconds=variant.poll_interval_seconds or world.pace.sync_seconds,
    )
    manager = architecture.manager(application, ports, variant)
    queue = ReleaseQueue(world.kernel, manager, ports("manager"), application, intervals)
    queue.start()
    return pipelines, queue


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
