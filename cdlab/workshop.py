"""
What a notebook shows beside a run: lanes, story, runs beside each other, figures, the real cluster.

In: runs, comparisons and scenarios. Out: values that show themselves in a notebook, and as text
elsewhere. `docs/python-api.md` has examples. Called by notebooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cdlab import worlds
from cdlab.architectures import ARCHITECTURES
from cdlab.errors import NotFound, SubstrateUnavailable
from cdlab.exhibits import Chart, Figures, Picture, Words
from cdlab.measures import MEASURES
from cdlab.rollback_time import PHASES
from cdlab.runner import Run, deadline_seconds
from cdlab.scenario import Scenario, parse
from cdlab.value_checks import meant

if TYPE_CHECKING:
    from cdlab.comparison import Comparison
    from cdlab.plots.drawing import Drawn
    from cdlab.plots.phases import PhaseBar

OFF = (
    "Not played on kind: nobody asked for it. Where `cdlab up` has started a lab, say"
    " is_wanted=True and run this again."
)


def lanes(run: Run) -> Picture:
    """Draw who did what when: a lane for each box and actor, time from left to right."""
    from cdlab.report.swim_lanes import swim_lanes

    return Picture(swim_lanes(run.history))


def explained(run: Run) -> Words:
    """Tell a run as a story, chapter by chapter, each decision with its reason."""
    from cdlab.report.explanation import explanation

    return Words(explanation(run.history))


def in_all(team: str) -> dict[str, Run]:
    """
    Play one scenario in V1, V2 and V3: the text of a scenario file without its `architecture`.

    Raises `ScenarioError` with the mistakes of the text, settings among them that one of the three
    does not have.
    """
    texts = {name: f"{team.rstrip()}\narchitecture: {name}\n" for name in ARCHITECTURES}
    return {name.upper(): worlds.run(parse(text)) for name, text in texts.items()}


def beside(runs: Mapping[str, Run], *measures: str) -> Figures:
    """
    Show measures of several runs, a column for each; all that one of them has where none is named.

    Raises `NotFound` for a name that no measure has.
    """
    from cdlab.report import wording
    from cdlab.report.grid import Grid

    _require("measure", measures, MEASURES)
    shown = measures or [
        name for name in MEASURES if any(run.measures[name] is not None for run in runs.values())
    ]
    rows = [
        (name, *(wording.value_of(name, run.measures[name]) for run in runs.values()))
        for name in shown
    ]
    return Figures(Grid("", ("measure", *runs), tuple(rows)))


def phases(runs: Mapping[str, Run]) -> Chart:
    """Draw where the time of each run's rollback went."""
    from cdlab.report import wording
    from cdlab.report.grid import Grid

    def draw() -> Drawn:
        from cdlab.plots.phases import phase_bars

        return phase_bars([_bar(name, run) for name, run in runs.items()])

    rows = [
        (phase, *(wording.seconds(run.phases.get(phase)) for run in runs.values()))
        for phase in PHASES
        if any(run.phases.get(phase) for run in runs.values())
    ]
    return Chart.of(Grid("", ("phase, s", *runs), tuple(rows)), draw)


def ties(runs: Mapping[str, Run], *measures: str) -> Chart:
    """
    Draw counts and shares of what is tied to what as a map, darker for more.

    Raises `NotFound` for a name that no measure has, or whose measure is no number.
    """
    from cdlab.report import wording

    numbers = beside(runs, *measures)
    for name in measures:
        found = [run.measures[name] for run in runs.values()]
        if not all(isinstance(each, (int, float, type(None))) for each in found):
            raise NotFound(f'"{name}" is no number in every run; `beside` shows it')

    def draw() -> Drawn:
        from cdlab.plots.tables import coupling_map

        rows = {
            wording.title(name): [run.measures[name] for run in runs.values()] for name in measures
        }
        return coupling_map(rows, dict.fromkeys(runs, 1))

    return Chart.of(numbers.grid, draw)


def distribution(comparison: Comparison, *variants: str) -> Chart:
    """
    Draw which share of the runs was back after so many seconds, a line for each variant.

    Of the three that stand for their architectures where none is named. Raises `NotFound` for a
    name that no row has.
    """
    from cdlab.report import wording
    from cdlab.report.grid import Grid
    from cdlab.statistics import quantile

    every = {each.name: each.rollback_seconds for each in comparison.results}
    _require("variant", variants, every)
    chosen = variants or [each.name for each in comparison.main.values()]
    seconds = {name: every[name] for name in chosen}

    def draw() -> Drawn:
        from cdlab.plots.distributions import ecdf

        return ecdf(seconds)

    shares = {"first": 0.0, "quarter": 0.25, "half": 0.5, "three quarters": 0.75, "all": 1.0}
    rows = [
        (name, str(len(values)), *(wording.seconds(quantile(values, s)) for s in shares.values()))
        for name, values in seconds.items()
    ]
    return Chart.of(Grid("", ("back after, s", "runs", *shares), tuple(rows)), draw)


def ratios(comparison: Comparison) -> Chart:
    """
    Draw how many times as fast as V1's main row each other row rolled back, in pairs.

    Raises `NotFound` where nobody rolls back.
    """
    from cdlab.report import wording
    from cdlab.report.grid import Grid

    found = comparison.against_v1()
    if not found:
        raise NotFound(f'in the story "{comparison.story}" no two rows roll back')

    def draw() -> Drawn:
        from cdlab.plots.forest import forest

        return forest(found, base=comparison.main["v1"].name)

    rows = [
        (name, str(each.pairs), *map(wording.number, (each.ratio, each.low, each.high)))
        for name, each in found.items()
    ]
    return Chart.of(Grid("", ("times as fast", "pairs", "median", "from", "to"), tuple(rows)), draw)


def on_kind(scenario: Scenario, *, is_wanted: bool) -> Run | Words:
    """
    Play a scenario on the real cluster if *is_wanted*, and say so if not.

    Where it is wanted and there is no lab, the answer says what is missing and what to do.
    """
    if not is_wanted:
        return Words(OFF)
    try:
        return worlds.run(scenario, substrate="kind")
    except SubstrateUnavailable as error:
        return Words(f"Not played on kind: {error.message}. {error.help}".rstrip())


def _require(what: str, names: Iterable[str], known: Mapping[str, Any]) -> None:
    for name in names:
        if name not in known:
            raise NotFound(f'"{name}" is no {what}{meant(name, known)}')


def _bar(label: str, run: Run) -> PhaseBar:
    from cdlab.plots.phases import PhaseBar

    is_real = run.history.settings["substrate"] == "kind"
    pace = worlds.REAL_PACE if is_real else worlds.SIMULATED_PACE
    return PhaseBar(
        label=label,
        n=1 if run.phases or not run.is_finished else 0,
        censored=int(not run.is_finished),
        phases=run.phases,
        deadline_seconds=deadline_seconds(pace, run.scenario),
    )
