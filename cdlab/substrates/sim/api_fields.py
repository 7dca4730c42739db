"""
The fields of an object that somebody applies: read one by one, refused in the API server's words.

`admission.py` asks for what it needs; every refusal names the object and the path of the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from cdlab.errors import ManifestRejected
from cdlab.substrates.sim.workload_specs import IntOrPercent

_NO_DEFAULT: Any = object()
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)
_PERCENT = re.compile(r"\d+%")


class Fields:
    """One object while it is checked: reads fields and refuses in the API server's words."""

    def __init__(self, title: str, path: str, fields: dict[str, Any]) -> None:
        self.title, self.path, self.fields = title, path, fields

    def refuse(self, field: str, what: str) -> NoReturn:
        raise ManifestRejected(f"{self.title} is invalid: {self._at(field)}: {what}")

    def _at(self, field: str) -> str:
        return f"{self.path}.{field}".strip(".")

    def get(self, field: str, kind: type, default: Any = _NO_DEFAULT) -> Any:
        """A field of the right type; null counts as missing, as it does in Kubernetes."""
        value = self.fields.get(field)
        if value is None:
            if default is _NO_DEFAULT:
                self.refuse(field, "Required value")
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ManifestRejected(
                f"{self.title} in version cannot be handled: json: cannot unmarshal "
                f"{_json_kind(value)} into {self._at(field)} of type {_go_type(kind)}"
            )
        return value

    def inside(self, field: str, default: Any = _NO_DEFAULT) -> Fields:
        """The fields of a nested object."""
        return Fields(self.title, self._at(field), self.get(field, dict, default))

    def number(self, field: str, default: int, minimum: int = 0) -> int:
        """A whole number that is not below *minimum*."""
        value: int = self.get(field, int, default)
        if value < minimum:
            self.refuse(
                field, f"Invalid value: {value}: must be greater than or equal to {minimum}"
            )
        return value

    def choice(self, field: str, allowed: tuple[str, ...], default: str) -> Any:
        """One of a few words."""
        value = self.get(field, str, default)
        if value not in allowed:
            names = ", ".join(f'"{each}"' for each in allowed)
            self.refuse(field, f'Unsupported value: "{value}": supported values: {names}')
        return value

    def share(self, field: str) -> IntOrPercent:
        """A number or a percentage; Kubernetes' default for both of its uses is 25 %."""
        value = self.fields.get(field, "25%")
        if isinstance(value, int) and not isinstance(value, bool):
            return self.number(field, 0)
        if not isinstance(value, str) or not _PERCENT.fullmatch(value):
            what = "a valid percent string must be a numeric string followed by an ending '%'"
            self.refuse(field, f"Invalid value: {json.dumps(value)}: {what} (e.g. '5%')")
        if field == "maxUnavailable" and int(value[:-1]) > 100:
            self.refuse(field, f'Invalid value: "{value}": must not be greater than 100%')
        return value

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Refuse a misspelt field, as strict decoding does."""
        for field in self.fields:
            if field not in known:
                raise ManifestRejected(
                    f"{self.title} cannot be handled: strict decoding error: "
                    f'unknown field "{self._at(field)}"'
                )


def as_json(value: object) -> str:
    """One text for equal values, whatever the order of their fields."""
    return _ENCODER.encode(value)


def _json_kind(value: object) -> str:
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def _go_type(kind: type) -> str:
    return {int: "int32", str: "string", bool: "bool", list: "[]"}.get(kind, "map")
