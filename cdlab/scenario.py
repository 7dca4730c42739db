"""
A story with settings, and what it is expected to show: the data of a run.

Loads and validates a scenario file. All mistakes of a file are reported at once, with their lines
and what would be right. Called by the runner, the CLI and the pytest fixture.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from cdlab.architectures import ARCHITECTURES
from cdlab.errors import ScenarioError
from cdlab.measures import MEASURES
from cdlab.model import Environment, Variant
from cdlab.stories import STORIES

PROFILES = ("lean-ci", "heavy-ci", "constant")
SAMPLE_MICROSERVICES = ("front-end", "users", "orders")
NAME = "[a-z]([a-z0-9-]*[a-z0-9])?"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run, completely described. Everything has a default but the architecture."""

    architecture: str
    """`v1`, `v2` or `v3`."""
    story: str = "rollback"
    microservices: tuple[str, ...] = SAMPLE_MICROSERVICES
    environments: tuple[Environment, ...] = ()
    """Empty: staging and production; in V3 production waits for a promotion."""
    profile: str = "lean-ci"
    """What things cost in the simulator. Not used on kind, where they cost what they cost."""
    seed: int = 1
    replicas: int = 2
    executors: int = 4
    """How many pipeline runs CI can work on at once."""
    variant: Variant = field(default_factory=Variant)
    next_push: bool = False
    merge: bool = False
    payload_kib: int = 0
    build_work: int = 0
    expect: Mapping[str, Any] = field(default_factory=dict)
    """Measure -> value, or a text such as `>= 1`."""

    @property
    def effective_environments(self) -> tuple[Environment, ...]:
        """The environments, or the two of the article if none are named."""
        if self.environments:
            return self.environments
        has_manual = ARCHITECTURES[self.architecture].has_manual_environments
        return (Environment("staging"), Environment("production", not has_manual))

    def settings(self) -> dict[str, Any]:
        """The effective settings as plain values: the first event of a history."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        plain["microservices"] = list(self.microservices)
        plain["environments"] = {
            each.name: "automated" if each.is_automated else "manual"
            for each in self.effective_environments
        }
        plain["variant"] = {
            each.name: getattr(self.variant, each.name) for each in fields(self.variant)
        }
        del plain["expect"]
        return plain


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises one `ScenarioError` with all of its mistakes."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(str(path), [(1, f"cannot be read: {error}")]) from error
    return parse(text, str(path))


def parse(text: str, path: str = "scenario") -> Scenario:
    """The same from a text."""
    import yaml

    root = _composed(text, path)
    mistakes: list[tuple[int, str]] = []
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in root.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        try:
            value = yaml.SafeLoader("").construct_object(value_node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            what = getattr(error, "problem", None) or error
            mistakes.append((line, f"{key}: no value that can be read: {what}"))
            continue
        if key not in CHECKS:
            mistakes.append((line, f'"{key}" is no setting{_meant(key, CHECKS)}'))
        elif key in values:
            mistakes.append((line, f'"{key}" stands here twice'))
        else:
            values[key], lines[key] = value, line
            if key == "expect" and isinstance(value, dict):
                mistakes += _expectations(value_node)
                continue
            problem = CHECKS[key](value)
            if problem:
                mistakes.append((line, f"{key}: {problem}"))
    if "architecture" not in values:
        mistakes.append((1, f"architecture is missing: one of {', '.join(ARCHITECTURES)}"))
    if not mistakes:
        mistakes += _contradictions(values, lines)
    if mistakes:
        raise ScenarioError(
            path, sorted(mistakes), help="`cdlab run FILE` again when they are mended"
        )
    return _scenario(values)


def _composed(text: str, path: str) -> Any:
    """The file as a mapping of nodes, which know their lines."""
    import yaml

    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(path, [(line, f"not YAML: {error.problem}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ScenarioError(path, [(1, f"not YAML: {error}")]) from error
    if not isinstance(root, yaml.MappingNode):
        raise ScenarioError(path, [(1, "a scenario is a mapping, `architecture: v1` and so on")])
    return root


VARIANT_KEYS = {
    "rollback": "rollback",
    "build_cache": "has_build_cache",
    "poll_interval_seconds": "poll_interval_seconds",
    "hold": "has_hold",
}


def _scenario(values: dict[str, Any]) -> Scenario:
    architecture = ARCHITECTURES[values["architecture"]]
    chosen = {ours: values.pop(key) for key, ours in VARIANT_KEYS.items() if key in values}
    chosen.setdefault("rollback", architecture.rollbacks[0])
    if "environments" in values:
        values["environments"] = _environments(values["environments"], architecture.name)
    if "microservices" in values:
        values["microservices"] = tuple(values["microservices"])
    return Scenario(variant=Variant(**chosen), **values)


def _environments(value: Any, architecture: str) -> tuple[Environment, ...]:
    if isinstance(value, dict):
        return tuple(Environment(name, how == "automated") for name, how in value.items())
    has_manual = ARCHITECTURES[architecture].has_manual_environments
    last = len(value) - 1
    return tuple(
        Environment(name, not (has_manual and index == last and last > 0))
        for index, name in enumerate(value)
    )


def _contradictions(values: dict[str, Any], lines: dict[str, int]) -> list[tuple[int, str]]:
    architecture = ARCHITECTURES[values["architecture"]]
    found = []
    ways = architecture.rollbacks
    effective = _environments(values.get("environments", ["any"]), architecture.name)
    if "rollback" in values and values["rollback"] not in ways:
        found.append(("rollback", f"{architecture.name} rolls back by {' or '.join(ways)}"))
    if architecture.manager is None:
        for key in ("hold", "poll_interval_seconds"):
            if key in values:
                found.append((key, f"{architecture.name} has no release manager: leave it out"))
        environments = values.get("environments")
        if isinstance(environments, dict) and "manual" in environments.values():
            what = f"{architecture.name} releases every push everywhere: none can be manual"
            found.append(("environments", what))
    elif not effective[0].is_automated:
        what = "the first has to be automated: there is none before it to promote from"
        found.append(("environments", what))
    if values.get("next_push") and values.get("story", "rollback") != "rollback":
        found.append(("next_push", "only the story rollback has one"))
    return [(lines[key], f"{key}: {what}") for key, what in found]


def _expectations(node: Any) -> list[tuple[int, str]]:
    return [
        (
            key.start_mark.line + 1,
            f'expect: "{key.value}" is no measure{_meant(key.value, MEASURES)}',
        )
        for key, _ in node.value
        if key.value not in MEASURES
    ]


def _meant(wrong: str, right: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(wrong, list(right), n=1)
    return f'; did you mean "{near[0]}"?' if near else f"; there are {', '.join(right)}"


class Check(NamedTuple):
    """What a setting may be: for the loader, which says what is wrong, and as JSON Schema."""

    problem: Callable[[Any], str]
    schema: Mapping[str, Any]

    def __call__(self, value: Any) -> str:
        return self.problem(value)


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


def _names(value: Any) -> str:
    import re

    if not isinstance(value, list) or not value:
        return "a list of one name or more"
    wrong = [each for each in value if not re.fullmatch(NAME, str(each)) or len(str(each)) > 40]
    if wrong:
        return f'"{wrong[0]}" is no name: small letters, digits and dashes, at most 40'
    return "a name stands here twice" if len(set(value)) < len(value) else ""


def _environment_names(value: Any) -> str:
    if isinstance(value, dict):
        odd = [how for how in value.values() if how not in ("automated", "manual")]
        if odd:
            return f'"{odd[0]}" is neither automated nor manual'
        value = list(value)
    return _names(value)


def _mapping(value: Any) -> str:
    return "" if isinstance(value, dict) else "a mapping from measures to values"


_NAME: Mapping[str, Any] = {"type": "string", "pattern": f"^{NAME}$", "maxLength": 40}
_POLICIES = {"enum": ["automated", "manual"]}
YES_OR_NO = Check(_yes_or_no, {"type": "boolean"})
NAMES = Check(_names, {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True})
BY_NAME = {"type": "object", "propertyNames": _NAME, "additionalProperties": _POLICIES}
ENVIRONMENTS = Check(_environment_names, {"anyOf": [NAMES.schema, {**BY_NAME, "minProperties": 1}]})
EXPECTATIONS = Check(_mapping, {"type": "object"})

CHECKS: Mapping[str, Check] = {
    "architecture": _one_of(ARCHITECTURES),
    "story": _one_of(STORIES),
    "microservices": NAMES,
    "environments": ENVIRONMENTS,
    "profile": _one_of(PROFILES),
    "seed": _number(0, 2**63 - 1),
    "replicas": _number(1, 100),
    "executors": _number(1, 1000),
    "rollback": _one_of(("revert", "force-push", "rollout-undo", "command")),
    "build_cache": YES_OR_NO,
    "poll_interval_seconds": _number(0.1, 86_400, is_whole=False),
    "hold": YES_OR_NO,
    "next_push": YES_OR_NO,
    "merge": YES_OR_NO,
    "payload_kib": _number(0, 1_048_576),
    "build_work": _number(0, 1_000_000),
    "expect": EXPECTATIONS,
}
