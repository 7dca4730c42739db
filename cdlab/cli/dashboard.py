"""
`cdlab dashboard`: the release manager's page over a simulated world.

In: a scenario's settings, and where to listen. Out: a web server until Ctrl-C, and a file by which
`cdlab release` and the other commands find it.
"""

from __future__ import annotations

import importlib
import secrets
import signal
import socket
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cdlab.cli.output import GREATEST_SEED, Substrate, say
from cdlab.errors import SubstrateUnavailable
from cdlab.installing import install_command

if TYPE_CHECKING:
    from cdlab.manager.web.desk import Desk
    from cdlab.manager.web.metrics import Metrics
    from cdlab.scenario import Scenario

PORT = 8420
"""Nobody else's by default, and two off the lab's git server."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(dashboard)


def dashboard(
    *,
    substrate: Annotated[Substrate, typer.Option(help="Of what world.")] = Substrate.sim,
    architecture: Annotated[str, typer.Option(help="v1, v2 or v3.")] = "v3",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = PORT,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="A name that it is reached by, beside localhost.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Change nothing.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=GREATEST_SEED, help="Of the world.")] = 1,
    profile: Annotated[str, typer.Option(help="What things cost in it.")] = "lean-ci",
    open_browser: Annotated[bool, typer.Option("--open", help="Open a browser.")] = False,
) -> None:
    """Serve the page of a simulated world, in which one can also push, break things and wait."""
    if substrate is Substrate.kind:
        raise typer.BadParameter("on kind the manager serves its own page: cdlab manager install")
    from cdlab.architectures import ARCHITECTURES
    from cdlab.scenario import PROFILES, Scenario

    if architecture not in ARCHITECTURES:
        raise typer.BadParameter(f"architectures are {', '.join(ARCHITECTURES)}")
    if profile not in PROFILES and not profile.endswith(".toml"):
        raise typer.BadParameter(f"profiles are {', '.join(PROFILES)}, or a .toml file")
    _need_the_extra()
    listening = _listen(host, port)
    desk = _make_desk(Scenario(architecture=architecture, seed=seed, profile=profile))
    try:
        serve(
            desk, listening, allowed_hosts=(host, *(allowed_host or ())), is_read_only=read_only,
            opens_browser=open_browser, metrics=getattr(desk, "metrics", None),
        )  # fmt: skip
    finally:
        desk.close()
        listening.close()


def _need_the_extra() -> None:
    try:
        for name in ("starlette", "jinja2", "uvicorn"):
            importlib.import_module(name)
    except ImportError as error:
        raise SubstrateUnavailable(
            f'the dashboard needs "{error.name}"', help=install_command("dashboard")
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    """A socket, so that a taken port is found out before a world is made."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SubstrateUnavailable(
            f'nobody can listen at "{host}", port {port}: {error.strerror}',
            help="cdlab dashboard --port 0",
        ) from error


def _make_desk(scenario: Scenario) -> Desk:
    try:
        playground = importlib.import_module("cdlab.playground")
    except ModuleNotFoundError as error:
        raise SubstrateUnavailable("this version of cdlab has no playground") from error
    desk: Desk = playground.make(scenario)
    return desk


def serve(
    desk: Desk, listening: socket.socket, *, allowed_hosts: tuple[str, ...],
    is_read_only: bool, opens_browser: bool, metrics: Metrics | None = None,
) -> None:  # fmt: skip
    """Serve until Ctrl-C. The file by which others find it is there as long."""
    from cdlab.cli.servers import Server, forget_server, write_server
    from cdlab.manager.web.app import make_app
    from cdlab.manager.web.serving import serve as serve_app
    from cdlab.manager.web.world import WebSettings

    token = secrets.token_urlsafe(24)
    host, port = listening.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    server = Server(f"http://{name}:{port}", token)
    settings = WebSettings(
        token=token, allowed_hosts=allowed_hosts, is_read_only=is_read_only,
        changes_by_itself=False, metrics=metrics,
    )  # fmt: skip

    def started() -> None:
        say(f"the page: {server.url}/login#{token}")
        say(f"the token: {token}")
        say("Ctrl-C ends it")
        if opens_browser:
            _open(f"{server.url}/login#{token}")

    path = write_server(server)
    say(f"written down in {path}, where the other commands find it")
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        serve_app(make_app(desk, settings), listening, started)
    finally:
        signal.signal(signal.SIGTERM, before)
        forget_server(server)


def _open(url: str) -> Any:
    import webbrowser

    return webbrowser.open(url)
