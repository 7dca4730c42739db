"""`cdlab dashboard`: what it serves, how the other commands find it, how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from cdlab.cli.servers import find_server, server_file
from tests.manager_web.conftest import Cdlab, ScriptedDesk

ROOT = Path(__file__).parent.parent.parent


def test_the_dashboard_serves_the_playground(
    cdlab: Cdlab, desk: ScriptedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes the world that was asked for, writes itself down, and forgets itself at the end."""
    from cdlab.manager.client import HttpCommands
    from cdlab.manager.web import serving

    made = []
    playground = types.SimpleNamespace(make=lambda scenario: made.append(scenario) or desk)
    monkeypatch.setitem(sys.modules, "cdlab.playground", playground)  # type: ignore[arg-type]
    seen: list[str] = []
    startup = serving.Server.startup

    async def stop_soon(self: serving.Server, sockets: Any = None) -> None:
        await startup(self, sockets)
        found = find_server(None)
        seen.append(f"{found.url} {oct(server_file().stat().st_mode & 0o777)}")
        assert isinstance(HttpCommands(found.url, found.token), HttpCommands)
        self.should_exit = True

    monkeypatch.setattr(serving.Server, "startup", stop_soon)
    answer = cdlab("dashboard", "--architecture", "v2", "--port", "0", "--seed", "7")
    assert answer.code == 0, answer.err
    assert (made[0].architecture, made[0].seed) == ("v2", 7)
    assert seen[0].startswith("http://127.0.0.1:")
    assert seen[0].endswith("0o600")
    assert "/login#" in answer.err
    assert not server_file().exists()


SCRIPTED_DASHBOARD = """
import sys, types
from cdlab.cli.main import main
from tests.manager_web.conftest import ScriptedDesk
playground = types.SimpleNamespace(make=lambda scenario: ScriptedDesk())
sys.modules["cdlab.playground"] = playground
main(["dashboard", "--port", "0"])
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_dashboard_and_leaves_nothing(
    cdlab: Cdlab, number: signal.Signals, code: int
) -> None:
    """The other commands find it while it runs; the file goes with it, and no traceback is seen."""
    dashboard = subprocess.Popen(
        [sys.executable, "-c", SCRIPTED_DASHBOARD], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert dashboard.stderr is not None
    for line in dashboard.stderr:
        if line.startswith("Ctrl-C"):
            break
    assert "released" in cdlab("release", "users", "dev", "--user", "ana").out
    dashboard.send_signal(number)
    said = dashboard.communicate(timeout=60)[1]
    assert dashboard.returncode == code, said
    assert "Traceback" not in said
    assert not server_file().exists()


@pytest.mark.parametrize("more", ["--substrate kind", "--architecture v9", "--profile cheap"])
def test_a_dashboard_of_nothing_is_wrong_usage(cdlab: Cdlab, more: str) -> None:
    """Before anything listens."""
    assert cdlab("dashboard", *more.split()).code == 2
