"""
The same scenario with what happens at the same instant in other orders.

In: a scenario and a number of orders. Out: where counts and expectations differ from the order in
which things were asked for, each with the seed that shows it. On virtual time only: on a real
cluster nobody chooses the order. Called by the CLI (`--shuffle-ties`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cdlab import worlds
from cdlab.equality import counts
from cdlab.errors import CdlabError
from cdlab.expectations import judge
from cdlab.history import History
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario

EXPECTATION, BROKEN, FAILURE = "expectation of", "broken", "the run fails"
NOT_THERE = "0"
"""What is not counted was never there; an expectation that does not say broken is not asked."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that depends on the order."""

    what: str
    tie_seeds: tuple[int, ...]
    """The orders that show it; never empty."""


@dataclass(frozen=True, slots=True)
class TieOrders:
    """What came of all orders."""

    orders: int
    differences: tuple[Difference, ...]
    broken: tuple[int | None, ...]
    """The orders in which an expectation breaks; None is the one without shuffling."""


def shuffled(scenario: Scenario, tie_seed: int) -> Run:
    """A run with ties drawn from a seed, which its history names among the facts."""
    world = worlds.simulated(scenario, tie_seed=tie_seed)
    return run_in(replace(world, facts={"tie_seed": tie_seed}), scenario)


def tie_orders(scenario: Scenario, orders: int) -> TieOrders:
    """Play *scenario* once as asked, and with tie seeds 1 to *orders*."""
    usual = _findings(worlds.run(scenario))
    broken: list[int | None] = [None] if _has_broken(usual) else []
    shown: dict[str, list[int]] = {}
    for tie_seed in range(1, orders + 1):
        try:
            found = _findings(shuffled(scenario, tie_seed))
        except CdlabError as error:
            found = {FAILURE: error.message}
        if _has_broken(found):
            broken.append(tie_seed)
        for what in _unlike(usual, found):
            shown.setdefault(what, []).append(tie_seed)
    differences = tuple(Difference(what, tuple(seeds)) for what, seeds in shown.items())
    return TieOrders(orders, differences, tuple(broken))


def _findings(run: Run) -> dict[str, str]:
    """Counts and expectations by name: what must not depend on the order."""
    found, names = dict[str, str](), _names_of_intents(run.history)
    for section, lines in counts(run.history).items():
        for line, number in lines.items():
            intent, _, rest = line.partition(" ")
            found[f"{section}: {names.get(intent, intent)} {rest}"] = str(number)
    for verdict in judge(run.scenario.expect, run.measures):
        found[f"{EXPECTATION} {verdict.measure}"] = "holds" if verdict.holds else BROKEN
    if not run.is_finished and "is_finished" not in run.scenario.expect:
        found[f"{EXPECTATION} an end"] = BROKEN
    return found


def _names_of_intents(history: History) -> dict[str, str]:
    """Intents by what they are about: who asks first at one instant is nobody's merit."""
    names: dict[str, str] = {}
    number: Counter[str] = Counter()
    for event in history.of("IntentDeclared"):
        about = (event.detail.get(key, "") for key in ("intent", "workload", "environment"))
        what = " ".join(filter(None, about))
        number[what] += 1
        names[event.intent] = f"{what} {number[what]}:"
    return names


def _has_broken(found: dict[str, str]) -> bool:
    is_broken = (each == BROKEN for name, each in found.items() if name.startswith(EXPECTATION))
    return FAILURE in found or any(is_broken)


def _unlike(usual: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    if FAILURE in found:
        yield f"{FAILURE}: {found[FAILURE]}"
        return
    for name in {**usual, **found}:
        one, other = usual.get(name, NOT_THERE), found.get(name, NOT_THERE)
        if one != other:
            yield f"{name}: {other} instead of {one}"
