"""
Where two options are worth the same to a team: in rollbacks a month, and in minutes of a build.

In: options that were played, and a team. Out: sentences. Called by `advice.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, sqrt

from cdlab.advice.options import OPTIONS, Played, rollback_seconds
from cdlab.advice.rule import best
from cdlab.advice.team import LIMITS, Team

HALVINGS = 9
"""Of the range of build times, 0.01 to 600 minutes, by ratio: a break-even is known to 2 %."""


def rollback_break_evens(options: Sequence[Played], team: Team) -> Iterator[str]:
    """From how many rollbacks on the next architecture is worth its box, by time alone."""
    ladder = best(options, team)
    for lower, upper in pairwise(ladder):
        names = f"{upper.option.label} is worth its box beside {lower.option.label} by time alone"
        if lower.rollback_seconds is None or upper.rollback_seconds is None:
            continue
        saved = (lower.rollback_seconds - upper.rollback_seconds) / 60
        if saved <= 0:
            yield f"{names} for no number of rollbacks: it is not faster"
            continue
        needed = team.worth_minutes_a_month / saved
        yours = f"you have {team.rollbacks_a_month:.3g}"
        yield f"{names} from {needed:.3g} rollbacks a month on; {yours}"


ARTICLES_V1, ARTICLES_V3 = OPTIONS[0], OPTIONS[-1]


def build_break_even(team: Team, *, runs: int, seed: int = 1) -> str:
    """From which build time on V3's command is worth its box beside V1's revert, by time alone."""
    # What was built before is in the cache, unless the revert makes a content that never was.
    is_cached = team.build_cache and not team.commits_on_top
    what = "cached_build_minutes" if is_cached else "build_minutes"
    yours = f"yours is {getattr(team, what):g}"

    def is_worth_it(minutes: float) -> bool:
        other = replace(team, **{what: minutes})  # type: ignore[arg-type]
        one, three = (
            rollback_seconds(other, option, runs=runs, seed=seed) or inf
            for option in (ARTICLES_V1, ARTICLES_V3)
        )
        return team.rollbacks_a_month * (one - three) / 60 > team.worth_minutes_a_month

    names = f"{ARTICLES_V3.label} is worth its box beside {ARTICLES_V1.label} by time alone"
    low, high = LIMITS[what]
    if not is_worth_it(high):
        return f"{names} for no {what} up to {high:g}; {yours}"
    if is_worth_it(low):
        return f"{names} whatever {what} is; {yours}"
    for _ in range(HALVINGS):
        middle = sqrt(low * high)
        low, high = (low, middle) if is_worth_it(middle) else (middle, high)
    return f"{names} from {what} {high:.2g} on; {yours}"
