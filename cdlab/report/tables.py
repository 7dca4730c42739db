"""
The tables of a comparison as plain text cells: which columns there are and what stands in them.

In: a `Comparison`. Out: grids of strings. `report` prints them with Rich, `report_html` writes them
as HTML, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdlab.comparison import Comparison, Result
from cdlab.report import findings, wording
from cdlab.report.grid import Grid
from cdlab.report.outcomes import FACTS, Cell, Column, Line, counted, middle
from cdlab.report.timeline import Bar, shown_phases
from cdlab.report.wording import NOTHING
from cdlab.statistics import RUNS_FOR_P95, median, p95
from cdlab.stories import WITHOUT_ROLLBACK

NEVER = "never"
"""Shown where a rollback was asked for and most runs never saw it."""


def _median(line: Line) -> str:
    result = line.result
    half = median(result.rollback_seconds)
    if half is None and findings.censored(result):
        return f"> {wording.duration(_deadline(result))}"
    if half is None and line.measures["rebuilds"] is not None:  # somebody asked for it
        return NEVER
    return wording.seconds(half)


def _p95(line: Line) -> str:
    result = line.result
    high = p95(result.rollback_seconds)
    if high is None and findings.censored(result) and len(result.runs) >= RUNS_FOR_P95:
        return f"> {wording.duration(_deadline(result))}"
    return wording.seconds(high)


def _deadline(result: Result) -> float:
    return float(result.first.history.settings["pace"]["deadline_seconds"])


def _than_v1(line: Line) -> str:
    if line.base is None:
        return "base" if median(line.result.rollback_seconds) is not None else NOTHING
    ratio = findings.paired_ratio(line.result, line.base)
    if ratio is None and median(line.result.rollback_seconds) is not None:
        return "faster"  # V1 never came back
    return wording.times(ratio)


def _pair(first: str, second: str) -> Cell:
    def cell(line: Line) -> str:
        values = line.measures[first], line.measures[second]
        return NOTHING if None in values else " / ".join(map(wording.number, values))

    return cell


TIMES: Mapping[str, Column] = {
    "median": Column(
        _median,
        "Median: from asking for the rollback until every replica is Ready on the known-good "
        "content, of several rollbacks the first; never: one of them did not come.",
    ),
    "p95": Column(_p95, ""),
    "against\nV1": Column(_than_v1, "Against V1: median of the paired ratios."),
    "lead\ntime": Column(
        middle("lead_time_seconds"),
        "Lead time: from the push until it is Ready in the first environment.",
    ),
    "stayed": Column(
        counted("stayed_rolled_back"),
        "Stayed: each rollback came, and nothing else served until the observation ended.",
    ),
}
EFFECTS: Mapping[str, Column] = {
    "builds": Column(counted("rebuilds"), ""),
    "registry\nbytes": Column(counted("registry_bytes"), ""),
    "boxes\nwritten /\ntouched": Column(
        _pair("write_touch_of_a_rollback", "touch_of_a_rollback"),
        "Boxes: kinds of box a rollback writes / writes or runs.",
    ),
    "good\ndigest": Column(
        counted("artifact_fidelity"), "Good digest: share of the replicas on the very image."
    ),
    "others\nhit": Column(
        counted("collateral"), "Others hit: share of the other workloads that changed, too."
    ),
    "rewr. /\nlost": Column(
        _pair("history_rewrites", "good_commits_lost"),
        "Rewr. / lost: history rewrites / good commits lost.",
    ),
}
ENDS: Mapping[str, Column] = {
    "lead\ntime": TIMES["lead\ntime"],
    "to its\nend": Column(
        counted("is_finished"),
        "To its end: whether the story came to it within its deadline.",
    ),
}
"""For stories in which nobody rolls back; what each is about comes on top."""


def variants(comparison: Comparison, *, is_wide: bool) -> list[Grid]:
    """A row per variant: one grid where there is room, else times and effects below each other."""
    lines = _lines(comparison)
    grids = [
        _variant_grid(
            title, {name: column.cell for name, column in columns.items()}, lines, is_wide
        )
        for title, columns in _parts(comparison.story, is_wide=is_wide).items()
    ]
    return [grid for grid in grids if len(grid.columns) > 1]


def _parts(story: str, *, is_wide: bool) -> dict[str, Mapping[str, Column]]:
    """Title -> columns."""
    facts = FACTS.get(story, {})
    if story in WITHOUT_ROLLBACK:
        return {ENDING: {**ENDS, **facts}}
    parts: dict[str, Mapping[str, Column]] = {
        "Each variant: rollback time, and what a rollback does": {**TIMES, **EFFECTS}
    }
    if not is_wide:
        parts = {"Rollback time of each variant": TIMES, "What a rollback does": EFFECTS}
    return {**parts, **({ENDING: facts} if facts else {})}


ENDING = "How the story ends in each variant"


def _lines(comparison: Comparison) -> list[Line]:
    v1 = comparison.main.get("v1")
    return [
        Line(result, result.measures(), None if result is v1 else v1)
        for result in comparison.results
    ]


def _variant_grid(
    title: str,
    columns: Mapping[str, Cell],
    lines: list[Line],
    is_dense: bool,
) -> Grid:
    cells = {name: [cell(line) for line in lines] for name, cell in columns.items()}
    cells = {n: column for n, column in cells.items() if any(each != NOTHING for each in column)}
    names = [line.result.name for line in lines]
    architectures = [line.result.row.scenario.architecture for line in lines]
    return Grid(
        title,
        ("variant", *cells),
        tuple(zip(names, *cells.values(), strict=True)),
        tuple(i for i, line in enumerate(lines) if line.result.row.is_main),
        tuple(i for i in range(len(lines) - 1) if architectures[i] != architectures[i + 1]),
        is_dense=is_dense,
    )


def charts(comparison: Comparison) -> dict[str, list[Bar]]:
    """Title -> bars on one axis: with a warm build cache, and without any."""
    if comparison.story in WITHOUT_ROLLBACK:
        return {}
    of_which = ": the run nearest the median" if len(comparison.results[0].runs) > 1 else ""
    timed = [result for result in comparison.results if result.phases()]
    v3 = [result for result in timed if _is(result, "v3")]
    cold = [result for result in timed if not result.row.scenario.variant.has_build_cache]
    main = [
        result
        for result in timed
        if result.row.is_main or result.row.scenario.variant.rollback == "rollout-undo"
    ]
    return {
        f"{title}{of_which}": [Bar(result.name, result.phases()) for result in chosen]
        for title, chosen in (
            ("Phases of the rollback, builds from a warm cache", main),
            ("The same without a build cache", [*cold, *v3[:1]] if cold else []),
        )
        if chosen
    }


def _is(result: Result, architecture: str) -> bool:
    return result.row.scenario.architecture == architecture


def phase_seconds(bars: list[Bar]) -> Grid:
    """The legend: letter, phase, and the seconds of each bar."""
    from cdlab.report.timeline import LOOKS

    rows = [
        (LOOKS[name].letter, name, *(_phase_cell(bar.phases.get(name, 0.0)) for bar in bars))
        for name in shown_phases(bars)
    ]
    heads = (bar.label.replace(" ", "\n", 1) for bar in bars)
    return Grid("", ("", "phase, s", *heads), tuple(rows), text_columns=2)


def _phase_cell(value: float) -> str:
    return wording.seconds(value) if value > 0 else "·"


def notes(comparison: Comparison) -> list[str]:
    """What has to be said about the numbers of the first tables: of the columns that are there."""
    count = len(comparison.results[0].runs)
    shown = {name for grid in variants(comparison, is_wide=True) for name in grid.columns}
    columns: dict[str, Column] = {}
    for part in _parts(comparison.story, is_wide=True).values():
        columns |= part
    words = [each.legend for name, each in columns.items() if name in shown and each.legend]
    said = [" ".join(["Seconds.", *words, "Bold: the article's variants."])] if shown else []
    if shown and count < RUNS_FOR_P95:
        said.append(
            f"{wording.count(count, 'run')} a row: no p95 below {RUNS_FOR_P95} runs"
            + (", and a single run says nothing about spread" if count == 1 else "")
        )
    for result in comparison.results:
        if findings.censored(result):
            said.append(
                f"{result.name}: {findings.censored(result)} of "
                f"{wording.count(count, 'run')} censored at {wording.duration(_deadline(result))}; "
                "which counts as longer than all others"
            )
    return said
