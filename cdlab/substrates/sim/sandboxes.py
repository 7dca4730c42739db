"""
The sandboxes of pods, that is their network and volumes: the more at a time, the slower each.

`pods.py` has one made for every pod. It is the machine below that is shared, so company counts on
whichever node it is: a cluster in which it counts is one whose nodes are containers of one machine.
"""

from __future__ import annotations

from cdlab.substrates.sim.surroundings import Surroundings


class Sandboxes:
    """Those that are being made."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._now = 0
        self._ever = 0

    async def make(self, seconds: float, entity: str) -> None:
        """Take *seconds*, and a share of them more for each other one that is made meanwhile."""
        kernel = self.surroundings.kernel
        self._ever += 1
        number, beside = self._ever, self._now
        self._now += 1
        try:
            await kernel.sleep(seconds)
            others = beside + self._ever - number
            if others and (share := self.surroundings.share("crowding", entity)):
                await kernel.sleep(seconds * share * others)
        finally:
            self._now -= 1
