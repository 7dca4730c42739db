"""
Days that broke a rule once, or break one as soon as the product does what a name here forbids.

Each was found and shrunk by `test_people_and_faults.py`, of the product or of a mutant of it.
"""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.model import Environment, Variant
from cdlab.scenario import Scenario
from tests.properties.always import ALWAYS
from tests.properties.days import Day, play

USERS = {"microservice": "users"}
PRODUCTION = {**USERS, "environment": "production"}
FIVE_MINUTES = {"wait": {"seconds": 300}}


def push(version: str) -> dict[str, Any]:
    """A push of users."""
    return {"push": {**USERS, "version": version}}


def day_of(*steps: dict[str, Any], **settings: Any) -> Day:
    """One microservice, in V3 unless it says otherwise; no rule is broken."""
    scenario = Scenario(
        **{
            "architecture": "v3",
            "story": "steps",
            "profile": "constant",
            "microservices": ("users",),
            "environments": (Environment("staging"), Environment("production")),
            "variant": Variant(rollback="command"),
            "steps": steps,
            **settings,
        }
    )
    day = play(scenario)
    assert {rule.__name__: broken for rule in ALWAYS if (broken := list(rule(day)))} == {}
    return day


def released(day: Day, cause: str) -> list[str]:
    """The versions that were released to production for it; the first is `good`."""
    first = next(
        e.detail["revision"] for e in day.history.of("CommitPushed") if e.resource == "users"
    )
    intents = {e.intent: e.detail["version"] for e in day.intents("deploy")}
    made = {
        e.detail["revision"]: intents.get(e.intent, "")
        for e in day.history.of("CommitPushed")
        if e.component == "code-repo"
    } | {first: "good"}
    return [
        made[each.trailers["To"].rpartition("@")[0].rpartition(":")[2]]
        for each in day.releases(cause)
        if each.place[0] == "production"
    ]


def test_a_release_that_was_never_healthy_is_no_target() -> None:
    """The second image arrives while pods of the first are starting; back goes past both."""
    seconds = {"wait": {"seconds": 5}}
    day = day_of(push("v2"), seconds, push("v3"), FIVE_MINUTES, {"roll_back": PRODUCTION})
    assert released(day, "automation") == ["good", "v2", "v3"]
    assert released(day, "rollback") == ["good"]


def test_a_rollback_brings_the_earlier_manifest_back() -> None:
    """Somebody wanted three pods, then came a bad image: the release before had two."""
    edit = {"edit_manifest": {**USERS, "replicas": 3}}
    day = day_of(edit, push("v2"), FIVE_MINUTES, {"roll_back": PRODUCTION})
    (back,) = day.releases("rollback")
    assert "replicas: 3\n" in back.before[back.path]
    assert "replicas: 2\n" in back.after[back.path]


def test_a_lock_stops_automation_and_people() -> None:
    """Neither the newest image nor the one before comes to production."""
    day = day_of({"lock": PRODUCTION}, push("v2"), FIVE_MINUTES, {"roll_back": PRODUCTION})
    assert released(day, "automation") == ["good"]
    assert released(day, "rollback") == []
    assert [e.because.partition(" ")[0] for e in day.history.of("RollbackRefused")] == ["locked"]


def test_a_tag_that_moved_is_not_promoted() -> None:
    """A dropped commit has the one before it built again, as another image of the same tag."""
    day = day_of(
        push("v2"),
        FIVE_MINUTES,
        {"roll_back": {**USERS, "environment": "staging"}},
        {"force_push": USERS},
        FIVE_MINUTES,
        {"promote": {**USERS, "source": "staging", "target": "production"}},
        environments=(Environment("staging"), Environment("production", False)),
        variant=Variant(rollback="command", has_build_cache=False),
    )
    digests = {e.digest_after for e in day.history.of("ImagePushed")}
    tags = {e.detail["ref"] for e in day.history.of("ImagePushed")}
    assert (len(digests), len(tags)) == (3, 2)
    assert released(day, "promotion") == ["good"]  # of the bootstrap; the second is up to date


def test_a_rollback_whose_answer_is_lost_happens_once() -> None:
    """The commit is there, so nothing is tried again: a second try would go further back."""
    lost = {"what": "config-push-unknown", "during": "rollback"}
    day = day_of(
        push("v2"), FIVE_MINUTES, push("v3"), FIVE_MINUTES, {"roll_back": PRODUCTION},
        faults=(lost,),
    )  # fmt: skip
    assert len(day.history.of("FaultHappened")) == 1
    assert released(day, "rollback") == ["v2"]


def test_a_release_whose_push_is_rejected_is_not_applied() -> None:
    """What was never committed never runs, also not for the moment until it is committed."""
    rejected = {"what": "config-push-rejected", "during": "deploy", "times": 3}
    day = day_of(push("v2"), FIVE_MINUTES, faults=(rejected,))
    assert len(day.history.of("PushRejected")) == 3
    assert released(day, "automation") == ["good", "v2"]


@pytest.mark.parametrize("what", ["hint-reordered", "hint-doubled", "tags-reordered"])
def test_hints_of_two_tags_in_any_order_release_nothing_older(what: str) -> None:
    """The older tag, told last, changes nothing."""
    fault = {"what": what, "nth": 2, "times": 3}
    day = day_of(push("v2"), push("v3"), FIVE_MINUTES, faults=(fault,))
    assert day.history.of("FaultHappened")
    assert released(day, "automation") in (["good", "v2", "v3"], ["good", "v3"])


@pytest.mark.parametrize("architecture", ["v1", "v2"])
def test_there_is_nothing_before_the_first_commit(architecture: str) -> None:
    """To force-push it away is refused; the run went down with an `IndexError` once."""
    day = day_of(
        {"roll_back": PRODUCTION}, architecture=architecture, variant=Variant(rollback="force-push")
    )
    (answer,) = day.history.of("RollbackRefused")
    assert answer.because == "it is the first commit: there is nothing before it"


def test_a_cluster_that_is_lost_completes_no_rollback() -> None:
    """The last bad pod ends with all others: nothing serves, so nothing is back."""
    day = day_of(
        {"edit_manifest": {**USERS, "replicas": 2}},
        {"roll_back": {**USERS, "environment": "staging", "to": "good"}},
        {"delete_cluster": {}},
        architecture="v1",
        replicas=1,
        variant=Variant(rollback="revert"),
    )
    assert day.run.measures["rollback_seconds"] is None
    assert day.run.measures["artifact_fidelity"] is None


def test_the_digest_of_a_rollback_that_a_step_asks_for_is_compared() -> None:
    """What has to serve is known from the answer, since the step does not say it."""
    day = day_of(push("v2"), FIVE_MINUTES, {"roll_back": PRODUCTION})
    assert day.run.measures["artifact_fidelity"] == 1


def test_a_deploy_step_that_runs_again_builds_nothing() -> None:
    """Only in the variant for that: a revert to the same version waits for its build."""
    to_good = {"roll_back": {**PRODUCTION, "to": "good"}}
    for how, builds in (("redeploy", 0), ("revert", 1)):
        variant = Variant(rollback=how)
        day = day_of(push("v2"), FIVE_MINUTES, to_good, architecture="v1", variant=variant)
        cone = [event.kind for event in day.history.cone("rollback-1")]
        assert (cone.count("ImageBuilt"), cone.count("ImageSet")) == (builds, 2)
