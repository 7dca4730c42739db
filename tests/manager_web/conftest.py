"""A small scripted release management, and servers, clients and browsers around it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from cdlab.cli import main
from cdlab.errors import NotFound, PortError, RegistryUnavailable
from cdlab.kernel import Kernel
from cdlab.manager.commands import (
    About,
    Answer,
    Ask,
    AuditEntry,
    Candidate,
    Difference,
    PastRelease,
    Stopped,
    WorkloadStatus,
)
from cdlab.manager.virtual_desk import VirtualDesk
from cdlab.manager.web.app import make_app
from cdlab.manager.web.serving import Server
from cdlab.manager.web.world import WebSettings

TOKEN = "a-token-of-the-tests"
DIGESTS = {tag: f"sha256:{number:064x}" for number, tag in enumerate(("v1", "v2", "v3", "v4"), 7)}
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>\x1b[31m\u202e{{7*7}}'
NOW = "2026-11-24T20:43:05Z"


def reference(workload: str, tag: str) -> str:
    return f"registry.local:5001/{workload}:{tag}@{DIGESTS[tag]}"


def cell(workload: str, environment: str, tag: str, **more: Any) -> WorkloadStatus:
    values: dict[str, Any] = {
        "desired": reference(workload, tag),
        "running": (DIGESTS[tag], DIGESTS[tag]),
        "running_tag": tag,
        "is_available": True,
        "is_automated": environment != "production",
        "candidate": "" if tag == "v4" else "v4",
        "candidate_reason": "" if environment != "production" else "not automated",
    }
    return WorkloadStatus(workload=workload, environment=environment, **{**values, **more})


class Scripted:
    """Does what it is told to a table, and remembers what it was asked."""

    def __init__(self, text: str = "") -> None:
        self.about_values = About(
            architecture="v3",
            title="Release manager",
            microservices=("front-end", "users", "orders"),
            environments=("dev", "staging", "production"),
            manual_environments=("production",),
            substrate="scripted",
            version="1.0",
            is_playground=True,
            time=NOW,
        )
        self.text = text
        """Stands wherever somebody from outside can write something."""
        hold = Stopped(user="ana", reason=text or "v3 loses orders", since="2026-11-24T18:02:00Z")
        lock = Stopped(user="ben", reason="Black Friday", until="2026-11-30T08:00:00Z")
        self.cells = {
            (each.workload, each.environment): each
            for each in (
                cell("front-end", "dev", "v4"),
                cell("front-end", "staging", "v3", is_available=False),
                cell("front-end", "production", "v2", hold=hold, pattern=text or "semver:^1"),
                cell("users", "dev", "v4"),
                cell("users", "staging", "v4"),
                cell(
                    "users",
                    "production",
                    "v3",
                    drift_seconds=754.0,
                    running_tag="v1",
                    running=(DIGESTS["v1"],),
                ),
                cell("orders", "dev", "v4"),
                cell("orders", "staging", "v4", trouble=text),
                cell("orders", "production", "v3", lock=lock, skipped=(DIGESTS["v4"],)),
            )
        }
        self.asked: list[Ask] = []
        self.strays = ("Deployment/old in dev",)
        """What a prune would delete."""
        self.entries: list[AuditEntry] = []
        self.past: list[PastRelease] = []
        self.error: Exception | None = None
        """Raised by everything, as a box that is down does."""
        for number, user in enumerate(("", "ana", "ben"), 1):
            self._note("release", user, ("users", "staging"), "released", text or f"v{number}")
            self._release("users", "staging", user, text or f"Try v{number}", "automation")

    def _note(self, what: str, user: str, where: tuple[str, str], *told: str) -> None:
        status, reason = told
        number = len(self.entries) + 1
        self.entries.append(AuditEntry(
            number=number, time=NOW, what=what, user=user, workload=where[0],
            environment=where[1], status=status, reason=reason, revision=f"{number:040x}",
        ))  # fmt: skip

    def _release(self, workload: str, environment: str, user: str, why: str, cause: str) -> None:
        self.past.insert(0, PastRelease(
            revision=f"{len(self.past) + 1:040x}", time="2026-11-24T19:40:00Z", cause=cause,
            user=user, workload=workload, environment=environment,
            before=reference(workload, "v2"), after=reference(workload, "v3"), message=why,
            is_healthy=True,
        ))  # fmt: skip

    def _find(self, workload: str, environment: str) -> WorkloadStatus:
        if self.error is not None:
            raise self.error
        if (workload, environment) not in self.cells:
            raise NotFound(f'there is no "{workload}" in "{environment}"', help="cdlab workloads")
        return self.cells[workload, environment]

    async def about(self) -> About:
        return replace(self.about_values, newest=len(self.entries))

    async def ask(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        if ask.workload or self.error:
            self._find(ask.workload, ask.environment)
        if self.about_values.architecture != "v3":
            return Answer(status="not expressible", reason="CI deploys, and knows one version")
        changed = self._changed(ask)
        tag = changed.running_tag if changed else ""
        if changed is None:
            return Answer(status="refused", reason="locked")
        made = Answer(
            status="planned" if ask.is_dry_run else "released",
            image=reference(ask.workload, tag) if tag else "",
            revision="" if ask.is_dry_run else f"{len(self.asked):040x}",
            commit_message=f"{ask.command}: {ask.workload}\n\n{ask.message}\n\nUser: {ask.user}",
            diff=f"--- a/{ask.workload}.yaml\n+++ b/{ask.workload}.yaml\n@@ -1 +1 @@\n"
            f"-image: old\n+image: {tag}\n{self.text}",
            pruned=self.strays if ask.has_prune else (),
        )
        if not ask.is_dry_run:
            where = (ask.workload, ask.environment)
            self.cells[where] = changed
            self._note(ask.command, ask.user, where, "released", ask.message)
            self._release(*where, ask.user, ask.message, ask.command)
        return made

    def _changed(self, ask: Ask) -> WorkloadStatus | None:
        """The cell as it is afterwards; None where that is refused."""
        now = self.cells[ask.workload or "users", ask.environment or "dev"]
        stop = Stopped(user=ask.user, reason=ask.message, since=NOW, until=ask.until)
        if ask.command in ("release", "promote", "rollback"):
            tag = {"release": ask.image or "v4", "promote": "v3", "rollback": "v1"}[ask.command]
            if now.lock and not ask.is_forced:
                return None
            is_held = stop if ask.command == "rollback" else now.hold
            return replace(cell(ask.workload, ask.environment, tag), hold=is_held, lock=now.lock)
        changes: dict[str, dict[str, Any]] = {
            "lock": {"lock": stop},
            "unlock": {"lock": None},
            "hold": {"hold": stop},
            "resume": {"hold": None},
            "automate": {"is_automated": True},
            "deautomate": {"is_automated": False},
            "policy": {"pattern": ask.settings.get("tag", now.pattern)},
        }
        return replace(now, **changes.get(ask.command, {}))

    async def status(self) -> tuple[WorkloadStatus, ...]:
        if self.error is not None:
            raise self.error
        return tuple(self.cells.values())

    async def images(self, workload: str, environment: str) -> tuple[Candidate, ...]:
        now = self._find(workload, environment)
        reasons = {now.running_tag: "up to date", "v1": self.text or "older than current"}
        return tuple(
            Candidate(
                tag=tag, digest=DIGESTS[tag], created="2026-11-24T12:00:00Z",
                is_eligible=tag not in reasons, reason=reasons.get(tag, ""),
            )
            for tag in reversed(DIGESTS)
        )  # fmt: skip

    async def history(
        self, workload: str = "", environment: str = "", limit: int = 100
    ) -> tuple[PastRelease, ...]:
        found = [
            each
            for each in self.past
            if workload in ("", each.workload) and environment in ("", each.environment)
        ]
        return tuple(found[:limit])

    async def diff(self) -> tuple[Difference, ...]:
        drift = Difference(
            workload="users", environment="production", desired=reference("users", "v3"),
            actual=reference("users", "v1"), since_seconds=754.0, mode="repair",
        )  # fmt: skip
        return (drift,)

    async def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        return tuple(each for each in self.entries if each.number > after)[:limit]

    async def wait_for_change(self, after: int) -> int:
        raise PortError("nobody can wait here: time stands still")


@dataclass
class ScriptedPlayground:
    """Remembers what was done."""

    done: list[tuple[object, ...]] = field(default_factory=list)
    is_up: dict[str, bool] = field(
        default_factory=lambda: dict.fromkeys(
            ("ci", "code-repo", "registry", "config-repo", "manager", "api-server"), True
        )
    )

    async def push(self, workload: str, version: str, *, is_bad: bool = False) -> str:
        self.done.append(("push", workload, version, is_bad))
        return "0123456789abcdef"

    async def stop(self, box: str) -> None:
        self.is_up[box] = False

    async def restart(self, box: str) -> None:
        self.is_up[box] = True

    async def edit(self, workload: str, environment: str, tag: str) -> None:
        self.done.append(("edit", workload, environment, tag))

    async def undo(self, workload: str, environment: str) -> None:
        raise RegistryUnavailable("the registry does not answer")

    async def lose_node(self, workload: str, environment: str) -> str:
        return "worker-1"

    async def delete_cluster(self) -> None:
        self.done.append(("delete cluster",))

    async def turn_clock(self, seconds: float) -> None:
        self.done.append(("clock", seconds))

    async def boxes(self) -> Mapping[str, bool]:
        return dict(self.is_up)


class ScriptedDesk:
    """A virtual desk in front of the script."""

    def __init__(self, text: str = "") -> None:
        self.commands = Scripted(text)
        self.playground = ScriptedPlayground()
        self._desk = VirtualDesk(Kernel())

    def submit(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> Future[Any]:
        return self._desk.submit(coroutine, name=name)

    def close(self) -> None:
        self._desk.close()


@pytest.fixture
def desk() -> Iterator[ScriptedDesk]:
    """Release management that does what is asked."""
    made = ScriptedDesk()
    yield made
    made.close()


@pytest.fixture
def hostile_desk() -> Iterator[ScriptedDesk]:
    """The same, where everything that somebody else can write is an attack."""
    made = ScriptedDesk(HOSTILE)
    yield made
    made.close()


@pytest.fixture
def make_client() -> Iterator[Callable[..., TestClient]]:
    """A client of a new server around a desk."""
    clients = []

    def make(desk: Any, **settings: Any) -> TestClient:
        values = {"token": TOKEN, "changes_by_itself": False, **settings}
        app = make_app(desk, WebSettings(**values))
        client = TestClient(app, base_url="http://127.0.0.1:8420", follow_redirects=False)
        clients.append(client.__enter__())
        return client

    yield make
    for each in clients:
        each.__exit__(None, None, None)


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """A real server on a free port around a desk; returns its URL."""
    running = []

    def start(desk: Any, **settings: Any) -> str:
        values = {"token": TOKEN, "changes_by_itself": False, **settings}
        listening = socket.create_server(("127.0.0.1", 0))
        is_started = threading.Event()
        server = Server(make_app(desk, WebSettings(**values)), is_started.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread, listening))
        assert is_started.wait(30), "the server does not start"
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for server, thread, listening in running:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def client(desk: ScriptedDesk, make_client: Callable[..., TestClient]) -> TestClient:
    """Somebody who is not logged in."""
    return make_client(desk)


@pytest.fixture
def authorized() -> dict[str, str]:
    """The header of somebody who knows the token."""
    return {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Cdlab = Callable[..., Said]


@pytest.fixture
def cdlab(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Cdlab:
    """The command line, where nothing is running and nothing is written down."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("CDLAB_SERVER", "CDLAB_TOKEN", "CDLAB_CLUSTER_NAME"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as caught:
            main.main(list(arguments))
        said = capsys.readouterr()
        code = caught.value.code
        return Said(code if isinstance(code, int) else 1, said.out, said.err)

    return call


@pytest.fixture
def server(
    cdlab: Cdlab, desk: ScriptedDesk, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """A server that CDLAB_SERVER names."""
    url = serve(desk)
    monkeypatch.setenv("CDLAB_SERVER", url)
    monkeypatch.setenv("CDLAB_TOKEN", TOKEN)
    return url
