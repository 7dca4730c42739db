"""What is known of a text without parsing it: values after an edit, places after another's."""

from __future__ import annotations

import json

import pytest

from cdlab import manifests, parsed_files, safe_yaml

DIGEST = "sha256:" + "0123456789abcdef" * 4
USERS = f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users
  annotations:
    a.dev/hold: "since 1970-01-01T01:02:03Z"
    a.dev/skip: "{DIGEST}"
spec:
  template:
    spec:
      containers:
        - name: users
          image: host/users:{"5" * 40}@{DIGEST}
---
kind: Service
"""


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    parsed_files.forget()
    safe_yaml.composed.cache_clear()


def as_parsed_anew(text: str) -> tuple[str, tuple[int, ...]]:
    parsed_files.forget()
    file = parsed_files.parse(text, "manifest")
    return json.dumps(file.data), file.lines


@pytest.mark.parametrize("gone", [["a.dev/hold"], ["a.dev/skip"], ["a.dev/hold", "a.dev/skip"]])
def test_what_is_left_after_a_removal_is_known_without_parsing(gone: list[str]) -> None:
    """Also where the whole block goes with its last annotation."""
    text = manifests.annotate(USERS, "users", dict.fromkeys(gone))
    parses = safe_yaml.composed.cache_info().misses
    known = parsed_files.parse(text, "manifest")
    assert safe_yaml.composed.cache_info().misses == parses
    assert (json.dumps(known.data), known.lines) == as_parsed_anew(text)


def test_a_removal_is_parsed_where_a_comment_could_fall_to_a_text_before_it() -> None:
    """What was a comment would be the last line of the block scalar above."""
    text = USERS.replace('"since 1970-01-01T01:02:03Z"', "|\n      text").replace(
        f'"{DIGEST}"\n', f'"{DIGEST}"\n      # not text\n'
    )
    assert not parsed_files.parse(text, "manifest").is_sure_to_go(
        0, ("metadata", "annotations", "a.dev/skip")
    )


def test_texts_that_are_alike_but_for_what_is_fresh_share_their_places() -> None:
    """Revision, digest and time are others, and nothing has moved."""
    other = USERS.replace("0123", "4567").replace("555", "abc").replace("01:02:03", "01:59:59")
    assert other != USERS
    assert parsed_files.layout(other) is parsed_files.layout(USERS)
    assert parsed_files.layout(other.replace("host", "hosts")) is not parsed_files.layout(USERS)


@pytest.mark.parametrize("keys", [["x:" + "a1" * 20], ["x:" + "a1" * 20, "x:" + "b2" * 20]])
def test_a_key_that_looks_fresh_is_found_as_it_stands(keys: list[str]) -> None:
    """Also where two of them would look the same."""
    text = USERS.replace("spec:", "".join(f"{key}: 1\n" for key in keys) + "spec:", 1)
    file = parsed_files.parse(text, "manifest")
    assert [len(file.reached(0, (key,))) for key in keys] == [1] * len(keys)
