"""
What each setting of a scenario file may be: for the loader, and for the JSON Schema.

In: a setting's value and its YAML node. Out: every mistake in it, each with its line and what would
be right. Called by `scenario.py` and `scenario_schema.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cdlab import expectations
from cdlab.architectures import ARCHITECTURES
from cdlab.config_layout import POLICY
from cdlab.fault_checks import FAULTS
from cdlab.measures import MEASURES
from cdlab.model import Environment
from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.step_checks import STEPS_OF_A_STORY
from cdlab.stories import BADNESS, OPERATIONS, STORIES
from cdlab.value_checks import (
    NAME,
    YES_OR_NO,
    Check,
    Mistake,
    line_of,
    meant,
    number,
    one_of,
    read,
)

STRATEGIES = ("RollingUpdate", "Recreate")
PROFILES = ("lean-ci", "heavy-ci", "kind", "constant")


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
_LIST = {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}
MICROSERVICES = Check(
    _list_of_names, {**_LIST, "items": {**_NAME, "not": {"const": POLICY}}}, _microservices
)
BY_NAME = {"type": "object", "propertyNames": _NAME, "additionalProperties": _POLICIES}
_EITHER = {"anyOf": [_LIST, {**BY_NAME, "minProperties": 1}]}
ENVIRONMENTS = Check(_list_or_mapping, _EITHER, _environments)
EXPECTATIONS = Check(_mapping, {"type": "object"}, _expectations)

WAYS_BACK = tuple(dict.fromkeys(way for each in ARCHITECTURES.values() for way in each.rollbacks))

CHECKS: Mapping[str, Check] = {
    "architecture": one_of(ARCHITECTURES),
    "story": one_of(STORIES),
    "microservices": MICROSERVICES,
    "environments": ENVIRONMENTS,
    "profile": one_of(PROFILES),
    "seed": number(0, 2**63 - 1),
    "replicas": number(1, 100),
    "executors": number(1, 1000),
    "rollback": one_of(WAYS_BACK),
    "deploy": one_of(("automatic", "gated")),
    "build_cache": YES_OR_NO,
    "poll_interval_seconds": number(0.1, 86_400, is_whole=False),
    "hold": YES_OR_NO,
    "next_push": YES_OR_NO,
    "merge": YES_OR_NO,
    "bad": one_of(BADNESS),
    "batch": number(1, 100),
    "commits_on_top": number(0, 20),
    "compatible": YES_OR_NO,
    "registry_lost": YES_OR_NO,
    "outage": one_of((*BOXES, *ACTORS)),
    "operation": one_of(OPERATIONS),
    "readiness_probe": YES_OR_NO,
    "strategy": one_of(STRATEGIES),
    "steps": STEPS_OF_A_STORY,
    "faults": FAULTS,
    "payload_kib": number(0, 1_048_576),
    "build_work": number(0, 1_000_000),
    "expect": EXPECTATIONS,
}


def environments_of(value: Any, architecture: str) -> tuple[Environment, ...]:
    """What a list or a mapping of environments means in an architecture."""
    if isinstance(value, dict):
        return tuple(Environment(name, how == "automated") for name, how in value.items())
    has_manual = ARCHITECTURES[architecture].has_manual_environments
    last = len(value) - 1
    return tuple(
        Environment(name, not (has_manual and index == last and last > 0))
        for index, name in enumerate(value)
    )
