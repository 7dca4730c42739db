"""
Everything that `pip` needs to install this package where there is no network.

In: where to put it. Out: a folder of wheels for machines like this one: the same system, processor
and Python. Laptops of another kind take wheels that one of them gathered, into the same folder: pip
can ask for files of another platform, but not for what only another platform needs. Called by
`cdlab prefetch`; the index is reached by pip, and nobody else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cdlab.errors import SubstrateUnavailable
from cdlab.version import __version__
from cdlab.whole_files import whole

EXTRAS = ("dashboard", "kind", "notebooks", "statistics")
"""What participants use: everything but what tests and the documentation need."""
WHAT = f"cdlab[{','.join(EXTRAS)}]"
PROJECT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
DOWNLOAD_SECONDS = 1800.0


def source(project: Path = PROJECT) -> str:
    """What pip makes the package's own wheel of: the checkout, else the release of its version."""
    if (project / "pyproject.toml").is_file():
        return str(project)
    return f"cdlab=={__version__}"


def plan(folder: Path, package: str = "", what: str = WHAT) -> list[tuple[str, ...]]:
    """The commands that fill *folder*: the package's own wheel, then what it needs."""
    common = (*PIP, "wheel", "--quiet", f"--wheel-dir={folder}")
    return [
        (*common, "--no-deps", package or source()),
        (*common, f"--find-links={folder}", what),
    ]


def gather(folder: Path, package: str = "", what: str = WHAT) -> list[Path]:
    """
    Fill *folder* with wheels and return them; those that are there already stay.

    All of them, or none: raises `SubstrateUnavailable` with what pip says.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole(folder) as part:
        if folder.is_dir():
            shutil.copytree(folder, part)
        part.mkdir(exist_ok=True)
        for command in plan(part, package, what):
            _run(command)
    return sorted(folder.glob("*.whl"))


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise SubstrateUnavailable(
            f"the wheels cannot be had: {' '.join(said[-1:])}",
            help=f"pip has to work here, with the network on: {' '.join(command[1:4])} …",
        ) from error


def install_command(folder: str = "wheels") -> str:
    """What a participant types."""
    return f"pip install --no-index --find-links {folder} '{WHAT}'"
