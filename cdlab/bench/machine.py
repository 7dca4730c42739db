"""
The machine under a benchmark: what it is, what time it is, and what else it is doing.

Out: plain values. Called by `playing.py` before and after each run and by the command line once.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLOCK_JUMP_SECONDS = 0.05
"""By how much the wall clock may gain on the monotonic one in a run. A slewed clock gains less."""
PASSING = ("date", "load")
"""What `facts` says of a moment, and not of a machine."""


def identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What numbers depend on: two files with the same can be compared."""
    own = {name: value for name, value in facts.items() if name not in PASSING}
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **own,
        "processor": processor(),
    }


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def now() -> str:
    """UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def load() -> float:
    """The one-minute load."""
    return round(os.getloadavg()[0], 2)


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by three clocks."""

    monotonic: float
    wall: float
    thread: float
    """Processor seconds of this thread."""

    @classmethod
    def here(cls) -> Moment:
        """Look at them."""
        return cls(time.monotonic(), time.time(), time.thread_time())

    def jump_since(self, earlier: Moment) -> float:
        """By how much the wall clock gained on the monotonic one. Seconds."""
        return (self.wall - earlier.wall) - (self.monotonic - earlier.monotonic)
