"""
Timelines of the architectures: who did what when, on the simulator with round constant costs.

The costs are those of `profiles/constant.toml`: clone 2 s, push 3 s, notification 1 s, build 100 s
or 50 s from the cache, image push 20 s or 10 s if the registry has it, pull 10 s, start of a pod
4 s; what is not named takes no time. A rolling update of two replicas goes one pod at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cdlab.history import Event
from cdlab.model import Variant
from cdlab.rollback_time import done
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario
from cdlab.worlds import simulated

FIRST_LOOK = 0.3
"""The manager looks at the registry 90, 390, 690, … s after the start: never while it matters."""

WORDS = {
    ("CommitPushed", "code-repo"): "commit pushed",
    ("CommitPushed", "config-repo"): "config pushed",
    ("PipelineRunStarted", "ci"): "pipeline started",
    ("ImageBuilt", "ci"): "image built",
    ("ImagePushed", "registry"): "image pushed",
    ("ImageSet", "environment"): "image set in",
    ("ManifestsApplied", "environment"): "manifest applied in",
    ("RolloutUndone", "environment"): "rollout undone in",
    ("WorkloadNotFound", "environment"): "no workload in",
}

Timeline = list[tuple[float, str]]


@pytest.fixture(scope="session")
def play() -> Callable[..., Run]:
    """Play the story `rollback` with one microservice, and keep the run."""
    played: dict[Scenario, Run] = {}

    def play(architecture: str, *, variant: Variant | None = None, **settings: Any) -> Run:
        settings.setdefault("microservices", ("users",))
        settings.setdefault("profile", "constant")
        default = Variant(rollback="command" if architecture == "v3" else "revert")
        scenario = Scenario(architecture=architecture, variant=variant or default, **settings)
        key = repr(scenario)
        if key not in played:  # type: ignore[comparison-overlap]
            world = replace(simulated(scenario), look_phase=FIRST_LOOK)
            played[key] = run_in(world, scenario)  # type: ignore[index]
        return played[key]  # type: ignore[index]

    return play


@pytest.fixture
def timeline() -> Callable[[Run, str], Timeline]:
    """What an intent led to: seconds since it was declared, and what was then over."""

    def timeline(run: Run, intent: str) -> Timeline:
        cone = run.history.cone(intent)
        asked, end = cone[0].t_us, done(run.history)
        found = [(_since(asked, each), _said(each)) for each in cone if _said(each)]
        if intent.startswith(("rollback", "out-of-band")) and end:
            found.append((_since(asked, end), "rolled back"))
        return found

    return timeline


def _since(start_us: int, event: Event) -> float:
    return (event.t_us - start_us) / 1e6


def _said(event: Event) -> str:
    words = WORDS.get((event.kind, event.component), "")
    return f"{words} {event.resource}" if words.endswith(" in") else words
