"""
The thirteen rules of the release manager, a test each, in the simulator.

What a rule says is the docstring of its test. The stories are in `tests/thirteen_rules/`, and are
the same on a real cluster: `tests/kind/test_thirteen_rules.py`.
"""

from __future__ import annotations

from tests.thirteen_rules.rules import RULES


def test_rule_1_one_release_is_one_commit() -> None:
    """
    One release is one commit with trailers, and its id makes a retried push idempotent.

    After a push without an answer the manager looks for the commit before it tries again.
    """
    RULES[1].hold("sim")


def test_rule_2_a_rollback_is_one_atomic_commit() -> None:
    """A rollback is the whole earlier manifest and a hold, with owner, reason and lift rule."""
    RULES[2].hold("sim")


def test_rule_3_rolling_back_twice_goes_further_back() -> None:
    """Candidates are noted healthy, and never what a rollback came from: it does not flip."""
    RULES[3].hold("sim")


def test_rule_4_commit_before_apply() -> None:
    """Only what is committed is applied, by digest; no tag is resolved again in between."""
    RULES[4].hold("sim")


def test_rule_5_automation_is_monotone() -> None:
    """
    Late builds of older commits, partial and reordered lists of tags never downgrade.

    More than a set number of new tags at once stop automation with an alarm.
    """
    RULES[5].hold("sim")


def test_rule_6_a_lock_stops_all_and_a_hold_automation() -> None:
    """
    Locked: no release without force, which is recorded. Held: no automated one until lifted.

    Also after a restart, an edit of the policy and a sync.
    """
    RULES[6].hold("sim")


def test_rule_7_a_lost_race_is_planned_again() -> None:
    """
    One writer, ten tries, the policy checked again after each; nothing is ever forced.

    Twenty commands at once lose nothing.
    """
    RULES[7].hold("sim")


def test_rule_8_a_rollback_goes_first() -> None:
    """It pre-empts queued work and an unfinished rollout."""
    RULES[8].hold("sim")


def test_rule_9_drift_is_reported_with_its_age_and_repaired() -> None:
    """In a mode for each environment; what was wiped is rebuilt from the repo alone."""
    RULES[9].hold("sim")


def test_rule_10_notifications_are_hints() -> None:
    """Lost, doubled, late, reordered or forged they only delay; own commits need none."""
    RULES[10].hold("sim")


def test_rule_11_only_what_carries_our_label_is_pruned() -> None:
    """And only when somebody asks."""
    RULES[11].hold("sim")


def test_rule_12_what_is_invalid_is_refused_with_file_and_line() -> None:
    """An invalid pattern, policy or manifest never means "match everything", nor stops others."""
    RULES[12].hold("sim")


def test_rule_13_input_from_outside_is_not_trusted() -> None:
    """Names, tags, messages and manifests; what the page makes of them: `test_security.py`."""
    RULES[13].hold("sim")
