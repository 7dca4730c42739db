"""
Values of `commands.py` as JSON: written, read again, and described as a JSON Schema.

The fields of the dataclasses are the only source, so the HTTP API, its OpenAPI document and its
client cannot disagree. Called by the API and the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from cdlab.errors import NotUnderstood

T = TypeVar("T")

SIMPLE: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
"""Python type -> JSON type."""
KINDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def plain(value: Any) -> Any:
    """A dataclass, or a tuple of them, as what `json.loads` would return of it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


@cache
def hints(cls: Any) -> dict[str, Any]:
    """The fields of a dataclass with their types."""
    return get_type_hints(cls)


def read(cls: type[T], given: object) -> T:
    """
    Make the dataclass again. Fields that it does not know are passed over: a newer server may
    have some. Raises NotUnderstood.
    """
    if not isinstance(given, Mapping):
        raise NotUnderstood(f"a {cls.__name__} is not an object")
    made, kinds = {}, hints(cls)  # type: ignore[arg-type]
    for each in fields(cls):  # type: ignore[arg-type]
        if each.name in given:
            made[each.name] = read_value(kinds[each.name], given[each.name], each.name)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise NotUnderstood(f'a {cls.__name__} lacks "{each.name}"')
    return cls(**made)


def read_value(hint: Any, given: object, name: str) -> Any:
    """One value of the type that the hint names. Raises NotUnderstood with the field's name."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        kind = next(each for each in inner if each is not NoneType)
        return None if given is None else read_value(kind, given, name)
    if origin is not None:
        return _read_generic(origin, inner, given, name)
    if is_dataclass(hint) and isinstance(hint, type):
        return read(hint, given)
    is_right = isinstance(given, (int, float) if hint is float else hint)
    if not is_right or (isinstance(given, bool) and hint is not bool):
        raise NotUnderstood(f'"{name}" is not {KINDS[hint]}')
    return given


def _read_generic(origin: Any, inner: tuple[Any, ...], given: object, name: str) -> Any:
    """A choice, a list or a mapping."""
    if origin is Literal and given in inner:
        return given
    if origin is tuple and isinstance(given, list):
        return tuple(read_value(inner[0], each, name) for each in given)
    if origin is Mapping and isinstance(given, Mapping):
        return {
            read_value(str, key, name): read_value(inner[1], each, name)
            for key, each in given.items()
        }
    words = {tuple: "a list", Mapping: "an object"}
    wanted = words.get(origin) or f"one of {', '.join(inner)}"
    raise NotUnderstood(f'"{name}" is not {wanted}')


def schema(cls: type) -> dict[str, Any]:
    """The JSON Schema of a dataclass. Those it contains are named, in `#/components/schemas`."""
    needed = [
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING
    ]
    made: dict[str, Any] = {
        "type": "object",
        "description": (cls.__doc__ or "").strip(),
        "properties": {name: schema_of(hint) for name, hint in hints(cls).items()},
    }
    return {**made, "required": needed} if needed else made


def schema_of(hint: Any) -> dict[str, Any]:
    """The JSON Schema of a type, in the words of OpenAPI 3.1."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return {"anyOf": [schema_of(each) for each in inner]}
    if origin is not None:
        generic: dict[Any, dict[str, Any]] = {
            Literal: {"type": "string", "enum": list(inner)},
            tuple: {"type": "array", "items": {}},
            Mapping: {"type": "object", "additionalProperties": {"type": "string"}},
        }
        of_items = {"items": schema_of(inner[0])} if origin is tuple else {}
        return {**generic[origin], **of_items}
    if is_dataclass(hint) and isinstance(hint, type):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}
    return {"type": "null" if hint is NoneType else SIMPLE[hint]}
