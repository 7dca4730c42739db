"""
What the pods of an environment serve right now, as somebody who watches them knows.

The substrate tells every change of a pod; stories wait here until an environment serves what they
shipped. Watching changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdlab.kernel import Kernel
from cdlab.model import Content, Digest, PodChange


class Observed:
    """The Ready pods of every workload, with the content each of them serves."""

    def __init__(self, kernel: Kernel, contents: Mapping[Digest, Content]) -> None:
        self.kernel = kernel
        self.contents = contents
        """The source each image was built from, filled by the recorder."""
        self._ready: dict[tuple[str, str], dict[str, Digest]] = {}
        self._newest: dict[tuple[str, str], Digest] = {}
        self._changed = kernel.signal("a pod to change")

    def see(self, change: PodChange) -> None:
        """The observer to give to a substrate."""
        pods = self._ready.setdefault((change.environment, change.workload), {})
        if change.phase == "ready" and change.digest:
            pods[change.pod] = change.digest
            self._newest[change.environment, change.workload] = change.digest
        elif change.phase in ("unready", "stopping"):
            pods.pop(change.pod, None)
        else:
            return
        self._changed.notify_all()

    def serving(self, workload: str, environment: str) -> tuple[Digest, ...]:
        """The digest of each Ready pod that is not about to stop."""
        return tuple(self._ready.get((environment, workload), {}).values())

    def serves(self, workload: str, environment: str, content: Content, replicas: int) -> bool:
        """Whether every replica serves *content* and no pod serves anything else."""
        digests = self.serving(workload, environment)
        return len(digests) >= replicas and all(
            self.contents.get(digest) == content for digest in digests
        )

    async def until_rolled_back(
        self, workload: str, environment: str, good: Content, replicas: int
    ) -> bool:
        """
        Return True when every replica serves *good*, False when that was undone on the way.

        It was undone when a pod became Ready on something else after one had on *good*.
        """
        has_begun = False
        while not self.serves(workload, environment, good, replicas):
            await self._changed.wait()
            newest = self.contents.get(self._newest[environment, workload])
            if has_begun and newest != good:
                return False
            has_begun = has_begun or newest == good
        return True

    async def until_serves(
        self, workload: str, environment: str, content: Content, replicas: int
    ) -> None:
        """Return as soon as every replica serves *content* and nothing else."""
        while not self.serves(workload, environment, content, replicas):
            await self._changed.wait()
