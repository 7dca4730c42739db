"""
The figures of a report: from the numbers of a results file to what the functions of `plots` take.

Call `plots.require` before importing it. In: summaries. Out: `Drawn`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cdlab.bench_report.numbers import Summary, articles, measured
from cdlab.bench_report.validation_file import Validated
from cdlab.plots.agreement import Predicted, agreement
from cdlab.plots.distributions import ecdf
from cdlab.plots.drawing import Drawn
from cdlab.plots.forest import forest
from cdlab.plots.phases import PhaseBar, phase_bars
from cdlab.plots.tables import coupling_map
from cdlab.report import wording

COUPLING = (
    *("code_coupling", "write_touch_of_a_rollback", "touch_of_a_rollback", "touch_of_a_deploy"),
    *("components_to_roll_back", "components_to_deploy", "rebuilds", "registry_bytes"),
    *("artifact_fidelity", "collateral", "good_commits_withdrawn", "version_independence"),
    *("change_amplification", "writable_resources", "cluster_credentials_outside"),
    *("blast_radius", "mediated_blast_radius", "privilege_concentration", "propagation_cost"),
)
"""The rows of the heat map, of those that the runs have."""


def of_cell(found: Sequence[Summary], name: str) -> Iterator[Drawn]:
    """The three figures of a cell; *name* begins the names of their files."""
    measured_ones = [each for each in found if each.runs]
    compared = {each.variant: each.pairing for each in found if not each.is_base}
    if compared and measured_ones:
        yield forest(compared, base=found[0].variant, name=f"{name}-ratios")
    if any(run.phases for each in found for run in each.runs):
        yield phase_bars([_bar(each) for each in found], name=f"{name}-phases")
    if measured_ones:
        seconds = {each.variant: each.seconds for each in measured_ones}
        yield ecdf(seconds, name=f"{name}-ecdf")


def of_factors(cells: Mapping[str, Sequence[Summary]], name: str) -> Iterator[Drawn]:
    """One figure of ratios for each factor, its setting before each variant."""
    grouped: dict[tuple[str, str], list[Summary]] = {}
    for found in cells.values():
        cell = found[0].cell
        key = (cell.factor or cell.name, found[0].variant)
        grouped.setdefault(key, []).extend(each for each in found if not each.is_base)
    for number, ((factor, base), found) in enumerate(grouped.items(), start=1):
        rows = {
            f"{each.cell.setting or each.cell.name}: {each.variant}": each.pairing for each in found
        }
        if rows:
            yield forest(rows, base=base, name=f"{name}-factor-{number}", about=factor)


def of_coupling(found: Sequence[Summary], name: str) -> Drawn | None:
    """The heat map of the main variants; None where the runs have none of the measures."""
    main = articles(found)
    table = {
        wording.title(measure): [measured(each.runs, measure) for each in main.values()]
        for measure in COUPLING
    }
    rows = {title: values for title, values in table.items() if any(v is not None for v in values)}
    columns = {each.variant: len(each.runs) for each in main.values()}
    return coupling_map(rows, columns, name=f"{name}-coupling") if rows else None


def of_validation(found: Validated) -> Drawn:
    """The error of each cell."""
    cells = [
        Predicted(
            label=cell.name,
            n=cell.runs,
            real_seconds=cell.predictions[0].real_seconds,
            predicted_seconds=cell.predictions[0].predicted_seconds,
            limit_seconds=cell.predictions[0].limit_seconds,
        )
        for cell in found.cells
    ]
    return agreement(cells)


def _bar(each: Summary) -> PhaseBar:
    middle = each.middle_run()
    return PhaseBar(
        label=each.variant,
        n=len(each.runs),
        censored=each.censored,
        phases={} if middle is None or middle.seconds is None else middle.phases,
        deadline_seconds=middle.deadline_seconds if middle else 0.0,
    )
