"""
The figures of a sweep: where V3 is faster than V1, by build time and poll interval.

Call `plots.require` before importing it. In: a `Sweep`. Out: `Drawn`.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdlab.paired import Pairing
from cdlab.plots.break_evens import EVENT, Panel, Ratios, ratio_lines, ratio_maps
from cdlab.plots.drawing import Drawn
from cdlab.sweeps.grid import Cell
from cdlab.sweeps.ratios import BASE, COMPARED, Sweep

MOST_PANELS = 6


def heat_map(sweep: Sweep, base: str = BASE) -> Drawn:
    """A panel for each variant of V3 and each combination of the other settings, six at most."""
    panels = []
    for microservices, replicas, words in sweep.held():
        for variant in COMPARED:
            found = [
                [
                    sweep.pairing(Cell(build, poll, microservices, replicas), variant, base)
                    for build in sweep.axes.builds
                ]
                for poll in sweep.axes.polls
            ]
            censored = sum(each.censored for row in found for each in row if each)
            panels.append(
                Panel(
                    title=f"{variant}\n{words}",
                    ratios=[[each.ratio if each else None for each in row] for row in found],
                    n=sweep.runs(),
                    censored=censored,
                )
            )
    polls = [EVENT if each is None else each for each in sweep.axes.polls]
    return ratio_maps(panels[:MOST_PANELS], builds=sweep.axes.builds, polls=polls, base=base)


def lines(sweep: Sweep, base: str = BASE) -> Iterator[Drawn]:
    """Along the build time and along the poll interval, the other settings as in the first cell."""
    if not sweep.axes.others:
        return
    builds, polls = sweep.axes.builds, sweep.axes.polls
    microservices, replicas, words = next(sweep.held())
    poll, build = polls[0], builds[(len(builds) - 1) // 2]
    if len(builds) > 1:
        along = {
            x: {v: sweep.pairing(Cell(x, poll, microservices, replicas), v, base) for v in COMPARED}
            for x in builds
        }
        told = "told of every push" if poll is None else f"polling every {poll:g} s"
        yield ratio_lines(_ratios(along), along="build time", base=base, name="build-time",
                          held=f"manager {told}; {words}")  # fmt: skip
    if len(polls) > 1:
        along = {
            EVENT if x is None else x: {
                v: sweep.pairing(Cell(build, x, microservices, replicas), v, base) for v in COMPARED
            }
            for x in polls
        }
        yield ratio_lines(_ratios(along), along="poll interval", base=base, name="poll-interval",
                          held=f"a build of {build:g} s; {words}")  # fmt: skip


def _ratios(along: dict[float, dict[str, Pairing | None]]) -> list[Ratios]:
    made = []
    for variant in COMPARED:
        found = {x: each[variant] for x, each in along.items()}
        known = [each for each in found.values() if each is not None]
        made.append(
            Ratios(
                label=variant,
                points={x: each.ratio if each else None for x, each in found.items()},
                n=min((each.pairs for each in known), default=0),
                censored=sum(each.censored for each in known),
            )
        )
    return made
