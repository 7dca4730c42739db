"""
What people do times what goes wrong: any list of steps with any plan of faults, in V1, V2 and V3.

Virtual time lets a whole run be played again from its list, so Hypothesis makes lists (`days.py`),
and shrinks the one that breaks a rule (`always.py`). What it found is written as a scenario file
that `cdlab run` replays. The last test proves that the interesting states were reached.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings

from cdlab.fault_plans import CATALOGUE
from cdlab.runner import Run
from cdlab.scenario import Scenario, parse
from cdlab.scenario_text import scenario_text
from tests.properties.always import ALWAYS
from tests.properties.days import play, scenarios

OLDER_LAST = "an older commit is built last"
REDEPLOYED = "V1 rolls back by the deploy step alone"
SEEN: Counter[str] = Counter()
"""Interesting states, and in how many runs they were reached."""


@settings(max_examples=8 * settings().max_examples)
@given(scenarios())
def test_the_rules_hold_whatever_people_do_and_whatever_goes_wrong(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario
) -> None:
    """Every run ends, and breaks none of the rules; the file that replays it is named."""
    found = Path(tmp_path_factory.getbasetemp()) / "found.yaml"
    found.write_text(scenario_text(scenario), encoding="utf-8")
    day = play(scenario)
    note_states(day.run)
    for rule in ALWAYS:
        assert list(rule(day)) == [], f"{rule.__name__}: cdlab run {found}"
    assert day.run.measures["is_finished"]
    if "unknown" not in {event.outcome for event in day.history}:
        assert day.run.disagreements == []


def note_states(run: Run) -> None:
    """What was reached in this run."""
    kinds = {event.kind for event in run.history}
    decided = {
        f"{e.detail['what']} {e.detail['status']}"
        + next((f" because {why}" for why in REASONS if e.because.startswith(why)), "")
        for e in run.history.of("Decided")
    }
    faults = {event.detail["what"] for event in run.history.of("FaultHappened")}
    stopped = {f"{event.resource} stopped" for event in run.history.of("BoxStopped")}
    SEEN.update(kinds | decided | faults | stopped)
    SEEN.update({"phases"} if run.phases else ())
    SEEN.update({REDEPLOYED} if is_redeployed(run) else ())
    SEEN.update({OLDER_LAST} if is_an_older_commit_built_last(run) else ())


def is_redeployed(run: Run) -> bool:
    """Whether a rollback set an image that had been built before."""
    asked = [e.intent for e in run.history.of("IntentDeclared") if e.detail["intent"] == "rollback"]
    cones = [{event.kind for event in run.history.cone(intent)} for intent in asked]
    return any("ImageSet" in kinds and "ImageBuilt" not in kinds for kinds in cones)


def is_an_older_commit_built_last(run: Run) -> bool:
    """Whether an image arrived after that of a commit which stands on its own."""
    order = {e.detail["revision"]: e.seq for e in run.history.of("CommitPushed")}
    arrived = defaultdict[str, list[int]](list)
    for event in run.history.of("ImagePushed"):
        arrived[event.resource].append(order[event.detail["ref"].rpartition(":")[2]])
    return any(numbers != sorted(numbers) for numbers in arrived.values())


REASONS = ("held", "locked", "the running image is not listed")
SOMETIMES = {
    *CATALOGUE,
    *("rollback released", "rollback refused", "promotion released", "promotion refused"),
    *("automation released", "automation skipped because held", "sync released"),
    *("rollback refused because locked", "automation refused because locked"),
    "automation skipped because the running image is not listed",
    *("config-repo stopped", "manager stopped", "phases"),
    *(OLDER_LAST, REDEPLOYED, "PushRejected", "NodeLost", "ClusterDeleted"),
    *("RolloutUndone", "Reverted", "Merged", "WasReset", "PipelineRunFailed", "StepFailed"),
    *("RepositoryUnavailable", "RegistryUnavailable", "ClusterUnavailable", "BuildFailed"),
}


def test_the_interesting_states_were_reached() -> None:
    """Else the rules above would hold of days on which nothing happens."""
    if not SEEN:
        pytest.skip("the test above did not run")
    assert sorted(SOMETIMES - set(SEEN)) == []


@given(scenarios())
def test_a_found_scenario_reads_as_it_was_written(scenario: Scenario) -> None:
    """The file gives the same scenario, so that its run is the same run."""
    assert parse(scenario_text(scenario)) == scenario
