"""
Figures: each a function from plain values to a `Drawn`, a Matplotlib figure and its alt text.

Nothing here reads a file or computes a statistic, and nothing but this folder imports Matplotlib.
Call `require` before importing one of the modules, so that whoever lacks it is told.
"""

from __future__ import annotations

from importlib.util import find_spec

from cdlab.errors import SubstrateUnavailable
from cdlab.installing import install_command


def require() -> None:
    """Raise `SubstrateUnavailable` where Matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise SubstrateUnavailable(
            "figures need Matplotlib, which is not installed", help=install_command("figures")
        )
