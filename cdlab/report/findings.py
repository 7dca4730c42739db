"""
What a comparison says in sentences: times in relation to V1, where V3 loses, what an undo leaves.

In: a `Comparison`. Out: plain values and sentences. Every number comes from the measures of the
runs; where a run does not show what was expected, the sentence says that instead. Called by the
terminal report and by the HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cdlab.comparison import Comparison, Result
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


def where_v3_loses(comparison: Comparison) -> list[Finding]:
    """
    The five declared losses, each with its numbers, whether or not these runs show them.

    What a story never asks, as the first deployment asks for no deploy of a change, is left out.
    """
    main = comparison.main
    if not {"v1", "v2", "v3"} <= set(main):
        return []
    found = {name: result.measures() for name, result in main.items()}
    return [
        *_more("touch of a deploy", "touch_of_a_deploy", "boxes are written or run", found),
        *_more("components to deploy", "components_to_deploy", "components must be up", found),
        *_lead_times(comparison),
        _privilege(found),
        _reach(found),
    ]


def _more(title: str, measure: str, words: str, found: dict[str, dict[str, Any]]) -> list[Finding]:
    v1, v2, v3 = (found[name][measure] for name in ("v1", "v2", "v3"))
    if None in (v1, v2, v3):
        text = "this story has no deploy that could show it"
        return [Finding(title, text, is_shown=False)] if {v1, v2, v3} != {None} else []
    text = f"{v3:g} {words} until a push runs in V3, {v1:g} in V1 and {v2:g} in V2"
    return [Finding(title, text, is_shown=v3 > max(v1, v2))]


def _lead_times(comparison: Comparison) -> list[Finding]:
    v1 = comparison.main["v1"]
    findings: list[Finding] = []
    if not any(
        run.measures["lead_time_seconds"] for each in comparison.results for run in each.runs
    ):
        return findings
    for result in comparison.results:
        scenario = result.row.scenario
        if scenario.architecture != "v3" or not scenario.variant.has_hold:
            continue
        poll = scenario.variant.poll_interval_seconds
        how = "on notification" if poll is None else f"polling every {poll:g} s"
        more = paired_difference("lead_time_seconds", result, v1)
        title = f"lead time, {how}"
        if title in [each.title for each in findings]:
            continue  # another way to roll back, and the same way to deploy
        if more is None:
            findings.append(Finding(title, "no run has a lead time", is_shown=False))
            continue
        words = f"{wording.seconds(abs(more))} s {'longer' if more > 0 else 'shorter'}"
        seeds = wording.count(len(result.runs), "pair")
        text = f"push to every replica Ready takes {words} than in V1 (median of {seeds})"
        findings.append(Finding(title, text, is_shown=more > 0))
    return findings


def _privilege(found: dict[str, dict[str, Any]]) -> Finding:
    title = "privilege in one manager"
    resources = found["v3"]["writable_resources"]
    others = {name: found[name]["writable_resources"]["maximum"] for name in ("v1", "v2")}
    rest = ", ".join(f"CI in {name.upper()} {value}" for name, value in others.items())
    mine = resources["manager"]
    text = (
        f"the manager alone can write {mine} resources (config repo and every environment), "
        f"CI {resources['ci']} of its own; {rest}"
    )
    return Finding(title, text, is_shown=mine >= min(others.values()))


def _reach(found: dict[str, dict[str, Any]]) -> Finding:
    title = "blast radius of the manager"
    radius = found["v3"]["blast_radius"]
    text = (
        f"its credentials can change {radius['manager']:.0%} of all workloads, as CI's can in V1 "
        f"({found['v1']['blast_radius']['ci']:.0%}); CI's own fell to {radius['ci']:.0%}, "
        "so the reach moved and did not shrink"
    )
    return Finding(title, text.replace("%", " %"), is_shown=radius["manager"] >= 1.0)


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
    """Rows whose rollback did not stay, in sentences."""
    findings = []
    for result in comparison.results:
        stayed = [run.measures["stayed_rolled_back"] for run in result.runs]
        gone = sum(each is False for each in stayed)
        if gone:
            runs = f"{gone} of {wording.count(len(stayed), 'run')}"
            text = f"something else served again before the observation ended ({runs})"
            if not result.row.scenario.variant.has_hold:
                text += ": without a hold, automation releases the bad image once more"
            findings.append(Finding(row_name(result), text))
    return findings


def row_name(result: Result) -> str:
    """`V1 revert, cache`; `V1` alone where nobody rolls back."""
    return f"{result.row.scenario.architecture.upper()} {result.row.label}".rstrip()


def not_expressible(comparison: Comparison) -> list[Finding]:
    """What the architectures were asked for and cannot express, with their reasons."""
    findings = []
    for name, result in comparison.main.items():
        for what, why in result.to_dict()["not_expressible"].items():
            findings.append(Finding(f"{name.upper()} {what}", why))
    return findings


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
