"""
A run that nobody records is the same run. Invariant 7, its last part.

Without a recorder the ports are the bare adapters and nothing is appended to any history. What the
people of a story have to remember to go on, which content each pushed image has, they note here.
Compared is the world: when each pod changed, and what repositories, registry and cluster hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdlab import assembly, runner
from cdlab.architectures import ARCHITECTURES
from cdlab.history import History
from cdlab.kernel import Kernel
from cdlab.model import BuiltImage, Content, Digest, Environment, PodChange, PushedImage, Variant
from cdlab.ports import ImageRegistry, Ports
from cdlab.recording import Call, Recorder
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.substrates.sim.substrate import SimSubstrate
from cdlab.worlds import simulated


class Forgetful(Recorder):
    """Is told of everything and writes nothing down."""

    def append(self, call: Call, began_us: int | None = None, **fields: Any) -> int:
        return 0

    def pod_changed(self, change: PodChange) -> None:
        return


@dataclass
class NotedRegistry:
    """The bare registry, and the content of each image for those who wait for it to serve."""

    inner: ImageRegistry
    contents: dict[Digest, Content]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def push(self, image: BuiltImage) -> PushedImage:
        pushed = await self.inner.push(image)
        self.contents[pushed.digest] = image.content
        return pushed


def bare(ports: Ports, recorder: Recorder) -> Ports:
    """What a run without a recorder works with, in the place of `recorded`."""
    registry: Any = NotedRegistry(ports.registry, recorder.contents)
    return replace(ports, registry=registry)


@contextmanager
def nobody_records() -> Iterator[None]:
    """Runs inside have no recorder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "Recorder", Forgetful)
        patch.setattr(assembly, "recorded", bare)
        yield


def state(substrate: SimSubstrate) -> dict[str, Any]:
    """Everything that a world holds: equal heads have equal commits, times and authors."""
    assert substrate.cluster, "asked before the world is removed"
    repositories = [*substrate.code_repos.values(), substrate.config_repo]
    registry = substrate.registry
    return {
        "repositories": [(each.name, each.reflog, dict(each.notes)) for each in repositories],
        "registry": registry.notifications,
        "tags": [registry.repository(each).list() for each in names(substrate)],
        "desired": [
            (place, name, found.spec)
            for place, space in substrate.cluster.namespaces().items()
            for name, found in space.deployments.items()
        ],
        "pods": [
            (pod.name, pod.digest, pod.is_ready, pod.node and pod.node.name)
            for deployment in substrate.cluster.deployments()
            for pod in deployment.pods()
        ],
    }


def names(substrate: SimSubstrate) -> list[str]:
    """The image repositories of a world."""
    return [substrate.image_repository(each) for each in substrate.code_repos]


def lived(scenario: Scenario) -> tuple[list[tuple[int, PodChange]], dict[str, Any], History]:
    """Every change of a pod with its instant, what is there at the end, and what was recorded."""
    world = simulated(scenario)
    substrate, kernel = world.substrate, world.kernel
    assert isinstance(substrate, SimSubstrate)
    assert isinstance(kernel, Kernel)
    changes: list[tuple[int, PodChange]] = []
    end: dict[str, Any] = {}
    substrate.observe(lambda change: changes.append((kernel.now_us, change)))

    def witness() -> dict[str, dict[str, int]]:
        end.update(state(substrate))
        return {}

    history = run_in(replace(world, witnesses=witness), scenario).history
    return changes, end, history


FAULTS = ("build-slow", "config-push-rejected", "tags-partial", "hint-late")
faults = st.lists(
    st.fixed_dictionaries(
        {
            "what": st.sampled_from(FAULTS),
            "nth": st.integers(1, 4),
            "seconds": st.sampled_from([20.0, 400.0]),
        }
    ),
    max_size=2,
)
"""By count alone: on whose behalf a call is made nobody knows who does not record."""


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Stories whose people need to remember nothing else."""
    architecture = draw(st.sampled_from(sorted(ARCHITECTURES)))
    is_v3 = architecture == "v3"
    poll = draw(st.sampled_from([None, 20.0])) if is_v3 else None
    rollback = draw(st.sampled_from(ARCHITECTURES[architecture].rollbacks))
    return Scenario(
        architecture=architecture,
        story=draw(st.sampled_from(["rollback", "rollback", "cluster-deleted", "node-lost"])),
        microservices=("users", "orders", "front-end")[: draw(st.integers(1, 3))],
        environments=(
            Environment("staging"),
            # Where automation undoes a revert, people watch for a month.
            Environment("production", not is_v3 or (rollback == "command" and draw(st.booleans()))),
        ),
        variant=Variant(
            rollback=rollback,
            has_build_cache=draw(st.booleans()),
            poll_interval_seconds=poll,
        ),
        profile=draw(st.sampled_from(["lean-ci", "constant"])),
        seed=draw(st.integers(0, 10_000)),
        replicas=draw(st.integers(1, 3)),
        executors=draw(st.integers(1, 3)),
        next_push=draw(st.booleans()),
        faults=tuple(draw(faults)),
    )


@settings(max_examples=settings().max_examples * 2 // 5)
@given(scenarios())
def test_a_run_without_a_recorder_drives_the_world_as_one_with_it(scenario: Scenario) -> None:
    """Every pod changes at the same microsecond, and the same is there at the end."""
    changes, end, history = lived(scenario)
    with nobody_records():
        unseen_changes, unseen_end, nothing = lived(scenario)
    assert (len(nothing), len(history) > 1) == (0, True)
    assert unseen_changes == changes
    assert unseen_end == end
