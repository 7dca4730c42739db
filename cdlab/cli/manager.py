"""
`cdlab manager install`, `uninstall` and `logs`: the release manager of an application that stays.

In: a scenario file, of which the application and the variant count, and a name. Out: what was done
on standard error, where the manager answers on standard output, and the file by which `cdlab
release` and the other commands find it.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli.output import group, print_json, say

if TYPE_CHECKING:
    from cdlab.scenario import Scenario
    from cdlab.substrates.kind.lab import Lab

RunOption = Annotated[
    str, typer.Option("--run", metavar="NAME", help="The name of the application in the lab.")
]
HostOption = Annotated[
    list[str] | None, typer.Option(help="A name that its page is reached by, beside localhost.")
]
WebhookOption = Annotated[
    str, typer.Option(metavar="URL", help="Where notifications are posted. Without it: nowhere.")
]
SecretOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The secret to sign notifications with.")
]
DEFAULT = "standing"
app = group("manager", "The release manager itself, in the cluster.")


@app.command()
def install(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml")],
    *,
    run: RunOption = DEFAULT,
    allowed_host: HostOption = None,
    webhook: WebhookOption = "",
    webhook_secret: SecretOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """
    Make an application's repositories and environments, and install its release manager.

    Of the file count architecture, microservices, environments, rollback, hold and poll. What is
    there already stays; what differs is put right.
    """
    from cdlab import worlds
    from cdlab.assembly import intervals_of
    from cdlab.cli.servers import Server, write_server
    from cdlab.grants import grants_of
    from cdlab.model import Application
    from cdlab.scenario import load
    from cdlab.substrates.kind import standing
    from cdlab.substrates.kind.inside import Outside
    from cdlab.substrates.kind.manager_installation import namespace_of

    name, given = _named(run), load(scenario)
    _require_manager(given, scenario)
    secret = _secret_of(webhook, webhook_secret)
    intervals = asdict(intervals_of(worlds.REAL_PACE, given.variant))
    wanted = Application((), given.effective_environments)
    found = standing.install(
        _lab(),
        name,
        (given.microservices, wanted, given.variant, intervals),
        grants_of(given.architecture),
        say,
        outside=Outside(hosts=tuple(allowed_host or ()), webhook=webhook, webhook_secret=secret),
    )
    say(f"the page: {found.url}/login#{found.token}")
    path = write_server(Server(found.url, found.token))
    say(f"written down in {path}, where the other commands find it")
    if as_json:
        print_json({"run": run, "url": found.url, "namespace": namespace_of(run)})
    else:
        typer.echo(f"the release manager of {run} answers at {found.url}")


@app.command()
def uninstall(
    *,
    run: RunOption = DEFAULT,
    has_application: Annotated[
        bool,
        typer.Option("--with-application", help="Also its environments, repositories, images."),
    ] = False,
) -> None:
    """Remove the release manager and its rights; what it released goes on running."""
    from cdlab.cli.servers import forget_server, read_server
    from cdlab.substrates.kind import standing

    name, lab = _named(run), _lab()
    server = read_server()
    is_its_own = server is not None and server.token == standing.token_of(lab, name)
    found = standing.uninstall(lab, name, has_application=has_application)
    if server is not None and is_its_own:
        forget_server(server)
    say(f"the release manager of {run} is gone" if found else f"{run} has no release manager")


@app.command()
def logs(
    *,
    run: RunOption = DEFAULT,
    is_followed: Annotated[bool, typer.Option("--follow", "-f", help="Go on with it.")] = False,
) -> None:
    """Print what the release manager logged: its decisions."""
    from cdlab.substrates.kind.manager_installation import namespace_of
    from cdlab.substrates.kind.manager_pods import follow_log

    namespace = namespace_of(_named(run))
    raise typer.Exit(follow_log(_lab(), namespace, is_followed=is_followed))


def _lab() -> Lab:
    from cdlab.cli.machine import settings_from_environment
    from cdlab.substrates.kind.lifecycle import connect

    return connect(settings_from_environment())


def _secret_of(url: str, file: Path | None) -> str:
    """What notifications to a webhook are signed with; the end of the file's line is no part."""
    from cdlab.manager.webhook import checked_url

    if url:
        checked_url(url)
    if file is None:
        return ""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"--webhook-secret {file}: {error}") from error
    if not (url and text):
        raise typer.BadParameter(f"--webhook-secret {file}: it is empty, or without --webhook")
    return text


def _named(run: str) -> str:
    from cdlab.substrates.kind.substrate import RUN

    if not RUN.fullmatch(run):
        raise typer.BadParameter(f'--run "{run}" is not at most 30 of a-z, 0-9 and "-"')
    return run


def _require_manager(scenario: Scenario, path: Path) -> None:
    from cdlab.architectures import ARCHITECTURES

    if ARCHITECTURES[scenario.architecture].manager is None:
        raise typer.BadParameter(f"{path}: {scenario.architecture} has no release manager")
