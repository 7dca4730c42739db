"""
cdlab: three ways to deliver continuously to Kubernetes, run and measured.

`cdlab.run` plays one scenario, `cdlab.compare` all three architectures beside each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdlab.version import __version__

if TYPE_CHECKING:
    from cdlab.comparison import Comparison, compare
    from cdlab.scenario import Scenario
    from cdlab.worlds import run

__all__ = ["Comparison", "Scenario", "__version__", "compare", "run"]

_HOME = {
    "Comparison": "cdlab.comparison",
    "compare": "cdlab.comparison",
    "Scenario": "cdlab.scenario",
    "run": "cdlab.worlds",
}


def __getattr__(name: str) -> Any:
    # Imported when first used, so that `import cdlab` stays fast and needs nothing installed.
    if name not in _HOME:
        raise AttributeError(f"module 'cdlab' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
