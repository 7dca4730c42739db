"""
A scenario as the text of a file that gives the same scenario when it is read.

In: a `Scenario`. Out: YAML. Called where a run was found by a program and a person shall replay it:
the property tests write what they found with it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from cdlab.scenario import VARIANT_KEYS, Scenario

OURS = {ours: key for key, ours in VARIANT_KEYS.items()}


def scenario_text(scenario: Scenario) -> str:
    """Everything that is not as by default, in the order of a file that a person would write."""
    import yaml

    return yaml.safe_dump(_plain(scenario), sort_keys=False, allow_unicode=True, width=100)


def _plain(scenario: Scenario) -> dict[str, Any]:
    usual = Scenario(architecture=scenario.architecture)
    plain: dict[str, Any] = {"architecture": scenario.architecture, "story": scenario.story}
    for each in fields(scenario):
        value = getattr(scenario, each.name)
        if each.name in ("architecture", "story", "variant", "environments"):
            continue
        if value != getattr(usual, each.name):
            plain[each.name] = _data(value)
    if scenario.environments:
        plain["environments"] = {
            each.name: "automated" if each.is_automated else "manual"
            for each in scenario.environments
        }
    for each in fields(scenario.variant):
        value = getattr(scenario.variant, each.name)
        if each.name == "rollback" or value != getattr(usual.variant, each.name):
            plain[OURS[each.name]] = _gated(value) if each.name == "is_gated" else value
    return plain


def _gated(value: bool) -> str:
    return "gated" if value else "automatic"


def _data(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_data(each) for each in value]
    return {key: _data(each) for key, each in value.items()} if hasattr(value, "items") else value
