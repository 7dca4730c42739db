"""
Queues agree with closed forms, on the bare kernel and on the executors of CI. Invariant 8.

M/M/c: customers come and are served after exponential times, with c servers; here the mean service
time is 1 s. Erlang's formula says how long they wait, Little's law how many are there.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from cdlab.kernel import Kernel
from cdlab.model import Revision
from cdlab.pipelines import Pipelines
from cdlab.random_streams import RandomStreams, Stream

LOAD = 0.6
CUSTOMERS, SEEDS = 1500, range(12)
WARM_UP = CUSTOMERS // 10
"""It begins empty, which is not typical."""


def erlang_c(servers: int, load: float) -> float:
    """Return the share of customers who wait at all, for offered traffic servers * load."""
    traffic = servers * load
    full = traffic**servers / math.factorial(servers) / (1 - load)
    return full / (sum(traffic**n / math.factorial(n) for n in range(servers)) + full)


def expected_wait(servers: int) -> float:
    """The mean wait of M/M/c in seconds."""
    return erlang_c(servers, LOAD) / (servers * (1 - LOAD))


def agrees(found: Sequence[float], expected: float, *, precision: float) -> None:
    """The mean is within three standard errors, and those are small enough to mean something."""
    error = statistics.stdev(found) / math.sqrt(len(found))
    assert error < precision
    assert statistics.fmean(found) == pytest.approx(expected, abs=3 * error)


def mean_wait(servers: int, seed: int) -> float:
    """Simulate the queue on the kernel alone; return the mean wait in seconds."""
    kernel = Kernel()
    streams = RandomStreams(seed)
    arrivals, services = streams.stream("arrival"), streams.stream("service")
    desk = kernel.resource("desk", servers)
    waits: list[float] = []

    async def customer(service: float) -> None:
        arrival = kernel.now()
        async with desk:
            waits.append(kernel.now() - arrival)
            await kernel.sleep(service)

    async def main() -> None:
        actors = []
        for _ in range(CUSTOMERS):
            await kernel.sleep(arrivals.exponential(1 / (LOAD * servers)))
            actors.append(kernel.spawn(customer(services.exponential(1)), name="customer"))
        for actor in actors:
            await actor.join()

    kernel.run(main())
    return statistics.fmean(waits[WARM_UP:])


@pytest.mark.parametrize("servers", [1, 3])
def test_waiting_times_agree_with_queueing_theory(servers: int) -> None:
    """M/M/1 and M/M/3 at 60 % load, on the kernel's resource."""
    expected = expected_wait(servers)
    agrees([mean_wait(servers, seed) for seed in SEEDS], expected, precision=expected / 10)


@dataclass
class BusyDay:
    """CI under pushes that come at random, with builds that take exponential times."""

    executors: int
    seed: int
    repositories: int = 2
    """Pushes to all of them together are as many as one would have."""
    kernel: Kernel = field(default_factory=Kernel)
    queued: dict[Revision, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    stays: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    seen: list[tuple[int, int]] = field(default_factory=list)
    """How many waited and how many were built, seen at random moments by somebody outside."""

    def __post_init__(self) -> None:
        streams = RandomStreams(self.seed)
        self.builds, self.looks = streams.stream("build"), streams.stream("look")
        names = [f"repo-{number}" for number in range(self.repositories)]
        repos = {name: PushedAtRandom(self, streams.stream("push", name)) for name in names}
        ports: Any = SimpleNamespace(code_repos=repos)
        self.ci = Pipelines(self.kernel, self, ports, self, self.executors)
        self.kernel.run(self._day())

    @property
    def seconds_between_pushes(self) -> float:
        """To one repository."""
        return self.repositories / (LOAD * self.executors)

    async def on_push(self, name: str, revision: Revision) -> None:
        """A build, as the pipelines know it."""
        await self.kernel.sleep(self.builds.exponential(1))

    def pipeline_changed(self, kind: str, name: str, revision: Revision, because: str) -> None:
        """What the pipelines tell of a run."""
        now = self.kernel.now()
        if kind == "PipelineRunQueued":
            self.queued[revision] = now
        elif kind == "PipelineRunStarted":
            self.waits.append(now - self.queued[revision])
        elif kind == "PipelineRunFinished":  # some are cut off when the day is over
            self.stays.append(now - self.queued[revision])
            self.ends.append(now)

    async def _day(self) -> None:
        self.ci.start()
        while len(self.ends) < CUSTOMERS:
            await self.kernel.sleep(self.looks.exponential(1 / self.executors))
            self.seen.append((self.ci.executors.waiting, self.ci.executors.in_use))
        self.ci.stop()

    @property
    def mean_wait(self) -> float:
        """In the queue, in seconds."""
        return statistics.fmean(self.waits[WARM_UP:])

    @property
    def surplus(self) -> float:
        """How many more were there than Little's law makes of the rate and the stay."""
        there = statistics.fmean(sum(each) for each in self.seen)
        return there - len(self.stays) / self.ends[-1] * statistics.fmean(self.stays)


class PushedAtRandom:
    """A code repo that somebody pushes to, again and again."""

    def __init__(self, day: BusyDay, pushes: Stream) -> None:
        self.day, self.pushes = day, pushes

    async def wait_for_push(self, after: Revision | None) -> Revision:
        """The next push."""
        await self.day.kernel.sleep(self.pushes.exponential(self.day.seconds_between_pushes))
        return Revision(f"{self.pushes.entity}-{self.pushes.counter}")


@pytest.fixture(scope="module", params=[1, 3], ids=["M/M/1", "M/M/3"])
def days(request: pytest.FixtureRequest) -> list[BusyDay]:
    """One for each seed, with one executor and with three."""
    return [BusyDay(request.param, seed) for seed in SEEDS]


def test_pipelines_wait_as_long_as_queueing_theory_says(days: list[BusyDay]) -> None:
    """Pushes are customers and executors are servers, at 60 % load."""
    expected = expected_wait(days[0].executors)
    agrees([day.mean_wait for day in days], expected, precision=expected / 10)


def test_pipelines_keep_to_littles_law(days: list[BusyDay]) -> None:
    """How many runs are there is how many come in a second, times how long each stays: L = λ W."""
    agrees([day.surplus for day in days], 0, precision=0.1)
    executors = days[0].executors
    busy = [statistics.fmean(in_use for _, in_use in day.seen) for day in days]
    agrees(busy, LOAD * executors, precision=0.1)
    waiting = [statistics.fmean(waiting for waiting, _ in day.seen) for day in days]
    agrees(waiting, LOAD * executors * expected_wait(executors), precision=0.2)
