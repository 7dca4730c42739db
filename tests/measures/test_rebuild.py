"""What a rebuild takes, in runs in which every environment is emptied and comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdlab.incidents import rebuild
from cdlab.model import Environment, Variant
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.stories.actions import bootstrap
from cdlab.stories.lab import Lab
from cdlab.worlds import simulated

NAMES = ("users", "orders", "front-end")
PLACES = ("dev", "staging", "production")


async def emptied(lab: Lab) -> None:
    """Bring everything up, lose every workload, ask the architecture for all of it."""
    shipped = await bootstrap(lab)
    before = running(lab)
    for environment in PLACES[: len(lab.application.environments)]:
        await lab.ports("operator").cluster.wipe(environment)
    lab.recorder.mark("ClusterDeleted", "")
    with lab.recorder.intent("rebuild"):
        await lab.delivery.rebuild("alice")
    for environment in lab.application.environments:
        for name, commit in shipped.items():
            await lab.until_serves(name, environment.name, commit.content)
    detail = {"before": before, "after": running(lab)}
    lab.recorder.mark("RebuildFinished", "cluster", detail=detail)


def running(lab: Lab) -> dict[str, list[str]]:
    """`environment/workload` -> the digests that serve."""
    return {
        f"{environment.name}/{each.name}": sorted(
            set(lab.observed.serving(each.name, environment.name))
        )
        for environment in lab.application.environments
        for each in lab.application.microservices
    }


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
def test_what_is_written_down_in_one_place_comes_back_from_it(
    architecture: str, n: int, m: int
) -> None:
    """V1: a source and a step for each microservice, whatever m. V2 and V3: one of each."""
    scenario = Scenario(
        architecture=architecture,
        microservices=NAMES[:n],
        environments=tuple(Environment(place) for place in PLACES[:m]),
        profile="constant",
        variant=Variant(rollback="command" if architecture == "v3" else "revert"),
    )
    world = replace(simulated(scenario), look_phase=0.3)
    history = run_in(world, scenario, story=emptied).history
    expected = n if architecture == "v1" else 1
    assert rebuild(history) == {"digests": 1, "sources": expected, "manual_steps": expected}
