"""
`cdlab claims`: the article's claims, what the runs say of each, and how to see it again.

In: the number of one claim or none, and a seed. Out: text or JSON on standard output.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import typer

from cdlab import worlds
from cdlab.article_claims import CLAIMS
from cdlab.claims import SEEDS, Finding, Verdict, verdict
from cdlab.cli import output
from cdlab.cli.output import BROKEN, GREATEST_SEED, OK, print_json
from cdlab.runner import Run
from cdlab.scenario import load


def scenarios_folder() -> Path:
    """Where the scenario files are: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parent.parent
    installed = package / "_scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def claims(number: str | None, seed: int, as_json: bool) -> int:
    """Decide all claims, or one; 1 if a control came out as the claim did."""
    chosen = [each for each in CLAIMS if number in (None, each.number)]
    if not chosen:
        known = ", ".join(each.number for each in CLAIMS)
        raise typer.BadParameter(f'"{number}" is no claim; there are {known}')
    if seed + SEEDS - 1 > GREATEST_SEED:
        raise typer.BadParameter(f"the last run would have a seed above {GREATEST_SEED}")
    folder = scenarios_folder()

    @cache
    def play(name: str, seed: int) -> Run:
        return worlds.run(replace(load(folder / f"{name}.yaml"), seed=seed))

    found = [verdict(each, play, seed=seed) for each in chosen]
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
        told = [*(("", f) for f in each.findings), *(("control: ", f) for f in each.controls)]
        for number, (name, finding) in enumerate(told):
            line = Text(f"{name}{_says(finding)}: {finding.numbers}")
            console.print(Padding(line, (0, 0, 0, 5)))
            following = told[number + 1][1] if number + 1 < len(told) else None
            if following is None or following.case != finding.case:
                console.print(Text(f"       {finding.replay}", style="dim"), soft_wrap=True)
        console.print()


def _says(finding: Finding) -> str:
    """`holds`, and in how many seeds where that is more than one."""
    if finding.seeds == 1:
        return "holds" if finding.holds else "does not hold"
    says = {
        True: f"holds in all {finding.seeds} seeds",
        False: f"holds in none of {finding.seeds} seeds",
        None: f"holds in {finding.held} of {finding.seeds} seeds",
    }[finding.holds]
    return f"{says}, in the first"
