"""Looks at many objects one after the other: few requests, and nothing old twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any, cast

import pytest

from cdlab.errors import WorkloadNotFound
from cdlab.substrates.kind.kubernetes_api import KubernetesApi
from cdlab.substrates.kind.recent_looks import FRESH_SECONDS, RecentLooks

FOLDER = "/apis/apps/v1/namespaces/shop/deployments"


class Server:
    """An API server with deployments whose `version` anybody can change."""

    def __init__(self, *names: str) -> None:
        self.versions = dict.fromkeys(names, 1)
        self.asked: list[str] = []
        self.now = 100.0

    def call(self, method: str, path: str) -> dict[str, Any]:
        assert method == "GET"
        name = path.rpartition("/")[2]
        self.asked.append(name)
        if name not in self.versions:
            raise WorkloadNotFound(name)
        return {"metadata": {"name": name}, "version": self.versions[name]}

    def list(self, path: str) -> tuple[list[dict[str, Any]], str]:
        self.asked.append("all")
        return [
            {"metadata": {"name": name}, "version": version}
            for name, version in self.versions.items()
        ], "1"


class Watcher:
    """Somebody who looks."""

    def __init__(self, server: Server, folder: str = FOLDER) -> None:
        self.server, self.folder = server, folder
        self.looks = RecentLooks(frozenset({"deployments"}), lambda: server.now)

    def sees(self, name: str) -> int | None:
        """The version of an object; None where there is none."""
        found = self.looks.at(f"{self.folder}/{name}", cast(KubernetesApi, self.server))
        return None if found is None else int(found["version"])

    def writes(self, name: str, version: int) -> None:
        """As an apply does: it asks what was there, and hands in what is there then."""
        self.sees_once_more(name)
        self.server.versions[name] = version
        self.looks.wrote(f"{self.folder}/{name}", {"version": version})

    def sees_once_more(self, name: str) -> int:
        api = cast(KubernetesApi, self.server)
        return int((self.looks.once_more(f"{self.folder}/{name}", api) or {})["version"])


@pytest.fixture
def server() -> Server:
    """Three deployments."""
    return Server("a", "b", "c")


def test_who_looks_at_many_asks_twice(server: Server) -> None:
    """Once for the first, and once for all others; what is not there is among the answers."""
    watcher = Watcher(server)
    assert [watcher.sees(name) for name in ("a", "b", "c", "gone")] == [1, 1, 1, None]
    assert server.asked == ["a", "all"]


def test_who_looks_at_one_again_is_told_what_is_new(server: Server) -> None:
    """Also in the middle of a look at all, and when it has been taken out of the list."""
    watcher = Watcher(server)
    for name in ("a", "a", "b", "b", "a", "b"):
        server.versions[name] += 1
        assert watcher.sees(name) == server.versions[name]
    assert watcher.sees("c") == 1


def test_who_looks_at_many_again_asks_once_more(server: Server) -> None:
    """Not once for each, and nobody is told the same twice out of one list."""
    names = [f"service-{number}" for number in range(20)]
    server.versions = dict.fromkeys(names, 1)
    watcher = Watcher(server)
    assert [watcher.sees(name) for name in names] == [1] * 20
    server.asked.clear()
    server.versions = dict.fromkeys(names, 2)
    assert [watcher.sees(name) for name in names] == [2] * 20
    assert server.asked == ["all"]
    watcher.writes(names[3], 3)
    assert watcher.sees(names[3]) == 3
    server.versions[names[4]] = 4
    assert watcher.sees(names[4]) == 4


def test_nothing_is_older_than_a_second(server: Server) -> None:
    """A long comparison lists again; a later one begins anew."""
    watcher = Watcher(server)
    assert (watcher.sees("a"), watcher.sees("b")) == (1, 1)
    server.versions["c"] = 2
    assert watcher.sees("c") == 1, "what it was when all were listed"
    server.versions["a"] = 2
    server.now += FRESH_SECONDS + 0.1
    assert (watcher.sees("a"), watcher.sees("b")) == (2, 1)
    server.versions["c"] = 3
    server.now += FRESH_SECONDS + 0.1
    assert watcher.sees("c") == 3


def test_a_long_comparison_lists_again(server: Server) -> None:
    """Somebody who never rests is told nothing older than that either."""
    server.versions = dict.fromkeys("abcdefgh", 0)
    watcher = Watcher(server)
    for number, name in enumerate("abcdefgh"):
        server.versions = dict.fromkeys("abcdefgh", number)  # a new version every 0.4 s
        assert number - 2 <= (watcher.sees(name) or 0) <= number
        server.now += 0.4
    assert server.asked == ["a", "all", "all", "all"]


def test_who_writes_is_told_what_was_just_compared_and_only_once(server: Server) -> None:
    """The second time it may be the writer's own."""
    watcher = Watcher(server)
    assert watcher.sees("a") == 1
    assert watcher.sees_once_more("a") == 1
    assert server.asked == ["a"]
    server.versions["a"] = 2
    assert watcher.sees_once_more("a") == 2
    watcher.sees("b")
    server.versions["b"], server.now = 5, server.now + FRESH_SECONDS + 0.1
    assert watcher.sees_once_more("b") == 5


def test_who_has_written_is_never_told_what_was_there_before(server: Server) -> None:
    """Listed together with others, written to a little later, and looked at soon after that."""
    watcher = Watcher(server)
    assert watcher.sees("a") == 1
    server.now += 0.1
    assert watcher.sees("b") == 1, "all are listed"
    server.now += 0.8
    watcher.writes("a", 2)
    server.now += 0.15
    assert watcher.sees("a") == 2


def test_what_cannot_be_listed_is_asked_for_one_by_one(server: Server) -> None:
    """A principal may apply what it has no right to list."""
    watcher = Watcher(server, "/api/v1/namespaces/shop/configmaps")
    assert [watcher.sees(name) for name in ("a", "b", "c")] == [1, 1, 1]
    assert server.asked == ["a", "b", "c"]


def test_those_who_look_at_once_share_a_list(server: Server) -> None:
    """Whoever comes while it is on its way waits for it: it is large."""
    names = [f"service-{number}" for number in range(20)]
    server.versions = dict.fromkeys(names, 1)
    two_at_once, list_all = Barrier(2), server.list

    def slow(path: str) -> tuple[list[dict[str, Any]], str]:
        with suppress(BrokenBarrierError):
            two_at_once.wait(0.2)
        return list_all(path)

    server.list = slow  # type: ignore[method-assign]
    watcher = Watcher(server)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(watcher.sees, names)) == [1] * 20
    assert sorted(server.asked) == ["all", server.asked[0]]
