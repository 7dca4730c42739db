"""Server-sent events, over a real connection: decisions in order, and news that there are any."""

from __future__ import annotations

import http.client
import json
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from cdlab.live_kernel import LiveKernel
from cdlab.manager.client import HttpCommands
from cdlab.manager.commands import Answer, Ask
from cdlab.manager.web import api
from tests.manager_web.conftest import TOKEN, Scripted, ScriptedDesk

HOLD = Ask(command="hold", user="ana", message="wait", workload="users", environment="dev")


class Listener:
    """Reads one stream, event by event."""

    def __init__(self, url: str, path: str = "/api/v1/events", **headers: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()

    def events(self) -> Iterator[dict[str, str]]:
        """Every event as its fields; comments are passed over."""
        event: dict[str, str] = {}
        while line := self.response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if line != "\n":
                event[name] = value
            elif "data" in event:
                yield event
                event = {}
            else:
                event = {}

    def next(self, kind: str) -> dict[str, str]:
        """The next event of that kind."""
        return next(each for each in self.events() if each["event"] == kind)

    def close(self) -> None:
        self.response.close()
        self.connection.close()


class LiveCommands(Scripted):
    """The script in real time: it tells of a change itself."""

    def __init__(self, kernel: LiveKernel) -> None:
        super().__init__()
        self._told = kernel.signal("a change")
        self._count = 0

    async def ask(self, ask: Ask) -> Answer:
        answer = await super().ask(ask)
        self._count += 1
        self._told.notify_all()
        return answer

    async def wait_for_change(self, after: int) -> int:
        while self._count <= after:
            await self._told.wait()
        return self._count


class LiveDesk:
    """A live kernel in a thread."""

    playground = None

    def __init__(self) -> None:
        self.kernel = LiveKernel()
        self.commands = LiveCommands(self.kernel)
        self.submit = self.kernel.submit
        self._end = self.kernel.event("the end")
        self._thread = threading.Thread(
            target=self.kernel.run, args=(self._end.wait(),), kwargs={"deadline_seconds": math.inf}
        )
        self._thread.start()

    def close(self) -> None:
        self.kernel.call_soon_threadsafe(self._end.set)
        self._thread.join()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Listeners that are closed when the server has ended, if it is asked for before that."""
    made = []

    def begin(*arguments: str, **headers: str) -> Listener:
        made.append(Listener(*arguments, **headers))
        return made[-1]

    yield begin
    for each in made:
        each.close()


@pytest.fixture
def live_desk() -> Iterator[LiveDesk]:
    made = LiveDesk()
    yield made
    made.close()


def test_a_reader_hears_of_decisions_from_where_it_left_off(
    listen: Callable[..., Listener], desk: ScriptedDesk, serve: Callable[..., str]
) -> None:
    """By the number in the address, or by the one that a browser sends when it comes back."""
    url = serve(desk)
    for listener in (
        listen(url, "/api/v1/events?after=1"),
        listen(url, **{"Last-Event-ID": "1"}),
    ):
        events = listener.events()
        found = [next(events), next(events), next(events)]
        assert [each.get("id") for each in found] == ["2", "3", None]
        assert json.loads(found[0]["data"])["number"] == 2
        assert found[2]["event"] == "change"


def test_a_reader_that_names_no_number_hears_only_what_is_new(
    listen: Callable[..., Listener], desk: ScriptedDesk, serve: Callable[..., str]
) -> None:
    """And hears it as soon as somebody did it; a dry run is no news."""
    url = serve(desk)
    listener = listen(url)
    assert next(listener.events())["event"] == "change"
    asking = HttpCommands(url, TOKEN)
    asking.ask(Ask(command="sync", user="ana", is_dry_run=True))
    asking.ask(HOLD)
    told = json.loads(listener.next("decision")["data"])
    assert (told["number"], told["what"], told["reason"]) == (4, "hold", "wait")


def test_a_world_in_real_time_tells_by_itself(
    listen: Callable[..., Listener], live_desk: LiveDesk, serve: Callable[..., str]
) -> None:
    """A change that came past the server is heard, and listening keeps nobody else waiting."""
    url = serve(live_desk, changes_by_itself=True)
    listener = listen(url)
    assert next(listener.events())["event"] == "change"
    assert len(HttpCommands(url).status()) == 9
    live_desk.submit(live_desk.commands.ask(HOLD), name="somebody else").result(30)
    assert json.loads(listener.next("decision")["data"])["user"] == "ana"


def test_a_hostile_reason_ends_no_event_early(
    listen: Callable[..., Listener], serve: Callable[..., str]
) -> None:
    """Line breaks in a reason are JSON, and not lines of the stream."""
    desk = ScriptedDesk("a\n\nevent: decision\ndata: {}\r\n\r\n")
    listener = listen(serve(desk), "/api/v1/events?after=2")
    told: dict[str, Any] = json.loads(next(listener.events())["data"])
    assert told["reason"] == desk.commands.text
    desk.close()


def test_a_server_ends_while_somebody_listens(
    listen: Callable[..., Listener], desk: ScriptedDesk, serve: Callable[..., str]
) -> None:
    """The stream ends, so that a graceful shutdown has nothing to wait for."""
    listener = listen(serve(desk))
    assert next(listener.events())["event"] == "change"
    # The fixture ends the server; a reader that nobody closes must not keep it.


def test_a_reader_that_left_makes_room_for_another(
    listen: Callable[..., Listener], desk: ScriptedDesk, serve: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Places are few, and a page that was left must not keep one."""
    monkeypatch.setattr(api, "MOST_LISTENERS", 1)
    monkeypatch.setattr(api, "LOOK_SECONDS", 0.01)
    url = serve(desk)
    first = listen(url)
    assert next(first.events())["event"] == "change"
    assert listen(url).response.status == 503
    first.close()
    for _ in range(1000):
        again = listen(url)
        if again.response.status == 200:
            break
        again.close()
    assert next(again.events())["event"] == "change"
