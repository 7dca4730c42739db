"""
`cdlab run --shuffle-ties`: whether a scenario's result depends on the order of simultaneous events.

In: scenarios and a number of orders. Out: a sentence for each, and the seeds that show a
difference; an exit code: 1 if an expectation breaks in any order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdlab.cli.output import BROKEN, OK, console, print_json, report_error
from cdlab.cli.play import Playing, scenario_of
from cdlab.errors import ScenarioError
from cdlab.tie_orders import TieOrders, tie_orders

SHOWN = 10
"""Differences that are printed of one scenario."""


def shuffle(asked: Playing, orders: int, as_json: bool) -> int:
    """Play every scenario in that many orders; the worst of their exit codes."""
    code, printed = OK, []
    for path in asked.paths:
        try:
            scenario = scenario_of(path, asked)
        except ScenarioError as error:
            code = max(code, report_error(error))
            continue
        found = tie_orders(scenario, orders)
        code = max(code, BROKEN if found.broken else OK)
        replay = asked.replay(path, scenario.seed)
        printed.append(_plain(path, found, replay))
        if not as_json:
            _show(path, found, replay)
    if as_json:
        print_json({"runs": printed})
    return code


def _plain(path: Path, found: TieOrders, replay: str) -> dict[str, Any]:
    different = [
        {"what": each.what, "tie_seeds": list(each.tie_seeds)} for each in found.differences
    ]
    return {
        "scenario": str(path),
        "orders": found.orders,
        "differences": different,
        "broken": list(found.broken),
        "replay": replay,
    }


def _show(path: Path, found: TieOrders, replay: str) -> None:
    page = console()
    start = f"{path}: {found.orders} orders of simultaneous events"
    if not found.differences:
        page.print(f"{start}: counts and expectations are the same in all", soft_wrap=True)
    else:
        page.print(f"{start}: not the same in all", soft_wrap=True, style="bold")
    for each in found.differences[:SHOWN]:
        number, first = len(each.tie_seeds), each.tie_seeds[0]
        page.print(f"  {number} of {found.orders}: {each.what}", soft_wrap=True)
        page.print(f"    {replay} --tie-seed {first}", soft_wrap=True, style="dim")
    if len(found.differences) > SHOWN:
        page.print(f"  and {len(found.differences) - SHOWN} more; --json has them all")
    if None in found.broken:
        page.print("  an expectation breaks without shuffling, too", soft_wrap=True)
