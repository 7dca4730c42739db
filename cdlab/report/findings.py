"""
What a comparison says in sentences: times in relation to V1, what an undo leaves, what relapsed.

In: a `Comparison`. Out: plain values and sentences. Every number comes from the measures of the
runs; where a run does not show what was expected, the sentence says that instead. Called by the
terminal report and by the HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cdlab.comparison import Comparison, Result, Sample
from cdlab.report import wording
from cdlab.statistics import median


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence of the report, with the numbers that it rests on."""

    title: str
    text: str
    is_shown: bool = True
    """Whether these runs show what the title says."""


def paired_ratio(result: Result, base: Result) -> float | None:
    """
    The median over common seeds of (rollback time of *base*) / (rollback time of *result*).

    Above 1: faster than *base*. A censored run counts as longer than every other; a seed at which
    both are censored says nothing and is left out.
    """
    theirs = dict(zip(_seeds(base), base.rollback_seconds, strict=True))
    ratios: list[float | None] = []
    for seed, own in zip(_seeds(result), result.rollback_seconds, strict=True):
        other = theirs.get(seed)
        if seed not in theirs or (own is None and other is None):
            continue
        if own is None:
            ratios.append(0.0)
        else:
            ratios.append(None if other is None or own == 0 else other / own)
    return median(ratios)


def paired_difference(measure: str, result: Result, base: Result) -> float | None:
    """The median over common seeds of *result* - *base*; runs without an answer are left out."""
    theirs = {run.scenario.seed: run.measures[measure] for run in base.runs}
    pairs = [(run.measures[measure], theirs.get(run.scenario.seed)) for run in result.runs]
    return median([own - other for own, other in pairs if own is not None and other is not None])


def _seeds(result: Result) -> list[int]:
    return [run.scenario.seed for run in result.runs]


def censored(result: Result) -> int:
    """How many runs hit the deadline before their story ended."""
    return sum(not run.is_finished for run in result.runs)


def rollout_undos(comparison: Comparison) -> list[Finding]:
    """What `kubectl rollout undo` gains in seconds, and what it leaves behind."""
    return [
        _undo(result, comparison)
        for result in comparison.results
        if result.row.scenario.variant.rollback == "rollout-undo"
        and (censored(result) or median(result.rollback_seconds) is not None)
    ]


def _undo(result: Result, comparison: Comparison) -> Finding:
    name = result.row.scenario.architecture
    base = comparison.main[name]
    ratio = wording.times(paired_ratio(result, base))
    parts = [
        f"{wording.seconds(median(result.rollback_seconds))} s, {ratio} than {base.row.label}"
        + _than_v3(result, comparison),
        _divergence(result),
        _next_push(result),
    ]
    return Finding(f"{name.upper()} kubectl rollout undo", "; ".join(filter(None, parts)))


def _than_v3(result: Result, comparison: Comparison) -> str:
    v3 = comparison.main.get("v3")
    if v3 is None:
        return ""
    return f" and {wording.times(paired_ratio(result, v3))} than V3's command"


def _divergence(result: Result) -> str:
    left = [run.measures["divergence_after_rollback"] for run in result.runs]
    said = sorted({str(each) for each in left if each not in (None, "none")})
    if not said:
        return "it leaves no divergence"
    return f"it leaves a {' and a '.join(said)} that contradicts what runs {_in_runs(left, said)}"


def _in_runs(values: list[Any], wanted: list[str]) -> str:
    return f"({sum(each in wanted for each in values)} of {wording.count(len(values), 'run')})"


def _next_push(result: Result) -> str:
    back = [run.measures["bad_is_back_after_next_push"] for run in result.runs]
    told = [each for each in back if each is not None]
    if not told:
        return ""
    runs = f"{sum(told)} of {wording.count(len(told), 'run')}"
    if not any(told):
        return f"the next push keeps the good version ({len(told)} of {len(told)})"
    return f"the next push brings the bad change back ({runs})"


def relapses(comparison: Comparison) -> list[Finding]:
    """Rows whose rollback did not stay, or did not come at all, in sentences."""
    findings = []
    for result in comparison.results:
        gone = [run for run in result.runs if run.measures["stayed_rolled_back"] is False]
        if gone:
            runs = f"{len(gone)} of {wording.count(len(result.runs), 'run')}"
            findings.append(Finding(result.name, _relapse(result, gone, runs)))
    return findings


def _relapse(result: Result, gone: Sequence[Sample], runs: str) -> str:
    if all(run.measures["rollback_seconds"] is None for run in gone):
        measures = result.measures()
        serving = (
            f"{where} on {wording.number(version)} with "
            f"{wording.number(measures['replicas_at_end'][where])} pods"
            for where, version in measures["serves_at_end"].items()
        )
        return f"what was to come back never did ({runs}); it ends in {', in '.join(serving)}"
    text = f"something else served again before the observation ended ({runs})"
    if not result.row.scenario.variant.has_hold:
        text += ": without a hold, automation releases the bad image once more"
    return text


def not_expressible(comparison: Comparison) -> list[Finding]:
    """
    What was asked for and cannot be expressed, with the reasons.

    By architecture where its own variant says it, and by row where only another one does.
    """
    findings: dict[tuple[str, str, str], Finding] = {}
    for result in sorted(comparison.results, key=lambda each: not each.row.is_main):
        name = result.row.scenario.architecture
        for what, why in result.to_dict()["not_expressible"].items():
            whose = name.upper() if result.row.is_main else result.name
            findings.setdefault((name, what, why), Finding(f"{whose} {what}", why))
    return list(findings.values())


def provenance(comparison: Comparison) -> list[str]:
    """What has to be known to judge the numbers, one line each."""
    first = comparison.results[0].first
    settings = first.history.settings
    n = len(comparison.results[0].runs)
    last = comparison.seed + n - 1
    seeds = f"seed {comparison.seed}" if n == 1 else f"seeds {comparison.seed} to {last}"
    profile = f"profile {comparison.profile}, " if comparison.profile else ""
    places = ", ".join(settings["environments"])
    services = ", ".join(settings["microservices"])
    return [
        f"substrate {comparison.substrate}, {profile}{wording.count(n, 'run')} a row, {seeds}, "
        f"cdlab {settings['version']}",
        f"{services} in {places}; {settings['replicas']} replicas, "
        f"{settings['executors']} CI executors; the release manager is cdlab's own",
    ]


def replay(comparison: Comparison) -> str:
    """The command that plays the same comparison once more."""
    n = len(comparison.results[0].runs)
    profile = f" --profile {comparison.profile}" if comparison.profile else ""
    return (
        f"cdlab compare {comparison.story} --substrate {comparison.substrate} "
        f"--runs {n} --seed {comparison.seed}{profile}"
    )
