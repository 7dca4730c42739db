"""A receiver of notifications for tests: it hears, takes its time, or does not listen."""

from __future__ import annotations

from cdlab.errors import Undelivered
from cdlab.kernel import Kernel
from cdlab.manager.notifier import Notifier
from cdlab.manager.queue import ReleaseQueue
from cdlab.notifications import Kind, Notification
from cdlab.recording import Recorder

TOLD = Notification(
    id="p1-7",
    kind=Kind.ROLLED_BACK,
    time="2026-11-24T20:43:05Z",
    environment="production",
    microservice="front-end",
    cause="rollback",
    image=f"registry.local:5001/front-end:v1@sha256:{7:064x}",
    user="ana",
    reason='it "loses" orders\n🛑',
)
"""One of them, with a text that somebody made hard to carry."""


class Ears:
    """Where notifications of a simulated manager end."""

    name = "ears"

    def __init__(self, kernel: Kernel, *, seconds: float = 0.0) -> None:
        self.kernel, self.seconds = kernel, seconds
        self.heard: list[Notification] = []
        self.trouble: Undelivered | None = None
        """What to answer with in place of listening."""

    async def take(self, notification: Notification) -> None:
        if self.seconds:
            await self.kernel.sleep(self.seconds)
        if self.trouble:
            raise self.trouble
        self.heard.append(notification)

    def of(self, *kinds: Kind) -> list[Notification]:
        """Those of some kinds."""
        return [each for each in self.heard if each.kind in kinds]

    @property
    def kinds(self) -> list[str]:
        """What each was, in order."""
        return [str(each.kind) for each in self.heard]


def listen(queue: ReleaseQueue, recorder: Recorder, ears: Ears | None = None) -> Ears:
    """Tell *ears* of what a manager does from now on."""
    ears = ears or Ears(queue.kernel)
    notifier = Notifier(queue.kernel, [ears], "p1")
    recorder.listeners.append(notifier.see)
    queue.listeners.append(notifier)
    notifier.start()
    return ears
