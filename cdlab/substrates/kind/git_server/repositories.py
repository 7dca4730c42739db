"""
The bare repositories of the git server, their writers and their reflogs.

In: a folder, and the hooks that every repository gets. Out: folders `<run>/<name>.git` that
`git http-backend` serves. Who calls it: `server.py`, which has validated the names.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, cast


class Repositories:
    """Bare repositories `<root>/<run>/<name>.git`, each with its writers and its reflogs."""

    def __init__(self, root: Path, hooks: Path) -> None:
        self.root = root
        self._hooks = root / ".hooks"
        self._creating = threading.Lock()
        self._hooks.mkdir(parents=True, exist_ok=True)
        for hook in ("pre-receive", "post-receive"):
            # A wheel or a checkout may have lost the mode.
            shutil.copyfile(hooks / hook, self._hooks / hook)
            (self._hooks / hook).chmod(0o755)

    def path(self, run: str, name: str) -> Path:
        """Return the repository's folder, whether it exists or not."""
        return self.root / run / f"{name}.git"

    def create(self, run: str, name: str, writers: list[str]) -> bool:
        """Create the repository unless it exists, set its writers, say whether it is new."""
        path = self.path(run, name)
        with self._creating:
            is_new = not path.is_dir()
            if is_new:
                self._initialize(path)
            rights = path / "cdlab-rights.new"
            rights.write_text(json.dumps(sorted(writers)) + "\n")
            rights.replace(path / "cdlab-rights")
        return is_new

    def _initialize(self, path: Path) -> None:
        unfinished = path.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        command = ["git", "init", "--quiet", "--bare", "--initial-branch=main", "--template="]
        subprocess.run([*command, str(unfinished)], check=True)
        with (unfinished / "config").open("a") as config:
            # No collection in the background: reflogs and lost commits are evidence.
            config.write(
                f"[core]\n\thooksPath = {self._hooks}\n\tlogAllRefUpdates = always\n"
                "[receive]\n\tautogc = false\n\tdenyNonFastForwards = false\n"
                "[gc]\n\tauto = 0\n[http]\n\tgetanyfile = false\n"
            )
        unfinished.rename(path)

    def remove_run(self, run: str) -> bool:
        """Remove all repositories of a run, say whether there were any."""
        doomed = self.root / f".removed-{run}-{time.monotonic_ns()}"
        try:
            (self.root / run).rename(doomed)
        except FileNotFoundError:
            return False
        shutil.rmtree(doomed, ignore_errors=True)
        return True

    def reflog(self, run: str, name: str) -> list[dict[str, Any]]:
        """Return every update of every ref that still exists, oldest first.

        Times are whole seconds, as git writes them; updates of one ref keep their order.
        """
        logs = self.path(run, name) / "logs"
        updates = []
        for log in sorted((logs / "refs").rglob("*")):
            if log.is_file():
                ref = str(log.relative_to(logs))
                updates += [_update(ref, line) for line in log.read_text().splitlines()]
        return sorted(updates, key=lambda update: cast(int, update["time"]))


def _update(ref: str, line: str) -> dict[str, Any]:
    # <old> <new> <committer> <<mail>> <seconds> <zone>\t<message>
    old, new, who = line.partition("\t")[0].split(" ", 2)
    name, rest = who.split(" <", 1)
    seconds = int(rest.rsplit("> ", 1)[1].split(" ")[0])
    return {"ref": ref, "old": old, "new": new, "time": seconds, "committer": name}
