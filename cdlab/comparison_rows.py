"""
Which rows a comparison of a story has: variants, and what a story needs beside its name.

In: a story. Out: rows, each with the scenario that it plays. Called by `comparison.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cdlab.errors import CdlabError
from cdlab.model import Environment, Variant
from cdlab.scenario import Scenario
from cdlab.stories import NEEDED, ROADS, WITHOUT_ROLLBACK

AUTOMATED = (Environment("staging"), Environment("production"))
GATED = (Environment("staging"), Environment("production", is_automated=False))
OF_STORY: Mapping[str, Mapping[str, Any]] = {
    # Without a slow build the older one does not end last.
    "older-build-last": {
        "faults": (
            {
                "what": "build-slow",
                "microservice": "front-end",
                "during": "deploy",
                "seconds": 7200,
            },
        )
    },
    # The first is called, and the last one calls it.
    "incompatible-services": {"microservices": ("users", "orders", "front-end")},
    "bad-manifest": {"bad": "manifest"},
}
"""Story -> the settings with which its scenario files play it, in every row."""
INSTEAD: Mapping[str, str] = {
    "outage": "`cdlab outages` attempts everything without each box; `cdlab run FILE` plays one",
    "move-from-v1": "play it by itself: `cdlab run scenarios/v3/move-from-v1.yaml`",
    "steps": "play scenario files with the same steps: `cdlab run FILE ...`",
}
"""Story that no comparison can play -> what does."""
LONGEST_ON_KIND_SECONDS = 30.0
"""What a fault of hours takes before a real cluster. Still longer than any build there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One variant of one architecture, as a line of the table."""

    scenario: Scenario
    label: str
    is_main: bool = False
    """Whether it stands for its architecture: the variant that the article describes."""

    @property
    def is_worth_a_cluster(self) -> bool:
        """
        Whether to play it on kind too.

        Not where somebody would wait for a poll, and not the force-push, which costs what a revert
        costs; `scenarios/v1/rollback-force-push.yaml` plays that one there.
        """
        variant = self.scenario.variant
        return variant.poll_interval_seconds is None and variant.rollback != "force-push"

    def on_kind(self) -> Row:
        """The same with faults that do not last longer than somebody waits."""
        faults = tuple(
            {**fault, "seconds": min(fault["seconds"], LONGEST_ON_KIND_SECONDS)}
            if "seconds" in fault
            else fault
            for fault in self.scenario.faults
        )
        return replace(self, scenario=replace(self.scenario, faults=faults))


def why_not(story: str) -> str:
    """Why a story is no comparison; empty where it is one."""
    if story in ROADS:
        *earlier, last = ROADS[story]
        return f'the story "{story}" goes through {", ".join(earlier)} and {last} by itself'
    if story not in NEEDED:
        return ""
    needed = ", ".join(NEEDED[story])
    return f'the story "{story}" needs {needed}, which a comparison cannot guess'


def rows(story: str, *, profile: str, seed: int, **settings: Any) -> tuple[Row, ...]:
    """
    Every variant that is compared, the article's first for each architecture.

    Raises:
        CdlabError: The story says nothing without settings of its own.
    """
    if why := why_not(story):
        raise CdlabError(why, help=INSTEAD[story])
    with_story = {**OF_STORY.get(story, {}), **settings}
    base = Scenario(architecture="v1", story=story, profile=profile, seed=seed, **with_story)
    made: list[Row] = []
    for label, architecture, variant, more in _compared(story):
        scenario = replace(base, architecture=architecture, variant=variant, **more)
        is_main = architecture not in [each.scenario.architecture for each in made]
        made.append(Row(scenario, label, is_main))
    return tuple(made)


def _compared(story: str) -> list[tuple[str, str, Variant, dict[str, Any]]]:
    """Label, architecture, variant and further settings of each row."""
    push, command = Variant(), Variant(rollback="command")
    polling = replace(command, poll_interval_seconds=60.0)
    if story in WITHOUT_ROLLBACK:
        gated = replace(push, is_gated=True)
        return [
            ("", "v1", push, {}),
            ("gated", "v1", gated, {"environments": GATED}),
            ("", "v2", push, {}),
            ("gated", "v2", gated, {"environments": GATED}),
            ("", "v3", command, {}),
            ("poll 60 s", "v3", polling, {}),
        ]
    no_cache, undo = Variant(has_build_cache=False), Variant(rollback="rollout-undo")
    by_hand = {"next_push": True} if story == "rollback" else {}
    found: list[tuple[str, Variant, dict[str, Any]]] = [
        ("v1", push, {}),
        ("v1", no_cache, {}),
        ("v1", Variant(rollback="force-push"), {}),
        ("v1", Variant(rollback="redeploy"), by_hand),
        ("v1", undo, by_hand),
        ("v2", push, {}),
        ("v2", no_cache, {}),
        ("v2", Variant(rollback="config-revert"), by_hand),
        ("v2", undo, by_hand),
        ("v3", command, {}),
        ("v3", polling, {}),
        ("v3", replace(command, has_hold=False), {"environments": AUTOMATED}),
        ("v3", Variant(rollback="config-revert"), {}),
    ]
    return [(variant.label(), name, variant, more) for name, variant, more in found]
