"""
How to install an extra of cdlab, as a command that fits this installation.

In: the name of an extra, and where the package lies. Out: the command. What the index of packages
has under this name is nobody's promise, so that no command asks for "cdlab" there: it comes from
where this one came from. Called by whoever finds a library missing, and by `wheelhouse.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

PACKAGE = Path(__file__).parent


def checkout(package: Path = PACKAGE) -> Path | None:
    """The checkout that the package lies in; None where it was installed."""
    return package.parent if (package.parent / "pyproject.toml").is_file() else None


def origin() -> str:
    """
    The file or address that this cdlab was installed from, for pip.

    Empty where pip wrote none down: it does not for what it found in a folder of wheels.
    """
    from importlib import metadata

    try:
        noted = metadata.distribution("cdlab").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    return address(json.loads(noted)) if noted else ""


def address(noted: dict[str, object]) -> str:
    """What pip takes, from what it notes (https://packaging.python.org, "direct URL")."""
    match noted:
        case {"url": str(url), "vcs_info": {"vcs": str(vcs), "commit_id": str(commit)}}:
            return f"{vcs}+{url}@{commit}"
        case {"url": str(url)}:
            return url
    return ""


def install_command(extra: str, package: Path = PACKAGE) -> str:
    """What installs one extra; in double quotes, which every shell understands."""
    if checkout(package):
        return f'.venv/bin/pip install -e ".[{extra}]"'
    if found := origin():
        return f'pip install "cdlab[{extra}] @ {found}"'
    command = f'pip install --no-index --find-links DIR/wheels "cdlab[{extra}]"'
    return f"{command}   (DIR: what `cdlab prefetch` wrote; its README.txt says more)"
