"""Locks, holds and skipped images: their words, their lift rules, and their text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdlab.model import Digest
from cdlab.stops import (
    Hold,
    Lock,
    Skip,
    newer_than,
    parsed,
    skips_from,
    skips_text,
    stop_from,
)

BAD = Digest("sha256:" + "ab" * 32)
SINCE = "2026-01-01T12:00:00Z"
AT = 1_767_268_800.0
"""The same moment."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
users = texts.filter(str.strip)
moments = st.sampled_from(["", SINCE, "2026-01-01T12:00:00.5+02:00"])
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("stop", "is_over"),
    [
        (Lock("ann", "audit"), False),
        (Hold("ann", "wait"), False),
        (Hold("ann", "wait", until=newer_than(BAD)), False),
        (Lock("ann", "audit", until="2026-01-01T11:59:59Z"), True),
        (Lock("ann", "audit", until=SINCE), True),
        (Lock("ann", "audit", until="2026-01-01T12:00:01Z"), False),
        (Hold("ann", "wait", until="2026-01-01T13:00:00+02:00"), True),
    ],
)
def test_only_a_rule_that_names_a_time_is_over_by_itself(stop: Lock | Hold, is_over: bool) -> None:
    """From that very second on."""
    assert stop.is_over(AT) is is_over


def test_the_words_of_a_stop_say_until_when_it_lasts() -> None:
    """Not where somebody has to end it: that is what everybody expects."""
    assert Lock("ann", "audit").words == "ann: audit"
    assert Hold("ann", "wait", until=SINCE).words == f"ann: wait, until {SINCE}"
    assert Hold("ann", "wait", until=newer_than(BAD)).words == (
        "ann: wait, until newer than sha256:abababababab…"
    )


def test_a_hold_knows_the_image_that_only_a_newer_one_lifts() -> None:
    """And none where its rule is another one."""
    assert Hold("ann", "wait", until=newer_than(BAD)).bad == BAD
    assert Hold("ann", "wait").bad is None


@given(st.sampled_from([Lock, Hold]), users, texts, moments, st.data())
def test_a_stop_that_was_written_is_read_again(
    kind: type[Lock], user: str, reason: str, since: str, data: st.DataObject
) -> None:
    """On one line of ASCII, whatever people write into it."""
    rules = [kind(user="", reason="").until, SINCE, *([newer_than(BAD)] if kind is Hold else [])]
    stop = kind(user, reason, since, data.draw(st.sampled_from(rules)))
    text = str(stop)
    assert text.isascii()
    assert text.isprintable()
    assert stop_from(parsed(text), kind) == stop


@given(st.lists(st.builds(Skip, st.just(BAD), users, texts, moments), max_size=3))
def test_skipped_images_that_were_written_are_read_again(skips: list[Skip]) -> None:
    """All of them, in their order."""
    assert skips_from(skips_text(skips)) == tuple(skips)


def test_since_may_be_missing_and_is_then_not_written() -> None:
    """People who write by hand have git's log for that."""
    stop = stop_from({"user": "ann", "reason": "audit"}, Lock)
    assert stop == Lock("ann", "audit", "", "unlocked")
    assert json.loads(str(stop)) == {"user": "ann", "reason": "audit", "until": "unlocked"}


@pytest.mark.parametrize(
    ("kind", "until"),
    [
        (Lock, "resumed"),
        (Hold, "unlocked"),
        (Lock, newer_than(BAD)),
        (Hold, "newer than"),
        (Hold, "newer than sha256:abc"),
        (Hold, "newer than " + BAD.upper()),
        (Hold, newer_than(BAD) + " "),
        (Hold, "newer"),
        (Hold, ""),
        (Hold, "Friday"),
        (Hold, "2026-01-01"),
    ],
)
def test_a_lift_rule_that_nobody_knows_is_refused(kind: type[Lock], until: str) -> None:
    """Each kind of stop has its own; a slip does not make one that lasts for ever."""
    with pytest.raises(ValueError, match="no lift rule is called"):
        stop_from({"user": "ann", "reason": "x", "until": until}, kind)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "wants user, reason, since\\?, until\\?"),
        ([], "wants user"),
        ({"user": "ann"}, "wants user"),
        ({"user": "ann", "reason": "x", "untill": SINCE}, "and nothing else"),
        ({"user": "ann", "reason": 5}, "reason is not text"),
        ({"user": None, "reason": "x"}, "user is not text"),
        ({"user": " ", "reason": "x"}, "user is empty"),
        ({"user": "ann", "reason": "x", "since": "yesterday"}, "since is not a time"),
        ({"user": "ann", "reason": "x", "since": ""}, "since is not a time"),
        ({"user": "ann", "reason": "\ud800"}, "surrogates"),
    ],
)
def test_a_stop_that_is_not_understood_is_refused(value: object, what: str) -> None:
    """With what is wrong about it."""
    with pytest.raises(ValueError, match=what):
        stop_from(value, Lock)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{}", "wants a list"),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('[{"image": "v1", "user": "ann", "reason": "x"}]', '"v1" is not a digest'),
        ('[{"user": "ann", "reason": "x"}]', "wants image, user, reason, since\\?"),
        ('{"user": "ann", "user": "bob", "reason": "x"}', "a key stands twice"),
    ],
)
def test_skipped_images_that_are_not_understood_are_refused(text: str, what: str) -> None:
    """Rather than to skip some of them."""
    with pytest.raises(ValueError, match=what):
        skips_from(text)


@given(junk, st.sampled_from([Lock, Hold]))
def test_any_value_is_a_stop_or_a_value_error(value: Any, kind: type[Lock]) -> None:
    """It may come from YAML as well as from JSON; no other exception comes out."""
    try:
        stop = stop_from(value, kind)
    except ValueError:
        return
    assert (value["user"], value["reason"]) == (stop.user, stop.reason)


@given(junk.map(json.dumps) | st.text(st.sampled_from('[]{}:,"\\u0d8 e1-\n'), max_size=30))
def test_any_text_is_a_list_of_skipped_images_or_a_value_error(text: str) -> None:
    """No other exception comes out."""
    try:
        skips = skips_from(text)
    except ValueError:
        return
    assert len(skips) == len(json.loads(text))
