"""
What each setting of a fault may be: for the loader, and for the JSON Schema.

In: the node of `faults:`. Out: every mistake that shows without the rest of the file, each with its
line and what would be right. What a fault names and the file has not: `scenario_references.py`.
Called by `scenario_checks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdlab.fault_plans import CATALOGUE, INTENTS, WITH_ENVIRONMENT
from cdlab.value_checks import (
    LONGEST_SECONDS,
    NAME,
    Check,
    Mistake,
    entries,
    is_several,
    line_of,
    matching,
    mistakes_of_mapping,
    number,
    one_of,
    read,
)

FAULT_SETTINGS: Mapping[str, Check] = {
    "what": one_of(CATALOGUE),
    "microservice": matching(f"({NAME})?", "a name; leave it out for any"),
    "environment": matching(f"({NAME})?", "a name; leave it out for any"),
    "during": one_of(INTENTS),
    "nth": number(1, 1_000_000),
    "times": number(1, 1_000_000),
    "seconds": number(0, LONGEST_SECONDS, is_whole=False),
}
"""Setting of a fault -> what it may be; each is a field of `Fault`."""


def _faults(node: Any) -> list[Mistake]:
    found: list[Mistake] = []
    for each in node.value:
        fault = read(each)
        if not isinstance(fault, dict):
            listed = ", ".join(CATALOGUE)
            found.append((line_of(each), f"a fault is {{what: …}} with one of {listed}"))
            continue
        found += mistakes_of_mapping(each, FAULT_SETTINGS, ("what",), "a fault")
        if fault.get("what") in [what for what in CATALOGUE if what not in WITH_ENVIRONMENT]:
            found += [
                (line_of(key_node), f"{fault['what']} happens in no environment: leave it out")
                for key, key_node, _ in entries(each)
                if key == "environment" and fault[key]
            ]
    return found


_PROPERTIES = {key: check.schema for key, check in FAULT_SETTINGS.items()}
_FAULT = {
    "type": "object",
    "properties": _PROPERTIES,
    "required": ["what"],
    "additionalProperties": False,
    "if": {"properties": {"what": {"enum": list(WITH_ENVIRONMENT)}}},
    "else": {"properties": {"environment": {"const": ""}}},
}
FAULTS = Check(is_several, {"type": "array", "items": _FAULT, "minItems": 1}, _faults)
