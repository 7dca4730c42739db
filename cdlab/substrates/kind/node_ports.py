"""
A port of the nodes for a Service: the first of the lab's that nobody has.

In: ports, and what puts the Service on one. Out: the port. Who calls it: `manager_installation.py`
for the manager's page, `outside_probe.py` for a user outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cdlab.errors import ManifestRejected, SubstrateUnavailable


def first_free(ports: Sequence[int], put: Callable[[int], None]) -> int:
    """Try one after the other; the API server alone knows which are taken."""
    for port in ports:
        try:
            put(port)
        except ManifestRejected as error:
            if "already allocated" not in error.message:
                raise
        else:
            return port
    raise SubstrateUnavailable(
        f"every NodePort of the lab is taken: {', '.join(map(str, ports))}",
        help="cdlab manager uninstall --run NAME, or a lab with more CDLAB_NODE_PORTS",
    )
