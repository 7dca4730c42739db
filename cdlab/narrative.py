"""
A run told in lines: who did what, when, and the command that plays it once more.

In: a history. Out: text for a terminal. Called where a test or an expectation failed, so that the
reader sees the whole story without opening the history file.
"""

from __future__ import annotations

from cdlab.history import OK, Event, History
from cdlab.pod_timeline import POD_KINDS, steps

LEFT_OUT = frozenset(
    {
        "RunStarted",
        "PipelineRunQueued",
        "RolloutFinished",
        "CommitAnnotated",
        *("RepositoryCloned", "HeadRead", "TagsListed", "TagResolved", "WorkloadsRead"),
        *POD_KINDS,
    }
)
"""Reads change nothing, polls repeat them without end, and pods are told by what they serve."""
ABBREVIATED = 12


def narrative(history: History) -> str:
    """
    One line for each main event, and for each change of what an environment serves.

    A release manager skips the same image at every look; that is told once.
    """
    told = [(e.seq, e.t_us, _line(e)) for e in history if e.kind not in LEFT_OUT]
    known: set[str] = set()
    lines = []
    for _, t_us, line in sorted([*told, *_serving(history)]):
        if "skipped" in line and line in known:
            continue
        known.add(line)
        lines.append(f"{t_us / 1e6:9.2f} s  {line}")
    return "\n".join(lines)


def _line(event: Event) -> str:
    what = event.detail.get("workload", "")
    parts = [event.intent.ljust(12), event.principal.ljust(9), event.kind, event.resource]
    if what and what != event.resource:
        parts.append(str(what))
    if event.kind == "Decided":
        parts.append(str(event.detail["what"]))
    name = event.detail.get("revision") or event.detail.get("ref", "").rpartition(":")[2]
    if name:
        parts.append(str(name)[:ABBREVIATED])
    if event.outcome != OK:
        parts.append(event.outcome)
    if event.because:
        parts.append(f"({event.because})")
    return " ".join(parts)


def _serving(history: History) -> list[tuple[int, int, str]]:
    """What every workload serves, at each change: `2 × sha256:75687466`."""
    told = []
    for environment in history.settings["environments"]:
        for workload in history.settings["microservices"]:
            for event, serving in steps(history, environment, workload):
                counts: dict[str, int] = {}
                for digest in serving.values():
                    counts[digest] = counts.get(digest, 0) + 1
                shown = ", ".join(f"{n} × {digest[7:19]}" for digest, n in counts.items())
                what = f"{'':12} {'':9} {environment} {workload} serves {shown or 'nothing'}"
                told.append((event.seq, event.t_us, what))
    return told


def replay_line(history: History, path: str) -> str:
    """The command that plays the scenario file once more, with the same seed."""
    settings = history.settings
    return f"cdlab run {path} --substrate {settings['substrate']} --seed {settings['seed']}"
