"""
A story with settings, and what it is expected to show: the data of a run.

Loads and validates a scenario file. All mistakes of a file are reported at once, with their lines
and what would be right. Called by the runner, the CLI and the pytest fixture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cdlab import fault_plans
from cdlab.architectures import ARCHITECTURES
from cdlab.errors import ScenarioError
from cdlab.model import Environment, Variant
from cdlab.scenario_checks import CHECKS, PROFILES, STRATEGIES, Mistake, line_of, meant, read
from cdlab.stories import BADNESS, NEEDED, OPERATIONS, SETTINGS_OF

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

    mistakes: list[Mistake] = []
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
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
        found = CHECKS[key].mistakes(key, line, value_node, value)
        mistakes += found
        if not found:
            values[key] = value
    if "architecture" not in lines:
        mistakes.append((1, f"architecture is missing: one of {', '.join(ARCHITECTURES)}"))
    mistakes += [(lines[key], f"{key}: {what}") for key, what in _contradictions(values)]
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
    "deploy": "is_gated",
}


def _scenario(values: dict[str, Any]) -> Scenario:
    architecture = ARCHITECTURES[values["architecture"]]
    chosen = {ours: values.pop(key) for key, ours in VARIANT_KEYS.items() if key in values}
    chosen.setdefault("rollback", architecture.rollbacks[0])
    if "is_gated" in chosen:
        chosen["is_gated"] = chosen["is_gated"] == "gated"
    if "environments" in values:
        values["environments"] = _environments(values["environments"], architecture.name)
    for key in ("microservices", "steps", "faults"):
        if key in values:
            values[key] = tuple(values[key])
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


def _contradictions(values: dict[str, Any]) -> list[tuple[str, str]]:
    """(key, what) for settings that are right by themselves and wrong beside another one."""
    story = values.get("story", "rollback")
    found = [
        (key, f"only the stor{'y' if len(stories) == 1 else 'ies'} {' and '.join(stories)} can")
        for key, stories in SETTINGS_OF.items()
        if key in values and story not in stories
    ]
    found += [
        ("story", f"{story} wants {key}") for key in NEEDED.get(story, ()) if key not in values
    ]
    if "architecture" not in values:
        return found
    architecture = ARCHITECTURES[values["architecture"]]
    ways = architecture.rollbacks
    effective = _environments(values.get("environments", ["any"]), architecture.name)
    if "rollback" in values and values["rollback"] not in ways:
        found.append(("rollback", f"{architecture.name} rolls back by {' or '.join(ways)}"))
    if architecture.manager is None:
        for key in ("hold", "poll_interval_seconds"):
            if key in values:
                found.append((key, f"{architecture.name} has no release manager: leave it out"))
        environments, is_gated = values.get("environments"), values.get("deploy") == "gated"
        has_manual = isinstance(environments, dict) and "manual" in environments.values()
        if is_gated and not has_manual:
            found.append(("deploy", "gated wants an environment that is manual"))
        if has_manual and not is_gated:
            what = (
                f"{architecture.name} releases every push everywhere: none can be manual, unless"
                " `deploy: gated`"
            )
            found.append(("environments", what))
    elif "deploy" in values:
        found.append(("deploy", "a release manager has a policy for each environment instead"))
    if not effective[0].is_automated:
        what = "the first has to be automated: there is none before it to promote from"
        found.append(("environments", what))
    names = values.get("microservices", SAMPLE_MICROSERVICES)
    where = [each.name for each in effective if each.name != "any"] or ["staging", "production"]
    found += [
        ("faults", f"number {number + 1}: {problem}")
        for number, problem in fault_plans.mistakes(values.get("faults", ()), names, where)
    ]
    box = values.get("outage")
    if (box == "manager" and architecture.manager is None) or (
        box == "config-repo" and not architecture.has_config_repo
    ):
        found.append(("outage", f"{architecture.name} has no {box}"))
    return found
