"""
One `up` or `down` of a lab at a time on this machine.

In: settings. Out: a context manager. Who calls it: `lifecycle.py`. The kernel releases the lock of
a process that died.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind.engine import Progress
from cdlab.substrates.kind.settings import KindSettings

LOCK_SECONDS = 300.0
"""Longer than the slowest `up`, image pulls aside."""


@contextlib.contextmanager
def locked(settings: KindSettings, progress: Progress) -> Iterator[None]:
    """Hold the lab's lock; wait for another process that holds it."""
    folder = settings.state_folder
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder.parent / f"{folder.name}.lock").open("w") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        is_told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SubstrateUnavailable(
                        f'another process works on the lab "{settings.cluster_name}" '
                        f"for {LOCK_SECONDS:.0f} s already",
                        help="wait for the other `cdlab up` or `cdlab down`, or end it",
                    ) from None
                if not is_told:
                    progress("another process works on this lab: waiting for it")
                    is_told = True
                time.sleep(0.2)
        yield
