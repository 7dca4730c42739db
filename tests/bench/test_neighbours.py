"""Who else works on the machine: counted by the kernel, without the lab and without ourselves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cdlab.bench import neighbours
from cdlab.bench.neighbours import Process

OWN = 100


def process(
    proc: Path, number: int, parent: int, name: str, *, group: str = "/", ticks: int = 10
) -> None:
    """A folder as the kernel shows one: its own time, its system's and those of its children."""
    folder = proc / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    fields = ["S", str(parent), *["0"] * 9, str(ticks), "1", "1", "1", *["0"] * 4, "7", "0"]
    (folder / "stat").write_text(f"{number} ({name}) {' '.join(fields)}\n")
    (folder / "cgroup").write_text(f"0::{group}\n")


def test_neighbours_are_all_but_the_lab_and_what_we_started(tmp_path: Path) -> None:
    """Whatever they are called, and whoever has ended in between."""
    process(tmp_path, 1, 0, "init")
    process(tmp_path, 2, 0, "kthreadd")
    process(tmp_path, 3, 2, "ksoftirqd")
    process(tmp_path, OWN, 1, "cdlab")
    process(tmp_path, 101, OWN, "git")
    process(tmp_path, 102, 101, "git-remote-http")
    process(tmp_path, 103, 1, "dockerd")
    process(tmp_path, 104, 1, "containerd-shim")
    process(tmp_path, 105, 104, "etcd", group="/docker/abc/kubelet")
    process(tmp_path, 106, 1, "a (very) odd name")
    (tmp_path / "meminfo").write_text("no process")
    (tmp_path / "107").mkdir()
    found = neighbours.ticks(tmp_path, OWN)
    assert found == {Process(1, 7): 13, Process(106, 7): 13}


def test_inside_a_container_our_own_neighbours_are_none_of_the_lab(tmp_path: Path) -> None:
    """Where everything carries the same group, the group says nothing."""
    process(tmp_path, OWN, 1, "cdlab", group="/docker/workplace")
    process(tmp_path, 106, 1, "cc1", group="/docker/workplace")
    assert neighbours.ticks(tmp_path, OWN) == {Process(106, 7): 13}


def test_what_they_took_is_a_share_of_all_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was there before, who came, and not what somebody took before that."""
    monkeypatch.setattr(neighbours.os, "cpu_count", lambda: 2)
    second = os.sysconf("SC_CLK_TCK")
    old, new, gone = Process(1, 7), Process(2, 9), Process(3, 7)
    before = {old: 5 * second, gone: 100 * second}
    after = {old: 6 * second, new: 3 * second}
    assert neighbours.share(before, after, 10.0) == pytest.approx(0.2)
    assert neighbours.share(None, after, 10.0) is None
    assert neighbours.ticks(Path("/nowhere")) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
def test_somebody_who_works_is_seen() -> None:
    """To a process that only waits, this one is a neighbour, and spends some of a processor."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        before = neighbours.ticks(own=other.pid)
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        found = neighbours.share(before, neighbours.ticks(own=other.pid), 1.0)
        assert other.stdin
        other.stdin.close()
    assert found is not None
    assert found * (os.cpu_count() or 1) >= 0.15
