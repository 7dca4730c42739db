"""The laptops of a room: what is missing where, in one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cdlab.cli import main
from cdlab.errors import NotUnderstood
from cdlab.room import load, wants


def finding(name: str, state: str, mend: str = "") -> dict[str, str]:
    return {"name": name, "state": state, "detail": "", "help": mend}


def report(folder: Path, name: str, *findings: dict[str, str], verdict: str = "go") -> Path:
    """What a laptop sends: the simulator runs, and kind as its findings say."""
    said: dict[str, Any] = {
        "cdlab": "0.1.0",
        "sim": {"verdict": "go", "findings": [finding("Python", "ok")]},
        "kind": {"verdict": verdict, "findings": list(findings)},
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


@pytest.fixture
def room(tmp_path: Path) -> list[Path]:
    """Three laptops: one complete, one without kind, one short of nearly everything."""
    kind, image = finding("kind", "missing", "get kind"), finding("node image", "warn", "load it")
    memory = finding("memory", "missing", "close programs")
    return [
        report(tmp_path, "ana", finding("kind", "ok")),
        report(tmp_path, "bob", kind, image, verdict="no-go"),
        report(tmp_path, "cy", memory, kind, image, verdict="no-go"),
    ]


def test_what_stands_in_the_way_of_most_comes_first(room: list[Path]) -> None:
    """Then the rest of what stands in the way, and at last what is only tight."""
    found = wants([load(path) for path in room])
    assert [(each.what, each.laptops, each.is_in_the_way) for each in found] == [
        ("kind", ("bob", "cy"), True),
        ("memory", ("cy",), True),
        ("node image", ("bob", "cy"), False),
    ]
    assert found[0].mend == "get kind"


def test_a_pattern_that_the_shell_left_alone_is_a_room(
    room: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """As a Command Prompt does; a file that is not there is told by its name."""
    with pytest.raises(SystemExit):
        main.main(["doctor", "--json", str(room[0].parent / "*.json")])
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["laptops"]] == [
        "ana", "bob", "cy",
    ]  # fmt: skip
    with pytest.raises(SystemExit):
        main.main(["doctor", str(room[0].parent / "dora.json")])
    assert "dora.json" in capsys.readouterr().err


def test_a_report_that_an_older_powershell_wrote_is_read(room: list[Path]) -> None:
    """Its `>` writes UTF-16."""
    text = room[1].read_text(encoding="utf-8")
    room[1].write_text(text, encoding="utf-16")
    assert load(room[1]).missing == ("kind",)


def test_every_laptop_has_its_row_and_every_want_its_command(
    room: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code says whether the room is ready."""
    with pytest.raises(SystemExit) as caught:
        main.main(["doctor", *map(str, room)])
    said = capsys.readouterr().out
    assert caught.value.code == 3
    assert any(line.split()[:6] == ["bob", "0.1.0", "sim", "go,", "kind", "no-go"]
               for line in said.splitlines())  # fmt: skip
    assert "kind: 2 of 3: bob, cy\n    get kind\n" in said


def test_a_room_that_lacks_nothing_that_is_needed_is_ready(
    room: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also as JSON."""
    with pytest.raises(SystemExit) as caught:
        main.main(["doctor", str(room[0]), "--json"])
    assert caught.value.code == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in said["laptops"]] == ["ana"]
    assert said["wants"] == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cdlab": "1", "sim": {"verdict": "go"}}'])
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str) -> None:
    """With the command that writes one there."""
    path = tmp_path / "dan.json"
    path.write_text(text)
    with pytest.raises(NotUnderstood, match=r"dan\.json") as caught:
        load(path)
    assert caught.value.help == "on that laptop: cdlab doctor --json > dan.json"


def test_this_machines_own_report_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the doctor writes can be read again, whatever this machine lacks."""
    with pytest.raises(SystemExit):
        main.main(["doctor", "--json"])
    path = tmp_path / "mine.json"
    path.write_text(capsys.readouterr().out, encoding="utf-8-sig")
    laptop = load(path)
    assert laptop.name == "mine"
    assert laptop.verdicts[0] == ("sim", "go")
