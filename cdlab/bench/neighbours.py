"""
What programs that have nothing to do with a benchmark take of the processors meanwhile.

The load of the machine does not tell: a lab with its nodes makes most of it itself. In: Linux's
/proc, before and after a run. Out: a share; None where there is no /proc. Called by `playing.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

BUSY_SHARE = 0.1
"""Of all processors over a run: from there on others disturb it."""
CONTAINERS = ("docker", "kubepods", "containerd")
"""In the control group of a process: it runs in a container, and those here are the lab's."""
ENGINE = ("dockerd", "containerd", "docker-proxy", "docker", "runc", "kind")
"""How the names of processes begin that run containers."""
KERNEL = 2
"""The parent of the kernel's own threads, which work for whoever asks."""
PROC = Path("/proc")


class Process(NamedTuple):
    """A process, as long as it lives."""

    number: int
    began: int
    """Ticks since the machine started: numbers are used again."""


class _Seen(NamedTuple):
    process: Process
    parent: int
    name: str
    ticks: int
    """Its own and those of its children that it has waited for."""


def ticks(proc: Path = PROC, own: int | None = None) -> Mapping[Process, int] | None:
    """Processor time of every neighbour until now, in ticks. None where nobody can tell."""
    own = os.getpid() if own is None else own
    if not (proc / str(own) / "stat").exists():
        return None
    seen = {each.process.number: each for each in _all(proc)}
    home, found = _group(proc, own), {}
    for number, each in seen.items():
        if not _is_ours(each, seen, own) and not _is_lab(each, _group(proc, number), home):
            found[each.process] = each.ticks
    return found


def share(
    before: Mapping[Process, int] | None, after: Mapping[Process, int] | None, seconds: float
) -> float | None:
    """What neighbours took of all processors in between, 0 to 1; who began meanwhile, too."""
    if before is None or after is None or seconds <= 0:
        return None
    taken = sum(max(now - before.get(process, 0), 0) for process, now in after.items())
    return taken / os.sysconf("SC_CLK_TCK") / seconds / (os.cpu_count() or 1)


def _all(proc: Path) -> Iterator[_Seen]:
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        name, _, rest = text.partition("(")[2].rpartition(")")
        fields = rest.split()  # proc(5): state is the third field, and the first one here
        process = Process(int(folder.name), int(fields[19]))
        yield _Seen(process, int(fields[1]), name, sum(map(int, fields[11:15])))


def _group(proc: Path, number: int) -> str:
    try:
        return (proc / str(number) / "cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""


def _is_ours(each: _Seen, seen: Mapping[int, _Seen], own: int) -> bool:
    """Whether it is this process or comes from it, or is the kernel's."""
    while each.process.number not in (own, KERNEL):
        if each.parent not in seen:
            return False
        each = seen[each.parent]
    return True


def _is_lab(each: _Seen, group: str, home: str) -> bool:
    is_contained = group != home and any(word in group for word in CONTAINERS)
    return is_contained or each.name.startswith(ENGINE)
