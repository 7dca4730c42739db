"""Version 1, claim by claim: the CI system sets the image in the cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cdlab.expectations import judge
from cdlab.runner import Run

HERE = Path(__file__).parent
RunScenario = Callable[[str], Run]
ROLLBACKS = ("rollback", "rollback-no-cache", "rollback-force-push", "rollback-merge")


@pytest.mark.parametrize("name", sorted(each.stem for each in HERE.glob("*.yaml")))
def test_the_expectations_hold(run_scenario: RunScenario, name: str) -> None:
    """Every expectation of the scenario file holds, and the run ends unless it must not."""
    run = run_scenario(name)
    broken = [each for each in judge(run.scenario.expect, run.measures) if not each.holds]
    assert run.is_finished or "is_finished" in run.scenario.expect
    assert not broken


def test_the_first_deployment_is_applied_by_hand(run_scenario: RunScenario) -> None:
    """It is fine to perform manual deployments initially: kubectl apply -f service.yaml."""
    history = run_scenario("first-deployment").history
    applied = history.of("ManifestsApplied")
    assert {event.principal for event in applied} == {"operator"}
    assert len(applied) == 6, "three microservices in two environments"
    assert history.of("WorkloadNotFound"), "until then CI has nothing to set the image of"


def test_a_push_changes_production(run_scenario: RunScenario) -> None:
    """Any time a change is pushed to master, the change in turn is pushed to production."""
    done = run_scenario("rollback").history.cone("deploy-1")
    assert [e.kind for e in done if e.principal == "developer" and e.op == "write"] == [
        "CommitPushed"
    ]
    assert [e.resource for e in done if e.kind == "ImageSet"] == ["staging", "production"]


def test_an_image_is_tagged_with_its_commit(run_scenario: RunScenario) -> None:
    """The CI system tags the Docker image with the SHA-1 hash of the code that was pushed."""
    history = run_scenario("rollback").history
    pushed = [e for e in history.of("CommitPushed") if e.component == "code-repo"]
    tags = [e.detail["ref"].rpartition(":")[2] for e in history.of("ImagePushed")]
    assert sorted(tags) == sorted(e.detail["revision"] for e in pushed)


@pytest.mark.parametrize("name", ROLLBACKS)
def test_rolling_back_is_another_code_change(run_scenario: RunScenario, name: str) -> None:
    """To roll back a change, another code change needs to be made."""
    run = run_scenario(name)
    assert run.measures["code_coupling"] == 1
    cone = run.history.cone("rollback-1")
    assert [e.component for e in cone if e.kind == "CommitPushed"] == ["code-repo"]


@pytest.mark.parametrize("name", ROLLBACKS)
def test_rolling_back_rebuilds_an_image_that_exists(run_scenario: RunScenario, name: str) -> None:
    """After pushing the rollback, the old version gets rebuilt."""
    run = run_scenario(name)
    assert run.measures["rebuilds"] >= 1
    rebuilt = [e for e in run.history.of("ImageBuilt") if e.intent == "rollback-1"]
    earlier = [e for e in run.history.of("ImageBuilt") if e.intent == "bootstrap-1"]
    assert {e.detail["content"] for e in rebuilt} <= {e.detail["content"] for e in earlier}
    assert run.phases["build"] > 0, "and the rollback waits for it"


def test_a_rebuild_is_another_image_without_a_build_cache(run_scenario: RunScenario) -> None:
    """CI pushes that new image, which is a new copy of the old image: so it is without a cache."""
    measures = run_scenario("rollback-no-cache").measures
    assert measures["artifact_fidelity"] == 0
    assert measures["registry_bytes"] > 0


def test_a_rebuild_is_the_same_image_with_a_build_cache(run_scenario: RunScenario) -> None:
    """A new copy of the old image: refuted with a warm cache, the registry knows it already."""
    measures = run_scenario("rollback").measures
    assert measures["artifact_fidelity"] == 1
    assert measures["registry_bytes"] == 0


def test_a_merge_commit_makes_a_revert_messy(run_scenario: RunScenario) -> None:
    """If there are merge commits, it gets a bit messy: the developer names the parent to keep."""
    (reverted,) = run_scenario("rollback-merge").history.of("Reverted")
    assert reverted.detail["mainline"] == 1
    (plain,) = run_scenario("rollback").history.of("Reverted")
    assert plain.detail["mainline"] is None


def test_a_force_push_rewrites_history(run_scenario: RunScenario) -> None:
    """Users reset to the version before the latest merge and then force push."""
    measures = run_scenario("rollback-force-push").measures
    assert measures["history_rewrites"] == 1
    assert run_scenario("rollback-merge").measures["history_rewrites"] == 0


def test_no_environment_can_run_another_version(run_scenario: RunScenario) -> None:
    """V1 does not allow for different environments (dev, staging, prod) to be on other versions."""
    run = run_scenario("rollback")
    (refused,) = run.history.of("PromotionRefused")
    assert refused.outcome == "not expressible"
    assert run.measures["collateral"] > 0, "rolling back production rolls back staging"


def test_ci_holds_the_credentials_of_the_cluster(run_scenario: RunScenario) -> None:
    """This first architecture has tight coupling: CI, outside the cluster, can change all of it."""
    measures = run_scenario("rollback").measures
    assert measures["cluster_credentials_outside"] == 2
    assert measures["blast_radius"] == {"ci": 1.0, "maximum": 1.0}


def test_a_rollback_needs_all_that_a_deploy_needs(run_scenario: RunScenario) -> None:
    """Nothing of the delivery may be down when a rollback is needed."""
    measures = run_scenario("rollback").measures
    assert measures["components_to_roll_back"] == measures["components_to_deploy"] == 4


def test_kubectl_rolls_back_until_the_next_push(run_scenario: RunScenario) -> None:
    """kubectl rollout undo needs no build, and the next push brings the bad change back."""
    measures = run_scenario("rollout-undo").measures
    assert measures["rebuilds"] == 0
    assert measures["stayed_rolled_back"] is True
    assert measures["divergence_after_rollback"] == "code repo"
    assert measures["bad_is_back_after_next_push"] is True


def test_teams_that_push_at_once_do_not_meet(run_scenario: RunScenario) -> None:
    """Each has a code repo of its own, and nothing else is written to."""
    run = run_scenario("two-teams")
    assert run.history.of("PushRejected") == []
    assert {e.component for e in run.history.of("CommitPushed")} == {"code-repo"}
