"""
`cdlab advise`: which architecture fits a team, with figures, break-evens and what would change it.

In: a TOML file about the team, answers to questions, or nothing for an example of a file. Out: text
or JSON on standard output.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli import output
from cdlab.cli.output import GREATEST_SEED, counting, print_json

if TYPE_CHECKING:
    from cdlab.advice.advice import Advice
    from cdlab.advice.team import Told


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(advise)


def advise(
    team: Annotated[
        Path | None, typer.Argument(metavar="TEAM.toml", help="[default: print an example]")
    ] = None,
    *,
    runs: Annotated[int, typer.Option(min=1, max=1000, help="Rollbacks of each option.")] = 10,
    seed: Annotated[
        int, typer.Option(min=0, max=GREATEST_SEED // 2, help="Of the first; the next counts on.")
    ] = 1,
    ask: Annotated[
        bool, typer.Option("--ask", help="Answer questions instead; TEAM.toml then keeps them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Play your team in V1, V2 and V3, and say which fits, why, and what would change that."""
    from cdlab.advice.team import EXAMPLE, load_team

    if ask:
        told, assumed = _told(team)
    elif team is None:
        typer.echo(EXAMPLE, nl=False)
        return
    else:
        told, assumed = load_team(team)
    from cdlab.advice.advice import advise as answer

    with counting("case", lines_every=5) as progress:
        found = answer(told, runs=runs, seed=seed, processes=output.processors(), progress=progress)
    if as_json:
        print_json({**found.to_dict(), "assumed": assumed})
    else:
        _show(found, assumed)


def _told(path: Path | None) -> Told:
    """Ask on standard error, and keep the answers where somebody named a new file for them."""
    from cdlab.advice.questions import team_text
    from cdlab.advice.team import team_of
    from cdlab.errors import InTheWay
    from cdlab.whole_files import write_whole

    if path is not None and path.exists():
        help = f"without --ask it is read: cdlab advise {path}"
        raise InTheWay(f"{path} is there already", help=help)
    output.say("An empty answer is what stands in brackets.")
    text = team_text(
        lambda question, assumed: typer.prompt(
            f"{question} [{assumed}]", default="", show_default=False, err=True
        ),
        output.say,
    )
    if path is not None:
        write_whole(path, text)
        output.say(f"wrote {path}")
    return team_of(text, path or Path("your answers"))


def _show(found: Advice, assumed: Sequence[str]) -> None:
    from cdlab.advice.advice import unmet_by_answer
    from cdlab.advice.needs import NEEDS
    from cdlab.cli.telling import print_table

    team = found.team
    option = found.choice.played.option
    typer.echo(f"{option.label}{'' if option.is_in_article else ' (beyond the article)'}\n")
    for reason in found.choice.reasons:
        typer.echo(f"- {reason}")
    typer.echo(f"\nAmong the article's own variants: {found.of_article.played.option.label}\n")
    for reason in found.of_article.reasons:
        typer.echo(f"- {reason}")
    columns = ("option", "rollback s", "lead s", "bad min", "waiting min", "unmet needs")
    print_table(columns, [
        (each.option.label, _number(each.rollback_seconds), _number(each.lead_time_seconds),
         _number(each.bad_minutes(team)), _number(each.waiting_minutes(team)),
         ", ".join(each.unmet(team)))
        for each in found.options
    ])  # fmt: skip
    typer.echo("What this answer does not give:")
    for need, because in unmet_by_answer(found).items():
        typer.echo(f"- {NEEDS[need].asks} ({need}; {because})")
    typer.echo("\nBreak-evens:")
    for each in found.break_evens:
        typer.echo(f"- {each}")
    typer.echo("\nOne input different at a time:")
    print_table(("", "input", "if", "answer", "bad min", "unmet needs", "of the article's"), [
        ("other" if each.is_other else "", each.what, each.value, each.label,
         _number(each.bad_minutes), ", ".join(each.unmet), each.of_article)
        for each in found.changes
    ])  # fmt: skip
    values = ", ".join(f"{name} {getattr(team, name)}" for name in assumed)
    typer.echo(f"Assumed, because your file does not say it: {values or 'nothing'}.")
    typer.echo(
        f"{found.runs} runs an option from seed {found.seed}, in the simulator; medians. Pulls, "
        "pods and git as in the profile lean-ci.\nbad min: minutes a month of 30 days in which a "
        "bad release serves after somebody asked to go back.\nwaiting min: minutes a month in "
        "which pushes are on their way to the first environment."
    )


def _number(value: float | None) -> str:
    return "never" if value is None else f"{value:.3g}"
