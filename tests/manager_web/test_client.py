"""The HTTP client: what comes back is what the commands said, and errors stay what they are."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from cdlab.errors import (
    CdlabError,
    Forbidden,
    ManagerUnavailable,
    NotFound,
    NotUnderstood,
    RegistryUnavailable,
)
from cdlab.manager.client import HttpCommands
from cdlab.manager.commands import Ask
from cdlab.manager.wire import plain, read
from tests.manager_web.conftest import HOSTILE, TOKEN, ScriptedDesk

RELEASE = Ask(command="release", user="ana", workload="users", environment="dev", message="now")


def test_every_value_survives_the_way(serve: Callable[..., str]) -> None:
    """Questions and answers are equal on both sides, hostile texts included."""
    desk = ScriptedDesk(HOSTILE)
    asking, told = HttpCommands(serve(desk), TOKEN), desk.commands

    async def all_of_it() -> tuple[object, ...]:
        return (
            await told.about(),
            await told.status(),
            await told.images("users", "dev"),
            await told.history(),
            await told.diff(),
            await told.audit(),
        )

    expected = desk.submit(all_of_it(), name="all of it").result(30)
    assert expected == (
        asking.about(),
        asking.status(),
        asking.images("users", "dev"),
        asking.history(),
        asking.diff(),
        asking.audit(),
    )
    answer = asking.ask(RELEASE)
    assert answer.status == "released"
    assert HOSTILE in answer.diff
    assert told.asked == [RELEASE]
    desk.close()


def test_errors_are_the_same_on_both_sides(desk: ScriptedDesk, serve: Callable[..., str]) -> None:
    """Their class, their help, and whether it may have happened."""
    asking = HttpCommands(serve(desk), TOKEN)
    with pytest.raises(NotFound) as not_found:
        asking.images("nobody", "dev")
    assert not_found.value.help == "cdlab workloads"
    desk.commands.error = RegistryUnavailable("lost", help="wait", definite=False)
    with pytest.raises(RegistryUnavailable) as lost:
        asking.ask(RELEASE)
    assert (lost.value.help, lost.value.definite) == ("wait", False)
    desk.commands.error = ZeroDivisionError("odd")
    with pytest.raises(ManagerUnavailable):
        asking.status()


def test_the_token_is_needed_for_changes(desk: ScriptedDesk, serve: Callable[..., str]) -> None:
    """Forbidden, and the help says where it goes."""
    url = serve(desk)
    for token in ("", "wrong"):
        with pytest.raises(Forbidden) as refused:
            HttpCommands(url, token).ask(RELEASE)
        assert "CDLAB_TOKEN" in refused.value.help
    assert desk.commands.asked == []


def test_nobody_at_home_says_how_to_start_somebody() -> None:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ManagerUnavailable, match="no release management") as error:
        HttpCommands(url).about()
    assert "cdlab dashboard" in error.value.help
    assert error.value.definite


@pytest.fixture
def say() -> Iterator[Callable[[bytes], str]]:
    """A server that answers anything with the same bytes."""
    ended = []

    def start(text: bytes) -> str:
        listening = socket.create_server(("127.0.0.1", 0))

        def answer() -> None:
            with listening, listening.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(text)

        thread = threading.Thread(target=answer)
        thread.start()
        ended.append(thread)
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for each in ended:
        each.join()


def reply(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        reply("200 OK", b"<html>hello"),
        reply("302 Found", b""),
        reply("404 Not Found", b"nothing here"),
        reply("200 OK", b'{"architecture": 3}'),
        reply("200 OK", b"[" * 50_000),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    ],
)
def test_a_server_that_is_none_of_ours_is_an_error(
    say: Callable[[bytes], str], text: bytes
) -> None:
    """One of the tree with a help, whatever it says."""
    with pytest.raises(CdlabError) as error:
        HttpCommands(say(text)).about()
    assert str(error.value)


def test_an_answer_that_never_comes_is_indefinite_for_a_change(say: Callable[[bytes], str]) -> None:
    """It may have been released all the same."""
    with pytest.raises(ManagerUnavailable) as error:
        HttpCommands(say(b""), TOKEN).ask(RELEASE)
    assert not error.value.definite


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8420", "ftp://x", "http://", "http://x:y", "file:///etc/passwd",
            "http://ana:secret@x", "http://x/api?x=1"],
)  # fmt: skip
def test_what_is_no_url_is_not_understood(url: str) -> None:
    """Before anything is opened."""
    with pytest.raises(NotUnderstood):
        HttpCommands(url).about()


def test_a_newer_server_may_say_more(desk: ScriptedDesk) -> None:
    """Fields that nobody here knows are passed over; one that is missing is not made up."""
    about = asyncio.run(desk.commands.about())
    assert read(type(about), {**plain(about), "weather": "fine"}) == about
    without = {key: value for key, value in plain(about).items() if key != "title"}
    with pytest.raises(NotUnderstood, match="title"):
        read(type(about), without)
