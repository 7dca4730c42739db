"""
What a room waits for: each notebook from its first cell to its last, and the documentation's build.

Seconds of wall time, each once, in a kernel and a process of its own, beside starting Python and
nothing else. Usage: bench_workshop.py [NOTEBOOK ...]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench_start import COMMANDS, seconds

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ASKED_SECONDS = 60


EXECUTE = "from nbclient.cli import main; main()"
"""`jupyter execute`: runs a notebook in its folder and leaves the file as it is."""


def main() -> None:
    """Measure and print."""
    chosen = [path for path in NOTEBOOKS if path.stem in sys.argv[1:]] or NOTEBOOKS
    os.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    base = seconds(COMMANDS["python, nothing"])
    os.chdir(ROOT)
    times = {path.stem: seconds([sys.executable, "-c", EXECUTE, str(path)]) for path in chosen}
    with tempfile.TemporaryDirectory() as folder:
        site = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
        times["documentation"] = seconds(site)
    all_notebooks = sum(each for name, each in times.items() if name != "documentation")
    for name, each in (*times.items(), ("notebooks together", all_notebooks)):
        print(f"{name:20} {each:6.1f} s {each / base:8.0f} x")
    print(f"asked: notebooks together and documentation below {ASKED_SECONDS} s each")


if __name__ == "__main__":
    main()
