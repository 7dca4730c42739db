"""
What a person waits for before anything happens, as a ratio to starting Python and nothing else.

`import cdlab`, `cdlab compare --runs 1`, and, where a lab runs, `cdlab up` when there is nothing to
do. Whole processes, in turn, medians. Usage: bench_start.py [ROUNDS]
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

CDLAB = str(Path(sys.executable).with_name("cdlab"))
COMMANDS = {
    "python, nothing": [sys.executable, "-c", "pass"],
    "import cdlab": [sys.executable, "-c", "import cdlab"],
    "cdlab compare --runs 1": [CDLAB, "compare", "--runs", "1"],
    "cdlab up, already up": [CDLAB, "up"],
}


def seconds(command: list[str]) -> float:
    """The wall time of a process."""
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    commands = dict(COMMANDS)
    is_up = subprocess.run([CDLAB, "status"], capture_output=True, check=False).returncode == 0
    if not is_up:
        del commands["cdlab up, already up"]
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(seconds(command))
    base = median(found["python, nothing"])
    for name, times in found.items():
        print(f"{name:24} {median(times):7.3f} s   {median(times) / base:6.1f} x")


if __name__ == "__main__":
    main()
