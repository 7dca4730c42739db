"""
What one value of a scenario file may be: for the loader, and for the JSON Schema.

In: a value and its YAML node. Out: every mistake in it, each with its line and what would be right.
Knows no setting by name. Called by the modules that list those of scenarios, steps and faults.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

NAME = "[a-z]([a-z0-9-]*[a-z0-9])?"
"""Of a microservice or an environment."""
LONGEST_SECONDS = 2_592_000
"""30 days: no simulated run is let go on for longer, so nothing in it can take longer."""
Mistake = tuple[int, str]
"""A line, and what is wrong there."""


def read(node: Any) -> Any:
    """A YAML node as plain values. Raises `YAMLError` or `ValueError`."""
    import yaml

    return yaml.SafeLoader("").construct_object(node, deep=True)


def line_of(node: Any) -> int:
    """Where a YAML node begins."""
    return int(node.start_mark.line) + 1


def meant(wrong: str, right: Mapping[str, Any]) -> str:
    """The end of a sentence: the name that somebody had in mind, or all there are."""
    near = difflib.get_close_matches(wrong, list(right), n=1)
    return f'; did you mean "{near[0]}"?' if near else f"; there are {', '.join(right)}"


def _no_parts(node: Any) -> list[Mistake]:
    return []


class Check(NamedTuple):
    """What a setting may be."""

    problem: Callable[[Any], str]
    """What is wrong with the value as a whole; empty when nothing is."""
    schema: Mapping[str, Any]
    parts: Callable[[Any], list[Mistake]] = _no_parts
    """Every mistake within a list or a mapping, from its node."""

    def mistakes(self, key: str, line: int, node: Any, value: Any) -> list[Mistake]:
        """All that is wrong with a setting: the whole at the line of its key, parts at theirs."""
        problem = self.problem(value)
        found = [(line, problem)] if problem else self.parts(node)
        return [(where, f"{key}: {what}") for where, what in found]


def one_of(names: Mapping[str, Any] | tuple[str, ...]) -> Check:
    """A word of a closed list."""

    def check(value: Any) -> str:
        if isinstance(value, str) and value in names:
            return ""
        near = difflib.get_close_matches(str(value), list(names), n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        return f'"{value}" is none of {", ".join(names)}{hint}'

    return Check(check, {"enum": list(names)})


def number(low: float, high: float, *, is_whole: bool = True) -> Check:
    """A number within limits, both of which are allowed."""
    kinds = (int,) if is_whole else (int, float)

    def check(value: Any) -> str:
        if isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high:
            return ""
        return f"{value!r} is not a{' whole' if is_whole else ''} number from {low} to {high}"

    kind = "integer" if is_whole else "number"
    return Check(check, {"type": kind, "minimum": low, "maximum": high})


def _is_yes_or_no(value: Any) -> str:
    return "" if isinstance(value, bool) else f"{value!r} is neither true nor false"


YES_OR_NO = Check(_is_yes_or_no, {"type": "boolean"})


def matching(pattern: str, what: str) -> Check:
    """A text of a form; *what* says which. A number that looks like one wants quotes."""

    def check(value: Any) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return ""
        is_bare = isinstance(value, (bool, int, float)) and re.fullmatch(pattern, str(value))
        return f"{value!r} is not {what}{'; write it in quotes' if is_bare else ''}"

    return Check(check, {"type": "string", "pattern": f"^({pattern})$"})


def is_several(value: Any) -> str:
    """What is wrong with a list that may not be empty, or with what is none."""
    return "" if isinstance(value, list) and value else "a list with one or more"


def entries(node: Any) -> Iterator[tuple[str, Any, Any]]:
    """(key, its node, the node of its value) of a mapping that could be read."""
    for key_node, value_node in node.value:
        yield str(read(key_node)), key_node, value_node


def mistakes_of_mapping(
    node: Any, checks: Mapping[str, Check], needs: Collection[str], whose: str
) -> list[Mistake]:
    """
    All that is wrong with a mapping of settings, each at its line.

    *whose* is the step or the fault that they belong to; *needs* are those that it cannot do
    without.
    """
    found: list[Mistake] = []
    seen: list[str] = []
    for key, key_node, value_node in entries(node):
        line = line_of(key_node)
        if key not in checks:
            hint = meant(key, checks) if checks else "; it has none"
            found.append((line, f'"{key}" is no setting of {whose}{hint}'))
        elif key in seen:
            found.append((line, f'"{key}" stands here twice'))
        else:
            found += checks[key].mistakes(key, line, value_node, read(value_node))
        seen.append(key)
    if missing := [key for key in needs if key not in seen]:
        found.append((line_of(node), f"{whose} wants {' and '.join(missing)}"))
    return found
