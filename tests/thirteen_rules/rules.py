"""
The thirteen rules of the release manager, each with the story by which it is played.

Called by `tests/manager/test_thirteen_rules.py`, which says what each rule is, and by
`tests/kind/test_thirteen_rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.thirteen_rules import keeping, releasing
from tests.thirteen_rules.shop import NAME, Rule

RULES: Mapping[int, Rule] = {
    1: Rule(
        releasing.one_release_is_one_commit,
        faults=({"what": "config-push-unknown", "during": "deploy"},),
    ),
    2: Rule(releasing.a_rollback_is_one_commit_with_a_hold),
    3: Rule(releasing.rolling_back_twice_goes_further_back),
    4: Rule(releasing.what_is_applied_was_committed_by_digest),
    5: Rule(
        releasing.automation_never_goes_back,
        faults=(
            {"what": "build-slow", "during": "deploy", "seconds": 3_600.0},
            {"what": "tags-reordered", "nth": 2, "times": 3},
            {"what": "tags-partial", "nth": 6, "times": 1},
        ),
    ),
    6: Rule(releasing.a_lock_stops_everybody_and_a_hold_automation),
    7: Rule(releasing.a_lost_race_is_planned_again),
    8: Rule(releasing.a_rollback_goes_first),
    9: Rule(keeping.drift_is_repaired_or_reported),
    10: Rule(
        keeping.a_hint_changes_nothing_but_the_delay,
        faults=(
            {"what": "hint-lost", "during": "deploy"},
            {"what": "hint-doubled", "during": "deploy"},
            {"what": "hint-late", "during": "deploy", "nth": 2, "seconds": 5.0},
            {"what": "hint-reordered", "during": "deploy", "nth": 3},
        ),
    ),
    11: Rule(keeping.only_what_is_ours_is_pruned),
    12: Rule(keeping.what_is_invalid_is_refused_with_its_line, microservices=(NAME, "orders")),
    13: Rule(keeping.nothing_from_outside_is_trusted),
}
"""Number of the rule in the design -> how it is played."""
