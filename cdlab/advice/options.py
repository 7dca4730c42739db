"""
What a team can choose from, played with the team's own numbers.

In: a team. Out: for each option its runs' figures. All options share their random numbers, so that
the n-th build takes the same time in each. Called by `advice.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from cdlab import worlds
from cdlab.advice.needs import NEEDS
from cdlab.advice.team import Team
from cdlab.model import Environment, Variant
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario
from cdlab.statistics import median

BASE = "lean-ci"
"""What a team does not say things cost: pulls, pods, git."""


@dataclass(frozen=True, slots=True)
class Option:
    """A way to deliver and to roll back."""

    architecture: str
    variant: Variant
    is_in_article: bool

    @property
    def label(self) -> str:
        """`V1 redeploy, gated`."""
        gate = ", gated" if self.variant.is_gated else ""
        return f"{self.architecture.upper()} {self.variant.rollback}{gate}"


OPTIONS = (
    Option("v1", Variant(rollback="revert"), True),
    Option("v1", Variant(rollback="redeploy"), False),
    Option("v1", Variant(rollback="redeploy", is_gated=True), False),
    Option("v2", Variant(rollback="revert"), True),
    Option("v2", Variant(rollback="config-revert"), False),
    Option("v2", Variant(rollback="config-revert", is_gated=True), False),
    Option("v3", Variant(rollback="command"), True),
)
"""From the fewest boxes to the most. `kubectl` past everything else is no way to work."""


@dataclass(frozen=True, slots=True)
class Played:
    """An option with what its runs say."""

    option: Option
    rollback_seconds: float | None
    """Median; None where more than half of them never ended."""
    lead_time_seconds: float | None
    """Median, from a push to the first environment."""
    answers: Mapping[str, tuple[bool, str]]
    """Need -> whether it is met, and the figure that says so."""

    def unmet(self, team: Team) -> list[str]:
        """The needs of a team that it does not meet."""
        return [name for name in team.needs if not self.answers[name][0]]

    def bad_minutes(self, team: Team) -> float:
        """Minutes a month in which a bad release still serves after somebody asked to go back."""
        seconds = inf if self.rollback_seconds is None else self.rollback_seconds
        return team.rollbacks_a_month * seconds / 60 if team.rollbacks_a_month else 0.0

    def waiting_minutes(self, team: Team) -> float:
        """Minutes a month in which pushes are on their way to the first environment."""
        seconds = inf if self.lead_time_seconds is None else self.lead_time_seconds
        return 30 * team.pushes_a_day * seconds / 60 if team.pushes_a_day else 0.0


def simulated(team: Team) -> Team:
    """The part of a team that its runs depend on: how often it pushes only counts afterwards."""
    usual = Team(needs=("approval",) if "approval" in team.needs else ())
    later = ("pushes_a_day", "bad_release_rate", "worth_minutes_a_month", "needs")
    return replace(team, **{name: getattr(usual, name) for name in later})


def play(team: Team, *, runs: int, seed: int = 1) -> tuple[Played, ...]:
    """Play every option with *runs* seeds of a rollback, and once what else the needs ask about."""
    return tuple(_played(team, option, runs, seed) for option in OPTIONS)


def _played(team: Team, option: Option, runs: int, seed: int) -> Played:
    rollbacks = [_run(team, option, each) for each in range(seed, seed + runs)]
    stories = dict.fromkeys(need.story for need in NEEDS.values())
    found = {
        story: rollbacks if story == "rollback" else [_run(team, option, seed, story)]
        for story in stories
    }
    answers = {}
    for name, need in NEEDS.items():
        values = [run.measures[need.measure] for run in found[need.story]]
        worst = next((each for each in values if not need.is_met(each)), values[0])
        answers[name] = (need.is_met(worst), f"{need.measure}: {_text(worst)}")
    leads = [run.measures["lead_time_seconds"] for run in rollbacks]
    return Played(option, _back(rollbacks), median(leads), answers)


def rollback_seconds(team: Team, option: Option, *, runs: int, seed: int = 1) -> float | None:
    """The median rollback time of one option."""
    return _back([_run(team, option, each) for each in range(seed, seed + runs)])


def _back(rollbacks: Sequence[Run]) -> float | None:
    return median([run.measures["rollback_seconds"] for run in rollbacks])


def _scenario(team: Team, option: Option, seed: int, story: str) -> Scenario:
    """An option as the team would use it: production waits for decisions where it has to."""
    has_manager = option.architecture == "v3"
    is_manual = option.variant.is_gated or (has_manager and "approval" in team.needs)
    of_story: Mapping[str, Mapping[str, Any]] = {
        "rollback": {"commits_on_top": team.commits_on_top, "next_push": True},
        "outage": {"outage": "ci", "operation": "rollback"},
    }
    return Scenario(
        architecture=option.architecture,
        story=story,
        seed=seed,
        microservices=tuple(f"service-{number}" for number in range(1, team.microservices + 1)),
        environments=(
            *(Environment(f"stage-{number}") for number in range(1, team.environments)),
            Environment("production", is_automated=not is_manual),
        ),
        replicas=team.replicas,
        variant=replace(
            option.variant,
            has_build_cache=team.build_cache,
            poll_interval_seconds=(team.poll_seconds or None) if has_manager else None,
        ),
        **of_story.get(story, {}),
    )


def _run(team: Team, option: Option, seed: int, story: str = "rollback") -> Run:
    from cdlab.substrates.sim.costs import load_profile

    base = load_profile(BASE)
    medians = {"build": team.build_minutes, "build_cached": team.cached_build_minutes}
    own = {
        purpose: base.costs[purpose].scaled(60 * minutes / base.costs[purpose].numbers[0])
        for purpose, minutes in medians.items()
    }
    profile = replace(base, name="team", costs={**base.costs, **own})
    scenario = replace(_scenario(team, option, seed, story), profile=profile.name)
    return run_in(worlds.simulated(scenario, profile=profile), scenario)


def _text(value: Any) -> str:
    from cdlab.report import wording

    return wording.value_of("", value)
