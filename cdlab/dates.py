"""
Moments as text and as seconds since 1970.

Text is RFC 3339: what we write is UTC in whole seconds, what people write may have an offset and a
fraction. Never asks what time it is. Called by `stops` and the planner.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def rfc3339(seconds: float) -> str:
    """The second in which a moment falls: `1970-01-01T00:05:52Z`."""
    return _second(int(seconds))


@lru_cache(maxsize=1024)
def _second(second: int) -> str:
    """Whatever happens in one second asks for the same text."""
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1024)
def seconds_of(text: str) -> float | None:
    """Seconds since 1970; None for what is no moment by RFC 3339, a date without time included."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return (datetime.fromisoformat(text.upper()) - _EPOCH).total_seconds()
    except (ValueError, OverflowError):  # the 31st of June, or before the year 1
        return None
