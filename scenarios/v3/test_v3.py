"""Version 3, claim by claim: a release manager between the registry and the cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cdlab.expectations import judge
from cdlab.history import History
from cdlab.runner import Run

HERE = Path(__file__).parent
RunScenario = Callable[[str], Run]
ROLLBACKS = ("rollback", "rollback-no-cache", "rollback-merge", "rollback-poll")


def decisions(history: History, what: str, environment: str) -> set[str]:
    """How the decisions of one kind about an environment ended."""
    return {
        e.detail["status"]
        for e in history.of("Decided")
        if e.detail["what"] == what and e.resource == environment
    }


@pytest.mark.parametrize("name", sorted(each.stem for each in HERE.glob("*.yaml")))
def test_the_expectations_hold(run_scenario: RunScenario, name: str) -> None:
    """Every expectation of the scenario file holds, and the run ends unless it must not."""
    run = run_scenario(name)
    broken = [each for each in judge(run.scenario.expect, run.measures) if not each.holds]
    assert run.is_finished or "is_finished" in run.scenario.expect
    assert not broken


def test_ci_stops_after_the_push_to_the_registry(run_scenario: RunScenario) -> None:
    """CI builds the version controlled code into an image and pushes it; that is all it does."""
    history = run_scenario("rollback").history
    written = [e for e in history if e.principal == "ci" and e.op in ("write", "apply")]
    assert {e.component for e in written} == {"registry"}


def test_the_manager_sees_the_image_edits_the_config_and_applies(
    run_scenario: RunScenario,
) -> None:
    """It observes new containers, clones the config, modifies it, pushes it back and applies it."""
    history = run_scenario("rollback").history
    cone = history.cone("deploy-1")
    pushed = next(e for e in cone if e.kind == "ImagePushed")
    after = [e.kind for e in cone if e.principal == "manager" and e.seq > pushed.seq]
    order = ["RepositoryCloned", "Committed", "CommitPushed", "ManifestsApplied"]
    places = [after.index(kind) for kind in order]
    assert places == sorted(places)


def test_a_release_is_recorded_before_it_is_applied(run_scenario: RunScenario) -> None:
    """It pushes the config back to record that the release is happening."""
    history = run_scenario("rollback").history
    recorded: set[str] = set()
    for event in history:
        if event.kind == "Committed" and event.component == "config-repo":
            recorded |= set(event.detail["files"].values())
        elif event.kind == "ManifestsApplied":
            assert event.detail["manifest"] in recorded


def test_staging_is_released_to_all_the_time(run_scenario: RunScenario) -> None:
    """The policy for staging could be: release all the time."""
    history = run_scenario("rollback").history
    assert "released" in decisions(history, "automation", "staging")
    assert not decisions(history, "promotion", "staging")


def test_production_is_promoted_to_by_hand(run_scenario: RunScenario) -> None:
    """The policy for production could be: manually promoting releases."""
    history = run_scenario("rollback").history
    assert decisions(history, "automation", "production") == {"skipped"}
    assert decisions(history, "promotion", "production") == {"released"}


def test_a_promotion_releases_what_staging_runs(run_scenario: RunScenario) -> None:
    """There is no more tight coupling between individual code repos and what is being released."""
    run = run_scenario("rollback")
    cone = run.history.cone("promote-1")
    assert run.history.of("PromotionAccepted")
    assert {e.component for e in cone if e.op in ("write", "apply")} == {
        "config-repo",
        "environment",
    }
    images = {e.detail["image"] for e in cone if e.kind == "Decided"}
    deployed = {e.digest_after for e in run.history.cone("deploy-1") if e.kind == "ImagePushed"}
    assert {image.rpartition("@")[2] for image in images} == deployed


@pytest.mark.parametrize("name", ROLLBACKS)
def test_rolling_back_involves_no_ci(run_scenario: RunScenario, name: str) -> None:
    """The user tells the release manager to roll back; the CI system is not involved."""
    run = run_scenario(name)
    cone = run.history.cone("rollback-1")
    assert {e.principal for e in cone} <= {"user", "manager"}
    assert not {e.component for e in cone} & {"code-repo", "ci", "registry"}


@pytest.mark.parametrize("name", ROLLBACKS)
def test_rolling_back_rebuilds_nothing(run_scenario: RunScenario, name: str) -> None:
    """Fast and safe rollbacks without rebuilding the application: the known-good digest runs."""
    run = run_scenario(name)
    assert run.measures["rebuilds"] == 0
    assert run.measures["artifact_fidelity"] == 1
    assert run.phases["build"] == run.phases["push"] == run.phases["checkout"] == 0


def test_rolling_back_changes_the_config(run_scenario: RunScenario) -> None:
    """The release manager now makes changes to the config, which says what runs."""
    run = run_scenario("rollback")
    cone = run.history.cone("rollback-1")
    pushed = [e for e in cone if e.kind == "CommitPushed"]
    assert [e.component for e in pushed] == ["config-repo"]
    assert run.measures["divergence_after_rollback"] == "none"


def test_rolling_back_production_leaves_staging_alone(run_scenario: RunScenario) -> None:
    """Environments can be on different versions: staging keeps the bad release."""
    assert run_scenario("rollback").measures["collateral"] == 0


def test_each_element_has_one_responsibility(run_scenario: RunScenario) -> None:
    """Each element now has just one responsibility: what CI writes, the manager does not."""
    history = run_scenario("rollback").history
    boxes = {
        who: {e.component for e in history if e.principal == who and e.op in ("write", "apply")}
        for who in ("developer", "ci", "manager")
    }
    assert boxes["developer"] == {"code-repo"}
    assert boxes["ci"] == {"registry"}
    assert boxes["manager"] == {"config-repo", "environment"}


def test_the_rollback_holds_automation(run_scenario: RunScenario) -> None:
    """One commit goes back and stops automation, so that the newest image stays out."""
    run = run_scenario("rollback")
    (written,) = (e for e in run.history.cone("rollback-1") if e.kind == "Committed")
    (hold,) = [x for x in written.detail["message"].splitlines() if x.startswith("Hold: ")]
    assert "alice" in hold
    assert run.measures["stayed_rolled_back"] is True


def test_without_a_hold_automation_undoes_the_rollback(run_scenario: RunScenario) -> None:
    """The naive manager releases the newest image again, and that is the bad one."""
    run = run_scenario("rollback-without-hold")
    assert all(each.holds for each in judge(run.scenario.expect, run.measures))
    back = next(e.seq for e in run.history.of("Decided") if e.detail["what"] == "rollback")
    later = [e for e in run.history.of("Decided") if e.seq > back and e.resource == "production"]
    again = [e for e in later if e.detail["status"] == "released"]
    assert [e.detail["what"] for e in again] == ["automation"]


def test_ci_cannot_reach_the_cluster(run_scenario: RunScenario) -> None:
    """CI has no access to the cluster any more; the manager has all of it."""
    measures = run_scenario("rollback").measures
    assert measures["blast_radius"] == {"ci": 0.0, "manager": 1.0, "maximum": 1.0}
    assert measures["writable_resources"] == {"ci": 1, "manager": 3, "maximum": 3}


def test_a_deploy_goes_through_more_boxes(run_scenario: RunScenario) -> None:
    """Where V3 loses: six boxes until a push runs, all of which must be up; V1 has four."""
    measures = run_scenario("rollback").measures
    assert measures["touch_of_a_deploy"] == measures["components_to_deploy"] == 6


def test_a_rollback_needs_three_components(run_scenario: RunScenario) -> None:
    """A rollback needs the manager, the config repo and the cluster; CI may be down."""
    assert run_scenario("rollback").measures["components_to_roll_back"] == 3


def test_teams_that_push_at_once_wait_for_one_writer(run_scenario: RunScenario) -> None:
    """The release manager writes the config repo alone and in turn: no push is rejected."""
    run = run_scenario("two-teams")
    assert run.history.of("PushRejected") == []
    written = [
        e
        for e in run.history.of("CommitPushed")
        if e.component == "config-repo" and e.intent.startswith("deploy")
    ]
    assert {e.principal for e in written} == {"manager"}
    assert len(written) == len(run.history.settings["microservices"])
