"""
What a notebook shows beside a run: its lanes, its story, runs beside each other, the real cluster.

In: runs and scenarios. Out: values that show themselves in a notebook, and as text elsewhere.
`docs/python-api.md` has examples. Called by notebooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cdlab import worlds
from cdlab.architectures import ARCHITECTURES
from cdlab.errors import NotFound, SubstrateUnavailable
from cdlab.measures import MEASURES
from cdlab.runner import Run
from cdlab.scenario import Scenario, parse
from cdlab.value_checks import meant

if TYPE_CHECKING:
    from cdlab.report.grid import Grid

OFF = (
    "Not played on kind: nobody asked for it. Where `cdlab up` has started a lab, say"
    " is_wanted=True and run this again."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing that a notebook shows."""

    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        return self.svg


@dataclass(frozen=True, slots=True)
class Words:
    """Text that a notebook shows as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Figures:
    """A table: HTML in a notebook, text elsewhere."""

    grid: Grid

    def __repr__(self) -> str:
        rows, widths = [self.grid.columns, *self.grid.rows], self.grid.widths()
        return "\n".join(
            "  ".join(
                text.ljust(width) if number < self.grid.text_columns else text.rjust(width)
                for number, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        from cdlab.report.html import grid_html

        return grid_html(self.grid)


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

    for name in measures:
        if name not in MEASURES:
            raise NotFound(f'"{name}" is no measure{meant(name, MEASURES)}')
    shown = measures or [
        name for name in MEASURES if any(run.measures[name] is not None for run in runs.values())
    ]
    rows = [
        (name, *(wording.value_of(name, run.measures[name]) for run in runs.values()))
        for name in shown
    ]
    return Figures(Grid("", ("measure", *runs), tuple(rows)))


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
