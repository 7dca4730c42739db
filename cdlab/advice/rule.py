"""
The rule by which an option is chosen, in one sentence.

Go to the next architecture, which has more boxes, only where it meets more of the team's needs, or
meets as many and saves more minutes of bad releases a month than a box is worth to the team. In:
options that were played, and a team. Out: a choice with a reason for each step. Called by
`advice.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdlab.advice.options import Played
from cdlab.advice.team import Team


@dataclass(frozen=True, slots=True)
class Choice:
    """An option, and why it and no other."""

    played: Played
    reasons: tuple[str, ...]
    """One for each step from one architecture to the next, taken or not."""

    @property
    def architecture(self) -> str:
        """`V1`, `V2` or `V3`."""
        return self.played.option.architecture.upper()


MARGIN = 1.05
"""Options of one architecture that differ by less are as fast as each other: the simpler one."""


def best(options: Sequence[Played], team: Team) -> list[Played]:
    """Of each architecture the first option that is as good as its best: needs first, then time."""
    names = dict.fromkeys(each.option.architecture for each in options)
    return [
        _best([each for each in options if each.option.architecture == name], team)
        for name in names
    ]


def _best(options: Sequence[Played], team: Team) -> Played:
    fewest = min(len(each.unmet(team)) for each in options)
    left = [each for each in options if len(each.unmet(team)) == fewest]
    least = min(each.bad_minutes(team) for each in left)
    return next(each for each in left if each.bad_minutes(team) <= MARGIN * least)


def choose(options: Sequence[Played], team: Team) -> Choice:
    """Go from the simplest architecture to the next ones as far as the rule says."""
    chosen, *others = best(options, team)
    reasons = []
    for each in others:
        gained = [name for name in chosen.unmet(team) if name not in each.unmet(team)]
        saved = chosen.bad_minutes(team) - each.bad_minutes(team)
        is_better = len(each.unmet(team)) < len(chosen.unmet(team))
        is_even = len(each.unmet(team)) == len(chosen.unmet(team))
        is_taken = is_better or (is_even and saved > team.worth_minutes_a_month)
        pair = (each, chosen) if is_taken else (chosen, each)
        reasons.append(
            f"{pair[0].option.label} rather than {pair[1].option.label}: "
            f"{_gained(chosen, each, gained)}, and {_saved(each, saved, team)}."
        )
        chosen = each if is_taken else chosen
    return Choice(chosen, tuple(reasons))


def _gained(chosen: Played, each: Played, gained: Sequence[str]) -> str:
    name = each.option.label
    if not gained:
        return f"{name} meets no need more"
    told = [f"{need} ({chosen.answers[need][1]} in {chosen.option.label})" for need in gained]
    return f"{name} meets {' and '.join(told)}"


def _saved(each: Played, saved: float, team: Team) -> str:
    verb = "saves" if saved >= 0 else "costs"
    return (
        f"{verb} {abs(saved):.3g} minutes of bad releases a month, where a box more is worth"
        f" {team.worth_minutes_a_month:g}"
    )
