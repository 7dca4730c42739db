"""`cdlab release`, `rollback`, `status` … over HTTP: exit codes, streams, files and completion."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cdlab.cli import servers
from cdlab.cli.servers import Server, find_server, forget_server, server_file, write_server
from cdlab.errors import ManagerUnavailable, NotUnderstood, SubstrateUnavailable
from cdlab.manager.commands import Ask
from cdlab.substrates.kind import lifecycle
from cdlab.substrates.kind.lifecycle import LabStatus
from cdlab.substrates.kind.pieces import Piece, State
from tests.manager_web.conftest import Cdlab, ScriptedDesk

WHERE = {"workload": "users", "environment": "production"}


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("release users production --image v4", {"command": "release", "image": "v4", **WHERE}),
        ("promote users --from staging --to production",
         {"command": "promote", "source": "staging", **WHERE}),
        ("rollback users production --to v1 --bad --image-only --until 2026-12-24T08:00:00Z",
         {"command": "rollback", "to": "v1", "is_bad": True, "is_image_only": True,
          "until": "2026-12-24T08:00:00Z", **WHERE}),
        ("lock users production -m why", {"command": "lock", "message": "why", **WHERE}),
        ("lock production -m why",
         {"command": "lock", "message": "why", "environment": "production"}),
        ("unlock users production", {"command": "unlock", **WHERE}),
        ("hold users production -m why", {"command": "hold", "message": "why", **WHERE}),
        ("resume users production", {"command": "resume", **WHERE}),
        ("automate users production", {"command": "automate", **WHERE}),
        ("deautomate users production", {"command": "deautomate", **WHERE}),
        ("skip users production --image v4 -m why",
         {"command": "skip", "image": "v4", "message": "why", **WHERE}),
        ("unskip users production --image v4", {"command": "unskip", "image": "v4", **WHERE}),
        ("policy users production --tag semver:^1 --branch=",
         {"command": "policy", "settings": {"tag": "semver:^1", "branch": ""}, **WHERE}),
        ("policy production --drift report",
         {"command": "policy", "settings": {"drift": "report"}, "environment": "production"}),
        ("sync --prune", {"command": "sync", "has_prune": True}),
    ],
)  # fmt: skip
def test_a_command_asks_what_was_typed(
    cdlab: Cdlab, server: str, desk: ScriptedDesk, line: str, asked: dict[str, Any]
) -> None:
    """And exits with 0 when it is done."""
    answer = cdlab(*line.split(), "--user", "ana")
    assert answer.code == 0, answer.err
    assert desk.commands.asked == [Ask(user="ana", **asked)]
    assert "released" in answer.out


def test_a_dry_run_prints_the_commit_and_changes_nothing(
    cdlab: Cdlab, server: str, desk: ScriptedDesk
) -> None:
    """Message and diff, and 0."""
    answer = cdlab("rollback", "users", "production", "--dry-run", "-m", "it is slow")
    assert answer.code == 0
    assert "it is slow" in answer.out
    assert "\n-image: old\n+image: v1\n" in answer.out
    assert desk.commands.asked[0].is_dry_run


def test_a_prune_says_what_goes(cdlab: Cdlab, server: str) -> None:
    """And in a dry run what would."""
    assert "would be deleted: Deployment/old in dev" in cdlab("sync", "--prune", "--dry-run").out
    assert "  deleted: Deployment/old in dev" in cdlab("sync", "dev", "--prune").out
    assert "deleted" not in cdlab("sync", "dev").out


def test_json_stands_alone(cdlab: Cdlab, server: str) -> None:
    """The question and the answer."""
    found = json.loads(cdlab("release", "users", "production", "--json").out)
    assert found["ask"]["workload"] == "users"
    assert found["answer"]["status"] == "released"


def test_a_refusal_exits_with_1_and_says_why(cdlab: Cdlab, server: str) -> None:
    """On standard output: it is the answer."""
    answer = cdlab("release", "orders", "production")
    assert (answer.code, answer.err) == (1, "")
    assert "refused, locked" in answer.out


def test_what_an_architecture_cannot_express_exits_with_1(
    cdlab: Cdlab, server: str, desk: ScriptedDesk
) -> None:
    """With the reason, which is the lesson."""
    desk.commands.about_values = replace(desk.commands.about_values, architecture="v1")
    answer = cdlab("promote", "users", "--from", "staging", "--to", "production")
    assert answer.code == 1
    assert "not expressible, CI deploys" in answer.out


@pytest.mark.parametrize(
    "line",
    [
        "release nobody production",
        "release users",
        "release ../x production",
        "lock users production",
        "lock a b c -m why",
        "policy users production --dry-run",
        "history --limit 0",
        "status --server ftp://x",
    ],
)
def test_wrong_usage_exits_with_2(cdlab: Cdlab, server: str, line: str) -> None:
    """A name that nobody knows is usage, too; nothing is on standard output."""
    answer = cdlab(*line.split())
    assert (answer.code, answer.out) == (2, "")


def test_the_wrong_token_is_refused_with_1(
    cdlab: Cdlab, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the help says where the right one goes."""
    monkeypatch.setenv("CDLAB_TOKEN", "wrong")
    answer = cdlab("sync")
    assert answer.code == 1
    assert "CDLAB_TOKEN" in answer.err


@pytest.mark.parametrize("line", ["release a b", "workloads", "history", "audit", "diff"])
def test_nobody_there_exits_with_3(cdlab: Cdlab, line: str) -> None:
    """And says how to start somebody."""
    answer = cdlab(*line.split())
    assert (answer.code, answer.out) == (3, "")
    assert "cdlab dashboard" in answer.err


@pytest.mark.parametrize(
    ("line", "word", "found"),
    [
        ("workloads", "hold by ana", ("workloads", 9)),
        ("images users staging", "up to date", ("images", 4)),
        ("history", "Try v3", ("history", 3)),
        ("history users dev", "", ("history", 0)),
        ("diff", "12 min", ("differences", 1)),
        ("audit --limit 2", "ben", ("decisions", 2)),
        ("audit --after 0", "ana", ("decisions", 3)),
        ("policy production", "semver:^1", ("policies", 3)),
        ("policy users production", "newest", ("policies", 1)),
    ],
)
def test_looking_prints_a_table_or_json(
    cdlab: Cdlab, server: str, line: str, word: str, found: tuple[str, int]
) -> None:
    """No token is needed."""
    assert word in cdlab(*line.split()).out
    key, length = found
    assert len(json.loads(cdlab(*line.split(), "--json").out)[key]) == length


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Callable[[State | None], None]:
    """The lab is as it is said to be, whatever runs on this machine."""

    def say(state: State | None) -> None:
        def status(_: object) -> LabStatus:
            if state is None:
                raise SubstrateUnavailable("there is no Docker here")
            return LabStatus((Piece("registry", state, "localhost:5001"),))

        monkeypatch.setattr(lifecycle, "status", status)

    return say


Lab = Callable[[State | None], None]


@pytest.mark.parametrize(
    ("state", "said"), [("missing", "the lab is not up"), ("running", "the lab is up")]
)
def test_the_status_has_the_matrix_beneath_the_lab(
    cdlab: Cdlab, server: str, lab: Lab, state: State, said: str
) -> None:
    """Where the release management of a simulated world answers, no lab is needed."""
    lab(state)
    answer = cdlab("status")
    assert answer.out.index("Release manager, V3") > answer.out.index(said)
    assert "held by ana: v3 loses orders" in answer.out
    assert answer.code == 0
    found = json.loads(cdlab("status", "--json").out)
    assert len(found["releases"]["workloads"]) == 9
    assert found["is_up"] is (state == "running")


def test_where_policies_disagree_is_said(
    cdlab: Cdlab, server: str, lab: Lab, desk: ScriptedDesk
) -> None:
    """In the matrix and in the list of policies."""
    lab("running")
    said = "manual here, automated in the environment"
    where = ("users", "staging")
    desk.commands.cells[where] = replace(desk.commands.cells[where], conflicts=(said,))
    assert said in " ".join(cdlab("status").out.split())
    assert said in " ".join(cdlab("policy", "users", "staging").out.split())
    (found,) = json.loads(cdlab("policy", "users", "staging", "--json").out)["policies"]
    assert (found["conflicts"], found["drift_mode"]) == ([said], "repair")


def test_the_status_without_docker_is_the_matrix_alone(cdlab: Cdlab, server: str, lab: Lab) -> None:
    """What is missing is said beside it, and is an error where nothing else answers."""
    lab(None)
    answer = cdlab("status")
    assert (answer.code, answer.err) == (0, "the lab: there is no Docker here\n")
    assert "Release manager, V3" in answer.out


def test_the_status_of_a_lab_that_is_down_alone_is_3(cdlab: Cdlab, lab: Lab) -> None:
    """As ever, where no release management answers."""
    lab("missing")
    answer = cdlab("status", "--json")
    assert answer.code == 3
    assert json.loads(answer.out)["releases"] is None
    lab(None)
    assert cdlab("status").code == 3


@pytest.mark.parametrize(
    "line", ["status", "workloads", "images users dev", "history", "audit", "diff",
             "release users dev --dry-run", "policy front-end production"],
)  # fmt: skip
def test_nothing_from_outside_steers_the_terminal(
    cdlab: Cdlab, hostile_desk: ScriptedDesk, serve: Callable[..., str], lab: Lab, line: str
) -> None:
    """No escape and no mark of direction, whatever somebody committed."""
    lab(None)
    answer = cdlab(*line.split(), "--server", serve(hostile_desk))
    assert "\x1b" not in answer.out
    assert "\u202e" not in answer.out


def test_the_file_of_a_server_is_for_its_owner_alone(cdlab: Cdlab) -> None:
    """600, found again, replaced at once, and forgotten only by the server that it names."""
    server = Server("http://127.0.0.1:1", "secret")
    path = write_server(server)
    assert path.stat().st_mode & 0o777 == 0o600
    assert find_server(None) == server
    newer = Server("http://127.0.0.1:2", "other")
    write_server(newer)
    forget_server(server)
    assert find_server(None) == newer
    forget_server(newer)
    with pytest.raises(ManagerUnavailable):
        find_server(None)


def test_a_file_that_others_could_write_is_not_believed(cdlab: Cdlab) -> None:
    """It names where a token goes."""
    write_server(Server("http://127.0.0.1:1", "secret")).chmod(0o644)
    with pytest.raises(NotUnderstood, match="not yours alone"):
        find_server(None)
    server_file().chmod(0o600)
    server_file().write_text("[]")
    with pytest.raises(NotUnderstood, match="cannot be read"):
        find_server(None)


def test_the_token_of_the_file_goes_to_no_other_server(
    cdlab: Cdlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL from elsewhere gets the token of the environment, or none."""
    write_server(Server("http://127.0.0.1:1", "secret"))
    assert find_server("http://elsewhere:1").token == ""
    assert find_server("http://127.0.0.1:1/").token == "secret"
    monkeypatch.setenv("CDLAB_TOKEN", "mine")
    assert find_server("http://elsewhere:1").token == "mine"


def test_the_shell_completes_what_the_server_knows(
    cdlab: Cdlab, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workloads, then environments; both where a workload may be left out."""
    monkeypatch.setenv("_CDLAB_COMPLETE", "complete_bash")

    def complete(line: str) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        return cdlab().out.split()

    assert complete("cdlab release ") == ["front-end", "users", "orders"]
    assert complete("cdlab release users p") == ["production"]
    assert complete("cdlab promote users --from s") == ["staging"]
    assert complete("cdlab lock o") == ["orders"]
    monkeypatch.setattr(servers, "find_server", lambda _: Server("http://127.0.0.1:1"))
    assert complete("cdlab release ") == []
