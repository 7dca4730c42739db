"""The policy of an environment: defaults and a lock, read strictly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdlab.environment_policies import NO_DEFAULTS, EnvironmentPolicy, environment_policy
from cdlab.errors import ManifestError
from cdlab.stops import Hold, Lock
from cdlab.tag_patterns import tag_pattern

PATH = "environments/production/policy.yaml"
WHOLE = """\
# What holds in production.
automated: true
tag: semver:^1.2
branch: release/*
drift: report
lock:
  user: ann
  reason: the end of the year
  since: 2026-12-20T00:00:00Z
  until: 2027-01-02T00:00:00Z
hold: {user: ben, reason: on holiday}
"""


def test_every_part_is_read() -> None:
    """Dates need no quotes: here they are text, as everywhere in the config repo."""
    since, until = "2026-12-20T00:00:00Z", "2027-01-02T00:00:00Z"
    assert environment_policy(WHOLE, PATH) == EnvironmentPolicy(
        is_automated=True,
        tag=tag_pattern("semver:^1.2"),
        branch="release/*",
        drift="report",
        lock=Lock("ann", "the end of the year", since, until),
        hold=Hold("ben", "on holiday"),
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}\n"])
def test_an_empty_file_says_nothing(text: str) -> None:
    """As if it was not there: people decide, and drift is repaired."""
    assert environment_policy(text, PATH) == NO_DEFAULTS
    assert (NO_DEFAULTS.is_automated, NO_DEFAULTS.drift) == (False, "repair")
    assert (NO_DEFAULTS.lock, NO_DEFAULTS.hold) == (None, None)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("automate: true", '"automate": is no part of a policy; there are automated, tag'),
        ("skip: []", '"skip": is no part of a policy'),
        ("hold: {user: ann, reason: x, until: unlocked}", "no lift rule"),
        (f"hold: {{user: ann, reason: x, until: 'newer than sha256:{64 * '0'}'}}", "several"),
        ("1: true", '"1": is no part of a policy'),
        ('automated: "true"', "is neither true nor false"),
        ("automated:", "is neither true nor false"),
        ("tag: 1.2", "is not text"),
        ("tag: glob", "neither newest nor glob:PATTERN"),
        ('tag: "semver:|| 1"', "has an empty alternative"),
        ("branch: [main]", "is not text"),
        ('branch: ""', "is not a glob"),
        ("drift: ignore", "is neither repair nor report"),
        ("lock: true", "wants user, reason"),
        ("lock: {user: ann, reason: x, until: resumed}", "no lift rule"),
        ("lock: {user: ann, reason: 7}", "reason is not text"),
        ("drift: repair\ndrift: report", 'second key "drift"'),
        ("tag: *anchor", "undefined alias"),
    ],
)
def test_what_is_not_understood_is_refused_with_file_and_line(line: str, what: str) -> None:
    """Nothing is guessed: until it is mended the whole environment is left alone."""
    with pytest.raises(ManifestError, match=what) as refused:
        environment_policy(f"# a comment\n\n{line}\n", PATH)
    assert (refused.value.path, refused.value.line) == (PATH, 3 + line.count("\n"))
    assert refused.value.help


@pytest.mark.parametrize(
    ("text", "line"),
    [("tag: newest\n---\ndrift: report\n", 3), ("- a\n", 1), ("&a [", 1), ("tag: [\n", 1)],
)
def test_it_is_one_mapping(text: str, line: int) -> None:
    """Not a list, not two documents, and not half of one; the line is one that the file has."""
    with pytest.raises(ManifestError) as refused:
        environment_policy(text, PATH)
    assert refused.value.line == line


keys = st.sampled_from(["automated", "tag", "branch", "drift", "lock", "hold", "user", "reason"])
leaves = st.sampled_from(["newest", "glob:a", "repair", "main", "ann", "", True, None, 1, 1.5])
values = st.recursive(
    leaves | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
files = st.dictionaries(keys, values, max_size=4).map(
    lambda found: "\n".join(f"{key}: {json.dumps(value)}" for key, value in found.items())
)
noise = st.text(st.sampled_from("automted: glk[]{}\"'&*!-#\n\t\ud800\0"), max_size=30)


@given(files | noise)
def test_any_text_is_a_policy_or_refused_with_file_and_line(text: str) -> None:
    """No other exception comes out."""
    refused = refusal(text)
    assert refused is None or refused.path == PATH
    assert refused is None or 1 <= refused.line <= max(len(text.splitlines()), 1)


def refusal(text: str) -> ManifestError | None:
    """Why a file is refused; None where it is read."""
    try:
        environment_policy(text, PATH)
    except ManifestError as error:
        return error
    return None
