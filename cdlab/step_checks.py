"""
What each setting of a step may be: for the loader, and for the JSON Schema.

In: the node of `steps:`. Out: every mistake that shows without the rest of the file, each with its
line and what would be right. What a step names and the file has not: `scenario_references.py`.
Called by `scenario_checks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.sample_services import WORD
from cdlab.stories.steps import STEPS, Step
from cdlab.value_checks import (
    LONGEST_SECONDS,
    NAME,
    YES_OR_NO,
    Check,
    Mistake,
    is_several,
    line_of,
    matching,
    meant,
    mistakes_of_mapping,
    number,
    one_of,
    read,
)

A_NAME = matching(NAME, "a name")
A_VERSION = matching(WORD, "a version: one word of letters, digits and # . _ + -")

STEP_SETTINGS: Mapping[str, Check] = {
    "microservice": A_NAME,
    "environment": A_NAME,
    "source": A_NAME,
    "target": A_NAME,
    "version": A_VERSION,
    "to": A_VERSION,
    "bad": YES_OR_NO,
    "merge": YES_OR_NO,
    "replicas": number(1, 1_000),
    "box": one_of((*BOXES, *ACTORS)),
    "seconds": number(0, LONGEST_SECONDS, is_whole=False),
}
"""Setting of a step -> what it may be, the same in every step that has it."""


def _settings_of(step: Step) -> dict[str, Check]:
    return {key: STEP_SETTINGS[key] for key in (*step.needs, *step.may)}


def _steps(node: Any) -> list[Mistake]:
    return [mistake for each in node.value for mistake in _step(each)]


def _step(node: Any) -> list[Mistake]:
    step, line = read(node), line_of(node)
    if not isinstance(step, dict) or len(node.value) != 1:
        return [(line, "a step is one of its names with its settings: `- push: {…}`")]
    ((name, told),) = step.items()
    if not isinstance(name, str) or name not in STEPS:
        return [(line, f'"{name}" is no step{meant(str(name), STEPS)}')]
    wants = STEPS[name]
    listed = ", ".join([*wants.needs, *(f"{key}?" for key in wants.may)]) or "nothing"
    if told is None:
        return [(line, f"{name} wants {listed}")] if wants.needs else []
    if not isinstance(told, dict):
        return [(line, f"{name} wants {listed}, as a mapping: `- {name}: {{…}}`")]
    ((_, told_node),) = node.value
    return mistakes_of_mapping(told_node, _settings_of(wants), wants.needs, name)


def _schema_of(step: Step) -> dict[str, Any]:
    return {
        "type": "object" if step.needs else ["object", "null"],
        "properties": {key: check.schema for key, check in _settings_of(step).items()},
        "required": list(step.needs),
        "additionalProperties": False,
    }


_STEP = {
    "type": "object",
    "properties": {name: _schema_of(step) for name, step in STEPS.items()},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
STEPS_OF_A_STORY = Check(is_several, {"type": "array", "items": _STEP, "minItems": 1}, _steps)
