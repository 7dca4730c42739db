"""The composition root: from a scenario and a world to a run with its history."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from cdlab.architectures import ARCHITECTURES
from cdlab.assembly import World
from cdlab.errors import BuildFailed, SubstrateUnavailable
from cdlab.history import SCHEMA
from cdlab.model import Application, Environment, Grant, Variant
from cdlab.ports import Checkout
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.worlds import run, simulated

SMALL = {"microservices": ("users",), "profile": "constant"}


def scenario(architecture: str, **settings: object) -> Scenario:
    variant = Variant(rollback=ARCHITECTURES[architecture].rollbacks[0])
    return Scenario(architecture=architecture, **{"variant": variant, **SMALL, **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_run_begins_with_all_that_replays_it(architecture: str) -> None:
    """The first event has schema, package version, substrate, pace and effective settings."""
    found = run(scenario(architecture, seed=7)).history[0]
    assert (found.kind, found.seq, found.t_us) == ("RunStarted", 0, 0)
    assert found.detail["schema"] == SCHEMA
    assert {"version", "substrate", "pace", "variant"} <= set(found.detail)
    assert (found.detail["seed"], found.detail["profile"]) == (7, "constant")
    assert list(found.detail["environments"]) == ["staging", "production"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_run_ends_with_its_end(architecture: str) -> None:
    """The last event says that the story came to its end, on nobody's behalf."""
    found = run(scenario(architecture))
    assert found.is_finished
    assert (found.history[-1].kind, found.history[-1].outcome) == ("RunFinished", "ok")
    assert found.history[-1].intent == ""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_causes_point_back_and_stay_within_their_intent(architecture: str) -> None:
    """A trigger is an earlier event; the cone of an intent is one connected piece."""
    history = run(
        scenario(architecture, variant=Variant(has_build_cache=False), next_push=True)
    ).history
    declared = {each.intent: each.seq for each in history.of("IntentDeclared")}
    for event in history:
        for cause in event.causes:
            assert cause < event.seq
            assert history[cause].intent == event.intent
        is_asked_for = event.intent and event.intent != "drift repair"  # that is the clock's
        if is_asked_for and event.kind != "IntentDeclared":
            assert event.causes, f"{event.kind} has an intent and no trigger"
            assert event.seq > declared[event.intent]


def test_measures_and_phases_are_computed_from_the_history_alone() -> None:
    """A run without its history has no numbers, and asking twice gives the same ones."""
    found = run(scenario("v1"))
    again = replace(found)
    assert again.measures == found.measures
    assert sum(found.phases.values()) == pytest.approx(found.measures["rollback_seconds"])


def hurried(what: Scenario, seconds: float) -> World:
    world = simulated(what)
    return replace(world, pace=replace(world.pace, deadline_seconds=seconds))


@pytest.mark.parametrize("seconds", [3, 200, 350])
def test_a_run_that_hits_its_deadline_is_censored(seconds: float) -> None:
    """It is kept, says so, and has no rollback time; it never counts as a fast one."""
    found = run_in(hurried(scenario("v1"), seconds), scenario("v1"))
    assert not found.is_finished
    assert [each.kind for each in found.history][-2:] == ["RunStalled", "RunFinished"]
    assert found.history[-1].outcome == "censored"
    assert "deadline" in found.history[-2].because
    assert found.measures["rollback_seconds"] is None


class Sick:
    """A builder that fails, in a way of its own."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def is_healthy(self, content: object) -> bool:
        return True

    def is_crashing(self, content: object) -> bool:
        return False

    async def build(self, checkout: Checkout, ref: object, labels: object) -> object:
        raise self.error


def test_a_failed_build_is_a_result_and_not_the_end_of_the_program() -> None:
    """The pipeline run failed; the story then waits in vain, and the run is censored."""
    what = scenario("v2", story="first-deployment")
    world = simulated(what)
    world.substrate.builder = Sick(BuildFailed("no space left"))  # type: ignore[attr-defined]
    found = run_in(world, what)
    assert not found.is_finished
    (failed,) = found.history.of("PipelineRunFailed")
    assert failed.because == "BuildFailed: no space left"


def test_the_world_is_cleaned_up_also_when_a_run_fails() -> None:
    """A mistake is raised, and what was made is removed all the same."""
    what = scenario("v1")
    world = simulated(what)
    world.substrate.builder = Sick(ZeroDivisionError())  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        run_in(world, what)
    assert world.substrate.cluster is None  # type: ignore[attr-defined]


def test_a_world_that_cannot_be_made_carries_its_history() -> None:
    """What is missing is named, and the evidence is on the error for the failure folder."""
    what = scenario("v1")
    world = simulated(what)

    async def create(application: Application, grants: Sequence[Grant]) -> None:
        raise SubstrateUnavailable("Docker is not running")

    world.substrate.create = create  # type: ignore[method-assign]
    with pytest.raises(SubstrateUnavailable) as missing:
        run_in(world, what)
    kinds = [e.kind for e in missing.value.history]  # type: ignore[attr-defined]
    assert kinds == ["RunStarted", "RunBrokeOff"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("m", [1, 3])
def test_any_number_of_environments_can_be_shipped_to(architecture: str, m: int) -> None:
    """One is enough, and more are promoted to in their order."""
    names = ("dev", "staging", "production")[:m]
    found = tuple(Environment(n, not i or architecture != "v3") for i, n in enumerate(names))
    assert run(scenario(architecture, environments=found)).measures["stayed_rolled_back"] is True


def test_importing_cdlab_imports_nothing_heavy() -> None:
    """A simulated run works where docker, kubernetes and git are not installed."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['docker','kubernetes','git','numpy']));"
        "import cdlab; print(cdlab.run(cdlab.Scenario(architecture='v1')).is_finished)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("seconds", [10, 12, 20, 22])
def test_people_watch_a_rollout_to_its_end(seconds: int) -> None:
    """An observation that is over while drift is being repaired ends with the repair."""
    what = scenario("v3", variant=Variant(rollback="rollout-undo"))
    world = simulated(what)
    pace = replace(world.pace, sync_seconds=float(seconds), observation_seconds=6.0)
    found = run_in(replace(world, pace=pace), what)
    assert found.measures["serves_at_end"]["production"] in ("good", "bad")
