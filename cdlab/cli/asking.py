"""
The commands that change something: `release`, `promote`, `rollback`, `lock`, `hold` and the rest.

In: names and options. Out: what became of it on standard output, and an exit code: 0 done or
nothing to do, 1 refused, failed or not expressible, 2 usage, 3 nobody answers.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cdlab.cli import completing
from cdlab.cli.output import BROKEN, OK, print_json, report_error

if TYPE_CHECKING:
    from cdlab.manager.commands import Command

Workload = Annotated[str, typer.Argument(autocompletion=completing.workloads)]
Environment = Annotated[str, typer.Argument(autocompletion=completing.environments)]
Where = Annotated[
    list[str],
    typer.Argument(
        metavar="[WORKLOAD] ENVIRONMENT",
        autocompletion=completing.either,
        help="Without a workload: the whole environment.",
    ),
]
User = Annotated[str | None, typer.Option(help="Who asks.  [default: your login]")]
Message = Annotated[str, typer.Option("--message", "-m", help="Why. Stands in the commit.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the commit that it would make; change nothing.")
]
ServerOption = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="Of the API.  [env: CDLAB_SERVER]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Image = Annotated[str, typer.Option(help="A tag, a digest or a whole reference.")]
Until = Annotated[str, typer.Option(help="When it ends by itself, as 2026-12-24T08:00:00Z.")]
Force = Annotated[bool, typer.Option("--force", help="Go past a lock. It is recorded.")]

DONE = ("released", "planned", "skipped")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (release, promote, rollback, skip, unskip, sync):
        app.command()(command)
    for name, words in WHOLE.items():
        app.command(name, help=words)(_about_where(name))


WHOLE: dict[Command, str] = {
    "lock": "Refuse every release of a workload or an environment; needs a message.",
    "unlock": "Let releases go on.",
    "hold": "Stop automated releases; needs a message.",
    "resume": "Let automated releases go on.",
    "automate": "Release new images by themselves.",
    "deautomate": "Release only what somebody asks for.",
}
"""Commands that can be about a whole environment."""


def ask(
    command: Command, user: str | None, server: str | None, as_json: bool, **values: Any
) -> None:
    """Ask, print the answer, and exit with its code."""
    from cdlab.cli.servers import client
    from cdlab.cli.telling import print_answer
    from cdlab.errors import Forbidden
    from cdlab.manager.asking import read_ask
    from cdlab.manager.wire import plain

    given = {name: value for name, value in values.items() if value not in ("", False)}
    asked = read_ask(command, {"user": user or getpass.getuser(), **given})
    try:
        answer = client(server).ask(asked)
    except Forbidden as error:  # refused as much as by a lock, and no fault of this machine
        report_error(error)
        raise typer.Exit(BROKEN) from None
    if as_json:
        print_json({"ask": plain(asked), "answer": plain(answer)})
    else:
        print_answer(asked, answer)
    raise typer.Exit(OK if answer.status in DONE else BROKEN)


def where_of(names: list[str]) -> dict[str, str]:
    """`[WORKLOAD] ENVIRONMENT`."""
    if len(names) > 2:
        raise typer.BadParameter("name a workload and an environment, or an environment alone")
    return {"workload": names[0] if len(names) == 2 else "", "environment": names[-1]}


def _about_where(command: Command) -> Any:
    """A command about a workload or a whole environment."""
    if command in ("lock", "hold"):

        def stopping(
            names: Where, *, message: Message = "", until: Until = "", user: User = None,
            dry_run: DryRun = False, server: ServerOption = None, as_json: Json = False,
        ) -> None:  # fmt: skip
            ask(command, user, server, as_json, **where_of(names), message=message,
                until=until, is_dry_run=dry_run)  # fmt: skip

        return stopping

    def letting_go(
        names: Where, *, message: Message = "", user: User = None, dry_run: DryRun = False,
        server: ServerOption = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        ask(command, user, server, as_json, **where_of(names), message=message,
            is_dry_run=dry_run)  # fmt: skip

    return letting_go


def release(
    workload: Workload, environment: Environment, *, image: Image = "", message: Message = "",
    force: Force = False, user: User = None, dry_run: DryRun = False,
    server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Release an image, or the newest that the policy admits."""
    ask("release", user, server, as_json, workload=workload, environment=environment,
        image=image, message=message, is_forced=force, is_dry_run=dry_run)  # fmt: skip


def promote(
    workload: Workload,
    *,
    source: Annotated[
        str, typer.Option("--from", help="Where it runs.", autocompletion=completing.environments)
    ],
    target: Annotated[
        str, typer.Option("--to", help="Where it shall.", autocompletion=completing.environments)
    ],
    message: Message = "", force: Force = False, user: User = None, dry_run: DryRun = False,
    server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Release to one environment the image that runs and is healthy in another."""
    ask("promote", user, server, as_json, workload=workload, environment=target, source=source,
        message=message, is_forced=force, is_dry_run=dry_run)  # fmt: skip


def rollback(
    workload: Workload, environment: Environment, *,
    to: Annotated[str, typer.Option(help="A revision or a tag to go back to.")] = "",
    until: Until = "",
    image_only: Annotated[
        bool, typer.Option("--image-only", help="Keep the rest of the manifest.")
    ] = False,
    bad: Annotated[
        bool, typer.Option("--bad", help="Never release by itself what is rolled back from.")
    ] = False,
    message: Message = "", force: Force = False, user: User = None, dry_run: DryRun = False,
    server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Go back to the last healthy release, and hold it there, in one commit."""
    ask("rollback", user, server, as_json, workload=workload, environment=environment, to=to,
        until=until, is_image_only=image_only, is_bad=bad, message=message, is_forced=force,
        is_dry_run=dry_run)  # fmt: skip


def skip(
    workload: Workload, environment: Environment, *, image: Image = "", message: Message = "",
    user: User = None, dry_run: DryRun = False, server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Never release an image by itself; needs a message."""
    ask("skip", user, server, as_json, workload=workload, environment=environment, image=image,
        message=message, is_dry_run=dry_run)  # fmt: skip


def unskip(
    workload: Workload, environment: Environment, *, image: Image = "", message: Message = "",
    user: User = None, dry_run: DryRun = False, server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Let an image be released by itself again."""
    ask("unskip", user, server, as_json, workload=workload, environment=environment,
        image=image, message=message, is_dry_run=dry_run)  # fmt: skip


def sync(
    environment: Annotated[
        str, typer.Argument(autocompletion=completing.environments, help="[default: all]")
    ] = "",
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what is ours and not in the config repo.")
    ] = False,
    message: Message = "", user: User = None, dry_run: DryRun = False,
    server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Make the cluster what the config repo says, now."""
    ask("sync", user, server, as_json, environment=environment, has_prune=prune, message=message,
        is_dry_run=dry_run)  # fmt: skip
