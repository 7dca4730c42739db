"""
A function over many items in several processes, in order. Called by `comparison`,
`advice` and `sweeps`.

The processes are new ones that import what they need, so that the same happens on every system.
They end with the one that started them, whatever ended it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

CHUNK = 4
"""Items that a process takes at once: few enough that all finish at about the same time."""


def in_processes(
    function: Callable[[T], R], items: Iterable[T], *, processes: int, chunk: int = CHUNK
) -> Iterator[R]:
    """Yield the results in the order of the items. *function* and items have to be picklable."""
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_end_with_the_parent
    )
    try:
        yield from pool.map(function, items, chunksize=chunk)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_the_parent() -> None:
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_end, args=(parent,), daemon=True).start()


def _wait_and_end(parent: object) -> None:
    parent.join()  # type: ignore[attr-defined]
    os._exit(1)
