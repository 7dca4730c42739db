"""The HTTP API: what is asked is what the commands hear, and errors say what to do next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from cdlab.errors import CdlabError, ManagerUnavailable, PortError
from cdlab.manager.commands import COMMANDS, Ask
from cdlab.manager.web.metrics import Metric
from tests.manager_web.conftest import Scripted, ScriptedDesk

API = "/api/v1"
WHERE = {"workload": "front-end", "environment": "staging", "user": "ana"}
BODIES: dict[str, dict[str, Any]] = {
    "release": WHERE,
    "promote": {**WHERE, "source": "dev"},
    "rollback": {**WHERE, "to": "v1", "is_bad": True},
    "lock": {**WHERE, "message": "why"},
    "unlock": WHERE,
    "hold": {"environment": "staging", "user": "ana", "message": "why"},
    "resume": WHERE,
    "automate": WHERE,
    "deautomate": WHERE,
    "skip": {**WHERE, "image": "v4", "message": "why"},
    "unskip": {**WHERE, "image": "v4"},
    "policy": {**WHERE, "settings": {"tag": "semver:^1", "branch": ""}},
    "sync": {"user": "ana", "has_prune": True},
}


def test_the_openapi_document_is_valid_and_names_everything(client: TestClient) -> None:
    """An independent validator agrees, and every command has a path."""
    document = client.get(f"{API}/openapi.json").json()
    validate(document)
    assert {f"/{command}" for command in COMMANDS} <= set(document["paths"])
    rollback = document["paths"]["/rollback"]["post"]
    body = rollback["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["user", "workload", "environment"]
    assert body["additionalProperties"] is False


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_becomes_an_ask(
    client: TestClient, desk: ScriptedDesk, authorized: dict[str, str], command: str
) -> None:
    """Every field arrives, and the answer comes back."""
    answer = client.post(f"{API}/{command}", json=BODIES[command], headers=authorized)
    assert answer.status_code == 200, answer.text
    assert desk.commands.asked == [Ask(command=command, **BODIES[command])]  # type: ignore[arg-type]
    assert answer.json()["status"] == "released"


def test_a_refusal_is_an_answer(client: TestClient, authorized: dict[str, str]) -> None:
    """200, with the reason: nothing went wrong."""
    body = {"workload": "orders", "environment": "production", "user": "ana"}
    answer = client.post(f"{API}/release", json=body, headers=authorized)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["reason"]) == ("refused", "locked")


@pytest.mark.parametrize(
    ("path", "length"),
    [
        ("status", 9),
        ("images?workload=users&environment=dev", 4),
        ("history", 3),
        ("history?workload=users&environment=staging&limit=1", 1),
        ("history?workload=nobody", 0),
        ("diff", 1),
        ("audit", 3),
        ("audit?after=2", 1),
        ("audit?after=0&limit=2", 2),
    ],
)
def test_questions_are_answered_without_a_token(client: TestClient, path: str, length: int) -> None:
    """Looking changes nothing."""
    assert len(client.get(f"{API}/{path}").json()) == length


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sede": 1}, "sede"),
        ({"source": "dev"}, "source"),
        ({"user": ""}, "user"),
        ({"user": None}, "user"),
        ({"user": "a\nRelease-Id: 1"}, "user"),
        ({"user": "--upload-pack=x"}, "user"),
        ({"workload": 7}, "workload"),
        ({"workload": "../../etc/passwd"}, "workload"),
        ({"workload": "a" * 64}, "workload"),
        ({"environment": "-x"}, "environment"),
        ({"image": "$(reboot)"}, "image"),
        ({"image": "v1 --force"}, "image"),
        ({"is_forced": "yes"}, "is_forced"),
        ({"is_dry_run": 1}, "is_dry_run"),
        ({"message": "x" * 2001}, "message"),
        ({"message": "bell\x07"}, "message"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_field(
    client: TestClient, desk: ScriptedDesk, authorized: dict[str, str], change: dict[str, Any],
    named: str,
) -> None:  # fmt: skip
    """400, and nothing is asked."""
    answer = client.post(f"{API}/release", json={**WHERE, **change}, headers=authorized)
    assert answer.status_code == 400
    assert f'"{named}' in answer.json()["error"]
    assert desk.commands.asked == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"user": "a", "user": "b"}', b"\xff", b"[" * 60_000],
)
def test_a_body_that_is_no_object_is_refused(
    client: TestClient, authorized: dict[str, str], body: bytes
) -> None:
    """400, also for one that is nested sixty thousand deep."""
    headers = {**authorized, "Content-Type": "application/json"}
    answer = client.post(f"{API}/sync", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "settings",
    [{"tag": 1}, {"tag": "a\nb"}, {"-x": "y"}, {f"k{n}": "" for n in range(11)}, "tag", {}],
)
def test_settings_of_a_policy_are_texts(
    client: TestClient, authorized: dict[str, str], settings: Any
) -> None:
    """A few of them, each on one line."""
    body = {**WHERE, "settings": settings}
    assert client.post(f"{API}/policy", json=body, headers=authorized).status_code == 400


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1e3", "limit=²", f"after={'9' * 30}"]
)
def test_numbers_of_a_query_are_whole(client: TestClient, query: str) -> None:
    """400, and never an exception of `int`."""
    assert client.get(f"{API}/audit?{query}").status_code == 400


@pytest.mark.parametrize(
    ("error", "status", "definite"),
    [
        (ManagerUnavailable("it is down", help="start it"), 503, True),
        (PortError("who knows", definite=False), 503, False),
        (CdlabError("odd"), 500, True),
    ],
)
def test_errors_of_the_tree_have_a_status(
    client: TestClient, desk: ScriptedDesk, error: CdlabError, status: int, definite: bool
) -> None:
    """With their help, their name, and whether it may have happened all the same."""
    desk.commands.error = error
    answer = client.get(f"{API}/status")
    assert answer.status_code == status
    assert answer.json() == {
        "error": error.message,
        "help": error.help,
        "kind": type(error).__name__,
        "definite": definite,
    }


def test_names_that_nobody_knows_are_404(client: TestClient, authorized: dict[str, str]) -> None:
    """A workload, a path and a command alike, each as JSON."""
    asked = {"workload": "nobody", "environment": "dev", "user": "ana"}
    for answer in (
        client.get(f"{API}/images?workload=nobody&environment=dev"),
        client.post(f"{API}/release", json=asked, headers=authorized),
        client.get(f"{API}/nothing"),
        client.post(f"{API}/reboot", json={}, headers=authorized),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]
    assert client.get(f"{API}/release").status_code == 405


def test_an_exception_that_nobody_expects_tells_nothing(
    desk: ScriptedDesk, make_client: Callable[..., TestClient]
) -> None:
    """500 as JSON; the message may hold a secret, so it stays in the log."""
    client = make_client(desk)
    client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    desk.commands.error = ZeroDivisionError("secret")
    answer = client.get(f"{API}/status")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal error")


def test_health_and_metrics_are_for_machines(
    desk: ScriptedDesk, make_client: Callable[..., TestClient]
) -> None:
    """Health turns the kernel once; metrics are in the text format of Prometheus."""
    found = [
        Metric("cdlab_queue_length", 2, "Requests that wait."),
        Metric("cdlab_drift_seconds", 1.5, "Drift.", labels={"workload": 'a"b\nc'}),
        Metric("cdlab_drift_seconds", 0, "Drift.", labels={"workload": "users"}),
    ]
    client = make_client(desk, metrics=lambda: found)
    assert client.get("/healthz", headers={"Host": "10.1.2.3:8420"}).text == "ok\n"
    assert client.get("/metrics").text == (
        "# HELP cdlab_queue_length Requests that wait.\n# TYPE cdlab_queue_length gauge\n"
        "cdlab_queue_length 2\n"
        "# HELP cdlab_drift_seconds Drift.\n# TYPE cdlab_drift_seconds gauge\n"
        'cdlab_drift_seconds{workload="a\\"b\\nc"} 1.5\n'
        'cdlab_drift_seconds{workload="users"} 0\n'
    )
    desk.close()
    assert client.get("/healthz").status_code == 503


def test_a_page_shows_what_is_known_while_a_box_is_down(
    client: TestClient, desk: ScriptedDesk
) -> None:
    """And the playground, from which one brings it back."""
    desk.commands.error = ManagerUnavailable("the release manager is stopped")
    answer = client.get("/")
    assert answer.status_code == 200
    assert "the release manager is stopped" in answer.text
    assert "Nothing is known of the workloads now" in answer.text
    assert 'id="playground"' in answer.text
    assert "Try v3" in answer.text


def test_two_people_at_once_are_served_one_after_the_other(
    client: TestClient, desk: ScriptedDesk, authorized: dict[str, str]
) -> None:
    """Nothing is lost, and each hears an answer."""
    statuses: list[int] = []

    def release() -> None:
        answer = client.post(f"{API}/release", json=WHERE, headers=authorized)
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=release) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert statuses == [200] * 8
    assert len(desk.commands.asked) == 8


def test_the_scripted_commands_are_the_protocol(desk: ScriptedDesk) -> None:
    """So that the tests here hold for whatever is plugged in."""
    from cdlab.manager.commands import ReleaseCommands

    commands: ReleaseCommands = desk.commands
    assert isinstance(commands, Scripted)
