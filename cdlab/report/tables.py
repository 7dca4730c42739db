"""
The tables of a comparison as plain text cells: which columns there are and what stands in them.

In: a `Comparison`. Out: grids of strings. `report` prints them with Rich, `report_html` writes them
as HTML, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from cdlab.architectures import ARCHITECTURES
from cdlab.comparison import Comparison, Result
from cdlab.report import findings, wording
from cdlab.report.timeline import Bar, shown_phases
from cdlab.report.wording import NOTHING
from cdlab.statistics import RUNS_FOR_P95, median, p95
from cdlab.stories import WITHOUT_ROLLBACK


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: titles, rows of the same length, and which rows begin a new block."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    emphasised: tuple[int, ...] = ()
    """Rows to set off: the article's own variants."""
    last_of_block: tuple[int, ...] = ()
    text_columns: int = 1
    """How many columns from the left hold words; the rest are numbers, set to the right."""
    is_dense: bool = False
    """Whether columns stand close to each other."""

    @property
    def gaps(self) -> int:
        """Characters between the columns and at both edges."""
        return 1 + len(self.columns) + (0 if self.is_dense else len(self.columns) - 1)

    def widths(self) -> list[int]:
        """The longest line of each column, its title included."""
        return [
            max(len(line) for text in column for line in text.split("\n"))
            for column in zip(self.columns, *self.rows, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Line:
    """A result with what its cells need."""

    result: Result
    measures: Mapping[str, Any]
    base: Result | None
    """V1's main row; None in that row itself."""


def _counted(name: str) -> Callable[[_Line], str]:
    return lambda line: wording.value_of(name, line.measures[name])


def _median(line: _Line) -> str:
    result = line.result
    middle = median(result.rollback_seconds)
    if middle is None and findings.censored(result):
        return f"> {wording.duration(_deadline(result))}"
    return wording.seconds(middle)


def _p95(line: _Line) -> str:
    result = line.result
    high = p95(result.rollback_seconds)
    if high is None and findings.censored(result) and len(result.runs) >= RUNS_FOR_P95:
        return f"> {wording.duration(_deadline(result))}"
    return wording.seconds(high)


def _deadline(result: Result) -> float:
    return float(result.first.history.settings["pace"]["deadline_seconds"])


def _than_v1(line: _Line) -> str:
    if line.base is None:
        return "base" if median(line.result.rollback_seconds) is not None else NOTHING
    return wording.times(findings.paired_ratio(line.result, line.base))


def _pair(first: str, second: str) -> Callable[[_Line], str]:
    def cell(line: _Line) -> str:
        values = line.measures[first], line.measures[second]
        return NOTHING if None in values else " / ".join(map(wording.number, values))

    return cell


def _lead(line: _Line) -> str:
    return wording.seconds(median([r.measures["lead_time_seconds"] for r in line.result.runs]))


TIMES: Mapping[str, Callable[[_Line], str]] = {
    "median": _median,
    "p95": _p95,
    "against\nV1": _than_v1,
    "lead\ntime": _lead,
    "stayed": _counted("stayed_rolled_back"),
}
EFFECTS: Mapping[str, Callable[[_Line], str]] = {
    "builds": _counted("rebuilds"),
    "registry\nbytes": _counted("registry_bytes"),
    "boxes\nwritten /\ntouched": _pair("write_touch_of_a_rollback", "touch_of_a_rollback"),
    "good\ndigest": _counted("artifact_fidelity"),
    "others\nhit": _counted("collateral"),
    "rewr. /\nlost": _pair("history_rewrites", "good_commits_lost"),
}


OUTCOMES: Mapping[str, Callable[[_Line], str]] = {
    "lead\ntime": _lead,
    "to its\nend": _counted("is_finished"),
    "requests\ndropped": _counted("requests_dropped"),
    "repo and\ncluster differ": _counted("ssot_divergence_maximum"),
    "unmet\nneeds": _counted("incompatible_seconds"),
}
"""For stories in which nobody rolls back."""


def variants(comparison: Comparison, *, is_wide: bool) -> list[Grid]:
    """A row per variant: one grid where there is room, else times and effects below each other."""
    lines = _lines(comparison)
    if comparison.story in WITHOUT_ROLLBACK:
        return [_variant_grid("How the story ends in each variant", OUTCOMES, lines, is_wide)]
    parts = {"Each variant: rollback time, and what a rollback does": {**TIMES, **EFFECTS}}
    if not is_wide:
        parts = {
            "Rollback time of each variant": dict(TIMES),
            "What a rollback does": dict(EFFECTS),
        }
    grids = [_variant_grid(title, columns, lines, is_wide) for title, columns in parts.items()]
    return [grid for grid in grids if len(grid.columns) > 1]


def _lines(comparison: Comparison) -> list[_Line]:
    v1 = comparison.main.get("v1")
    return [
        _Line(result, result.measures(), None if result is v1 else v1)
        for result in comparison.results
    ]


def _variant_grid(
    title: str,
    columns: Mapping[str, Callable[[_Line], str]],
    lines: list[_Line],
    is_dense: bool,
) -> Grid:
    cells = {name: [cell(line) for line in lines] for name, cell in columns.items()}
    cells = {n: column for n, column in cells.items() if any(each != NOTHING for each in column)}
    names = [findings.row_name(line.result) for line in lines]
    architectures = [line.result.row.scenario.architecture for line in lines]
    return Grid(
        title,
        ("variant", *cells),
        tuple(zip(names, *cells.values(), strict=True)),
        tuple(i for i, line in enumerate(lines) if line.result.row.is_main),
        tuple(i for i in range(len(lines) - 1) if architectures[i] != architectures[i + 1]),
        is_dense=is_dense,
    )


COUPLING = (
    "code_coupling",
    "touch_of_a_rollback",
    "touch_of_a_deploy",
    "touch_of_a_manual_release",
    "components_to_roll_back",
    "components_to_deploy",
    "writable_resources",
    "cluster_credentials_outside",
    "blast_radius",
)


def coupling(comparison: Comparison) -> Grid:
    """A row per measure, a column per architecture, for the article's variants."""
    found = {name: result.measures() for name, result in comparison.main.items()}
    rows: list[tuple[str, ...]] = []
    for measure in COUPLING:
        values = [each[measure] for each in found.values()]
        rows += _coupling_rows(measure, values)
    heads = tuple("\n".join([name.upper(), *wrap(ARCHITECTURES[name].title, 14)]) for name in found)
    return Grid("What is tied to what, article's variants", ("measure", *heads), tuple(rows))


def _coupling_rows(measure: str, values: list[Any]) -> list[tuple[str, ...]]:
    words = wording.title(measure)
    if not any(isinstance(value, Mapping) for value in values):
        cells = [wording.value_of(measure, value) for value in values]
        return [(words, *cells)] if any(cell != NOTHING for cell in cells) else []
    principals = list(dict.fromkeys(who for value in values for who in value))
    principals.sort(key=lambda who: who == "maximum")
    return [
        (f"{words}: {NAMES.get(who, who)}", *(wording.number(value.get(who)) for value in values))
        for who in principals
    ]


NAMES = {"ci": "CI"}


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
        f"{title}{of_which}": [Bar(findings.row_name(result), result.phases()) for result in chosen]
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
    """What has to be said about the numbers of the first table."""
    count = len(comparison.results[0].runs)
    is_rollback = comparison.story not in WITHOUT_ROLLBACK
    said = _legend(count, is_rollback=is_rollback) if variants(comparison, is_wide=True) else []
    for result in comparison.results:
        if findings.censored(result):
            said.append(
                f"{findings.row_name(result)}: {findings.censored(result)} of "
                f"{wording.count(count, 'run')} censored at {wording.duration(_deadline(result))}; "
                "which counts as longer than all others"
            )
    return said


LEGEND = (
    "Seconds. Rollback: from asking until every replica is Ready on the known-good content. "
    "Lead time: from the push until the bad release is Ready in the first environment. "
    "Against V1: median of the paired ratios. Boxes: kinds of box a rollback writes / writes "
    "or runs. Good digest, others hit: shares. Rewr. / lost: history rewrites / good commits "
    "lost. Bold: the article's variants."
)
LEGEND_WITHOUT_ROLLBACK = (
    "Seconds. Lead time: from the push until it is Ready in the first environment. To its end: "
    "whether the story came to it within its deadline. Repo and cluster differ: the largest share "
    "of workloads at one time. Unmet needs: time in which a service ran without a version it "
    "needs. Bold: the article's variants."
)


def _legend(count: int, *, is_rollback: bool) -> list[str]:
    said = [LEGEND if is_rollback else LEGEND_WITHOUT_ROLLBACK]
    if count < RUNS_FOR_P95:
        said.append(
            f"{wording.count(count, 'run')} a row: no p95 below {RUNS_FOR_P95} runs"
            + (", and a single run says nothing about spread" if count == 1 else "")
        )
    return said
