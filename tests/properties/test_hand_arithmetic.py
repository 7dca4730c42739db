"""
Constant costs give what hand arithmetic gives, whatever the constants are. Invariants 6 and 9.

The formulas below are written from the pages of the architectures and from what Kubernetes does
with a rolling update, not from an output. The release manager's own looks are put off beyond the
end, so that it does nothing but what it is told; whatever else it does is looked at elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdlab.assembly import World
from cdlab.kernel import Kernel
from cdlab.model import Environment, Variant
from cdlab.random_streams import RandomStreams
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.substrate import SimSubstrate
from cdlab.worlds import SIMULATED_PACE

UNASKED_SECONDS = 1e6
some = settings(max_examples=settings().max_examples * 2 // 5)


def seconds(low: int, high: int) -> st.SearchStrategy[float]:
    """To the millisecond."""
    return st.integers(1000 * low, 1000 * high).map(lambda thousandths: thousandths / 1000)


SECONDS = {
    # A release is known to be healthy before the next one is built, or nobody could go back to it.
    "build": seconds(60, 200),
    "build_cached": seconds(0, 200),
    **dict.fromkeys(("git_clone", "git_commit", "git_push", "hint"), seconds(0, 40)),
    **dict.fromkeys(("image_push", "image_push_known"), seconds(0, 40)),
    # A pod comes up after the rest of its manifest is applied, or the manager would still be busy
    # with that when somebody sees it and asks; and within the progress deadline of 60 s.
    "api_call": seconds(0, 1),
    "pod_start": seconds(2, 15),
    **dict.fromkeys(("schedule", "pull"), seconds(0, 15)),
    "pod_stop": seconds(0, 40),
}
costs = st.fixed_dictionaries(SECONDS)
sizes = st.fixed_dictionaries(dict.fromkeys(("n", "m", "replicas"), st.integers(1, 3)))


class WithoutCodeRepos(Costs):
    """Nothing that is done with a code repo takes time."""

    def duration(self, purpose: str, entity: str) -> float:
        is_code = purpose.startswith("git_") and entity != "config"
        return 0.0 if is_code else super().duration(purpose, entity)


def rolled_back(
    architecture: str,
    size: dict[str, int],
    costs: dict[str, float],
    *,
    how: type[Costs] = Costs,
    **settings: Any,
) -> Run:
    """The story `rollback`, with these seconds for what the profile `constant` calls them."""
    names = ("users", "orders", "front-end")[: size["n"]]
    places = ("dev", "staging", "production")[: size["m"]]
    is_manual = architecture == "v3" and len(places) > 1
    scenario = Scenario(
        architecture=architecture,
        microservices=names,
        environments=tuple(
            Environment(each, not (is_manual and each == places[-1])) for each in places
        ),
        replicas=size["replicas"],
        **{
            "variant": Variant(rollback="command" if architecture == "v3" else "revert"),
            **settings,
        },
    )
    kernel, streams = Kernel(), RandomStreams(1)
    profile = load_profile("constant").with_constants(costs)
    substrate = SimSubstrate(
        kernel,
        streams,
        how(profile, streams),
        has_build_cache=scenario.variant.has_build_cache,
    )
    pace = replace(SIMULATED_PACE, look_seconds=UNASKED_SECONDS, sync_seconds=UNASKED_SECONDS)
    world = World(kernel=kernel, substrate=substrate, run="sim", pace=pace, look_phase=0.5)
    return run_in(world, scenario)


def pods(size: dict[str, int], costs: dict[str, float]) -> float:
    """
    Replace every replica, with the image on the node.

    With a quarter as surge and as unavailable, up to three replicas go one by one: each new one is
    Ready before an old one stops, and the next is made at once.
    """
    return size["replicas"] * (costs["schedule"] + costs["pod_start"])


@some
@given(sizes, costs)
def test_a_v1_rollback_takes_what_its_steps_take(
    size: dict[str, int], costs: dict[str, float]
) -> None:
    """Revert and push, a hint, clone, cached build, push of a known image, kubectl, pods."""
    revert = costs["git_clone"] + costs["git_commit"] + costs["git_push"]
    run = costs["git_clone"] + costs["build_cached"] + costs["image_push_known"]
    kubectl = size["m"] * costs["api_call"]  # production comes last
    expected = revert + costs["hint"] + run + kubectl + pods(size, costs)
    found = rolled_back("v1", size, costs)
    assert found.measures["rollback_seconds"] == pytest.approx(expected, abs=1e-5)


@some
@given(sizes, costs)
def test_a_v3_rollback_takes_what_its_steps_take(
    size: dict[str, int], costs: dict[str, float]
) -> None:
    """Clone, commit and push the config repo, apply, pods. Whatever a build costs."""
    commit = costs["git_clone"] + costs["git_commit"] + costs["git_push"]
    expected = commit + costs["api_call"] + pods(size, costs)
    found = rolled_back("v3", size, costs)
    assert found.measures["rollback_seconds"] == pytest.approx(expected, abs=1e-5)


@some
@given(sizes, costs)
def test_where_builds_are_free_v3_costs_the_config_commit_more(
    size: dict[str, int], costs: dict[str, float]
) -> None:
    """
    V3 minus V1, with build = push = queue = 0: clone, commit and push of the config repo.

    The build that costs nothing is the one of the rollback, from the cache. What V1 does with the
    code repo instead is free here too, and so is each call of the API, of which V1 makes one for
    each environment.
    """
    no_time = ("build_cached", "image_push", "image_push_known", "hint", "api_call")
    free = {**costs, **dict.fromkeys(no_time, 0.0)}
    v1, v3 = (
        rolled_back(each, size, free, how=WithoutCodeRepos).measures["rollback_seconds"]
        for each in ("v1", "v3")
    )
    config = free["git_clone"] + free["git_commit"] + free["git_push"]
    assert v3 - v1 == pytest.approx(config, abs=1e-5)
