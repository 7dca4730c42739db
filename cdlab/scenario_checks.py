"""
What each setting of a scenario file may be: for the loader, and for the JSON Schema.

In: a setting's value and its YAML node. Out: every mistake in it, each with its line and what would
be right. Called by `scenario.py` and `scenario_schema.py`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cdlab import expectations
from cdlab.architectures import ARCHITECTURES
from cdlab.config_layout import POLICY
from cdlab.fault_plans import CATALOGUE, INTENTS
from cdlab.measures import MEASURES
from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.stories import BADNESS, OPERATIONS, STORIES
from cdlab.stories.steps import STEPS

STRATEGIES = ("RollingUpdate", "Recreate")
PROFILES = ("lean-ci", "heavy-ci", "constant")
NAME = "[a-z]([a-z0-9-]*[a-z0-9])?"
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


def _one_of(names: Mapping[str, Any] | tuple[str, ...]) -> Check:
    def check(value: Any) -> str:
        if isinstance(value, str) and value in names:
            return ""
        near = difflib.get_close_matches(str(value), list(names), n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        return f'"{value}" is none of {", ".join(names)}{hint}'

    return Check(check, {"enum": list(names)})


def _number(low: float, high: float, *, is_whole: bool = True) -> Check:
    kinds = (int,) if is_whole else (int, float)

    def check(value: Any) -> str:
        if isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high:
            return ""
        return f"{value!r} is not a{' whole' if is_whole else ''} number from {low} to {high}"

    kind = "integer" if is_whole else "number"
    return Check(check, {"type": kind, "minimum": low, "maximum": high})


def _yes_or_no(value: Any) -> str:
    return "" if isinstance(value, bool) else f"{value!r} is neither true nor false"


def _list_of_names(value: Any) -> str:
    return "" if isinstance(value, list) and value else "a list of one name or more"


def _microservices(node: Any) -> list[Mistake]:
    taken = [each for each in node.value if read(each) == POLICY]
    what = f'"{POLICY}" is no name: in the config repo that file is the policy of an environment'
    return _names(node.value) + [(line_of(each), what) for each in taken]


def _names(nodes: list[Any]) -> list[Mistake]:
    found: list[Mistake] = []
    seen: list[str] = []
    for node in nodes:
        name = str(read(node))
        if not re.fullmatch(NAME, name) or len(name) > 40:
            what = f'"{name}" is no name: small letters, digits and dashes, at most 40'
            found.append((line_of(node), what))
        elif name in seen:
            found.append((line_of(node), f'"{name}" stands here twice'))
        seen.append(name)
    return found


def _environments(node: Any) -> list[Mistake]:
    if isinstance(read(node), list):
        return _names(node.value)
    return _names([name for name, _ in node.value]) + [
        (line_of(how), f'"{read(how)}" is neither automated nor manual')
        for _, how in node.value
        if read(how) not in ("automated", "manual")
    ]


def _list_or_mapping(value: Any) -> str:
    return _list_of_names(list(value) if isinstance(value, dict) else value)


def _mapping(value: Any) -> str:
    return "" if isinstance(value, dict) else "a mapping from measures to values"


def _expectations(node: Any) -> list[Mistake]:
    found: list[Mistake] = []
    seen: list[str] = []
    for measure, expected in node.value:
        name, line = str(measure.value), line_of(measure)
        if name not in MEASURES:
            found.append((line, f'"{name}" is no measure{meant(name, MEASURES)}'))
        elif name in seen:
            found.append((line, f'"{name}" stands here twice'))
        seen.append(name)
        if isinstance(read(expected), dict):
            parts = [(key, {name: {str(key.value): read(each)}}) for key, each in expected.value]
        else:
            parts = [(measure, {name: read(expected)})]
        for where, part in parts:
            found += [
                (line_of(where), f"{which}: {what}") for which, what in expectations.mistakes(part)
            ]
    return found


_NAME: Mapping[str, Any] = {"type": "string", "pattern": f"^{NAME}$", "maxLength": 40}
_POLICIES = {"enum": ["automated", "manual"]}
YES_OR_NO = Check(_yes_or_no, {"type": "boolean"})
_LIST = {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}
MICROSERVICES = Check(
    _list_of_names, {**_LIST, "items": {**_NAME, "not": {"const": POLICY}}}, _microservices
)
BY_NAME = {"type": "object", "propertyNames": _NAME, "additionalProperties": _POLICIES}
_EITHER = {"anyOf": [_LIST, {**BY_NAME, "minProperties": 1}]}
ENVIRONMENTS = Check(_list_or_mapping, _EITHER, _environments)
EXPECTATIONS = Check(_mapping, {"type": "object"}, _expectations)


def _steps(node: Any) -> list[Mistake]:
    """What is wrong with each step, and what it wants."""
    found: list[Mistake] = []
    for each in node.value:
        step, line = read(each), line_of(each)
        if not isinstance(step, dict) or len(step) != 1:
            found.append((line, "a step is one of its names with its settings: `- push: {…}`"))
            continue
        ((name, told),) = step.items()
        if name not in STEPS:
            found.append((line, f'"{name}" is no step{meant(str(name), STEPS)}'))
            continue
        wants, keys = STEPS[name], set(told or {}) if isinstance(told or {}, dict) else {""}
        if not set(wants.needs) <= keys <= {*wants.needs, *wants.may}:
            all_of_them = ", ".join([*wants.needs, *(f"{key}?" for key in wants.may)]) or "nothing"
            found.append((line, f"{name} wants {all_of_them}"))
    return found


def _is_list(value: Any) -> str:
    return "" if isinstance(value, list) and value else "a list with one or more"


_STEP = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": {"enum": list(STEPS)},
}
STEPS_OF_A_STORY = Check(_is_list, {"type": "array", "items": _STEP, "minItems": 1}, _steps)
_FAULT = {
    "type": "object",
    "properties": {"what": {"enum": list(CATALOGUE)}, "during": {"enum": list(INTENTS)}},
    "required": ["what"],
}
FAULTS = Check(_is_list, {"type": "array", "items": _FAULT, "minItems": 1})
WAYS_BACK = tuple(dict.fromkeys(way for each in ARCHITECTURES.values() for way in each.rollbacks))

CHECKS: Mapping[str, Check] = {
    "architecture": _one_of(ARCHITECTURES),
    "story": _one_of(STORIES),
    "microservices": MICROSERVICES,
    "environments": ENVIRONMENTS,
    "profile": _one_of(PROFILES),
    "seed": _number(0, 2**63 - 1),
    "replicas": _number(1, 100),
    "executors": _number(1, 1000),
    "rollback": _one_of(WAYS_BACK),
    "deploy": _one_of(("automatic", "gated")),
    "build_cache": YES_OR_NO,
    "poll_interval_seconds": _number(0.1, 86_400, is_whole=False),
    "hold": YES_OR_NO,
    "next_push": YES_OR_NO,
    "merge": YES_OR_NO,
    "bad": _one_of(BADNESS),
    "batch": _number(1, 100),
    "commits_on_top": _number(0, 20),
    "compatible": YES_OR_NO,
    "registry_lost": YES_OR_NO,
    "outage": _one_of((*BOXES, *ACTORS)),
    "operation": _one_of(OPERATIONS),
    "readiness_probe": YES_OR_NO,
    "strategy": _one_of(STRATEGIES),
    "steps": STEPS_OF_A_STORY,
    "faults": FAULTS,
    "payload_kib": _number(0, 1_048_576),
    "build_work": _number(0, 1_000_000),
    "expect": EXPECTATIONS,
}
