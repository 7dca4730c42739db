"""
The JSON Schema of a scenario file, for editors and other programs.

In: the loader's own checks. Out: a schema of draft 2020-12. Called by `cdlab schema`. A file that
the loader accepts is valid; what one setting means for another (`hold` in V1) only the loader says.
"""

from __future__ import annotations

from typing import Any

from cdlab.measures import MEASURES
from cdlab.report import wording
from cdlab.scenario import CHECKS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def scenario_schema() -> dict[str, Any]:
    """The schema of a whole file, as plain values."""
    properties: dict[str, Any] = {name: dict(check.schema) for name, check in CHECKS.items()}
    properties["expect"] = {
        "type": "object",
        "properties": {name: _expectation(name) for name in MEASURES},
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        "title": "cdlab scenario",
        "type": "object",
        "properties": properties,
        "required": ["architecture"],
        "additionalProperties": False,
    }


def _expectation(measure: str) -> dict[str, Any]:
    """A value, a text such as `>= 1`, or such for some keys of a measure that is a mapping."""
    value = {"type": ["number", "boolean", "string", "null"]}
    return {
        "description": wording.title(measure),
        "anyOf": [value, {"type": "object", "additionalProperties": value}],
    }
