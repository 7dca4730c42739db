"""
What the benchmarks of the simulator share: processor time, a yardstick, and how much to do.

Times are processor seconds of this process, with the garbage of what came before out of the way.
They grow on a busy machine, so each benchmark also prints ratios within its own run.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOPS = 2_000_000


def is_quick() -> bool:
    """Whether the least work will do: `--quick`, as the tests of the benchmarks say."""
    return "--quick" in sys.argv[1:]


def clocked(work: Callable[[], T], *, has_collector: bool = True) -> tuple[float, T]:
    """Processor seconds that *work* takes, and what it returns."""
    gc.collect()
    if not has_collector:
        gc.disable()
    try:
        begin = time.process_time()
        result = work()
        return time.process_time() - begin, result
    finally:
        gc.enable()


def loop_seconds() -> float:
    """A turn of an empty loop of Python: the yardstick for machines of different speed."""

    def loop() -> None:
        for _ in range(LOOPS):
            pass

    return min(clocked(loop)[0] for _ in range(3)) / LOOPS
