"""
A story with settings, and what it is expected to show: the data of a run.

Loads and validates a scenario file. All mistakes of a file are reported at once, with their lines
and what would be right. Called by the runner, the CLI and the pytest fixture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from cdlab import scenario_references
from cdlab.architectures import ARCHITECTURES
from cdlab.errors import ScenarioError
from cdlab.model import Environment, Variant
from cdlab.scenario_checks import CHECKS, PROFILES, STRATEGIES, environments_of
from cdlab.scenario_contradictions import contradictions
from cdlab.scenario_references import Names
from cdlab.stories import BADNESS, OPERATIONS
from cdlab.value_checks import Mistake, line_of, meant, read

__all__ = ["CHECKS", "PROFILES", "SAMPLE_MICROSERVICES", "Scenario", "load", "parse"]

SAMPLE_MICROSERVICES = ("front-end", "users", "orders")


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
    """Any whole number from 0; the same gives the same run in the simulator."""
    replicas: int = 2
    """Pods of each microservice in each environment."""
    executors: int = 4
    """How many pipeline runs CI can work on at once."""
    variant: Variant = field(default_factory=Variant)
    next_push: bool = False
    merge: bool = False
    bad: str = BADNESS[0]
    """What is wrong with the bad release."""
    batch: int = 1
    """Commits of the bad release; the first is the bad one."""
    commits_on_top: int = 0
    """Good releases after the bad one."""
    compatible: bool = False
    """Whether the calling microservice works with both interfaces of the called one."""
    registry_lost: bool = False
    outage: str = ""
    """The box that is down while `operation` is attempted."""
    operation: str = OPERATIONS[0]
    readiness_probe: bool = True
    strategy: str = STRATEGIES[0]
    """How Kubernetes replaces pods."""
    steps: tuple[Mapping[str, Any], ...] = ()
    """What the story `steps` does."""
    faults: tuple[Mapping[str, Any], ...] = ()
    """What goes wrong, as `cdlab/faults.py` lists it."""
    payload_kib: int = 0
    """KiB of incompressible bytes in each image."""
    build_work: int = 0
    """MiB that each build hashes."""
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
        for each in ("microservices", "steps", "faults"):
            plain[each] = list(plain[each])
        plain["environments"] = {
            each.name: "automated" if each.is_automated else "manual"
            for each in self.effective_environments
        }
        plain["variant"] = {
            each.name: getattr(self.variant, each.name) for each in fields(self.variant)
        }
        del plain["expect"]
        return plain

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Scenario:
        """The scenario of a history's first event, without what it expected."""
        own = {each.name: settings[each.name] for each in fields(cls) if each.name in settings}
        for each in ("microservices", "steps", "faults"):
            own[each] = tuple(own[each])
        own["environments"] = tuple(
            Environment(name, how == "automated") for name, how in own["environments"].items()
        )
        own["variant"] = Variant(**own["variant"])
        own["profile"] = own["profile"] or cls.profile
        return cls(**own)


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises one `ScenarioError` with all of its mistakes."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise ScenarioError(str(path), [(0, f"cannot be read: {why}")]) from error
    return parse(text, str(path))


def parse(text: str, path: str = "scenario") -> Scenario:
    """The same from a text."""
    found = _read(text, path)
    mistakes = found.mistakes
    if "architecture" not in found.lines:
        mistakes.append((1, f"architecture is missing: one of {', '.join(ARCHITECTURES)}"))
    mistakes += [
        (found.lines[key], f"{key}: {what}")
        for key, what in contradictions(found.values, found.wrong)
    ]
    names = _names(found)
    for key, references in REFERENCES.items():
        if key in found.nodes:
            mistakes += references(found.nodes[key], names)
    if mistakes:
        raise ScenarioError(
            path, sorted(mistakes), help="`cdlab run FILE` again when they are mended"
        )
    return _scenario(found.values)


REFERENCES = {
    "steps": scenario_references.of_steps,
    "faults": scenario_references.of_faults,
    "expect": scenario_references.of_expectations,
}
"""Setting of a file -> the check of what it names."""


class _Read(NamedTuple):
    """A file, as far as it can be read, one setting at a time."""

    values: dict[str, Any]
    """Those that are right by themselves."""
    lines: dict[str, int]
    """Of all that stand there."""
    nodes: dict[str, Any]
    """Of those that are values at all."""
    mistakes: list[Mistake]

    @property
    def wrong(self) -> frozenset[str]:
        """What stands there and is wrong by itself."""
        return frozenset(self.lines.keys() - self.values.keys())


def _read(text: str, path: str) -> _Read:
    import yaml

    values, lines, nodes, mistakes = _Read({}, {}, {}, [])
    for key_node, value_node in _composed(text, path).value:
        key, line = str(key_node.value), line_of(key_node)
        if key not in CHECKS or key in lines:
            what = "stands here twice" if key in lines else f"is no setting{meant(key, CHECKS)}"
            mistakes.append((line, f'"{key}" {what}'))
            continue
        lines[key] = line
        try:
            value = read(value_node)
        except (yaml.YAMLError, ValueError) as error:
            why = getattr(error, "problem", None) or error
            mistakes.append((line, f"{key}: no value that can be read: {why}"))
            continue
        nodes[key] = value_node
        found = CHECKS[key].mistakes(key, line, value_node, value)
        mistakes += found
        if not found:
            values[key] = value
    return _Read(values, lines, nodes, mistakes)


def _names(found: _Read) -> Names:
    """What the file says there is, with the defaults of what it leaves out."""
    values, wrong = found.values, found.wrong
    attempt: tuple[str, ...] | None = ()
    if values.get("story") == "outage":
        operation, box = values.get("operation", Scenario.operation), values.get("outage")
        attempt = (f"{operation} without {box}",) if box else None
    return Names(
        architecture=ARCHITECTURES.get(values.get("architecture", "")),
        microservices=(
            None
            if "microservices" in wrong
            else tuple(values.get("microservices", SAMPLE_MICROSERVICES))
        ),
        environments=(
            None
            if "environments" in wrong
            else tuple(values.get("environments", ("staging", "production")))
        ),
        attempt=None if {"story", "operation"} & wrong else attempt,
    )


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
    "deploy": "is_gated",
}


def _scenario(values: dict[str, Any]) -> Scenario:
    architecture = ARCHITECTURES[values["architecture"]]
    chosen = {ours: values.pop(key) for key, ours in VARIANT_KEYS.items() if key in values}
    chosen.setdefault("rollback", architecture.rollbacks[0])
    if "is_gated" in chosen:
        chosen["is_gated"] = chosen["is_gated"] == "gated"
    if "environments" in values:
        values["environments"] = environments_of(values["environments"], architecture.name)
    for key in ("microservices", "steps", "faults"):
        if key in values:
            values[key] = tuple(values[key])
    return Scenario(variant=Variant(**chosen), **values)
