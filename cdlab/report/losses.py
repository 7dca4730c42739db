"""
Where V3 loses: what was declared before anything was measured, and what measuring has found.

In: a `Comparison`. Out: sentences, each with the numbers that it rests on; where a run does not
show what was expected, the sentence says so. Called by `page` and `html`.
"""

from __future__ import annotations

from typing import Any

from cdlab.comparison import Comparison
from cdlab.report import findings, wording
from cdlab.report.findings import Finding

Found = dict[str, dict[str, Any]]
"""Architecture -> its measures over all runs."""


def where_v3_loses(comparison: Comparison) -> list[Finding]:
    """
    The five declared losses and the two that were found, whether or not these runs show them.

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
        _behind_the_config_repo(found),
        *_withdrawn(found),
        *_steps(found),
    ]


def _more(title: str, measure: str, words: str, found: Found) -> list[Finding]:
    v1, v2, v3 = (found[name][measure] for name in ("v1", "v2", "v3"))
    if None in (v1, v2, v3):
        text = "this story has no deploy that could show it"
        return [Finding(title, text, is_shown=False)] if {v1, v2, v3} != {None} else []
    text = f"{v3:g} {words} until a push runs in V3, {v1:g} in V1 and {v2:g} in V2"
    return [Finding(title, text, is_shown=v3 > max(v1, v2))]


def _lead_times(comparison: Comparison) -> list[Finding]:
    v1 = comparison.main["v1"]
    lost: list[Finding] = []
    if not any(
        run.measures["lead_time_seconds"] for each in comparison.results for run in each.runs
    ):
        return lost
    for result in comparison.results:
        scenario = result.row.scenario
        if scenario.architecture != "v3" or not scenario.variant.has_hold:
            continue
        poll = scenario.variant.poll_interval_seconds
        how = "on notification" if poll is None else f"polling every {poll:g} s"
        more = findings.paired_difference("lead_time_seconds", result, v1)
        title = f"lead time, {how}"
        if title in [each.title for each in lost]:
            continue  # another way to roll back, and the same way to deploy
        if more is None:
            lost.append(Finding(title, "no run has a lead time", is_shown=False))
            continue
        words = f"{wording.seconds(abs(more))} s {'longer' if more > 0 else 'shorter'}"
        seeds = wording.count(len(result.runs), "pair")
        text = f"push to every replica Ready takes {words} than in V1 (median of {seeds})"
        lost.append(Finding(title, text, is_shown=more > 0))
    return lost


def _privilege(found: Found) -> Finding:
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


def _behind_the_config_repo(found: Found) -> Finding:
    title = "the cluster behind whoever writes the config repo"
    v3, v2 = (found[name]["mediated_blast_radius"] for name in ("v3", "v2"))
    text = (
        f"through the manager that is {v3:.0%} of all workloads; {v2:.0%} in V2, where CI applies "
        "it after a push of code, and V1 has no such repo"
    )
    return Finding(title, text.replace("%", " %"), is_shown=v3 > v2)


def _withdrawn(found: Found) -> list[Finding]:
    """Found by measuring: an image goes back with all that is in it."""
    title, v3 = "good commits withdrawn", found["v3"]["good_commits_withdrawn"]
    others = [found[name]["good_commits_withdrawn"] for name in ("v1", "v2")]
    if v3 is None:
        return []
    if not any([v3, *others]):
        text = (
            "no good commit shares an image with the bad one here; "
            "`cdlab run scenarios/v3/rollback-batch.yaml` has nine that do"
        )
        return [Finding(title, text, is_shown=False)]
    v1, v2 = map(wording.number, others)
    text = f"V3 takes {wording.number(v3)} back with the bad one, V1 {v1} and V2 {v2}"
    return [Finding(title, text, is_shown=all(v3 > (each or 0) for each in others))]


def _steps(found: Found) -> list[Finding]:
    """Found by measuring: somebody has to promote."""
    title = "steps until a push is in a manual production"
    counts = {name: each["manual_steps"] for name, each in found.items()}
    if any(each["deploy"] is None for each in counts.values()):
        return []
    if counts["v3"]["promote"] is None:
        return [Finding(title, "nobody promotes in this story", is_shown=False)]
    v1, v2, v3 = (counts[name]["deploy"] + (counts[name]["promote"] or 0) for name in counts)
    text = f"{v3:g} by hand in V3, a push and a promotion; {v1:g} in V1 and {v2:g} in V2"
    return [Finding(title, text, is_shown=v3 > max(v1, v2))]
