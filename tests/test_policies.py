"""Reading the scroll: strict, with file and line, and never as "match everything"."""

from __future__ import annotations

import pytest

from cdlab.errors import ManifestError
from cdlab.manifests import annotate
from cdlab.policies import HOLD, LOCK, Policy, Stop, policy_of

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


def manifest(*annotations: str) -> str:
    return MANIFEST.format(annotations="\n".join("    " + each for each in annotations))


def read(*annotations: str) -> Policy:
    return policy_of(manifest(*annotations), "users", PATH)


def test_a_manifest_without_annotations_waits_for_people() -> None:
    """Nobody said that it is automated, so nothing is released to it without a decision."""
    assert read() == Policy(is_automated=False, tag_pattern="*", lock=None, hold=None)


def test_every_part_of_a_policy_is_read() -> None:
    """Automation, the tag pattern, a lock and a hold, each with who and why."""
    policy = read(
        'cdlab.dev/automated: "true"',
        'cdlab.dev/tag: "glob:v1.*"',
        """cdlab.dev/lock: '{"user": "ann", "reason": "audit", "until": "Friday"}'""",
        """cdlab.dev/hold: '{"user": "bob", "reason": "rolled back"}'""",
    )
    lock, hold = Stop("ann", "audit", "Friday"), Stop("bob", "rolled back", "resumed")
    assert policy == Policy(is_automated=True, tag_pattern="v1.*", lock=lock, hold=hold)


@pytest.mark.parametrize(
    ("pattern", "tag", "is_admitted"),
    [
        ("newest", "anything", True),
        ("glob:v1.*", "v1.2", True),
        ("glob:v1.*", "v2.0", False),
        ("glob:v1.*", "V1.2", False),
        ("glob:v1.*", "av1.2", False),
    ],
)
def test_a_tag_pattern_admits_whole_tags_only(pattern: str, tag: str, is_admitted: bool) -> None:
    """The whole tag has to match, and case counts on every machine."""
    assert read(f'cdlab.dev/tag: "{pattern}"').admits(tag) is is_admitted


@pytest.mark.parametrize(
    ("annotation", "what"),
    [
        ('cdlab.dev/automated: "yes"', '"yes" is neither "true" nor "false"'),
        ('cdlab.dev/automated: "True"', '"True" is neither'),
        ('cdlab.dev/tag: "globb:v*"', "neither newest nor glob:PATTERN"),
        ('cdlab.dev/tag: "glob:"', "neither newest nor glob:PATTERN"),
        ('cdlab.dev/tag: ""', "neither newest nor glob:PATTERN"),
        ('cdlab.dev/tag: "newest:v*"', "neither newest nor glob:PATTERN"),
        ('cdlab.dev/tag: "semver:>=1"', "neither newest nor glob:PATTERN"),
        ('cdlab.dev/lokc: "true"', "no policy has that name"),
        ('cdlab.dev/lock: "true"', "wants"),
        ('cdlab.dev/lock: "not JSON"', "wants"),
        ('cdlab.dev/lock: \'{"user": "ann"}\'', "wants"),
        ("cdlab.dev/hold: '[1]'", "wants"),
        ("cdlab.dev/hold: '" + "[" * 100_000 + "'", "wants"),
    ],
)
def test_what_is_not_understood_is_refused_with_file_and_line(annotation: str, what: str) -> None:
    """A slip in a policy stops this workload; it is never read as leave to release."""
    with pytest.raises(ManifestError, match=what) as refused:
        read('example.com/other: "x"', annotation)
    assert (refused.value.path, refused.value.line) == (PATH, FIRST_LINE + 1)
    assert refused.value.help


def test_the_line_is_that_of_the_annotation_and_not_of_a_word_before_it() -> None:
    """A comment that mentions an annotation, or a longer name, does not mislead the message."""
    stop = """'{"user": "ann", "reason": "audit"}'"""
    with pytest.raises(ManifestError) as refused:
        read(f"cdlab.dev/lock: {stop} # see cdlab.dev/tag", 'cdlab.dev/tag: "semver:1"')
    assert refused.value.line == FIRST_LINE + 1
    with pytest.raises(ManifestError) as refused:
        read(f"cdlab.dev/lock: {stop}", 'cdlab.dev/loc: "x"')
    assert refused.value.line == FIRST_LINE + 1


@pytest.mark.parametrize("reason", ['it\'s "bad"', "a: b # c", "zwei\nZeilen", "Grün 🟢", ""])
@pytest.mark.parametrize("key", [LOCK, HOLD])
def test_what_was_set_is_read_again(key: str, reason: str) -> None:
    """A lock or a hold survives the file, whatever people write into it."""
    stop = Stop("ann", reason)
    written = annotate(manifest(), "users", {key: str(stop)})
    policy = policy_of(written, "users", PATH)
    assert (policy.lock if key == LOCK else policy.hold) == stop
