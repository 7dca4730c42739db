"""
What a release manager's process uses of its machine, under the names that Prometheus gives it.

Called by `metering.py`. Where the system does not say, a number is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cdlab.manager.web.metrics import Metric

STATM = Path("/proc/self/statm")
"""Of Linux: sizes in pages, the second one is what is resident."""


def process_metrics() -> Iterator[Metric]:
    """CPU seconds with those of the git commands that have ended, and resident bytes."""
    times = os.times()
    seconds = times.user + times.system + times.children_user + times.children_system
    help = "User and system CPU time, with that of git commands that have ended."
    yield Metric("process_cpu_seconds_total", seconds, help, "counter")
    with suppress(OSError):
        pages = int(STATM.read_text().split()[1])
        size = pages * os.sysconf("SC_PAGE_SIZE")
        yield Metric("process_resident_memory_bytes", size, "Resident memory, without git's.")
