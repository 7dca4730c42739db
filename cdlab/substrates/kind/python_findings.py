"""
What the doctor finds in this Python: its version, what is installed in it, and what is not.

In: nothing. Out: a `Finding` each. Called by `doctor.py`. Nothing that is looked for is imported.
"""

from __future__ import annotations

import importlib.util
import sys

from cdlab.installing import install_command
from cdlab.substrates.kind.findings import Finding

PYTHON = (3, 11)
KIND_PACKAGES = ("docker", "kubernetes", "git", "pytest_kind", "bcrypt")
DASHBOARD_PACKAGES = ("jinja2", "starlette", "uvicorn")
NOTEBOOK_PACKAGES = ("jupyterlab", "matplotlib", "scipy")


def python_version() -> Finding:
    """Whether this Python is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= PYTHON:
        return Finding("Python", "ok", found)
    wanted = ".".join(map(str, PYTHON))
    return Finding(
        "Python", "missing", f"{found}, {wanted} is needed", f"uv python install {wanted}"
    )


def venv() -> Finding:
    """Whether `python3 -m venv` works, which Debian has in a package of its own."""
    if is_installed("ensurepip"):
        return Finding("venv", "ok", "ensurepip")
    mend = "sudo apt install python3-venv   (or: uv venv --seed)"
    return Finding("venv", "warn", "no new environment can be made: no ensurepip", mend)


def client_libraries() -> Finding:
    """What the kind substrate imports; nothing of it works without them."""
    absent = _absent(KIND_PACKAGES)
    if not absent:
        return Finding("Python packages", "ok", ", ".join(KIND_PACKAGES))
    return Finding("Python packages", "missing", absent, install_command("kind"))


def dashboard() -> Finding:
    """What serves the page; everything else works without it."""
    return _extra("dashboard", DASHBOARD_PACKAGES)


def notebooks() -> Finding:
    """What opens notebooks, draws their figures and computes the intervals in them."""
    return _extra("notebooks", NOTEBOOK_PACKAGES)


def _extra(name: str, packages: tuple[str, ...]) -> Finding:
    absent = _absent(packages)
    if not absent:
        return Finding(name, "ok", ", ".join(packages))
    return Finding(name, "warn", absent, install_command(name))


def _absent(packages: tuple[str, ...]) -> str:
    absent = [package for package in packages if not is_installed(package)]
    return f"not installed: {', '.join(absent)}" if absent else ""


def is_installed(package: str) -> bool:
    """Whether there is a package of that name, and not only a folder."""
    spec = importlib.util.find_spec(package)
    # Any folder of that name beside the program is a "namespace package", which has no origin.
    return spec is not None and spec.origin is not None
