"""
The commands that look: `workloads`, `images`, `policy`, `history`, `diff`, `audit`.

In: names and options. Out: tables, or JSON, on standard output. `policy` changes something where a
setting is given, as all of `asking.py` does.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cdlab.cli import completing
from cdlab.cli.asking import (
    DryRun,
    Environment,
    Json,
    Message,
    ServerOption,
    User,
    Where,
    Workload,
    ask,
    where_of,
)
from cdlab.cli.output import print_json

OneWorkload = Annotated[
    str, typer.Argument(autocompletion=completing.workloads, help="[default: all]")
]
OneEnvironment = Annotated[
    str, typer.Argument(autocompletion=completing.environments, help="[default: all]")
]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (workloads, images, policy, history, diff, audit):
        app.command()(command)


def workloads(*, server: ServerOption = None, as_json: Json = False) -> None:
    """Show every workload in every environment: image, health, policy, lock, hold, drift."""
    from cdlab.cli.servers import client
    from cdlab.cli.telling import print_table
    from cdlab.manager.views import cell
    from cdlab.manager.wire import plain

    asking = client(server)
    about, found = asking.about(), asking.status()
    if as_json:
        print_json({"workloads": plain(found)})
        return
    rows = []
    for each in found:
        shown = cell(about, each)
        stops = "; ".join(f"{kind} by {stop.user}: {stop.reason}" for kind, stop in shown.stops)
        row = (each.workload, each.environment, shown.running, shown.health.word, shown.policy)
        rows.append((*row, shown.drift, stops))
    print_table(("workload", "environment", "runs", "health", "policy", "drift", "stopped"), rows)


def images(
    workload: Workload, environment: Environment, *, server: ServerOption = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Show the images of a workload, and why each is or is not eligible."""
    from cdlab.cli.servers import client
    from cdlab.manager.wire import plain

    found = client(server).images(workload, environment)
    _show(as_json, "images", plain(found), ("tag", "created", "eligible", "digest"), [
        (each.tag, each.created, "yes" if each.is_eligible else each.reason, each.digest)
        for each in found
    ])  # fmt: skip


def policy(
    names: Where,
    *,
    tag: Annotated[
        str | None, typer.Option(help="newest, glob:…, semver:… or regexp:…; empty removes it.")
    ] = None,
    branch: Annotated[
        str | None, typer.Option(help="Only images built of this branch; empty: of any.")
    ] = None,
    drift: Annotated[
        str | None, typer.Option(help="Of an environment: repair or report; empty removes it.")
    ] = None,
    message: Message = "", user: User = None, dry_run: DryRun = False,
    server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Show a policy, or change it where a setting is given."""
    where = where_of(names)
    given = {"tag": tag, "branch": branch, "drift": drift}
    settings = {name: value for name, value in given.items() if value is not None}
    if settings:
        ask("policy", user, server, as_json, **where, settings=settings, message=message,
            is_dry_run=dry_run)  # fmt: skip
    if dry_run or message:
        raise typer.BadParameter("nothing is changed without --tag, --branch or --drift")
    from cdlab.cli.servers import client
    from cdlab.manager.wire import plain

    keys = ("workload", "environment", "is_automated", "pattern", "branch", "skipped", "drift_mode",
            "conflicts")  # fmt: skip
    found = [
        {key: row[key] for key in keys}
        for row in plain(client(server).status())
        if row["environment"] == where["environment"] and where["workload"] in ("", row["workload"])
    ]
    names_shown = ("workload", "environment", "releases", "tag", "branch", "drift", "conflicts")
    _show(as_json, "policies", found, names_shown, [
        (row["workload"], row["environment"], "automated" if row["is_automated"] else "manual",
         row["pattern"], row["branch"], row["drift_mode"], "; ".join(row["conflicts"]))
        for row in found
    ])  # fmt: skip


def history(
    workload: OneWorkload = "", environment: OneEnvironment = "", *, limit: Limit = 30,
    server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Show what was released when and by whom, newest first, from git alone."""
    from cdlab.cli.servers import client
    from cdlab.manager.shown import one_line, short
    from cdlab.manager.wire import plain

    found = client(server).history(workload, environment, limit)
    names = ("time", "cause", "workload", "environment", "image", "healthy", "user", "message")
    _show(as_json, "history", plain(found), names, [
        (each.time, each.cause or "by hand", each.workload, each.environment, short(each.after),
         "yes" if each.is_healthy else "", each.user, one_line(each.message))
        for each in found
    ])  # fmt: skip


def diff(*, server: ServerOption = None, as_json: Json = False) -> None:
    """Show where the cluster is not what the config repo says, and for how long."""
    from cdlab.cli.servers import client
    from cdlab.manager.shown import duration, short
    from cdlab.manager.wire import plain

    found = client(server).diff()
    if not found and not as_json:
        typer.echo("the cluster is what the config repo says")
        return
    names = ("workload", "environment", "wanted", "runs", "for", "mode")
    _show(as_json, "differences", plain(found), names, [
        (each.workload, each.environment, short(each.desired), short(each.actual),
         duration(each.since_seconds), each.mode)
        for each in found
    ])  # fmt: skip


def audit(
    *,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin after this number.  [default: the last ones]")
    ] = None,
    limit: Limit = 30, server: ServerOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Show decisions with their reasons, oldest first."""
    from cdlab.cli.servers import client
    from cdlab.manager.shown import one_line
    from cdlab.manager.wire import plain

    asking = client(server)
    begin = max(0, asking.about().newest - limit) if after is None else after
    found = asking.audit(begin, limit)
    names = ("number", "time", "what", "workload", "environment", "status", "reason", "user")
    _show(as_json, "decisions", plain(found), names, [
        (str(each.number), each.time, each.what, each.workload, each.environment, each.status,
         one_line(each.reason), each.user)
        for each in found
    ])  # fmt: skip


def _show(
    as_json: bool, name: str, found: Any, names: tuple[str, ...], rows: list[tuple[str, ...]]
) -> None:
    from cdlab.cli.telling import print_table

    if as_json:
        print_json({name: found})
    else:
        print_table(names, rows)
