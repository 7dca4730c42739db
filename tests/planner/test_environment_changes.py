"""Changes of a whole environment's policy by the planner: one commit to one file, byte by byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdlab.config_layout import POLICY, config_path, policy_in
from cdlab.environment_policies import settings_in, with_settings
from cdlab.errors import ManifestError
from cdlab.policies import AUTOMATED, HOLD, TAG, policy_of
from cdlab.policy_edits import (
    DRIFT,
    PolicyEdit,
    automate,
    deautomate,
    hold,
    lock,
    resume,
    set_tag,
    unlock,
)
from cdlab.stops import Hold, Lock, newer_than

if TYPE_CHECKING:
    from cdlab.release_requests import ReleaseRequest
    from tests.planner.conftest import ConfigRepo

NOON = 1_767_268_800.0
AT_NOON = "2026-01-01T12:00:00Z"
PATH = config_path("production", POLICY)
BY_HAND = """\
# What holds in production.
automated: true   # since the summer

drift: report
lock:
  user: ann   # of the night shift
  reason: audit
  until: unlocked

# Nothing else.
"""


def change(repo: ConfigRepo, edit: PolicyEdit, **more: object) -> ReleaseRequest:
    return repo.request("policy", edit=edit, workload="", **more)


def commit(repo: ConfigRepo, edit: PolicyEdit, **more: object) -> dict[str, str]:
    """Plan and commit; the trailers of the commit."""
    plan = repo.plan(change(repo, edit, **more))
    assert plan.outcome.is_released, plan.outcome
    repo.write(plan.manifest, plan.commit_message, PATH)
    return repo.trailers(plan)


def test_a_lock_of_an_environment_is_one_commit_to_its_policy(repo: ConfigRepo) -> None:
    """The file is made if there is none; the trailers are those of a change of policy."""
    edit = lock("bob", "the end of the year", now=NOON)
    plan = repo.plan(change(repo, edit, message="No more"))
    assert (plan.outcome.image, plan.manifest) == (
        None,
        'lock: {user: "bob", reason: "the end of the year", since: "2026-01-01T12:00:00Z", '
        'until: "unlocked"}\n',
    )
    assert plan.commit_message.startswith("Lock production\n\nNo more\n\nRelease-Id: ")
    assert repo.trailers(plan) | {"Release-Id": ""} == {
        "Release-Id": "",
        "Cause": "policy",
        "User": "alice",
        "Environment": "production",
        "Hold": "none",
    }
    assert commit(repo, edit)["User"] == "alice"
    assert repo.answer(repo.by_hand("a")) == ("refused", "locked by bob: the end of the year")


def test_every_edit_of_an_environment_is_what_its_policy_says_then(repo: ConfigRepo) -> None:
    """By command as by hand in git; and what lifts it takes it out again."""
    edits: dict[str, tuple[PolicyEdit, dict[str, object]]] = {
        "Automate": (automate(), {"is_automated": True}),
        "Deautomate": (deautomate(), {"is_automated": False}),
        "Hold": (hold("bob", "x", now=NOON), {"hold": Hold("bob", "x", AT_NOON)}),
        "Resume": (resume(), {"hold": None}),
        "Lock": (lock("bob", "x", now=NOON), {"lock": Lock("bob", "x", AT_NOON)}),
        "Unlock": (unlock(), {"lock": None}),
        "Change the policy of": (PolicyEdit(annotations={DRIFT: "report"}), {"drift": "report"}),
    }
    ids = set()
    for subject, (edit, found) in edits.items():
        plan = repo.plan(change(repo, edit))
        assert plan.commit_message.split("\n")[0] == f"{subject} production"
        ids.add(commit(repo, edit)["Release-Id"])
        policy = policy_in(repo.checkout, "production")
        assert {name: getattr(policy, name) for name in found} == found
    assert len(ids) == len(edits)
    assert repo.checkout.read(PATH) == "automated: false\ndrift: report\n"


def test_the_hold_of_an_environment_stops_automation_and_nobody_else(repo: ConfigRepo) -> None:
    """Until it is lifted, whatever the workload says; the trailer of a release has it."""
    repo.ship("a")
    assert commit(repo, hold("bob", "wait", now=NOON))["Hold"] != "none"
    assert repo.answer(repo.automatic("ab")) == ("skipped", "held by bob: wait")
    plan = repo.plan(repo.newest("ab"))
    assert json.loads(repo.trailers(plan)["Hold"])["user"] == "bob"
    assert HOLD not in plan.manifest
    commit(repo, resume())
    assert repo.plan(repo.automatic("ab")).outcome.is_released


def test_a_hold_that_an_image_lifts_gives_way_to_that_of_the_environment(repo: ConfigRepo) -> None:
    """A newer image would lift the one, but not the other."""
    repo.ship("ab")
    digest = repo.tags("b")[0].digest
    repo.annotate(HOLD, str(Hold("ann", "bad", until=newer_than(digest))))
    assert repo.plan(repo.automatic("abc")).outcome.is_released
    commit(repo, hold("bob", "wait", now=NOON))
    assert repo.answer(repo.automatic("abc")) == ("skipped", "held by bob: wait")


@pytest.mark.parametrize(
    ("edit", "answer"),
    [
        (automate(), ("skipped", "nothing to change")),
        (lock("ann", "audit", now=NOON), ("skipped", "nothing to change")),
        (resume(), ("skipped", "nothing to change")),
        (set_tag("semver:latest"), ("refused", "the policy would be invalid: ")),
        (PolicyEdit(annotations={AUTOMATED: "yes"}), ("refused", "the policy would be invalid")),
        (PolicyEdit(annotations={DRIFT: "never"}), ("refused", "the policy would be invalid: ")),
        (PolicyEdit(annotations={"team": "a"}), ("refused", "the policy would be invalid: ")),
        (
            lock("bob", "x", now=NOON, until="2025-01-01T00:00:00Z"),
            ("refused", "the policy would be invalid: 2025-01-01T00:00:00Z is over"),
        ),
        (
            hold("bob", "x", now=NOON, until=f"newer than sha256:{64 * '0'}"),
            ("refused", "the policy would be invalid: "),
        ),
    ],
    ids=str,
)
def test_what_is_so_already_or_would_be_invalid_is_no_commit(
    repo: ConfigRepo, edit: PolicyEdit, answer: tuple[str, str]
) -> None:
    """With the reason, before anything is written."""
    repo.write_policy(BY_HAND)
    status, reason = repo.answer(change(repo, edit))
    assert status == answer[0]
    assert reason.startswith(answer[1]), reason


def test_a_broken_policy_is_told_with_its_line_and_not_replaced(repo: ConfigRepo) -> None:
    """Whoever edits it next mends it first."""
    repo.write_policy("automated: true\ndrift: sometimes\n")
    with pytest.raises(ManifestError) as refused:
        repo.plan(change(repo, automate()))
    assert (refused.value.path, refused.value.line) == (PATH, 2)


def test_what_a_workload_says_itself_goes_before_and_is_a_conflict(repo: ConfigRepo) -> None:
    """In words, where both say something; a workload without annotations has none."""
    repo.annotate(TAG, "glob:v*")
    repo.write_policy("automated: false\ntag: newest\nbranch: main\n")
    defaults = policy_in(repo.checkout, "production")
    policy = policy_of(repo.manifest, "users", "a path", defaults)
    assert (policy.is_automated, str(policy.tag), policy.branch) == (True, "glob:v*", "main")
    assert policy.conflicts == (
        "automated here, manual in the environment",
        "tag glob:v* here, tag newest in the environment",
    )
    repo.annotate(AUTOMATED, None)
    repo.annotate(TAG, None)
    assert policy_of(repo.manifest, "users", "a path", defaults).conflicts == ()


BOB = {"user": "bob", "reason": "x"}
LOCK_LINES = """\
lock:
  user: ann   # of the night shift
  reason: audit
  until: unlocked
"""


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"automated": False}, "automated: true", "automated: false"),
        ({"drift": "repair"}, "drift: report", "drift: repair"),
        ({"tag": "glob:v*"}, "# Nothing else.\n", '# Nothing else.\ntag: "glob:v*"\n'),
        ({"lock": BOB}, LOCK_LINES, 'lock: {user: "bob", reason: "x"}\n'),
        ({"lock": None}, LOCK_LINES, ""),
    ],
    ids=str,
)
def test_an_edit_changes_the_bytes_of_its_key(changes: dict[str, Any], old: str, new: str) -> None:
    """Comments, order and empty lines stay."""
    assert BY_HAND.count(old) == 1
    assert with_settings(BY_HAND, changes, PATH) == BY_HAND.replace(old, new)


texts = st.text(max_size=20).filter(lambda text: text.strip() and "\ud800" not in repr(text))
stops = st.fixed_dictionaries({"user": texts, "reason": texts})
values = {
    "automated": st.booleans(),
    "tag": st.sampled_from(["newest", "glob:v*", "semver:^1 || 2.x"]),
    "branch": st.sampled_from(["main", "release/*"]),
    "drift": st.sampled_from(["repair", "report"]),
    "lock": stops,
    "hold": stops,
}
settings = st.fixed_dictionaries({}, optional=values)  # type: ignore[type-var]


@given(settings, settings)
def test_what_is_set_is_read_and_what_is_taken_out_is_gone(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Whatever people write as their reasons; taking out what was added gives the same text."""
    text = with_settings("# Ours.\n", first, PATH)
    assert settings_in(text, PATH) == first
    both = with_settings(text, second, PATH)
    assert settings_in(both, PATH) == {**first, **second}
    added = [key for key in second if key not in first]
    again = with_settings(both, {**dict.fromkeys(added), **first}, PATH)
    assert settings_in(again, PATH) == first
    if not set(first) & set(second):
        assert again == text


@given(st.text(st.sampled_from("automted: rueflsn{}\"'&*!-#?|>\n \t[],"), max_size=40))
def test_any_policy_is_edited_rightly_or_refused(text: str) -> None:
    """No other key changes, and no other exception comes out."""
    try:
        before = settings_in(text, PATH)
        after = settings_in(with_settings(text, {"branch": "main"}, PATH), PATH)
    except ManifestError:
        return
    assert after == {**before, "branch": "main"}


def test_a_key_that_no_policy_has_is_not_written() -> None:
    """Nor one in the middle of a line."""
    with pytest.raises(ManifestError, match="no part of a policy"):
        with_settings("", {"skip": []}, PATH)
    with pytest.raises(ManifestError) as refused:
        with_settings("{automated: true, drift: report}\n", {"tag": "newest"}, PATH)
    assert refused.value.help
    one_line = with_settings("{automated: true, drift: report}\n", {"automated": False}, PATH)
    assert one_line == "{automated: false, drift: report}\n"
