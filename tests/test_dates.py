"""Moments: RFC 3339 and seconds since 1970."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdlab.dates import rfc3339, seconds_of

LATEST = 253_402_300_799
"""The last second of the year 9999."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-02T00:00:00Z", 86_400),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:00:00-01:30", 1_800),
        ("2001-09-09T01:46:40Z", 1_000_000_000),
        ("2001-09-09t01:46:40.5z", 1_000_000_000.5),
    ],
)
def test_a_moment_is_read_with_its_offset_and_fraction(text: str, seconds: float) -> None:
    """As RFC 3339 has it, small letters too."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "resumed", "2026-01-01", "2026-01-01T00:00", "2026-01-01T00:00:00",
        "2026-02-30T00:00:00Z", "2026-01-01T24:30:00Z", "2026-01-01T00:00:00Z ", "20260101T000000Z",
        "2026-01-01T00:00:00Z\n", "٢٠٢٦-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "1767225600",
        "2026-01-01T00:00:00+99:00",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_none(text: str) -> None:
    """A date without time or offset says no moment, and is not guessed at."""
    assert seconds_of(text) is None


@given(st.integers(0, LATEST), st.floats(0, 0.999))
def test_what_is_written_is_the_second_it_falls_in(second: int, fraction: float) -> None:
    """In UTC and whole seconds, and it is read again as that."""
    text = rfc3339(second + fraction) if second < 2**40 else rfc3339(second)
    assert seconds_of(text) == second
    assert text.endswith("Z")
    assert len(text) == 20


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    """No exception comes out, whatever people write."""
    assert isinstance(seconds_of(text), (float, type(None)))
