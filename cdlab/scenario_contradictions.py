"""
Settings that are right by themselves and wrong beside another one.

In: the values of a file. Out: (key, what is wrong and what would be right). Called by
`scenario.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdlab.architectures import ARCHITECTURES, Architecture
from cdlab.scenario_checks import environments_of
from cdlab.scenario_references import boxes_of
from cdlab.stories import AT_LEAST, NEEDED, ROADS, SETTINGS_OF

Contradiction = tuple[str, str]
"""The key that is to be changed, and what is wrong with it there."""


def contradictions(values: Mapping[str, Any], wrong: frozenset[str]) -> Iterator[Contradiction]:
    """
    All of them. A setting that is not in *values* has its default.

    *wrong* are those that stand in the file and are wrong by themselves: nothing is held against
    them.
    """
    yield from _of_story(values, wrong)
    if "architecture" in values:
        architecture = ARCHITECTURES[values["architecture"]]
        yield from _of_environments(values, architecture)
        yield from _of_architecture(values, architecture)
        *_, last = ROADS.get(values.get("story", ""), (architecture.name,))
        if architecture.name != last:
            yield "architecture", f"the story {values['story']} ends in {last}"


def _of_story(values: Mapping[str, Any], wrong: frozenset[str]) -> Iterator[Contradiction]:
    story = values.get("story", "rollback")
    for key, stories in SETTINGS_OF.items():
        if key in values and story not in stories and "story" not in wrong:
            yield (
                key,
                f"only the stor{'y' if len(stories) == 1 else 'ies'} {' and '.join(stories)} can",
            )
    for key in NEEDED.get(story, ()):
        if key not in values and key not in wrong:
            yield "story", f"{story} wants {key}"
    if story in AT_LEAST:
        key, least = AT_LEAST[story]
        if key in values and len(values[key]) < least:
            yield key, f"the story {story} wants {least} or more"


def _of_architecture(
    values: Mapping[str, Any], architecture: Architecture
) -> Iterator[Contradiction]:
    ways = architecture.rollbacks
    if "rollback" in values and values["rollback"] not in ways:
        yield "rollback", f"{architecture.name} rolls back by {' or '.join(ways)}"
    if architecture.manager is None:
        for key in ("hold", "poll_interval_seconds"):
            if key in values:
                yield key, f"{architecture.name} has no release manager: leave it out"
    elif "deploy" in values:
        yield "deploy", "a release manager has a policy for each environment instead"
    if "outage" in values and values["outage"] not in boxes_of(architecture):
        yield "outage", f"{architecture.name} has no {values['outage']}"


def _of_environments(
    values: Mapping[str, Any], architecture: Architecture
) -> Iterator[Contradiction]:
    environments, is_gated = values.get("environments"), values.get("deploy") == "gated"
    has_manual = isinstance(environments, dict) and "manual" in environments.values()
    if architecture.manager is None:
        if is_gated and not has_manual:
            yield "deploy", "gated wants an environment that is manual"
        if has_manual and not is_gated:
            what = (
                f"{architecture.name} releases every push everywhere: none can be manual, unless"
                " `deploy: gated`"
            )
            yield "environments", what
    if environments and not environments_of(environments, architecture.name)[0].is_automated:
        what = "the first has to be automated: there is none before it to promote from"
        yield "environments", what
