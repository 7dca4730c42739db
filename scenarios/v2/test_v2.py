"""Version 2, claim by claim: the same, and all manifests in one config repo."""

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


def test_all_manifests_lie_in_one_repo(run_scenario: RunScenario) -> None:
    """Pull all of those Kubernetes YAMLs into a centralized repo, called a config repo."""
    history = run_scenario("first-deployment").history
    first = next(e for e in history.of("Committed") if e.component == "config-repo")
    names, environments = history.settings["microservices"], history.settings["environments"]
    assert sorted(first.detail["files"]) == sorted(
        f"environments/{where}/{name}.yaml" for where in environments for name in names
    )
    code = [e for e in history.of("Committed") if e.component == "code-repo"]
    assert not any("service.yaml" in e.detail["files"] for e in code)


def test_nothing_is_applied_by_hand(run_scenario: RunScenario) -> None:
    """With the config repo, the first pipeline run is the first deployment."""
    history = run_scenario("first-deployment").history
    assert {e.principal for e in history.of("ManifestsApplied")} == {"ci"}


def test_ci_builds_pushes_edits_the_config_and_deploys(run_scenario: RunScenario) -> None:
    """CI builds, pushes to the registry, changes the YAML in the config repo, and deploys."""
    cone = run_scenario("rollback").history.cone("deploy-1")
    done = [e.kind for e in cone if e.principal == "ci" and e.op in ("exec", "write", "apply")]
    assert [kind for kind in done if not kind.startswith("PipelineRun")] == [
        "ImageBuilt",
        "ImagePushed",
        "CommitPushed",
        "ManifestsApplied",
        "ManifestsApplied",
    ]


def test_ci_is_doing_more_work(run_scenario: RunScenario) -> None:
    """The CI system is now doing a lot of work: it can write more than anybody in V1 and V3."""
    measures = run_scenario("rollback").measures
    assert measures["writable_resources"] == {"ci": 4, "maximum": 4}
    assert measures["touch_of_a_deploy"] == 5


def test_the_config_repo_says_what_runs(run_scenario: RunScenario) -> None:
    """The version control config is the single source of truth for the entire app."""
    assert run_scenario("rollback").measures["divergence_after_rollback"] == "none"


@pytest.mark.parametrize("name", ROLLBACKS)
def test_only_a_push_of_code_triggers_ci(run_scenario: RunScenario, name: str) -> None:
    """It is still only possible to trigger the CI system by pushing code."""
    run = run_scenario(name)
    assert run.measures["code_coupling"] == 1
    pushed = {
        e.detail["revision"] for e in run.history.of("CommitPushed") if e.component == "code-repo"
    }
    queued = {e.detail["revision"] for e in run.history.of("PipelineRunQueued")}
    assert queued == pushed


@pytest.mark.parametrize("name", ROLLBACKS)
def test_rolling_back_still_rebuilds(run_scenario: RunScenario, name: str) -> None:
    """Everything is the same as that first architecture: a rollback is a build."""
    run = run_scenario(name)
    assert run.measures["rebuilds"] >= 1
    assert run.phases["build"] > 0


def test_kubectl_takes_away_from_the_single_source_of_truth(run_scenario: RunScenario) -> None:
    """Rolling back out of band, the developer will have to update the config repo manually."""
    run = run_scenario("rollout-undo")
    assert run.measures["divergence_after_rollback"] == "config repo"
    (undone,) = run.history.of("RolloutUndone")
    assert undone.principal == "operator"
    in_cone = {e.component for e in run.history.cone(undone.intent)}
    assert "config-repo" not in in_cone


def test_the_next_push_undoes_what_kubectl_did(run_scenario: RunScenario) -> None:
    """Out-of-band kubectl breaks the single source of truth, and the next push undoes it."""
    measures = run_scenario("rollout-undo").measures
    assert measures["stayed_rolled_back"] is True, "as long as nobody pushes"
    assert measures["bad_is_back_after_next_push"] is True


def test_no_environment_can_run_another_version(run_scenario: RunScenario) -> None:
    """CI applies every push everywhere: neither a promotion nor one environment's rollback."""
    run = run_scenario("rollback")
    (refused,) = run.history.of("PromotionRefused")
    assert refused.outcome == "not expressible"
    assert run.measures["collateral"] > 0


def test_ci_still_holds_the_credentials_of_the_cluster(run_scenario: RunScenario) -> None:
    """The CI system deploys the change to the Kubernetes cluster, so it needs to get in."""
    measures = run_scenario("rollback").measures
    assert measures["cluster_credentials_outside"] == 2
    assert measures["blast_radius"]["ci"] == 1


def test_a_rollback_needs_one_component_more(run_scenario: RunScenario) -> None:
    """The config repo has to be up as well, for a rollback as for a deploy."""
    measures = run_scenario("rollback").measures
    assert measures["components_to_roll_back"] == measures["components_to_deploy"] == 5


def test_teams_that_push_at_once_race_for_the_config_repo(run_scenario: RunScenario) -> None:
    """Every pipeline writes the one config repo: pushes are rejected, and nothing is lost."""
    run = run_scenario("two-teams")
    rejected = [e for e in run.history.of("PushRejected") if e.component == "config-repo"]
    assert {e.principal for e in rejected} == {"ci"}
    releases = [
        e
        for e in run.history.of("CommitPushed")
        if e.component == "config-repo" and e.intent.startswith("deploy")
    ]
    assert len(releases) == len(run.history.settings["microservices"]), "each once, after all"
