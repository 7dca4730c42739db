"""
Who compares for the release queue: several actors side by side, who leave off for a rollback.

In: work, a piece for each workload. Out: whether all of it was done. Called by V3's page, with what
`queue.py` made. On a real cluster most of a comparison is waiting for the API server's disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from cdlab.kernel import Kernel
from cdlab.syncs import Work


class SideBySide:
    """`Workers` that are actors of a kernel; a single one is whoever asks."""

    def __init__(self, kernel: Kernel, at_once: int, is_urgent: Callable[[], bool]) -> None:
        """*at_once*: workloads; *is_urgent*: whether something waits that must not."""
        self.kernel, self.at_once, self.is_urgent = kernel, at_once, is_urgent

    async def do(self, work: Iterable[Work]) -> bool:
        """As promised. What raises ends all of it, as it would one after the other."""
        left, errors = iter(work), list[Exception]()
        if self.at_once == 1:
            return await self._some(left, errors)
        names = (f"compares, {number} of {self.at_once}" for number in range(1, self.at_once + 1))
        actors = [self.kernel.spawn(self._some(left, errors), name=name) for name in names]
        try:
            is_done = [await actor.join() for actor in actors]
        finally:
            for actor in actors:
                actor.cancel()
        if errors:
            raise errors[0]
        return all(is_done)

    async def _some(self, left: Iterator[Work], errors: list[Exception]) -> bool:
        """One piece after the other, for as long as there is another one."""
        for each in left:
            if errors or self.is_urgent():
                return False
            try:
                await each()
            except Exception as error:
                if self.at_once == 1:
                    raise
                errors.append(error)
        return True
