"""
`cdlab claims`: the article's claims, what the runs say of each, and how to see it again.

In: nothing, or the number of one claim. Out: a table or JSON on standard output.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import typer

from cdlab import worlds
from cdlab.claims import CLAIMS, Verdict, verdict
from cdlab.cli import output
from cdlab.cli.output import BROKEN, OK, print_json
from cdlab.runner import Run
from cdlab.scenario import load


def scenarios_folder() -> Path:
    """Where the scenario files are: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parent.parent
    installed = package / "_scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def claims(number: str | None, as_json: bool) -> int:
    """Decide all claims, or one; 1 if a control came out as the claim did."""
    chosen = [each for each in CLAIMS if number in (None, each.number)]
    if not chosen:
        known = ", ".join(each.number for each in CLAIMS)
        raise typer.BadParameter(f'"{number}" is no claim; there are {known}')
    folder = scenarios_folder()

    @cache
    def play(name: str) -> Run:
        return worlds.run(load(folder / f"{name}.yaml"))

    found = [verdict(each, play) for each in chosen]
    if as_json:
        print_json({"claims": [each.to_dict() for each in found]})
    else:
        _show(found)
    return OK if all(each.is_sound for each in found) else BROKEN


def _show(found: list[Verdict]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console = output.console()
    for each in found:
        console.print(Text(f"{each.claim.number}  “{each.claim.sentence}”", style="bold"))
        console.print(Padding(Text(each.words, style="cyan"), (0, 0, 0, 5)))
        for name, finding in [*(("", each) for each in each.findings), ("control ", each.control)]:
            says = "holds" if finding.holds else "does not hold"
            line = Text(f"{name}{says}: {finding.numbers}")
            console.print(Padding(line, (0, 0, 0, 5)))
            console.print(Text(f"       {finding.replay}", style="dim"), soft_wrap=True)
        console.print()
