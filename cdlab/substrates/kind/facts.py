"""
What to note about the machine of a run, and a name for the run.

In: a lab. Out: plain values for the first event of a history. Called by `worlds.real`.
"""

from __future__ import annotations

import os
import platform
import secrets
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cdlab.substrates.kind.lab import Lab


def new_run_name() -> str:
    """A name that no other run on this lab has: it is in namespaces, images and sources."""
    return f"r{secrets.token_hex(4)}"


def now() -> float:
    """Seconds since 1970, as the engine's events count them."""
    return time.time()


def facts(lab: Lab) -> dict[str, Any]:
    """Machine and versions, so that nobody compares two machines without knowing."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "node_image": lab.settings.node_image.partition("@")[0],
        "load": round(os.getloadavg()[0], 2),
    }
