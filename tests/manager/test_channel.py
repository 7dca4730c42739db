"""The door of a hosted release manager over HTTP, and who knocks."""

from __future__ import annotations

import http.client
import json
import math
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import pytest

from cdlab.errors import ManagerUnavailable
from cdlab.live_kernel import LiveKernel
from cdlab.manager.channel_client import HttpChannel
from cdlab.manager.messages import PREFIX, Body, outcome_as_json, outcome_of
from cdlab.manager.web.app import make_app
from cdlab.manager.web.guard import LARGEST_BODY
from cdlab.manager.web.serving import Beside
from cdlab.manager.web.world import WebSettings
from cdlab.model import Digest, ImageRef, Outcome, Revision

TOKEN = "a secret"
T = TypeVar("T")


class Process:
    """A process that is asked: it counts, and refuses what it does not know."""

    commands: Any = None
    playground = None

    def __init__(self) -> None:
        self.kernel = LiveKernel()
        self.asked: list[tuple[str, Body]] = []
        settings = WebSettings(token=TOKEN, changes_by_itself=False)
        self.server = Beside(make_app(self, settings, self.answer), 0, "127.0.0.1")
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.is_over = self.kernel.event("the end")
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        self.kernel.run(self.is_over.wait(), deadline_seconds=math.inf)

    def submit(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> Future[T]:
        return self.kernel.submit(coroutine, name=name)

    def close(self) -> None:
        """Nothing of its own."""

    async def answer(self, path: str, body: Body) -> Body:
        self.asked.append((path, body))
        if path == "rollback":
            raise ManagerUnavailable("it was stopped", definite=False)
        if path == "nonsense":
            raise KeyError(path)
        return {"producer": "p1", "number": len(self.asked)}


@pytest.fixture
def process() -> Iterator[Process]:
    """It listens, and is closed afterwards."""
    made = Process()
    made.server.start()
    made.thread.start()
    yield made
    made.kernel.call_soon_threadsafe(made.is_over.set)
    made.thread.join()
    made.server.stop()


def ask(process: Process, path: str, body: Body, token: str = TOKEN) -> Body:
    """As a run asks, on a kernel of its own."""
    kernel = LiveKernel()
    channel = HttpChannel(kernel, process.url, token)
    try:
        return kernel.run(channel.ask(path, body))
    finally:
        channel.hang_up()


def status(
    process: Process, method: str, path: str, headers: dict[str, str], body: str = ""
) -> int:
    """What a stranger's request is answered with."""
    connection = http.client.HTTPConnection("127.0.0.1", process.server.port, timeout=5)
    try:
        connection.request(method, path, body or None, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_an_answer_comes_back_as_it_was_given(process: Process) -> None:
    """Plain values go there and back."""
    assert ask(process, "clock", {"a": [1, None, "é"]}) == {"producer": "p1", "number": 1}
    assert process.asked == [("clock", {"a": [1, None, "é"]})]


def test_events_are_read_over_one_connection_that_can_be_hung_up(process: Process) -> None:
    """And the next question opens another one."""
    kernel = LiveKernel()
    channel = HttpChannel(kernel, process.url, TOKEN)

    async def twice() -> list[Body]:
        first = await channel.ask("events", {})
        channel.hang_up()
        return [first, await channel.ask("events", {})]

    assert [each["number"] for each in kernel.run(twice())] == [1, 2]
    channel.hang_up()


def test_without_the_token_nothing_is_asked(process: Process) -> None:
    """Neither to command nor to read; whether it is alive may be known to anybody."""
    bearer = {"Authorization": "Bearer another"}
    assert status(process, "POST", f"{PREFIX}rebuild", {}, "{}") == 401
    assert status(process, "POST", f"{PREFIX}rebuild", bearer, "{}") == 401
    assert status(process, "GET", "/events?after=0", bearer) == 401
    assert process.asked == []
    assert status(process, "GET", "/healthz", {}) == 200
    with pytest.raises(ManagerUnavailable, match="401"):
        ask(process, "clock", {}, token="another")


def test_what_is_no_question_is_refused(process: Process) -> None:
    """A body that is too large, no JSON or no object; a path that is not there."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    large = {**bearer, "Content-Length": str(LARGEST_BODY + 1)}
    assert status(process, "POST", f"{PREFIX}clock", large) == 413
    assert status(process, "POST", f"{PREFIX}clock", bearer, "{") == 400
    assert status(process, "POST", f"{PREFIX}clock", bearer, "[]") == 400
    assert status(process, "POST", f"{PREFIX}nonsense", bearer, "{}") == 400
    assert status(process, "POST", "/", bearer, "{}") == 405
    assert status(process, "GET", f"{PREFIX}clock", bearer) == 405
    assert status(process, "GET", "/nowhere", bearer) == 404


def test_a_command_without_an_answer_is_sent_again_to_the_same_process_only(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its id, so that it is done once; another process says that it does not know."""
    kernel = LiveKernel()
    channel = HttpChannel(kernel, process.url, TOKEN)
    exchange, cuts = channel._exchange, [ConnectionResetError(), TimeoutError()]

    def cut(connection: http.client.HTTPConnection, path: str, body: Body) -> Body:
        answer = exchange(connection, path, body)
        if path == "promote" and cuts:
            raise ManagerUnavailable("cut", definite=False) from cuts.pop()
        return answer

    monkeypatch.setattr(channel, "_exchange", cut)

    async def work() -> Body:
        await channel.ask("clock", {})
        return await channel.ask("promote", {"request": "r1"})

    assert kernel.run(work())["number"] == 4
    sent = [body for path, body in process.asked if path == "promote"]
    assert [body.get("producer") for body in sent] == [None, "p1", "p1"]
    assert {body["request"] for body in sent} == {"r1"}


def test_a_refusal_is_an_answer(process: Process) -> None:
    """It is not asked again, and says whether it may have happened."""
    with pytest.raises(ManagerUnavailable, match="it was stopped") as refused:
        ask(process, "rollback", {"request": "r1"})
    assert not refused.value.definite
    assert len(process.asked) == 1


def test_a_manager_that_is_not_there_was_never_asked() -> None:
    """That is definite: nobody has to wonder whether it happened."""
    kernel = LiveKernel()
    channel = HttpChannel(kernel, "http://127.0.0.1:9", TOKEN)
    with pytest.raises(ManagerUnavailable) as missing:
        kernel.run(channel.ask("rebuild", {"request": "r1"}))
    assert missing.value.definite
    assert missing.value.help


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("refused", "not healthy in staging"),
        Outcome(
            "released",
            revision=Revision("a" * 40),
            image=ImageRef("host/users", "1", Digest("sha256:1")),
            is_applied=False,
        ),
    ],
)
def test_an_outcome_survives_the_way(outcome: Outcome) -> None:
    """Through JSON and back."""
    assert outcome_of(json.loads(json.dumps(outcome_as_json(outcome)))) == outcome
