"""For how long the config repo and the pods disagree: by hand, and in runs of the simulator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdlab.divergence import (
    spans,
    ssot_divergence,
    ssot_divergence_ended_by,
    ssot_divergence_maximum,
)
from cdlab.history import History
from cdlab.model import Environment, Variant
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.worlds import simulated


def test_divergence_lasts_from_the_commit_to_the_last_old_pod(deployed: Any) -> None:
    """One of two workloads for 12 of 100 seconds; what was before the first request is left out."""
    deployed.config(110, "users", "r/users:b", "deploy-1")
    deployed.image_set(111, "users", "deploy-1")
    deployed.pod(122, "users", "B", gone="A")
    history = deployed.ended(200)
    assert ssot_divergence(history) == pytest.approx(12 / 100 / 2)
    assert ssot_divergence_maximum(history) == 0.5
    assert ssot_divergence_ended_by(history) == "deploy"


def test_while_old_and_new_pods_serve_they_disagree(deployed: Any) -> None:
    """The second of two replicas ends it, not the first."""
    deployed.config(110, "users", "r/users:b", "deploy-1")
    deployed.pod(120, "users", "B")
    deployed.pod(130, "users", "", gone="A")
    assert ssot_divergence(deployed.ended(200)) == pytest.approx(20 / 100 / 2)


def test_an_edit_by_hand_diverges_until_something_ends_it(deployed: Any) -> None:
    """Nobody told the config repo, so it lies from the pod on, until the next release."""
    deployed.image_set(110, "users", "out-of-band edit-1")
    deployed.pod(115, "users", "B", gone="A")
    deployed.config(160, "users", "r/users:b", "deploy-1")
    history = deployed.ended(200)
    assert ssot_divergence(history) == pytest.approx(45 / 100 / 2)
    assert ssot_divergence_ended_by(history) == "deploy"


def test_what_ended_it_is_who_changed_the_workload_last(deployed: Any) -> None:
    """A pod acts for nobody: the repair is that of the last change before it."""
    deployed.image_set(110, "users", "out-of-band edit-1")
    deployed.pod(115, "users", "B", gone="A")
    deployed.image_set(150, "users", "drift repair-1")
    deployed.image_set(151, "orders", "rollback-1")
    deployed.pod(160, "users", "A", gone="B")
    deployed.image_set(170, "users", "promote-1")
    assert ssot_divergence_ended_by(deployed.ended(200)) == "drift repair"


def test_a_divergence_that_nothing_ends_lasts_to_the_end(deployed: Any) -> None:
    """It counts up to the last event."""
    deployed.pod(150, "users", "B", gone="A")
    history = deployed.ended(200)
    assert ssot_divergence(history) == pytest.approx(50 / 100 / 2)
    assert ssot_divergence_ended_by(history) == "still there"


def test_what_began_before_the_first_request_counts_from_it(deployed: Any) -> None:
    """30 of 100 s of one that ends, and all of one that does not."""
    events = list(deployed.history)
    early = [event for event in events if event.kind != "IntentDeclared"]
    deployed.history = History(early)
    deployed.pod(50, "users", "B", gone="A")
    deployed.pod(60, "orders", "", gone="C")
    deployed.asked(100, "deploy")
    deployed.pod(130, "users", "A", gone="B")
    assert ssot_divergence(deployed.ended(200)) == pytest.approx((30 + 100) / 100 / 2)


def test_a_tag_that_moves_later_changes_no_wish_of_earlier(deployed: Any) -> None:
    """The entry means the image that had its tag when it was written."""
    deployed.built("users", "a", digest="OTHER")
    assert ssot_divergence(deployed.ended(200)) == 0


def test_nothing_that_serves_is_not_what_the_config_repo_says(deployed: Any) -> None:
    """A workload without pods differs from its entry."""
    deployed.pod(150, "users", "", gone="A")
    deployed.pod(160, "users", "A")
    assert ssot_divergence(deployed.ended(200)) == pytest.approx(10 / 100 / 2)


def test_a_digest_is_stronger_than_its_tag(deployed: Any) -> None:
    """The tag has moved on by then; an entry without a digest means where it points."""
    deployed.built("users", "b", digest="sha256:1")
    deployed.built("users", "b", digest="sha256:2")
    deployed.config(110, "users", "r/users:b@sha256:1", "deploy-1")
    deployed.pod(130, "users", "sha256:1", gone="A")
    deployed.config(150, "users", "r/users:b", "policy change-1")
    deployed.pod(160, "users", "sha256:2", gone="sha256:1")
    assert ssot_divergence(deployed.ended(200)) == pytest.approx((20 + 10) / 100 / 2)


def test_a_revert_of_a_config_commit_wants_what_was_before(deployed: Any) -> None:
    """The reverted commit's files say again what they said when it was pushed."""
    bad = deployed.config(110, "users", "r/users:b", "deploy-1")
    deployed.pod(112, "users", "B", gone="A")
    made = {"revision": "back", "reverted": bad}
    deployed.add(150, "Reverted", "config-repo", "notify", intent="rollback-1", detail=made)
    deployed.pushed(150, "back", "rollback-1")
    deployed.image_set(151, "users", "rollback-1")
    deployed.pod(157, "users", "A", gone="B")
    history = deployed.ended(200)
    found = spans(history)
    assert found is not None
    lasted = [(s.began_us / 1e6, s.ended_us / 1e6) for s in found["prod", "users"]]
    assert lasted == [(110, 112), (150, 157)]
    assert ssot_divergence_ended_by(history) == "rollback"


def test_what_was_rejected_is_nobodys_wish(deployed: Any) -> None:
    """A commit counts when its push was accepted."""
    made = {"revision": "lost", "files": {"environments/prod/users.yaml": "not a manifest"}}
    deployed.add(110, "Committed", "config-repo", "notify", detail=made)
    deployed.add(111, "PushRejected", "config-repo", "write", outcome="failed")
    history = deployed.ended(200)
    assert (ssot_divergence(history), ssot_divergence_maximum(history)) == (0, 0)
    assert ssot_divergence_ended_by(history) == "none"


def test_a_manifest_that_cannot_be_read_is_run_by_nobody(deployed: Any) -> None:
    """It is there, and what runs is something else."""
    made = {"revision": "odd", "files": {"environments/prod/users.yaml": "- not a manifest"}}
    deployed.add(120, "Committed", "config-repo", "notify", detail=made)
    deployed.pushed(120, "odd", "policy change-1")
    assert ssot_divergence(deployed.ended(200)) == pytest.approx(80 / 100 / 2)


def test_the_most_at_once_is_no_sum_of_what_came_one_after_the_other(deployed: Any) -> None:
    """Two that take turns are one at a time; what ends when another begins does not overlap it."""
    deployed.pod(120, "users", "", gone="A")
    deployed.pod(130, "users", "A")
    deployed.pod(130, "orders", "", gone="C")
    deployed.pod(140, "orders", "C")
    assert ssot_divergence_maximum(deployed.history) == 0.5
    deployed.pod(145, "users", "", gone="A")
    deployed.pod(146, "orders", "", gone="C")
    assert ssot_divergence_maximum(deployed.ended(200)) == 1


def test_without_a_config_repo_or_a_request_there_is_nothing_to_say(
    deployed: Any, told: Any
) -> None:
    """Undefined is None and not 0."""
    no_config_repo = told("users")
    no_config_repo.asked(10, "deploy")
    no_config_repo.pod(15, "users", "A")
    events = [event for event in deployed.ended(200) if event.kind != "IntentDeclared"]
    no_request = History(event._replace(seq=seq) for seq, event in enumerate(events))
    no_time = History([*deployed.history][:-1])
    for history in (no_config_repo.ended(20), no_request, no_time):
        for function in (
            *(spans, ssot_divergence, ssot_divergence_maximum, ssot_divergence_ended_by),
        ):
            assert function(history) is None


@pytest.mark.parametrize(
    ("architecture", "m", "replicas", "seconds"),
    [
        # A rollout: pull 10 and start 4, or start 4 alone where the image was; each replica more 4.
        ("v2", 1, 1, 14 + 4),
        ("v2", 2, 1, 2 * (14 + 4)),
        ("v2", 2, 2, 2 * (18 + 8)),
        ("v3", 1, 1, 14 + 4),
        ("v3", 2, 1, 14 + (14 + 4)),  # staging is not rolled back
    ],
)
def test_in_a_run_they_disagree_for_as_long_as_rollouts_take(
    architecture: str, m: int, replicas: int, seconds: float
) -> None:
    """A commit that is applied at once is available when its pods are, by constant costs."""
    scenario = Scenario(
        architecture=architecture,
        microservices=("users",),
        environments=(Environment("staging"), Environment("production", architecture == "v2"))[:m],
        replicas=replicas,
        profile="constant",
        variant=Variant(rollback="command" if architecture == "v3" else "revert"),
    )
    history = run_in(replace(simulated(scenario), look_phase=0.3), scenario).history
    asked = next(e for e in history.of("IntentDeclared") if e.detail["intent"] == "deploy")
    lasted = (history[-1].t_us - asked.t_us) / 1e6
    assert ssot_divergence(history) == pytest.approx(seconds / lasted / m)
