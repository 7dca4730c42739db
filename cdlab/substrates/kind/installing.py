"""
How to install what the kind substrate needs, as a command that fits this installation.

In: where the package lies. Out: the command. Who calls it: whoever finds a client library missing.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[2]


def install_command(package: Path = PACKAGE) -> str:
    """What installs the client libraries: from the checkout that the package lies in, if any."""
    if (package.parent / "pyproject.toml").is_file():
        return "make .venv/.complete   (or: .venv/bin/pip install -e '.[kind]')"
    return "pip install 'cdlab[kind]'"
