"""
The composition root: a scenario and a world in, a run with its history out.

Here, and nowhere else, the pieces are joined: substrate, recorder, CI system, release manager,
story. Called by the CLI, the pytest fixture, notebooks and benchmarks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from cdlab.assembly import Assembly, Pace, World
from cdlab.errors import Stalled
from cdlab.history import SCHEMA, History
from cdlab.measures import measure
from cdlab.merging import in_order_of_time
from cdlab.recording import Call, Recorder
from cdlab.rollback_time import phases
from cdlab.scenario import Scenario
from cdlab.stories import STORIES, Story
from cdlab.version import __version__
from cdlab.witnesses import Testimony, disagreements


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
    try:
        run = _played(world, scenario, recorder, story or STORIES[scenario.story])
    except Exception as error:
        # The end of the history, so that whoever reads it can tell it from one that was cut.
        because = f"{type(error).__name__}: {error}"
        recorder.mark("RunBrokeOff", scenario.story, outcome="failed", because=because)
        error.history = _merged(world, history)  # type: ignore[attr-defined]
        raise
    outcome = "ok" if run.is_finished else "censored"
    recorder.mark("RunFinished", scenario.story, outcome=outcome)
    return replace(run, history=_merged(world, history))


def _played(world: World, scenario: Scenario, recorder: Recorder, story: Story) -> Run:
    """The run but for its last event, with nothing left of it in the world."""
    history = recorder.history
    is_finished, evidence, testimony = True, {}, {}
    try:
        world.kernel.run(
            _play(world, scenario, recorder, story),
            name="story",
            deadline_seconds=deadline_seconds(world.pace, scenario),
        )
        testimony = dict(world.witnesses())
    except Stalled as stalled:
        is_finished, evidence = False, dict(world.evidence())
        recorder.mark("RunStalled", scenario.story, outcome="censored", because=stalled.message)
    except Exception as error:
        error.evidence = world.evidence()  # type: ignore[attr-defined]
        raise
    finally:
        _clean_up(world)
    return Run(scenario, history, is_finished, evidence, testimony)


def _merged(world: World, history: History) -> History:
    """What another process recorded stands where it arrived, until all of it is there."""
    return history if world.manager is None else in_order_of_time(history)


def deadline_seconds(pace: Pace, scenario: Scenario) -> float:
    """Looks that are far apart are waited for; four of them follow each other in no story."""
    return pace.deadline_seconds + 4 * (scenario.variant.poll_interval_seconds or 0.0)


def _clean_up(world: World) -> None:
    """On virtual time the world is forgotten with the kernel; a real one has to be told."""
    world.kernel.run(world.substrate.destroy(), name="clean-up")


def _settings(world: World, scenario: Scenario) -> dict[str, Any]:
    settings = scenario.settings()
    if world.substrate.name != "sim":
        settings["profile"] = None
    facts: dict[str, Any] = {"facts": world.facts} if world.facts else {}
    if world.manager is not None:
        facts["manager"] = "inside"
    return {"substrate": world.substrate.name, "pace": asdict(world.pace), **settings, **facts}


async def _play(world: World, scenario: Scenario, recorder: Recorder, story: Story) -> None:
    assembly = Assembly(world, scenario, recorder)
    lab = await assembly.start()
    try:
        await story(lab)
    finally:
        await assembly.finish()
