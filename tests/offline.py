"""
Commands with the network cut, as in a room without one: in a namespace that has only itself.

What a workshop is made of runs that way: notebooks, commands of the pages, the build of the site.
With `CDLAB_REQUIRE_CUT=1` whoever wants the cut where it cannot be made fails; `.ci/run` sets it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

PROBE = """
import errno, socket
with socket.create_server(("127.0.0.1", 0)) as here:
    socket.create_connection(here.getsockname(), timeout=5).close()
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error:
    assert error.errno == errno.ENETUNREACH, error
else:
    raise AssertionError("there is a network")
"""
"""Ends well where this machine answers and nothing else can be reached."""
LOOPBACK = ("sh", "-c", 'ip link set lo up && exec "$@"', "sh")
WAYS = (("unshare", "--net", *LOOPBACK), ("unshare", "--map-root-user", "--net", *LOOPBACK))


def cut() -> tuple[str, ...]:
    """What goes before a command; empty where this machine lets nobody cut the network."""
    way = possible()
    is_required = os.environ.get("CDLAB_REQUIRE_CUT", "0") not in ("", "0")
    assert way or not is_required, (
        "CDLAB_REQUIRE_CUT is set, and this machine lets nobody cut its network: unshare, iproute2"
    )
    return way


@cache
def possible() -> tuple[str, ...]:
    """The first way that cuts it here, or none."""
    return next((way for way in WAYS if ends_well(way)), ())


def ends_well(way: tuple[str, ...]) -> bool:
    """Whether the probe does, behind this."""
    try:
        done = subprocess.run([*way, sys.executable, "-c", PROBE], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
