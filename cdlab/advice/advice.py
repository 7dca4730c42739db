"""
Which architecture fits a team, why, and what would have to be different for another answer.

In: a team. Out: an answer with every figure it comes from, by the sentence that `rule.py` opens
with. Called by `cdlab advise`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from cdlab.advice.break_evens import build_break_even, rollback_break_evens
from cdlab.advice.needs import NEEDS
from cdlab.advice.options import Played, play, simulated
from cdlab.advice.rule import Choice, choose
from cdlab.advice.team import LIMITS, Team
from cdlab.parallel import in_processes


@dataclass(frozen=True, slots=True)
class Change:
    """The answer for a team that differs in one input."""

    what: str
    """`pushes_a_day`, or a need."""
    value: str
    label: str
    """The option that would be chosen."""
    of_article: str
    """And among the article's own variants."""
    bad_minutes: float
    unmet: tuple[str, ...]
    is_other: bool
    """Whether that is another architecture."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The whole answer."""

    team: Team
    runs: int
    seed: int
    options: tuple[Played, ...]
    choice: Choice
    of_article: Choice
    """The same among the article's own variants."""
    break_evens: tuple[str, ...]
    changes: tuple[Change, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `cdlab advise --json` prints them."""
        return {
            "team": asdict(self.team),
            "runs": self.runs,
            "seed": self.seed,
            "answer": self.choice.played.option.label,
            "reasons": self.choice.reasons,
            "answer_of_the_article": self.of_article.played.option.label,
            "reasons_of_the_article": self.of_article.reasons,
            "options": [
                {
                    "option": each.option.label,
                    "is_in_article": each.option.is_in_article,
                    "rollback_seconds": each.rollback_seconds,
                    "lead_time_seconds": each.lead_time_seconds,
                    "bad_minutes_a_month": each.bad_minutes(self.team),
                    "waiting_minutes_a_month": each.waiting_minutes(self.team),
                    "unmet": each.unmet(self.team),
                    "needs": {
                        name: {"is_met": is_met, "because": because}
                        for name, (is_met, because) in each.answers.items()
                    },
                }
                for each in self.options
            ],
            "break_evens": self.break_evens,
            "changes": [asdict(each) for each in self.changes],
        }


def advise(
    team: Team,
    *,
    runs: int,
    seed: int = 1,
    processes: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Advice:
    """
    Play the team in all options, answer, and look what would change the answer.

    More than one process only where `__main__` can be imported; they change no number.
    """
    altered = list(_altered(team))
    teams = list(dict.fromkeys(simulated(each) for each in (team, *(t for _, _, t in altered))))
    found: dict[Team, tuple[Played, ...]] = {}
    one = partial(play, runs=runs, seed=seed)
    results = map(one, teams) if processes == 1 else in_processes(one, teams, processes=processes)
    for each, played in zip(teams, results, strict=True):
        found[each] = played
        progress(len(found), len(teams), "")
    options = found[simulated(team)]
    choice = choose(options, team)
    changes = tuple(
        _change(what, value, other, found[simulated(other)], choice)
        for what, value, other in altered
    )
    even = (*rollback_break_evens(options, team), build_break_even(team, runs=runs, seed=seed))
    return Advice(team, runs, seed, options, choice, _of_article(options, team), even, changes)


def _of_article(options: Sequence[Played], team: Team) -> Choice:
    return choose([each for each in options if each.option.is_in_article], team)


def _change(
    what: str, value: str, other: Team, options: Sequence[Played], before: Choice
) -> Change:
    found = choose(options, other)
    return Change(
        what,
        value,
        label=found.played.option.label,
        of_article=_of_article(options, other).played.option.label,
        bad_minutes=found.played.bad_minutes(other),
        unmet=tuple(found.played.unmet(other)),
        is_other=found.architecture != before.architecture,
    )


FACTORS = (0.5, 2.0)
FROM_ZERO: Mapping[str, float] = {"poll_seconds": 60.0, "bad_release_rate": 0.01}
"""What nothing becomes where it cannot be doubled; else 1."""


def _altered(team: Team) -> Iterator[tuple[str, str, Team]]:
    """The team with one input different: each number halved and doubled, each need turned round."""
    for name, (least, greatest) in LIMITS.items():
        before = getattr(team, name)
        wanted = [before * each for each in FACTORS] if before else [FROM_ZERO.get(name, 1)]
        for value in wanted:
            kept = type(before)(min(max(value, least), greatest))
            if kept != before:
                yield name, f"{kept:g}", replace(team, **{name: kept})
    flipped = not team.build_cache
    yield "build_cache", str(flipped).lower(), replace(team, build_cache=flipped)
    for name in NEEDS:
        is_there = name in team.needs
        needs = (
            tuple(each for each in team.needs if each != name) if is_there else (*team.needs, name)
        )
        yield name, "not needed" if is_there else "needed", replace(team, needs=needs)


def unmet_by_answer(advice: Advice) -> Mapping[str, str]:
    """What the answer does not give, asked for or not: need -> the figure that says so."""
    answers = advice.choice.played.answers
    return {name: because for name, (is_met, because) in answers.items() if not is_met}
