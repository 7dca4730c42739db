"""Version 1 on a stopwatch: everything goes through a build."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cdlab.model import Variant
from cdlab.runner import Run

Play = Callable[..., Run]
Show = Callable[[Run, str], list[tuple[float, str]]]

NO_CACHE = Variant(has_build_cache=False)
FORCE_PUSH = Variant(rollback="force-push")
UNDO = Variant(rollback="rollout-undo")


def test_a_first_deployment_needs_a_hand_on_kubectl(play: Play, timeline: Show) -> None:
    """CI builds and pushes and finds no workload; an operator then applies the manifest."""
    assert timeline(play("v1"), "bootstrap-1") == [
        (5, "commit pushed"),  # clone 2 + push 3
        (6, "pipeline started"),  # + notification 1
        (108, "image built"),  # + clone 2 + build 100
        (128, "image pushed"),  # + push 20
        (128, "no workload in staging"),  # the pipeline run fails there
        (130, "manifest applied in staging"),  # the operator: + clone 2
        (130, "manifest applied in production"),
    ]


def test_a_deploy_sets_the_image_everywhere(play: Play, timeline: Show) -> None:
    """One push, one build, and every environment at once."""
    run = play("v1")
    assert timeline(run, "deploy-1") == [
        (5, "commit pushed"),  # clone 2 + push 3
        (6, "pipeline started"),  # + notification 1
        (108, "image built"),  # + clone 2 + build 100
        (128, "image pushed"),  # + push 20
        (128, "image set in staging"),
        (128, "image set in production"),
    ]
    # 123 s from the push, at 5, to the image. The first pod of staging pulls on one node and that
    # of production on the other: pull 10 + start 4. The second pods find it there: start 4.
    assert run.measures["lead_time_seconds"] == 123 + 14 + 4


@pytest.mark.parametrize("variant", [Variant(), FORCE_PUSH], ids=["revert", "force-push"])
def test_rollback_rebuilds_the_image_in_v1(play: Play, timeline: Show, variant: Variant) -> None:
    """Going back is a push like any other; with a warm cache it gives the same image again."""
    run = play("v1", variant=variant)
    assert timeline(run, "rollback-1") == [
        (5, "commit pushed"),  # clone 2 + revert or reset 0 + push 3
        (6, "pipeline started"),  # + notification 1
        (58, "image built"),  # + clone 2 + build from the cache 50
        (68, "image pushed"),  # + push of what is there 10
        (68, "image set in staging"),
        (68, "image set in production"),
        (76, "rolled back"),  # + start 4, twice: the nodes have the image
    ]
    assert run.measures["artifact_fidelity"] == 1
    assert run.measures["registry_bytes"] == 0


def test_without_a_cache_the_old_version_comes_back_as_another_image(
    play: Play, timeline: Show
) -> None:
    """The whole build, the whole push and a pull on every node: and the digest is a new one."""
    run = play("v1", variant=NO_CACHE)
    assert timeline(run, "rollback-1")[2:] == [
        (108, "image built"),  # 6 + clone 2 + build 100
        (128, "image pushed"),  # + push 20
        (128, "image set in staging"),
        (128, "image set in production"),
        (146, "rolled back"),  # + pull 10 + start 4, + start 4: staging pulled on the other node
    ]
    assert run.measures["artifact_fidelity"] == 0
    assert run.measures["registry_bytes"] > 0


@pytest.mark.parametrize(
    ("variant", "rewrites"), [(Variant(), 0), (FORCE_PUSH, 1)], ids=["revert", "force-push"]
)
def test_a_merge_is_rolled_back_whole(play: Play, variant: Variant, rewrites: int) -> None:
    """Both ways go back past the merge and its branch, and lose no commit that was good."""
    run = play("v1", variant=variant, merge=True)
    assert run.measures["rollback_seconds"] == 76
    assert run.measures["history_rewrites"] == rewrites
    assert run.measures["good_commits_lost"] == 0


def test_a_force_push_loses_the_commits_from_the_branch(play: Play) -> None:
    """The bad ones: the commit, or the merge and the commit it brought."""
    for merge, count in ((False, 1), (True, 2)):
        history = play("v1", variant=FORCE_PUSH, merge=merge).history
        (pushed,) = [each for each in history.of("CommitPushed") if each.detail["force"]]
        assert len(pushed.detail["lost"]) == count


def test_kubectl_is_fast_and_the_next_push_brings_the_bad_change_back(
    play: Play, timeline: Show
) -> None:
    """`rollout undo` takes two starts of a pod; nobody told the code repo."""
    run = play("v1", variant=UNDO, next_push=True)
    assert timeline(run, "out-of-band edit-1") == [
        (0, "rollout undone in production"),
        (8, "rolled back"),  # start 4, twice
    ]
    assert run.measures["divergence_after_rollback"] == "code repo"
    assert run.measures["bad_is_back_after_next_push"] is True


def test_after_a_revert_the_next_push_does_not_bring_it_back(play: Play) -> None:
    """The code repo knows of the rollback, so later versions are built without the bad change."""
    run = play("v1", next_push=True)
    assert run.measures["divergence_after_rollback"] == "none"
    assert run.measures["bad_is_back_after_next_push"] is False


def test_staging_is_rolled_back_along_with_production(play: Play) -> None:
    """There is no version of production only: the other environment is collateral."""
    assert play("v1").measures["collateral"] == 1


def test_a_promotion_cannot_be_expressed(play: Play) -> None:
    """It is answered with the reason, and the story goes on."""
    (answer,) = play("v1").history.of("PromotionRefused")
    assert answer.outcome == "not expressible"
    assert answer.because == ("a push is set in every environment")
