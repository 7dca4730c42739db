"""
What the people of a story can see and use, and what a story can be told.

Made by the runner, once for every run. Knows no version: whether something can be expressed is
asked of the architecture.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cdlab.architectures import Architecture, Delivery
from cdlab.kernel import Kernel
from cdlab.model import Application, Content, Principal, Revision
from cdlab.observed import Observed
from cdlab.pipelines import Pipelines
from cdlab.ports import Ports
from cdlab.recorded_incidents import RecordedIncidents
from cdlab.recording import Recorder
from cdlab.sample_services import Knobs

GOOD, BAD, NEXT = "good", "bad", "next"
GOOD_COLOUR, BAD_COLOUR = "seagreen", "crimson"
"""The bad change is a colour, so that it can still be seen after later pushes."""

BADNESS = ("wrong-content", "never-ready", "crashing", "manifest", "manifest-and-image")
"""What can be wrong with a bad release. The first becomes Ready and serves, as most of them do."""
OPERATIONS = ("deploy", "rollback", "rebuild")
"""What is attempted while a box is down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StorySettings:
    """What a story can be told."""

    run: str
    """Written into every source, so that two runs never share a layer cache."""
    knobs: Knobs = field(default_factory=Knobs)
    """What the microservices are like: replicas, bytes, work, probe, strategy."""
    is_out_of_band: bool = False
    """Roll back with `kubectl rollout undo` instead of asking the architecture."""
    has_next_push: bool = False
    """Push once more after the rollback, to see what that does to it."""
    has_merge: bool = False
    """Ship the bad release as a merge commit."""
    bad: str = BADNESS[0]
    batch: int = 1
    """How many commits the bad release has; the first of them is the bad one."""
    commits_on_top: int = 0
    """How many good releases follow the bad one before it is rolled back."""
    outage: str = ""
    """The box that is down."""
    operation: str = OPERATIONS[0]
    """What is attempted meanwhile."""
    is_compatible: bool = False
    """Whether the front-end works with the other microservices' old and new interface."""
    has_registry_loss: bool = False
    """Whether the registry is lost together with the cluster."""
    observation_seconds: float = 900.0
    """How long to watch that the rollback stays. 900 s are three looks of Flux v1."""
    spread_seconds: float = 0.0
    """Within how long people do the next thing at random: an interval between looks that hints do
    not shorten. Else whatever follows a look would always be as far from the next one."""
    share: Callable[[str], float] = lambda what: 0.0
    """How far into that the run's people are, 0 to 1, by what they do."""
    attempt_seconds: float = 21_600.0
    """When an attempt that has not succeeded counts as failed."""
    request_seconds: float = 0.1
    """Between two requests of the load."""
    steps: tuple[Mapping[str, Any], ...] = ()
    """What to do, one after the other, in the story `steps`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lab:
    """Everything that the people of a story can see and use."""

    kernel: Kernel
    application: Application
    architecture: Architecture
    ports: Callable[[Principal], Ports]
    delivery: Delivery
    pipelines: Pipelines
    observed: Observed
    recorder: Recorder
    incidents: RecordedIncidents
    settings: StorySettings
    move: Callable[[str, Callable[[Lab], Awaitable[None]]], Awaitable[Lab]]
    """Moves on to another architecture: its name, and what people do before CI goes on there."""

    @property
    def replicas(self) -> int:
        """Pods of each microservice in each environment."""
        return self.settings.knobs.replicas

    @property
    def workload(self) -> str:
        """The microservice that the story is about: the first."""
        return self.application.microservices[0].name

    @property
    def production(self) -> str:
        """The last environment."""
        return self.application.environments[-1].name

    def serves(self, name: str, environment: str, content: Content) -> bool:
        """Whether every replica serves *content* and nothing else."""
        return self.observed.serves(name, environment, content, self.replicas)

    async def until_serves(self, name: str, environment: str, content: Content) -> None:
        """Return as soon as that is so."""
        await self.observed.until_serves(name, environment, content, self.replicas)

    async def within_attempt(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Wait for something that may never come; False when the time for an attempt is over."""
        try:
            await self.kernel.timeout(work, self.settings.attempt_seconds, what="the attempt")
        except TimeoutError:
            return False
        return True

    async def watch(self) -> None:
        """Let the time of an observation pass, and what is being rolled out come to an end."""
        await self.kernel.sleep(self.settings.observation_seconds)
        if self.observed.is_rolling_out():
            await self.within_attempt(self.observed.until_rolled_out())

    async def random_moment(self, what: str) -> None:
        """Let time pass until people do something, whenever the manager may look."""
        if self.settings.spread_seconds:
            share = self.settings.share(what)
            await self.kernel.sleep(share * self.settings.spread_seconds)

    async def together(self, work: Sequence[Coroutine[Any, Any, Any]], what: str) -> None:
        """Do several things at once, and return when all are done."""
        actors = [self.kernel.spawn(each, name=what) for each in work]
        for actor in actors:
            await actor.join()


@dataclass(frozen=True, slots=True)
class Shipped:
    """A pushed commit."""

    revision: Revision
    content: Content
    revisions: tuple[Revision, ...]
    """All commits of the push, newest first; a merge brings two."""


Story = Callable[[Lab], Awaitable[None]]
