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
    from cdlab.substrates.kind.settings import KindSettings


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
        "node_image": _node_image(lab.settings).partition("@")[0],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load": round(os.getloadavg()[0], 2),
    }


def _node_image(settings: KindSettings) -> str:
    """That of the nodes that are there, which may be others than those that are asked for."""
    from cdlab.substrates.kind.engine import open_engine
    from cdlab.substrates.kind.nodes import find_nodes

    with open_engine() as engine:
        nodes = find_nodes(engine, settings)
        return str(nodes[0].attrs["Config"]["Image"]) if nodes else settings.node_image
