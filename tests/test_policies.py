"""Reading the scroll: strict, with file and line, and never as "match everything"."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdlab.environment_policies import EnvironmentPolicy
from cdlab.errors import ManifestError
from cdlab.manifests import annotate
from cdlab.model import Digest
from cdlab.policies import AUTOMATED, BRANCH, HOLD, LOCK, SKIP, TAG, Policy, policy_of
from cdlab.stops import Hold, Lock, Skip
from cdlab.tag_patterns import tag_pattern

PATH = "environments/staging/users.yaml"
MANIFEST = """\
# The policy, cdlab.dev/tag among others, stands in the annotations.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users
  annotations:
    example.com/team: payments
{annotations}
spec:
  selector: {{matchLabels: {{app: users}}}}
  template:
    spec:
      containers: [{{name: users, image: "registry.test/users:v1"}}]
"""
FIRST_LINE = 8
"""Where the first of the annotations stands."""
SINCE = "2026-01-01T12:00:00Z"
NOON = 1_767_268_800.0
BAD = Digest("sha256:" + "ab" * 32)
GOOD = Digest("sha256:" + "cd" * 32)


def manifest(*annotations: str) -> str:
    return MANIFEST.format(annotations="\n".join("    " + each for each in annotations))


def read(*annotations: str) -> Policy:
    return policy_of(manifest(*annotations), "users", PATH)


def test_a_manifest_without_annotations_waits_for_people() -> None:
    """Nobody said that it is automated, so nothing is released to it without a decision."""
    policy = read()
    assert not policy.is_automated
    assert (policy.lock, policy.hold, policy.skips, policy.branch) == (None, None, (), "")
    assert policy.tag.admits("anything")


def test_every_part_of_a_policy_is_read() -> None:
    """Automation, tags, branches, a lock and a hold with who and why, and what is skipped."""
    policy = read(
        'cdlab.dev/automated: "true"',
        'cdlab.dev/tag: "glob:v1.*"',
        'cdlab.dev/branch: "release/*"',
        f"""cdlab.dev/lock: '{{"user": "ann", "reason": "audit", "until": "{SINCE}"}}'""",
        """cdlab.dev/hold: '{"user": "bob", "reason": "rolled back"}'""",
        f"""cdlab.dev/skip: '[{{"image": "{BAD}", "user": "bob", "reason": "slow"}}]'""",
    )
    assert policy == Policy(
        is_automated=True,
        tag=tag_pattern("glob:v1.*"),
        branch="release/*",
        lock=Lock("ann", "audit", until=SINCE),
        hold=Hold("bob", "rolled back"),
        skips=(Skip(BAD, "bob", "slow"),),
    )


@pytest.mark.parametrize(
    ("annotation", "what"),
    [
        ('cdlab.dev/automated: "yes"', '"yes" is neither "true" nor "false"'),
        ('cdlab.dev/automated: "True"', '"True" is neither'),
        ('cdlab.dev/tag: "globb:v*"', "neither newest nor glob:PATTERN"),
        ('cdlab.dev/tag: "glob:"', "glob: has no pattern"),
        ('cdlab.dev/tag: ""', "neither newest nor glob:PATTERN"),
        ('cdlab.dev/tag: "newest:v*"', "neither newest nor glob:PATTERN"),
        ('cdlab.dev/tag: "semver:>=1 ||"', "has an empty alternative"),
        ('cdlab.dev/tag: "regexp:("', "is not a regular expression"),
        ('cdlab.dev/branch: ""', "is not a glob"),
        ('cdlab.dev/branch: "mai[n"', "is not a glob"),
        ('cdlab.dev/lokc: "true"', "no policy has that name"),
        ('cdlab.dev/lock: "true"', "wants user, reason"),
        ('cdlab.dev/lock: "not JSON"', "not JSON"),
        ('cdlab.dev/lock: \'{"user": "ann"}\'', "wants user, reason"),
        ('cdlab.dev/lock: \'{"user": "ann", "reason": "x", "until": "Friday"}\'', "no lift rule"),
        ("cdlab.dev/hold: '[1]'", "wants user, reason"),
        ("cdlab.dev/hold: '" + "[" * 100_000 + "'", "not JSON"),
        ("cdlab.dev/skip: '[1]'", "wants image, user, reason"),
        ("cdlab.dev/automated: true", "is not a string"),
    ],
)
def test_what_is_not_understood_is_refused_with_file_and_line(annotation: str, what: str) -> None:
    """A slip in a policy stops this workload; it is never read as leave to release."""
    with pytest.raises(ManifestError, match=what) as refused:
        read('example.com/other: "x"', annotation)
    assert (refused.value.path, refused.value.line) == (PATH, FIRST_LINE + 1)
    assert refused.value.help


STOP = """'{"user": "ann", "reason": "audit"}'"""
OTHER = """\
kind: ConfigMap
metadata:
  name: users
  annotations: {cdlab.dev/tag: "semver:no"}
---
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (manifest(f"cdlab.dev/lock: {STOP} # see cdlab.dev/tag", 'cdlab.dev/tag: "semver:no"'), 9),
        (manifest(f"cdlab.dev/lock: {STOP}", 'cdlab.dev/loc: "x"'), 9),
        (manifest("note: |", "  cdlab.dev/tag: x", '"cdlab.dev/tag" : "semver:no"'), 10),
        (OTHER + manifest("other: x", 'cdlab.dev/tag: "semver:no"'), 14),
        ("kind: Deployment\nmetadata: {annotations: {a: b,\n cdlab.dev/x: c}, name: users}\n"
         "spec: {template: {spec: {containers: [{name: users, image: a}]}}}\n", 3),
    ],
    ids=["after a comment", "a shorter name", "after a text", "second document", "flow style"],
)  # fmt: skip
def test_the_line_is_that_of_the_annotation_and_not_of_a_word_before_it(
    text: str, line: int
) -> None:
    """Wherever else the same words stand: in a comment, a longer name, another document."""
    with pytest.raises(ManifestError) as refused:
        policy_of(text, "users", PATH)
    assert refused.value.line == line


DEFAULTS = EnvironmentPolicy(is_automated=True, tag=tag_pattern("glob:v*"), branch="main")


def test_what_a_workload_does_not_say_is_as_its_environment_says() -> None:
    """All of it, or each part that it leaves open."""
    assert policy_of(manifest(), "users", PATH, DEFAULTS) == Policy(
        is_automated=True, tag=tag_pattern("glob:v*"), branch="main"
    )
    mixed = policy_of(manifest('cdlab.dev/tag: "newest"'), "users", PATH, DEFAULTS)
    assert (mixed.is_automated, str(mixed.tag), mixed.branch) == (True, "newest", "main")


def test_what_a_workload_says_wins() -> None:
    """Also where it says less than its environment."""
    said = ('cdlab.dev/automated: "false"', 'cdlab.dev/tag: "glob:x"', 'cdlab.dev/branch: "b"')
    policy = policy_of(manifest(*said), "users", PATH, DEFAULTS)
    assert (policy.is_automated, str(policy.tag), policy.branch) == (False, "glob:x", "b")


def test_a_lock_of_the_environment_stays_whatever_a_workload_says() -> None:
    """It is in force beside the workload's own, and after that one is over."""
    defaults = replace(DEFAULTS, lock=Lock("eve", "freeze"))
    own = f"""cdlab.dev/lock: '{{"user": "ann", "reason": "audit", "until": "{SINCE}"}}'"""
    policy = policy_of(manifest(own), "users", PATH, defaults)
    assert policy.lock_at(NOON - 1) == Lock("ann", "audit", until=SINCE)
    assert policy.lock_at(NOON) == Lock("eve", "freeze")
    assert policy_of(manifest(own), "users", PATH).lock_at(NOON) is None


def test_a_skipped_image_is_found_by_its_digest() -> None:
    """With who skipped it; every other image is free."""
    policy = Policy(skips=(Skip(BAD, "bob", "slow"),))
    assert policy.skip_of(BAD) == Skip(BAD, "bob", "slow")
    assert policy.skip_of(GOOD) is None


@pytest.mark.parametrize("reason", ['it\'s "bad"', "a: b # c", "zwei\nZeilen", "Grün 🟢", ""])
@pytest.mark.parametrize("key", [LOCK, HOLD])
def test_what_was_set_is_read_again(key: str, reason: str) -> None:
    """A lock or a hold survives the file, whatever people write into it."""
    stop = (Lock if key == LOCK else Hold)("ann", reason, SINCE)
    written = annotate(manifest(), "users", {key: str(stop)})
    policy = policy_of(written, "users", PATH)
    assert (policy.lock if key == LOCK else policy.hold) == stop


WORDS = [
    "true", "newest", "glob:v*", "semver:1", "regexp:(", "main", "user", "reason", "ann", SINCE,
    "until", "resumed", "unlocked", f"newer than {BAD}", BAD, "image",
]  # fmt: skip
values = st.recursive(
    st.sampled_from(WORDS) | st.text(max_size=5) | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=8,
)
scrolls = st.dictionaries(
    st.sampled_from([AUTOMATED, TAG, BRANCH, LOCK, HOLD, SKIP, "cdlab.dev/junk", "a.dev/b"]),
    st.sampled_from(WORDS) | values.map(json.dumps),
    max_size=4,
)


@given(scrolls)
def test_any_annotations_are_a_policy_or_refused_with_file_and_line(scroll: dict[str, str]) -> None:
    """No other exception comes out, and the line is the one of an annotation that is ours."""
    text = annotate(manifest(), "users", scroll)
    refused = refusal(text)
    if refused:
        assert refused.path == PATH
        assert text.splitlines()[refused.line - 1].strip().startswith("cdlab.dev/")


def refusal(text: str) -> ManifestError | None:
    """Why a manifest is refused; None where its policy is read."""
    try:
        policy_of(text, "users", PATH)
    except ManifestError as error:
        return error
    return None
