"""
Watches each release until it is healthy, and has that noted on its commit.

Beside the queue, so that a slow rollout holds nobody up. In: releases. Out: `Manager.note`. Called
by the queue.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from cdlab.architectures import Manager
from cdlab.errors import PortError
from cdlab.kernel import Actor, Kernel
from cdlab.model import ImageRef, Outcome

FIRST_PAUSE_SECONDS = 5.0
"""Until it asks again about a late rollout. It doubles, up to the interval between looks."""


class HealthWatch:
    """One actor for each release that is not healthy yet."""

    def __init__(self, kernel: Kernel, manager: Manager, longest_pause_seconds: float) -> None:
        self.kernel, self.manager = kernel, manager
        self.when_healthy: Callable[[], None] = lambda: None
        """Called when a release became healthy, for whoever looks at that."""
        self.longest_pause_seconds = longest_pause_seconds
        self._watching: dict[tuple[str, str], Actor] = {}

    def begin(self, workload: str, environment: str, outcome: Outcome) -> None:
        """Watch a release become healthy. A newer one of the same workload ends that."""
        where = (environment, workload)
        if where in self._watching:
            self._watching[where].cancel()
        self._watching[where] = self.kernel.spawn(
            self._note(where, outcome), name=f"health of {workload} in {environment}"
        )

    def stop(self) -> None:
        """End at once."""
        for actor in self._watching.values():
            actor.cancel()
        self._watching.clear()

    async def _note(self, where: tuple[str, str], outcome: Outcome) -> None:
        environment, workload = where
        assert outcome.image, "a release names an image"
        assert outcome.revision, "and its commit"
        try:
            await self._until_healthy(workload, environment, outcome.image)
            self.when_healthy()
            # It was healthy: a newer release must not take the note away any more.
            del self._watching[where]
            await self.manager.note(workload, environment, outcome.revision)
        except PortError:
            # The recorder has it. A release without a note is never a target of a rollback.
            return

    async def _until_healthy(self, workload: str, environment: str, image: ImageRef) -> None:
        """
        Ask until it runs, whatever the answer: Kubernetes goes on after the progress deadline, and
        so does a sync after an apply that failed (there may be no workload yet) or an edit by hand.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            with suppress(PortError):
                if await self.manager.confirm(workload, environment, image):
                    return
            await self.kernel.sleep(pause)
            pause = min(2 * pause, self.longest_pause_seconds)
