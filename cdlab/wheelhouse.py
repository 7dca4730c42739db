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
from cdlab.installing import checkout, origin
from cdlab.version import __version__
from cdlab.whole_files import whole

EXTRAS = ("dashboard", "kind", "notebooks", "statistics")
"""What participants use: everything but what tests and the documentation need."""
WHAT = f"cdlab[{','.join(EXTRAS)}]"
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
DOWNLOAD_SECONDS = 1800.0


def gather(folder: Path, package: str = "", extras: Sequence[str] = EXTRAS) -> list[Path]:
    """
    Fill *folder* with wheels and return them; those that are there already stay.

    All of them, or none: raises `SubstrateUnavailable` with what pip says. *package* is what pip
    makes the package's own wheel of; where it is not given, what this cdlab came from.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole(folder) as part:
        if folder.is_dir():
            shutil.copytree(folder, part)
        part.mkdir(exist_ok=True)
        own = _own_wheel(part, package or _source(part, folder))
        # By its path: what the index has under this name and version may be something else.
        _wheel(part, f"--find-links={part}", f"{own}[{','.join(extras)}]")
    return sorted(folder.glob("*.whl"))


def _source(part: Path, folder: Path) -> str:
    """A checkout, else its wheel where that is there already, else what pip installed it from."""
    if here := checkout():
        return str(here)
    if wheel := next(part.glob(f"cdlab-{__version__}-*.whl"), None):
        return str(wheel)
    if noted := origin():
        return noted
    raise SubstrateUnavailable(
        f"nobody knows where the wheel of this cdlab, {__version__}, is",
        help=f"copy cdlab-{__version__}-py3-none-any.whl, from which it was installed, to {folder};"
        " or in a checkout: .venv/bin/cdlab prefetch DIR",
    )


def _own_wheel(part: Path, package: str) -> Path:
    """Make the package's own wheel in a folder where it is the only one, and put it to *part*."""
    made = part / "own"
    _wheel(made, "--no-deps", package)
    (wheel,) = made.glob("*.whl")
    wheel.replace(part / wheel.name)
    made.rmdir()
    return part / wheel.name


def _wheel(folder: Path, *arguments: str) -> None:
    _run((*PIP, "wheel", "--quiet", f"--wheel-dir={folder}", *arguments))


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


def install_command(wheels: str = "wheels", *options: str) -> str:
    """What a participant types: in double quotes, which every shell understands."""
    return " ".join(("pip install --no-index", *options, f'--find-links {wheels} "{WHAT}"'))


def served_install_command(host: str = "HOST", port: int = 8000) -> str:
    """
    The same where `python3 -m http.server` serves the stick to a room.

    Pip looks at no page of a host that it does not trust, and has no word for it but a warning.
    """
    return install_command(f"http://{host}:{port}/wheels/", f"--trusted-host {host}")
