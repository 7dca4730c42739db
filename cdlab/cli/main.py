"""
The command line: `compare`, `run`, `show`, `claims`, `up`, `status`, `release`, `dashboard` …

In: arguments. Out: a report on standard output, progress and errors on standard error, an exit
code: 0 ok, 1 an expectation broke, 2 usage or a bad file, 3 something is missing on this machine,
4 internal, 130 interrupted. Nothing but Typer is imported before a command runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cdlab.cli import (
    advise,
    asking,
    bench,
    calibrate,
    dashboard,
    demo,
    doctor,
    export,
    learn,
    looking,
    machine,
    manager,
    outages,
    prefetch,
    report,
    show,
    sweep,
    validate,
    writing,
)
from cdlab.cli.output import (
    GREATEST_SEED,
    INTERNAL,
    INTERRUPTED,
    OK,
    Manager,
    Substrate,
    report_error,
    say,
)
from cdlab.cli.outputs import (
    ExplainOption,
    HistoryOption,
    MarkdownOption,
    MermaidOption,
    ShuffleTiesOption,
    SvgOption,
    TieSeedOption,
    TraceOption,
    asked_for,
)
from cdlab.errors import CdlabError
from cdlab.version import __version__

app = typer.Typer(
    name="cdlab",
    help="Three ways to deliver continuously to Kubernetes, run and measured.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
machine.add_to(app)
doctor.add_to(app)
writing.add_to(app)
export.add_to(app)
show.add_to(app)
outages.add_to(app)
calibrate.add_to(app)
bench.add_to(app)
validate.add_to(app)
report.add_to(app)
sweep.add_to(app)
advise.add_to(app)
asking.add_to(app)
looking.add_to(app)
dashboard.add_to(app)
demo.add_to(app)
prefetch.add_to(app)
app.add_typer(manager.app)
app.add_typer(learn.app)

SubstrateOption = Annotated[Substrate, typer.Option(help="Where to run it.")]
ManagerOption = Annotated[
    Manager, typer.Option("--manager", help="On kind: V3's manager in this process or the cluster.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Three ways to deliver continuously to Kubernetes, run and measured."""


@app.command()
def compare(
    story: Annotated[str, typer.Argument(help="What people do.")] = "rollback",
    *,
    substrate: SubstrateOption = Substrate.sim,
    runs: Annotated[
        int | None, typer.Option(min=1, help="Runs of each row.  [default: 200 in sim, 1 on kind]")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=GREATEST_SEED, help="Seed of the first run; the next counts on."),
    ] = 1,
    profile: Annotated[str, typer.Option(help="What things cost in the simulator.")] = "lean-ci",
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the first run of each architecture's own variant: FILE out.jsonl becomes "
            "out-v1.jsonl, out-v2.jsonl and out-v3.jsonl.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Play a story in V1, V2 and V3, and print what they cost beside each other."""
    from cdlab.cli import play

    play.compare(play.Comparing(story, substrate.value, runs, seed, profile), history, as_json)


@app.command()
def run(
    scenarios: Annotated[list[Path], typer.Argument(metavar="SCENARIO.yaml...")],
    *,
    substrate: SubstrateOption = Substrate.sim,
    manager: ManagerOption = Manager.outside,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=GREATEST_SEED, help="Instead of the seed that the file names."),
    ] = None,
    history: HistoryOption = None,
    explain: ExplainOption = False,
    markdown: MarkdownOption = None,
    svg: SvgOption = None,
    trace: TraceOption = None,
    mermaid: MermaidOption = None,
    tie_seed: TieSeedOption = None,
    shuffle_ties: ShuffleTiesOption = None,
    as_json: JsonOption = False,
    commands: Annotated[
        bool,
        typer.Option(
            "--commands",
            help="Print the run as a bash script of git, docker and kubectl commands instead; on "
            "a lab that is up it replays the run by hand.",
        ),
    ] = False,
) -> None:
    """Run scenarios and hold each to what it expects."""
    from cdlab.cli import play

    if commands and (as_json or explain or len(scenarios) > 1):
        raise typer.BadParameter("--commands prints one script: one scenario, no --json, no story")
    if explain and as_json:
        raise typer.BadParameter("--explain is for people, and --json for programs")
    if (tie_seed, shuffle_ties) != (None, None) and substrate is Substrate.kind:
        raise typer.BadParameter("on kind nobody chooses the order of events; use the simulator")
    if manager is Manager.inside and substrate is Substrate.sim:
        raise typer.BadParameter("--manager inside needs --substrate kind: a cluster to run in")
    files = asked_for(history=history, markdown=markdown, svg=svg, trace=trace, mermaid=mermaid)
    playing = play.Playing(
        tuple(scenarios), substrate.value, seed, files, tie_seed, explain, manager.value
    )
    if shuffle_ties is None:
        raise typer.Exit(play.run_commands(playing) if commands else play.run(playing, as_json))
    if files or explain or commands or tie_seed is not None:
        raise typer.BadParameter("--shuffle-ties plays many runs: write one of them by --tie-seed")
    from cdlab.cli import ties

    raise typer.Exit(ties.shuffle(playing, shuffle_ties, as_json))


@app.command()
def claims(
    number: Annotated[str | None, typer.Argument(help="One claim, as C4.  [default: all]")] = None,
    *,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=GREATEST_SEED,
            help="Where chance counts, the first of several seeds; else the only one.",
        ),
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Decide the article's claims in the simulator, each with the command that replays it."""
    from cdlab.cli import claims as deciding

    raise typer.Exit(deciding.claims(number, seed, as_json))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its code. The entry point of the package."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(given, prog_name="cdlab")
    except (SystemExit, KeyboardInterrupt) as ended:  # Typer ends every command with an exit
        sys.exit(_code(ended))
    except CdlabError as error:
        sys.exit(report_error(error, has_traceback="--debug" in given))
    except Exception as error:  # the last resort: whatever it was, say it and exit with 4
        sys.exit(report_error(error, has_traceback="--debug" in given))
    sys.exit(OK)


def _code(ended: BaseException) -> int | str | None:
    """
    The exit code for what ended a command.

    Typer makes a silent exit with 130 of Ctrl-C, and Typer and Rich an exit with 1 of a reader
    that has seen enough, as `head` has: what it was first is in the exit's context.
    """
    first = _first(ended)
    if isinstance(first, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    try:
        sys.stdout.flush()
    except BrokenPipeError as broken:
        first = broken
    if isinstance(first, BrokenPipeError):
        with suppress(OSError):  # else Python would complain when it flushes for the last time
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return ended.code if isinstance(ended, SystemExit) else INTERNAL


def _first(error: BaseException) -> BaseException:
    """The interrupt or broken pipe that an exit was made of, else the exit."""
    each: BaseException | None = error
    while each is not None:
        if isinstance(each, (KeyboardInterrupt, BrokenPipeError)):
            return each
        each = each.__context__
    return error
