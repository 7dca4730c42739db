"""
The real substrate: a kind cluster, a registry, the Docker engine and a git server.

`KindSubstrate` is one run on a lab that `cdlab up` has started. Importing this package loads none
of docker, kubernetes and git; using it does.
"""

from __future__ import annotations

from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.settings import KindSettings
from cdlab.substrates.kind.substrate import KindSubstrate

__all__ = ["KindSettings", "KindSubstrate", "Lab"]
