"""Notifications over HTTP: what is sent, what counts as delivered, and which URLs are taken."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cdlab.errors import NotUnderstood, Undelivered
from cdlab.history import Event
from cdlab.live_kernel import LiveKernel
from cdlab.manager import notifier, webhook
from cdlab.manager.notifier import Notifier
from cdlab.manager.webhook import DELIVERY, SIGNATURE, Webhook
from tests.ears import TOLD

DETAIL = {"what": "rollback", "workload": "users", "status": "refused", "image": "", "user": "ana"}
REFUSED = Event(
    7, 0, 0, "Decided", "manager", "decide", "staging", principal="manager", outcome="refused",
    because="no earlier healthy release", detail=DETAIL,
)  # fmt: skip
Request = tuple[str, str, dict[str, str], bytes]
"""Method, path, headers, body."""


class Hook:
    """A server that answers with a list of statuses, and then always with the last of them."""

    def __init__(self) -> None:
        self.statuses = [204]
        self.requests: list[Request] = []
        self.pause = threading.Event()
        self.pause.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                hook.requests.append((self.command, self.path, dict(self.headers), body))
                hook.pause.wait(10)
                first, *rest = hook.statuses
                hook.statuses = rest or [first]
                self.send_response(first)
                self.send_header("Location", f"{hook.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    """It listens, and is closed afterwards."""
    made = Hook()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.pause.set()
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def post(url: str, secret: str = "") -> None:
    """One attempt."""
    kernel = LiveKernel()
    kernel.run(Webhook(kernel, url, secret).take(TOLD))


def test_every_field_is_in_the_body(hook: Hook) -> None:
    """As JSON, with a line for people and the id in a header too; to the path that was given."""
    post(f"{hook.url}/cd?room=7")
    ((method, path, headers, body),) = hook.requests
    assert (method, path) == ("POST", "/cd?room=7")
    assert headers["Content-Type"] == "application/json"
    assert headers[DELIVERY] == "p1-7"
    assert not {"Authorization", SIGNATURE} & set(headers)
    assert json.loads(body) == {
        "schema": "cdlab-notification/1", "id": "p1-7", "kind": "rolled back",
        "time": "2026-11-24T20:43:05Z", "environment": "production",
        "microservice": "front-end", "cause": "rollback", "image": TOLD.image,
        "revision": "", "release": "", "user": "ana", "reason": TOLD.reason, "hold": "",
        "digest": f"sha256:{7:064x}",
        "text": 'rolled back: front-end in production, v1, rollback by ana: it "loses" orders 🛑',
    }  # fmt: skip


def test_with_a_secret_the_body_is_signed(hook: Hook) -> None:
    """The receiver can recompute it from the bytes that it got."""
    post(hook.url, "hunter2")
    ((_, path, headers, body),) = hook.requests
    assert path == "/"
    expected = hmac.new(b"hunter2", body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE] == f"sha256={expected}"
    assert "hunter2" not in str(headers) + body.decode()


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_what_is_answered_with_success_is_delivered(hook: Hook, status: int) -> None:
    """Whatever else the answer says."""
    hook.statuses = [status]
    post(hook.url)
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    ("status", "is_final"),
    [(301, True), (400, True), (401, True), (404, True), (410, True),
     (408, False), (429, False), (500, False), (503, False)],
)  # fmt: skip
def test_anything_else_is_not_delivered(hook: Hook, status: int, is_final: bool) -> None:
    """A redirect is not followed; what the receiver understood and refused is final."""
    hook.statuses = [status]
    with pytest.raises(Undelivered, match=str(status)) as error:
        post(hook.url)
    assert error.value.is_final is is_final
    assert [path for _, path, _, _ in hook.requests] == ["/"]


def test_where_nobody_listens_it_is_worth_trying_again() -> None:
    """It may be on its way back."""
    with pytest.raises(Undelivered, match="ConnectionRefusedError") as error:
        post("http://127.0.0.1:9")
    assert not error.value.is_final


def test_a_receiver_that_does_not_answer_holds_up_nobody_else(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its call is in a thread until it is given up; the manager goes on meanwhile."""
    monkeypatch.setattr(webhook, "ANSWER_SECONDS", 0.3)
    hook.pause.clear()
    kernel, turns = LiveKernel(), []

    async def work() -> None:
        while True:
            turns.append(kernel.now())
            await kernel.sleep(0.01)

    async def main() -> None:
        kernel.spawn(work(), name="the manager")
        with pytest.raises(Undelivered, match="TimeoutError") as error:
            await Webhook(kernel, hook.url).take(TOLD)
        assert not error.value.is_final

    kernel.run(main())
    assert len(turns) > 5


def test_an_attempt_that_failed_is_made_again_with_the_same_id(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a receiver that had it, and whose answer was lost, can tell."""
    monkeypatch.setattr(notifier, "FIRST_PAUSE_SECONDS", 0.01)
    hook.statuses = [503, 500, 204]
    kernel = LiveKernel()
    told = Notifier(kernel, [Webhook(kernel, hook.url)], "p1")

    async def main() -> None:
        told.start()
        told.see(REFUSED)
        while not told.is_idle:
            await kernel.sleep(0.01)

    kernel.run(main())
    assert [headers[DELIVERY] for _, _, headers, _ in hook.requests] == ["p1-7"] * 3
    assert len({body for _, _, _, body in hook.requests}) == 1
    assert dict(told.counts) == {("refused", "delivered", "webhook"): 1}


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example/x", "ftp://hooks.example", "file:///etc/passwd", "http://", "http:///x",
     "http://ana:hunter2@hooks.example", "https://ana@hooks.example:8443/x",
     "https://ana:hunter2@hooks.example:99999", "http://hooks.example:0", "http://h:port",
     "http://h:99999", "http://[::1", "http://a..b", "http://hooks.example/#x",
     "http://hooks.example/a b", "http://hooks.example/\n", "http://höoks.example",
     "http://hooks.example/" + "x" * 2_000],
)  # fmt: skip
def test_a_url_that_could_mean_something_else_is_refused(url: str) -> None:
    """Before anything is sent, with what is wrong; a password is not repeated."""
    with pytest.raises(NotUnderstood) as error:
        Webhook(LiveKernel(), url)
    assert error.value.help
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example", "https://hooks.example:8443/a/b?c=d&e=@f", "http://127.0.0.1:8080/",
     "http://[::1]:8080/@team", "https://xn--hoks-5qa.example/x"],
)  # fmt: skip
def test_other_urls_are_taken(url: str) -> None:
    """With a port, a query, an address; an at-sign behind the host is no password."""
    Webhook(LiveKernel(), url)
