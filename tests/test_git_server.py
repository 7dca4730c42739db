"""The git server and the hint hub, on loopback, with the real git and no Docker."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdlab.substrates.kind.advertised_refs import AdvertisedRefs, refs_in
from cdlab.substrates.kind.git_server.hub import Hub, pushed_tags
from tests.git_servers import GitServer, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A server with one repository that "developer" may write, and an empty clone."""
    with serving(tmp_path) as found:
        yield found


def test_a_push_can_be_cloned(server: GitServer, tmp_path: Path) -> None:
    """What a writer pushed, every principal reads."""
    revision = server.commit(b"one")
    assert server.git("push", server.url("developer"), "main").returncode == 0
    assert server.git("clone", "--quiet", server.url("ci"), str(tmp_path / "other")).returncode == 0
    assert server.git("-C", str(tmp_path / "other"), "rev-parse", "HEAD").stdout.strip() == revision


def test_a_push_larger_than_one_request_block_arrives_whole(server: GitServer) -> None:
    """git sends more than 1 MiB in chunks of unknown total length."""
    revision = server.commit(os.urandom(3 << 20))
    assert server.git("push", server.url("developer"), "main").returncode == 0
    assert server.git("ls-remote", server.url("ci"), "main").stdout.startswith(revision)


def test_a_push_without_write_right_is_refused_with_the_reason(server: GitServer) -> None:
    """The hook names the principal and the repository, and nothing changes."""
    server.commit(b"one")
    done = server.git("push", server.url("ci"), "main")
    assert done.returncode != 0
    assert 'forbidden: "ci" may not write to "r1/code"' in done.stderr
    assert server.git("ls-remote", server.url("ci")).stdout == ""


def test_a_wrong_password_reads_nothing(server: GitServer) -> None:
    """Anonymous reads do not exist either."""
    wrong = server.url("developer").replace("-password", "-guess")
    assert "Authentication failed" in server.git("ls-remote", wrong).stderr
    anonymous = f"http://127.0.0.1:{server.port}/git/r1/code.git"
    assert server.git("ls-remote", anonymous).returncode != 0


def test_writers_can_be_changed(server: GitServer) -> None:
    """A second PUT keeps the repository and replaces its writers."""
    server.commit(b"one")
    assert server.call("PUT", "/repositories/r1/code", {"writers": ["ci"]})[0] == 200
    assert server.git("push", server.url("developer"), "main").returncode != 0
    assert server.git("push", server.url("ci"), "main").returncode == 0


def test_the_reflog_keeps_a_commit_that_a_force_push_lost(server: GitServer) -> None:
    """Every ref update is recorded with who did it."""
    first = server.commit(b"one")
    server.git("push", server.url("developer"), "main")
    second = server.commit(b"two")
    server.git("push", server.url("developer"), "main")
    server.git("reset", "--quiet", "--hard", first)
    assert server.git("push", "--force", server.url("developer"), "main").returncode == 0
    status, updates = server.call("GET", "/repositories/r1/code/reflog")
    assert status == 200
    moves = [(update["old"], update["new"], update["committer"]) for update in updates]
    assert moves[1:] == [(first, second, "developer"), (second, first, "developer")]
    assert {update["ref"] for update in updates} == {"refs/heads/main"}


def test_notes_can_be_pushed(server: GitServer) -> None:
    """Notes refs are refs like others."""
    server.commit(b"one")
    server.git("notes", "add", "--message=seen")
    assert server.git("push", server.url("developer"), "refs/notes/*").returncode == 0
    assert "refs/notes/commits" in server.git("ls-remote", server.url("ci")).stdout


def test_a_push_posts_a_hint(server: GitServer) -> None:
    """Who waits on the hub learns the ref, the revision and the principal of a push."""
    revision = server.commit(b"one")
    server.git("push", server.url("developer"), "main")
    status, answer = server.call("GET", "/after/0?topic=git&timeout=10")
    assert (status, answer["next"]) == (200, 1)
    assert answer["hints"][0]["repository"] == "r1/code"
    assert answer["hints"][0]["what"] == {
        "ref": "refs/heads/main",
        "old": "0" * 40,
        "new": revision,
        "principal": "developer",
    }


def test_what_moves_nothing_posts_no_hint(server: GitServer) -> None:
    """Neither reading nor a push that was refused."""
    server.commit(b"one")
    server.git("push", server.url("developer"), "main")
    server.git("ls-remote", server.url("ci"))
    assert server.git("push", server.url("developer"), "main").returncode == 0
    server.commit(b"two")
    assert server.git("push", server.url("ci"), "main").returncode != 0
    assert server.call("GET", "/after/0?timeout=0")[1]["next"] == 1


def test_a_registry_notification_becomes_a_hint(server: GitServer) -> None:
    """Pushes of manifests count; pulls and blobs do not."""

    def event(action: str, **target: str) -> dict[str, Any]:
        return {"action": action, "target": {"repository": "r1/web", **target}}

    events = [
        event("pull", tag="v1", digest="sha256:1"),
        event("push", mediaType="application/octet-stream", digest="sha256:2"),
        event("push", tag="v1", digest="sha256:3"),
    ]
    assert server.call("POST", "/hints/registry", {"events": events})[0] == 202
    _, answer = server.call("GET", "/after/0?topic=registry&timeout=0")
    assert [hint["what"] for hint in answer["hints"]] == [{"tag": "v1", "digest": "sha256:3"}]


@pytest.mark.parametrize("path", ["/git/../x.git/info/refs", "/git/R1/code.git/info/refs"])
def test_a_name_that_is_no_name_is_not_found(server: GitServer, path: str) -> None:
    """A path cannot leave the folder of repositories."""
    assert server.call("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/repositories/r1/code", {"writers": ["ci"]}),
        ("GET", "/repositories/r1/code/reflog", None),
        ("DELETE", "/repositories/r1", None),
    ],
)
def test_only_the_runner_administers(server: GitServer, method: str, path: str, body: Any) -> None:
    """A developer's login opens git and nothing else."""
    assert server.call(method, path, body, user="developer")[0] == 403
    assert server.call(method, path, body, user="nobody")[0] == 401


def test_a_removed_run_is_gone(server: GitServer) -> None:
    """Removing twice is no error."""
    assert server.call("DELETE", "/repositories/r1") == (200, {"removed": True})
    assert server.call("DELETE", "/repositories/r1") == (200, {"removed": False})
    assert server.git("ls-remote", server.url("developer")).returncode != 0


@pytest.mark.parametrize("body", [b"not json", b"[" * 100_000, b"x" * (2 << 20)])
def test_a_senseless_notification_is_refused(server: GitServer, body: bytes) -> None:
    """It changes nothing, and the server goes on."""
    # The server may close the connection of a body that it does not want to read.
    with contextlib.suppress(ConnectionError):
        assert server.call("POST", "/hints/registry", body)[0] in (400, 413)
    assert server.call("GET", "/healthz") == (200, {"state": "ok"})


def test_a_waiting_consumer_wakes_at_the_next_hint() -> None:
    """The wait ends with the hint, not with its time limit."""
    hub = Hub()
    answers: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: answers.append(hub.after(0, "git", 60)))
    waiting.start()
    hub.post("registry", "r1/web", [{"tag": "v1"}])
    hub.post("git", "r1/code", [{"ref": "refs/heads/main"}])
    waiting.join(timeout=30)
    assert [hint["n"] for hint in answers[0]["hints"]] == [2]


def test_a_hub_that_restarted_answers_a_number_it_never_gave_at_once() -> None:
    """A consumer that is ahead of the hub gets what there is, and the number to go on from."""
    hub = Hub()
    assert hub.after(500, None, 60) == {"next": 0, "hints": []}
    hub.post("git", "r1/code", [{}])
    assert [hint["n"] for hint in hub.after(500, None, 60)["hints"]] == [1]


def test_a_hub_keeps_the_newest_hints_only() -> None:
    """Its memory is bounded, whoever posts."""
    hub = Hub()
    hub.post("git", "r1/code", [{} for _ in range(10_500)])
    hints = hub.after(0, None, 0)["hints"]
    assert (len(hints), hints[0]["n"], hints[-1]["n"]) == (10_000, 501, 10_500)


@pytest.mark.parametrize("envelope", [None, 3, {}, {"events": 1}, {"events": [1, {"target": 2}]}])
def test_an_envelope_of_another_shape_holds_no_tags(envelope: Any) -> None:
    """Anybody may post, so anything may come."""
    assert list(pushed_tags(envelope)) == []


def advertised(server: GitServer, user: str = "ci") -> AdvertisedRefs:
    """What somebody is told of the repository."""
    url = f"http://127.0.0.1:{server.port}/git/r1/code.git"
    return AdvertisedRefs(url, (user, f"{user}-password"))


def test_the_refs_of_a_repository_are_read_without_git(server: GitServer) -> None:
    """Branches and notes as `git ls-remote` says them, over one connection; no tags, no HEAD."""
    refs = advertised(server)
    assert refs.read() == {}
    for content in (b"one", b"two"):
        server.commit(content)
        server.git("notes", "add", "--message=healthy")
        server.git("tag", content.decode())
        server.git("push", "--tags", server.url("developer"), "main", "refs/notes/commits")
        told = server.git("ls-remote", server.url("ci")).stdout.splitlines()
        pairs = (line.split("\t") for line in told)
        assert refs.read() == {
            name: revision
            for revision, name in pairs
            if name in ("refs/heads/main", "refs/notes/commits")
        }
    assert len(refs.read() or {}) == 2


def test_refs_that_cannot_be_read_are_left_to_git(server: GitServer) -> None:
    """A wrong login, a repository that is not there, no server: None, and git says what it is."""
    assert advertised(server, "nobody").read() is None
    here = f"http://127.0.0.1:{server.port}/git"
    assert AdvertisedRefs(f"{here}/r1/nothing.git", ("ci", "ci-password")).read() is None
    assert AdvertisedRefs("http://127.0.0.1:1/git/r1/code.git", None).read() is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"001f# service=git-receive-pack\n0000",
        b"001e# service=git-upload-pack\n0000003f1111",
        b"001e# service=git-upload-pack\n0001",
    ],
)
def test_an_answer_that_is_no_advertisement_is_refused(answer: bytes) -> None:
    """Nothing is made of half an answer or of a proxy's page."""
    with pytest.raises(ValueError, match=r"advertisement|cut short|base 16"):
        refs_in(answer)
