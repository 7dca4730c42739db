"""
Where V3 loses, and what threatens what a benchmark says: sentences with the numbers behind them.

In: `Results` and their summaries. Out: (title, sentence) points. What was declared before measuring
is listed also where these runs do not show it, or did not ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cdlab.bench.judging import overhead_share, troubles_of
from cdlab.bench.results import Results
from cdlab.bench_report.numbers import Summary, against, articles, measured
from cdlab.paired import RUNS_FOR_INTERVAL
from cdlab.report import wording
from cdlab.statistics import RUNS_FOR_P95

Point = tuple[str, str]

DECLARED: Mapping[str, tuple[str, str]] = {
    "touch_of_a_deploy": ("touch of a deploy", "kinds of box until a push runs"),
    "components_to_deploy": ("components to deploy", "components must be up for a push to run"),
    "lead_time_seconds": ("lead time", "s from a push to every replica Ready (medians)"),
    "writable_resources": ("privilege in one manager", "resources one principal can write"),
    "mediated_blast_radius": (
        "the cluster behind whoever writes the config repo",
        "of all workloads, as a share",
    ),
    "good_commits_withdrawn": ("good commits withdrawn", "good commits go back with the bad one"),
}
"""Measure -> the title of a loss that was declared or found before, and what is counted."""
GATHERED = "writable_resources"
"""Where V3 loses by gathering as much in its manager as CI has in the better one of the others."""


def where_v3_loses(found: Sequence[Summary]) -> Iterator[Point]:
    """Over all cells: first the times, then the counts of the main variants of the first cell."""
    yield from _slower(found)
    main = articles([each for each in found if each.cell == found[0].cell]) if found else {}
    for measure, (title, words) in DECLARED.items():
        values = {name.upper(): measured(each.runs, measure) for name, each in main.items()}
        known = {name: value for name, value in values.items() if value is not None}
        if "V3" not in known or len(known) == 1:
            yield title, "not measured by these runs"
            continue
        others = [value for name, value in known.items() if name != "V3"]
        said = ", ".join(f"{_short(value)} in {name}" for name, value in known.items())
        is_shown = known["V3"] >= min(others) if measure == GATHERED else known["V3"] > max(others)
        verdict = "" if is_shown else "; these runs do not show a loss"
        yield title, f"{said}: {words}{verdict}"


def _slower(found: Sequence[Summary]) -> Iterator[Point]:
    """Each variant of V3 that took longer than another architecture's, or than a baseline."""
    said = [
        sentence
        for each in found
        if each.architecture == "v3"
        for rival in found
        if rival.cell == each.cell and rival.architecture != "v3"
        for sentence in _slower_than(each, rival)
    ]
    yield from (("rollback time", sentence) for sentence in said)
    if not said:
        yield (
            "rollback time",
            "no variant of V3 was slower than another one of its cell" if found else "not measured",
        )


def _slower_than(mine: Summary, rival: Summary) -> Iterator[str]:
    pairing = against(mine, rival)
    if pairing is None:
        return
    base = f"{rival.variant} in the cell {rival.cell.name}"
    pairs = wording.count(pairing.pairs, "pair") + (
        f", {pairing.censored} of them censored" if pairing.censored else ""
    )
    if pairing.ratio is None:
        if (pairing.win_rate or 0.0) < 0.5:
            yield f"{mine.variant} is slower than {base}, unbounded ({pairs})"
    elif pairing.ratio < 1:
        sure = {True: "", False: ", which may be chance", None: ", without an interval"}
        yield (
            f"{mine.variant} is {wording.times(pairing.ratio)} than {base} ({pairs})"
            f"{sure[pairing.is_different]}"
        )


def threats(results: Results, found: Sequence[Summary]) -> Iterator[Point]:
    """What could make these numbers say something else elsewhere, or be chance."""
    counted, opening = results.counted, results.opening
    yield (
        "one machine",
        "cluster, registry, git server, CI and what measures share its processors. Seconds are of "
        "this machine; ratios travel better, and not everywhere.",
    )
    yield (
        "cdlab's manager",
        "What was run as the release manager is cdlab's manager, and nothing is said about others.",
    )
    marked = sum(bool(troubles_of(run, results)) for run in counted)
    if marked:
        yield (
            "a busy machine",
            f"{marked} of {wording.count(len(counted), 'run')} are marked as disturbed. They are "
            "kept: leaving out what looks odd would make the rest look better than it is.",
        )
    lost = sum(run.seconds is None for run in counted)
    if lost:
        yield (
            "censored runs",
            f"{wording.count(lost, 'run')} reached the deadline. They count as longer than all "
            "others; means would be wrong, and intervals have no bound where they are in a pair.",
        )
    yield from _of_numbers(results, found)
    if any(cell.blocks_at_least < cell.blocks_at_most for cell in opening.cells):
        yield (
            "early stopping",
            "It ends when the intervals are narrow enough, which makes them a little too "
            "narrow. `--full` and `--blocks` fix the number of blocks before.",
        )
    for what in ("resumed", "failed"):
        times = sum(each.what == what for each in results.remarks)
        if times:
            yield what, f"{wording.count(times, 'time')}; the remarks say when and why."


def _of_numbers(results: Results, found: Sequence[Summary]) -> Iterator[Point]:
    few = [each for each in found if 0 < len(each.runs) < RUNS_FOR_P95]
    if few:
        least = min(len(each.runs) for each in few)
        yield (
            "few runs",
            f"Some variants have {wording.count(least, 'run')} in a cell. Below "
            f"{RUNS_FOR_INTERVAL} pairs there is no interval, below {RUNS_FOR_P95} runs no p95.",
        )
    intervals = sum(each.pairing is not None and each.pairing.low is not None for each in found)
    if intervals > 1:
        yield (
            "many comparisons",
            f"{intervals} intervals of 95 %: about {0.05 * intervals:.1f} of them miss by chance.",
        )
    share = overhead_share(results.counted)
    if share is not None:
        yield (
            "the harness",
            f"{100 * share:.1f} % of a run (median) is neither the architecture's nor Kubernetes'.",
        )


def _short(value: float) -> str:
    return f"{value:.3g}"
