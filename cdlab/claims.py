"""
How a claim of the article is decided: by runs, and by a control in which it must not hold.

In: a claim, and something that plays scenario files. Out: a verdict, computed from histories and
never written down: *confirmed* where it holds in every case, *refuted* where in none, and *it
depends* where in some, with what it depends on. The claims themselves are in `article_claims.py`.
Called by `cdlab claims` and by the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cdlab.claim_checks import Answer
from cdlab.runner import Run

Case = tuple[str, ...]
"""The scenarios that are looked at together, as `v1/rollback`."""
Play = Callable[[str, int], Run]
"""A scenario and a seed -> its run."""
Holds = Callable[[Sequence[Run]], Sequence[Answer]]
"""Whether the claim holds in a case, in each respect, and the numbers that say so."""
SEEDS = 5
"""Over how many seeds a claim is decided that depends on chance. It has to hold in each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A sentence of the article that can be true or false."""

    number: str
    sentence: str
    """The article's own words."""
    cases: tuple[Case, ...]
    control: Case
    """A case in which it must not hold in any respect; else the judgement could not fail."""
    holds: Holds
    depends_on: str = ""
    """What tells the cases or the respects apart, where they differ."""
    is_by_chance: bool = False
    """Whether costs that are drawn can turn the answer round, so that one seed says too little."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out for one case in one respect."""

    case: Case
    held: int
    """In how many seeds."""
    seeds: int
    numbers: str
    """Of the first seed."""
    seed: int

    @property
    def holds(self) -> bool | None:
        """True if it held in every seed, False if in none, None if in some."""
        return None if 0 < self.held < self.seeds else self.held > 0

    @property
    def replay(self) -> str:
        """The command that plays the first seed again."""
        files = " ".join(f"scenarios/{name}.yaml" for name in dict.fromkeys(self.case))
        return f"cdlab run {files}" + (f" --seed {self.seed}" if self.seed != 1 else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "scenarios": list(self.case),
            "holds": self.holds,
            "held": self.held,
            "seeds": self.seeds,
            "found": self.numbers,
            "replay": self.replay,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the runs say about a claim."""

    claim: Claim
    findings: tuple[Finding, ...]
    controls: tuple[Finding, ...]

    @property
    def words(self) -> str:
        """`confirmed`, `refuted` or `it depends on …`."""
        held = {finding.holds for finding in self.findings}
        if held == {True}:
            return "confirmed"
        if held == {False}:
            return "refuted"
        return f"it depends on {self.claim.depends_on or 'chance'}"

    @property
    def is_sound(self) -> bool:
        """Whether it holds somewhere, and nowhere in the control."""
        is_found = any(finding.holds for finding in self.findings)
        return is_found and not any(finding.holds for finding in self.controls)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `cdlab claims --json` prints them."""
        return {
            "claim": self.claim.number,
            "sentence": self.claim.sentence,
            "verdict": self.words,
            "cases": [finding.to_dict() for finding in self.findings],
            "control": [finding.to_dict() for finding in self.controls],
        }


def verdict(claim: Claim, play: Play, *, seed: int = 1) -> Verdict:
    """Decide one, from a seed on."""
    seeds = range(seed, seed + (SEEDS if claim.is_by_chance else 1))

    def findings(case: Case) -> tuple[Finding, ...]:
        answers = [claim.holds([play(name, each) for name in case]) for each in seeds]
        return tuple(
            Finding(case, sum(each.holds for each in said), len(said), said[0].numbers, seed)
            for said in zip(*answers, strict=True)
        )

    found = tuple(finding for case in claim.cases for finding in findings(case))
    return Verdict(claim, found, findings(claim.control))
