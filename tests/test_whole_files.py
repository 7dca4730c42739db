"""Results appear whole or not at all, however the writing ends."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdlab.cli import main
from cdlab.whole_files import whole, write_whole

ROOT = Path(__file__).parent.parent
SCENARIO = ROOT / "scenarios" / "v3" / "rollback.yaml"
OPTIONS = ("history", "markdown", "svg", "trace", "mermaid")


def code_of(*arguments: object) -> Any:
    with pytest.raises(SystemExit) as caught:
        main.main([str(each) for each in arguments])
    return caught.value.code


def interrupted(error: BaseException) -> Callable[..., int]:
    """A `write_text` that writes half and is interrupted."""

    def write_half(path: Path, text: str, **_: object) -> int:
        with path.open("w", encoding="utf-8") as file:
            file.write(text[: len(text) // 2])
        raise error

    return write_half


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_file_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """The old text, or no file; and nothing beside it."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("before")
    monkeypatch.setattr(Path, "write_text", interrupted(error))
    for path in (old, new):
        with pytest.raises(type(error)):
            write_whole(path, "after " * 100)
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
    assert old.read_text() == "before"


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "full"), 4)])
def test_an_interrupted_run_leaves_no_half_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    error: BaseException,
    code: int,
) -> None:
    """Whatever was asked for: the exit code says that it is not there, and it is not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "write_text", interrupted(error))
    assert code_of("run", SCENARIO, f"--{option}", "out") == code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", OPTIONS)
def test_a_full_disk_leaves_no_half_file(tmp_path: Path, option: str) -> None:
    """A real limit of the operating system, in a process of its own."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    path = tmp_path / "out"
    path.write_text("before")
    command = [Path(sys.executable).with_name("cdlab"), "run", SCENARIO, f"--{option}", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limited)
    assert done.returncode == 4
    assert "could not be written: File too large" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert path.read_text() == "before"


def test_a_comparison_leaves_no_half_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same of its three files."""
    monkeypatch.setattr(Path, "write_text", interrupted(KeyboardInterrupt()))
    assert code_of("compare", "--runs", "1", "--history", tmp_path / "out.jsonl") == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_there", [False, True])
def test_an_interrupted_init_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """All three folders or none; a folder that was there stays with what was in it."""
    folder, copied = tmp_path / "mine", 0
    if is_there:
        folder.mkdir()
        (folder / "notes").write_text("mine")

    def copy(*arguments: Any, **options: Any) -> Any:
        nonlocal copied
        copied += 1
        if copied == 2:
            raise KeyboardInterrupt
        return copytree(*arguments, **options)

    copytree = shutil.copytree
    monkeypatch.setattr(shutil, "copytree", copy)
    assert code_of("init", folder) == 130
    assert folder.exists() is is_there
    if is_there:
        assert [each.name for each in folder.iterdir()] == ["notes"]


def test_an_init_that_is_interrupted_near_its_end_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When one folder is in its place and the others are not."""
    moved: list[Path] = []

    def move(path: Path, to: Path) -> Path:
        if moved:
            raise KeyboardInterrupt
        moved.append(to)
        shutil.move(path, to)
        return to

    monkeypatch.setattr(Path, "rename", move)
    assert code_of("init", tmp_path) == 130
    assert moved
    assert not list(tmp_path.iterdir())


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points at is replaced."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("before")
    link.symlink_to(target)
    write_whole(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_a_pipe_takes_what_it_gets(tmp_path: Path) -> None:
    """It cannot be replaced, and is not."""
    pipe, got = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_whole(pipe, "text")
    reader.join()
    assert got == ["text"]
    assert pipe.is_fifo()


def test_a_file_of_somebody_else_is_not_in_the_way(tmp_path: Path) -> None:
    """Whatever is named like a part of ours stays as it is, also when the writing fails."""
    for name in ("out.part", "part", ".cdlab-part"):
        (tmp_path / name).write_text("mine")
    write_whole(tmp_path / "out", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "other", "half \ud800")
    files = {each.name: each.read_text() for each in tmp_path.iterdir() if each.is_file()}
    mine = dict.fromkeys(("out.part", "part", ".cdlab-part"), "mine")
    assert files == {**mine, "out": "text"}
    assert len(list(tmp_path.iterdir())) == len(files) + 1


def test_two_writers_of_one_path_do_not_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is writing when the other one begins and ends: each writes all of its own."""
    path, write_text = tmp_path / "out", Path.write_text

    def write_meanwhile(part: Path, text: str, **options: Any) -> int:
        with monkeypatch.context() as other:
            other.setattr(Path, "write_text", write_text)
            write_whole(path, "other")
        assert path.read_text() == "other"
        return write_text(part, text, **options)

    monkeypatch.setattr(Path, "write_text", write_meanwhile)
    write_whole(path, "mine")
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_result_may_be_read_by_whom_any_new_file_may(tmp_path: Path, umask: int) -> None:
    """As the umask says, and not only by its owner."""
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "ours", "text")
        (tmp_path / "usual").write_text("text")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("ours", "usual")]
    assert modes == [0o666 & ~umask] * 2


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path) -> None:
    """Nothing is added to it on the way."""
    path = tmp_path / ("a" * 255)
    write_whole(path, "text")
    assert path.read_text() == "text"


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """What was in it and is not in the new one is gone, and nothing lies beside it."""
    path = tmp_path / "wheels"
    for name in ("old", "new"):
        with whole(path) as part:
            part.mkdir()
            (part / name).touch()
    assert [each.name for each in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("is_made", [True, False])
def test_a_folder_that_cannot_be_replaced_stays(tmp_path: Path, is_made: bool) -> None:
    """An error while it is made, and one because nothing was made."""
    path = tmp_path / "wheels"
    path.mkdir()
    (path / "old").touch()

    def replace() -> None:
        with whole(path) as part:
            if is_made:
                part.mkdir()
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt if is_made else FileNotFoundError):
        replace()
    assert [each.name for each in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]
