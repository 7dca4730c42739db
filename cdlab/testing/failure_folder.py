"""
A folder that keeps what a failed run on kind leaves, for whoever has to find out why.

In: the run or the error that ended it, and the lab. Out: the folder with `README.txt`, which says
what lies in it. Called by the pytest plugin and by the command line (`artifacts/<run>/`).

Events and logs of the pods are gone with the run's namespaces: the runner asks for them before it
cleans up and hands them on with the run or the error, as `evidence`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab.history import History
from cdlab.runner import Run
from cdlab.testing.failure_story import failure_story, replay_line
from cdlab.whole_files import write_whole

if TYPE_CHECKING:
    from cdlab.substrates.kind.lab import Lab

VERSIONS = (
    ("docker", "version"),
    ("kind", "version"),
    ("kubectl", "version", "--output=yaml"),
)
VERSION_SECONDS = 15.0
TITLE = "A run of cdlab that failed."
LOGS = {"ci.log": ("ci",), "manager.log": ("manager",)}
"""File -> the principals whose doings it tells."""


def collect(
    outcome: Run | BaseException,
    lab: Lab | None,
    folder: Path,
    *,
    path: str = "",
    replay: str = "",
) -> list[str]:
    """
    Write the folder and return the names of its files, what could not be found out included.

    *path* is the scenario file, for the line that replays it, or *replay* is that line. What an
    earlier run left in the folder is removed. Never raises because something that
    it asks is missing too: the failure that it documents matters more.
    """
    history: History | None = getattr(outcome, "history", None)
    texts: dict[str, str] = dict(getattr(outcome, "evidence", {}))
    texts["versions.txt"] = _versions(lab)
    if isinstance(outcome, BaseException):
        texts["error.txt"] = _error(outcome)
    if history is not None:
        texts["history.jsonl"] = history.to_jsonl()
        texts["story.txt"] = failure_story(history) + "\n"
        texts["replay.txt"] = (replay or replay_line(history, path or "SCENARIO.yaml")) + "\n"
        texts |= {name: _log(history, of) for name, of in LOGS.items()}
    texts["README.txt"] = _contents(texts)
    _remove_earlier(folder)
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
    return sorted(texts)


def _remove_earlier(folder: Path) -> None:
    """Remove a folder that this module wrote, and none that it did not."""
    readme = folder / "README.txt"
    if readme.is_file() and readme.read_text(encoding="utf-8", errors="replace").startswith(TITLE):
        shutil.rmtree(folder)


def _error(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error)) + getattr(error, "help", "") + "\n"


def _log(history: History, principals: tuple[str, ...]) -> str:
    """The events of an actor that has no log file of its own, since it runs inside the run."""
    return "".join(event.to_json() + "\n" for event in history if event.principal in principals)


def _versions(lab: Lab | None) -> str:
    parts = []
    for command in VERSIONS:
        asked = list(command)
        if command[0] == "kubectl" and lab is not None:
            asked.append(f"--kubeconfig={lab.kubeconfig}")
        parts.append(f"$ {' '.join(command)}\n{_said(asked)}")
    return "\n".join(parts)


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}\n"
    return done.stdout + done.stderr


KNOWN = {
    "error.txt": "the exception that ended the run",
    "story.txt": "what happened, a line each",
    "history.jsonl": "the same, complete: one event a line",
    "ci.log": "the events of the CI system",
    "manager.log": "the events of the release manager; empty in V1 and V2",
    "replay.txt": "the command that plays the scenario once more",
    "versions.txt": "docker, kind and kubectl",
}


def _contents(texts: Mapping[str, str]) -> str:
    lines = [f"{name:16} {what}" for name, what in KNOWN.items() if name in texts]
    others = sorted(name for name in texts if name not in KNOWN)
    if others:
        lines += ["", "From the run's namespaces, before they were removed:", *others]
    else:
        lines += ["", "Nothing from the run's namespaces: it ended by itself and removed them."]
    return f"{TITLE}\n\n" + "\n".join(lines) + "\n"
