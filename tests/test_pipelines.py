"""The CI system around an architecture: a run for each push, on a limited number of executors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cdlab.errors import BuildFailed, Stalled
from cdlab.grants import grants_of
from cdlab.kernel import Kernel
from cdlab.model import Application, Environment, Microservice, Revision
from cdlab.pipelines import Pipelines
from cdlab.random_streams import RandomStreams
from cdlab.scenario import Scenario
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.substrate import SimSubstrate

Story = Callable[["Bench"], Awaitable[Any]]


class Bench:
    """A simulated world in which every pipeline run takes 10 s and writes down when."""

    def __init__(self, *names: str, executors: int = 9, failure: Exception | None = None) -> None:
        self.kernel = Kernel()
        self.names, self.executors, self.failure = names, executors, failure
        self.log: list[tuple[float, str, str]] = []
        self.reasons: list[str] = []
        streams = RandomStreams(1)
        self.world = SimSubstrate(self.kernel, streams, Costs(load_profile("constant"), streams))

    async def on_push(self, name: str, revision: Revision) -> None:
        await self.kernel.sleep(10)
        if self.failure is not None:
            raise self.failure

    def pipeline_changed(self, kind: str, name: str, revision: Revision, because: str) -> None:
        self.log.append((self.kernel.now(), name, kind.removeprefix("PipelineRun")))
        self.reasons.append(because)

    def run(self, story: Story) -> Bench:
        async def main() -> None:
            found = tuple(Microservice(n, self.world.image_repository(n)) for n in self.names)
            await self.world.create(Application(found, (Environment("s"),)), grants_of("v1"))
            ports = self.world.ports("ci")
            self.pipelines = Pipelines(self.kernel, self, ports, self, self.executors)
            self.pipelines.start()
            await story(self)

        self.kernel.run(main())
        return self

    async def push(self, name: str, text: str = "1") -> Revision:
        """Clone 2 + push 3 s."""
        checkout = await self.world.ports("developer").code_repos[name].clone()
        checkout.write("version", f"{name} {text}")
        await checkout.commit(text)
        return (await checkout.push()).revision


async def push_all(bench: Bench) -> None:
    """One push to every code repo, all at 5 s, and wait for their runs."""
    actors = [bench.kernel.spawn(bench.push(name), name=name) for name in bench.names]
    for revision in [await each.join() for each in actors]:
        await bench.pipelines.finished(revision)


def test_a_push_starts_a_run() -> None:
    """It is queued when the notification is there, 1 s after the push at 5 s."""
    bench = Bench("users").run(push_all)
    assert bench.log == [
        *((6, "users", "Queued"), (6, "users", "Started"), (16, "users", "Finished"))
    ]


@pytest.mark.parametrize(
    ("executors", "ends"), [(1, [16, 26, 36]), (2, [16, 16, 26]), (3, [16, 16, 16])]
)
def test_runs_wait_for_an_executor(executors: int, ends: list[float]) -> None:
    """The queue emerges from the executors, first come first served."""
    bench = Bench("a", "b", "c", executors=executors).run(push_all)
    assert [(at, name) for at, name, what in bench.log if what == "Finished"] == [
        *zip(ends, ("a", "b", "c"), strict=True)
    ]


def test_a_failed_run_says_why_and_stops_nobody() -> None:
    """Whoever waits for it is told, its executor is free again, and the next push is built."""

    async def story(bench: Bench) -> None:
        first = await bench.push("users")
        assert await bench.pipelines.finished(first) == "BuildFailed: no such file"
        bench.failure = None
        assert await bench.pipelines.finished(await bench.push("users", "2")) == ""

    bench = Bench("users", executors=1, failure=BuildFailed("no such file")).run(story)
    assert [what for _, _, what in bench.log][2::3] == ["Failed", "Finished"]
    assert [each for each in bench.reasons if each] == ["BuildFailed: no such file"]


def test_a_mistake_in_an_architecture_ends_the_run() -> None:
    """Only what cdlab raises on purpose is a failed pipeline; anything else is loud."""
    with pytest.raises(ZeroDivisionError):
        Bench("users", failure=ZeroDivisionError("a mistake")).run(push_all)


def test_a_force_push_back_is_a_push() -> None:
    """The old commit is built again, as any CI does."""

    async def story(bench: Bench) -> None:
        good = await bench.push("users")
        await bench.push("users", "2")
        checkout = await bench.world.ports("developer").code_repos["users"].clone()
        await checkout.reset(good)
        await checkout.push(force=True)
        await bench.kernel.sleep(50)

    bench = Bench("users").run(story)
    assert [what for _, _, what in bench.log].count("Finished") == 3


def test_who_waits_for_a_run_that_never_comes_is_named() -> None:
    """A stalled run says which pipeline somebody waits for."""

    async def story(bench: Bench) -> None:
        await bench.pipelines.finished(Revision("abcdef0123"))

    with pytest.raises(Stalled, match="the end of the pipeline run abcdef0"):
        Bench("users").run(story)


def test_a_scenario_has_four_executors() -> None:
    """Enough that three microservices never wait for each other unless a file says so."""
    assert Scenario(architecture="v1").executors == 4
