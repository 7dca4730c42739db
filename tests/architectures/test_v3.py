"""Version 3 on a stopwatch: CI stops after the push, and a rollback is one commit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cdlab.model import Environment, Variant
from cdlab.runner import Run

Play = Callable[..., Run]
Show = Callable[[Run, str], list[tuple[float, str]]]

COMMAND = Variant(rollback="command")
AUTOMATED = (Environment("staging"), Environment("production"))


def test_a_new_image_goes_to_staging_by_itself(play: Play, timeline: Show) -> None:
    """CI stops after the push; the manager sees the tag, commits, pushes and applies."""
    run = play("v3")
    assert timeline(run, "deploy-1") == [
        (5, "commit pushed"),  # clone 2 + push 3
        (6, "pipeline started"),  # + notification 1
        (108, "image built"),  # + clone 2 + build 100
        (128, "image pushed"),  # + push 20, and CI stops here
        (134, "config pushed"),  # the manager: + notification 1 + clone 2 + push 3
        (134, "manifest applied in staging"),
    ]
    # 129 s from the push, at 5, to the cluster, then pull 10 + start 4 for each of two pods: here
    # nobody else pulls the image to the second node.
    assert run.measures["lead_time_seconds"] == 129 + 2 * 14


def test_production_waits_for_a_promotion(play: Play, timeline: Show) -> None:
    """The digest that runs in staging is committed for production: no build, no registry."""
    run = play("v3")
    assert timeline(run, "promote-1") == [
        (5, "config pushed"),  # clone 2 + push 3
        (5, "manifest applied in production"),
    ]
    waited = [each for each in run.history.of("Decided") if each.resource == "production"]
    assert {each.because for each in waited if each.outcome == "skipped"} == {"manual"}


def test_a_rollback_is_one_command(play: Play, timeline: Show) -> None:
    """One commit, one apply, and the pods start from an image that the nodes have."""
    run = play("v3")
    assert timeline(run, "rollback-1") == [
        (5, "config pushed"),  # clone 2 + push 3
        (5, "manifest applied in production"),
        (13, "rolled back"),  # + start 4, twice
    ]
    assert run.measures["artifact_fidelity"] == 1
    assert run.measures["stayed_rolled_back"] is True


@pytest.mark.parametrize("seconds", [30.0, 90.0, 600.0])
def test_polling_delays_a_new_image_and_never_a_command(play: Play, seconds: float) -> None:
    """A command goes straight to the manager; a new image waits for its next look."""
    polled = play("v3", variant=Variant(rollback="command", poll_interval_seconds=seconds))
    assert polled.measures["rollback_seconds"] == play("v3").measures["rollback_seconds"]
    # The notification's second is gone, and at most one interval comes in its place.
    late = polled.measures["lead_time_seconds"] - (play("v3").measures["lead_time_seconds"] - 1)
    assert 0 < late <= seconds


def test_without_a_hold_the_next_look_takes_the_rollback_back(play: Play, timeline: Show) -> None:
    """The naive variant: automation sees the newest image again, and it is the bad one."""
    naive = Variant(rollback="command", has_hold=False)
    run = play("v3", variant=naive, environments=AUTOMATED)
    assert run.measures["stayed_rolled_back"] is False
    assert run.measures["rollback_seconds"] == 13
    # Rolled back at 352, it stays until the look at 390, which first asks about staging: clone 2.
    # Then production: clone 2 + push 3, as for any release.
    asked = run.history.cone("deploy-1")[0].t_us / 1e6
    assert timeline(run, "deploy-1")[-1] == (390 + 2 + 5 - asked, "manifest applied in production")


def test_with_a_hold_it_stays_even_after_the_next_push(play: Play) -> None:
    """Staging goes on to the next version, production stays where it was put."""
    run = play("v3", variant=COMMAND, environments=AUTOMATED, next_push=True)
    assert run.measures["stayed_rolled_back"] is True
    assert run.measures["bad_is_back_after_next_push"] is False
    held = [each for each in run.history.of("Decided") if each.because.startswith("held by alice")]
    assert {each.resource for each in held} == {"production"}
    assert any(each.intent == "deploy-2" for each in held), "also the push after it was held"


def test_a_rollback_touches_nobody_else(play: Play) -> None:
    """Not CI, not the registry, not the code, not another workload."""
    run = play("v3", microservices=("users", "orders"))
    assert run.measures["collateral"] == 0
    boxes = {each.component for each in run.history.cone("rollback-1")}
    assert boxes == {"people", "manager", "config-repo", "environment"}


def test_truth_and_cluster_agree_afterwards(play: Play) -> None:
    """The config repo names the very digest that runs."""
    assert play("v3").measures["divergence_after_rollback"] == "none"
