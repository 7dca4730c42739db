"""
What a scenario file expects of its run, against what the measures say.

In: the `expect:` of a scenario and the run's measures. Out: a verdict for each line. Called by the
CLI and by the pytest fixture. `mistakes` finds expectations that cannot be read before anything
runs.

An expectation is a value that the measure must equal, or a text with an operator (`>= 1`, `< 5`,
`!= 0`, `== 3`). For a measure that is a mapping it names some of its keys, each with a value or a
text of its own: `writable_resources: {maximum: 3}`. `null` says that the measure has no answer.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cdlab.measures import IN_WORDS, MEASURES

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"\s*([=!<>~]+)\s*(.*?)\s*")
RELATIVE_TOLERANCE = 1e-9
"""For numbers that were computed, such as 1/5 against 0.2."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation after the run."""

    measure: str
    """With the key of a mapping behind a dot: `writable_resources.maximum`."""
    expected: str
    found: str
    holds: bool


def judge(expect: Mapping[str, Any], measures: Mapping[str, Any]) -> list[Verdict]:
    """Hold every expectation against the measures, in the order of the file."""
    verdicts: list[Verdict] = []
    for measure, expected in expect.items():
        verdicts += _judged(measure, expected, measures.get(measure))
    return verdicts


def mistakes(expect: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(measure, what is wrong) for every expectation that cannot be read."""
    found: list[tuple[str, str]] = []
    for measure, expected in expect.items():
        is_no_word = measure in MEASURES and measure not in IN_WORDS
        keys = expected if isinstance(expected, Mapping) else {"": expected}
        for key, each in keys.items():
            problem = _problem(each)
            if not problem and is_no_word and _is_word(each):
                problem = f'"{each}" is a word; a number, true, false or a text such as >= 1'
            if problem:
                found.append((f"{measure}.{key}" if key else measure, problem))
    return found


def _problem(expected: Any) -> str:
    if isinstance(expected, (Mapping, list)):
        return f"{expected!r} is neither a value nor a text such as >= 1"
    parts = _COMPARISON.fullmatch(expected) if isinstance(expected, str) else None
    if parts is None:
        return ""
    sign, operand = parts.groups()
    if sign not in OPERATORS:
        return f'"{sign}" is no operator; there are {", ".join(OPERATORS)}'
    if sign not in ("==", "!=") and not _is_number(_value(operand)):
        return f'"{expected}" compares with "{operand}", which is not a number'
    return "" if operand else f'"{expected}" compares with nothing'


def _is_word(expected: Any) -> bool:
    return isinstance(expected, str) and _COMPARISON.fullmatch(expected) is None


def _judged(name: str, expected: Any, found: Any) -> list[Verdict]:
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return [Verdict(name, _text(dict(expected)), _text(found), False)]
        verdicts: list[Verdict] = []
        for key, each in expected.items():
            verdicts += _judged(f"{name}.{key}", each, found.get(key))
        return verdicts
    holds = not _problem(expected) and _holds(expected, found)
    return [Verdict(name, _text(expected), _text(found), holds)]


def _holds(expected: Any, found: Any) -> bool:
    parts = _COMPARISON.fullmatch(expected) if isinstance(expected, str) else None
    if parts is None:
        return _equal(expected, found)
    sign, operand = parts[1], _value(parts[2])
    if sign in ("==", "!="):
        return _equal(operand, found) == (sign == "==")
    return _is_number(found) and OPERATORS[sign](found, operand)


def _equal(expected: Any, found: Any) -> bool:
    if _is_number(expected) and _is_number(found):
        return math.isclose(expected, found, rel_tol=RELATIVE_TOLERANCE)
    # True == 1 in Python; in a scenario file they are different answers.
    return type(expected) is type(found) and bool(expected == found)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _value(text: str) -> Any:
    """Read the right side of a comparison as YAML would: a number, true, false, null, a word."""
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(each)}" for key, each in value.items())
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if _is_number(value) else str(value)
