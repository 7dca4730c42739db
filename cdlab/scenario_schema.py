"""
The JSON Schema of a scenario file, for editors and other programs.

In: the loader's own checks. Out: a schema of draft 2020-12. Called by `cdlab schema`. A file that
the loader accepts is valid; what one setting means for another (`hold` in V1, a version that no
earlier step pushed) only the loader says.
"""

from __future__ import annotations

from typing import Any

from cdlab.expected_keys import KEYS, schema_of_keys
from cdlab.measures import IN_WORDS, MEASURES
from cdlab.report import wording
from cdlab.scenario import CHECKS
from cdlab.scenario_references import NO_ANSWER

COMPARISON = r"^\s*([<>]=?|[=!]=)\s*\S"
"""A text that is compared, and no word. What is compared with, the loader looks at."""
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
    """A value or a text such as `>= 1`; of a measure that is a mapping, such for some keys."""
    words = {} if measure in IN_WORDS else {"pattern": COMPARISON}
    value: dict[str, Any] = {"type": ["number", "boolean", "string", "null"], **words}
    if measure in KEYS:
        whole = {"enum": list(NO_ANSWER)}
        keys = {"propertyNames": schema_of_keys(measure), "additionalProperties": value}
        value = {"anyOf": [whole, {"type": "object", **keys}]}
    return {"description": wording.title(measure), **value}
