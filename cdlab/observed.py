"""
What the pods of an environment serve right now, as somebody who watches them knows.

The substrate tells every change of a pod; stories wait here until an environment serves what they
shipped. Watching changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from cdlab.kernel import Kernel, Signal
from cdlab.model import Content, Digest, ImageRef, PodChange


class Observed:
    """The Ready pods of every workload, with the content each of them serves."""

    def __init__(self, kernel: Kernel, contents: Mapping[Digest, Content]) -> None:
        self.kernel = kernel
        self.contents = contents
        """The source each image was built from, filled by the recorder."""
        self._ready: dict[tuple[str, str], dict[str, Digest]] = {}
        self._alive: dict[tuple[str, str], dict[str, ImageRef]] = {}
        self._any_changed = kernel.signal("a pod to change")
        self._changed: dict[tuple[str, str], Signal] = {}
        """One for each workload in each environment: else everybody wakes at every pod."""

    def see(self, change: PodChange) -> None:
        """The observer to give to a substrate."""
        if change.phase not in ("created", "ready", "unready", "stopping"):
            return  # nobody waits for what is in between
        where = change.environment, change.workload
        ready, alive = self._ready.setdefault(where, {}), self._alive.setdefault(where, {})
        if change.phase == "created":
            alive[change.pod] = change.image
        elif change.phase == "ready" and change.digest:
            ready[change.pod] = change.digest
        elif change.phase in ("unready", "stopping"):
            ready.pop(change.pod, None)
            if change.phase == "stopping":
                alive.pop(change.pod, None)
        else:
            return
        self._any_changed.notify_all()
        self._change(*where).notify_all()

    def _change(self, environment: str, workload: str) -> Signal:
        where = environment, workload
        if where not in self._changed:
            name = f"a pod of {workload} in {environment} to change"
            self._changed[where] = self.kernel.signal(name)
        return self._changed[where]

    def serving(self, workload: str, environment: str) -> tuple[Digest, ...]:
        """The digest of each Ready pod that is not about to stop."""
        return tuple(self._ready.get((environment, workload), {}).values())

    def serves(self, workload: str, environment: str, content: Content, replicas: int) -> bool:
        """Whether every replica serves *content* and no pod serves anything else."""
        digests = self.serving(workload, environment)
        return len(digests) >= replicas and all(
            self.contents.get(digest) == content for digest in digests
        )

    def pods(self, workload: str, environment: str) -> tuple[str, ...]:
        """The pods that were made and not yet asked to stop."""
        return tuple(self._alive.get((environment, workload), {}))

    async def until_rolled_back(
        self,
        workload: str,
        environment: str,
        good: Content,
        replicas: int,
        before: Collection[str],
        *,
        is_undone: Callable[[], bool] = lambda: False,
    ) -> bool:
        """
        Return True when every replica serves *good*, False when that was undone on the way.

        It was undone when the first image that pods were made for, beside those that were there
        *before*, has no pod any more; or when *is_undone* says so, which is asked at each change
        and by `look_again`.
        """
        alive, first = self._alive[environment, workload], None
        while not self.serves(workload, environment, good, replicas):
            new = [image for pod, image in alive.items() if pod not in before]
            first = first or next(iter(new), None)
            if (first and first not in new) or is_undone():
                return False
            await self._change(environment, workload).wait()
        return True

    def look_again(self, workload: str, environment: str) -> None:
        """Wake whoever waits for a pod of a workload, as if one had changed."""
        self._change(environment, workload).notify_all()

    def is_rolling_out(self) -> bool:
        """Whether a workload has pods of more than one image: one of them is on its way out."""
        return any(len(set(alive.values())) > 1 for alive in self._alive.values())

    async def until_rolled_out(self) -> None:
        """Return as soon as every workload has pods of one image."""
        while self.is_rolling_out():
            await self._any_changed.wait()

    async def until_changed(self) -> None:
        """Return at the next change of any pod."""
        await self._any_changed.wait()

    async def until_tried(self, workload: str, environment: str, before: Collection[str]) -> None:
        """Return as soon as there is a pod that was not there *before*, whatever becomes of it."""
        while all(pod in before for pod in self.pods(workload, environment)):
            await self._change(environment, workload).wait()

    async def until_ready(self, workload: str, environment: str, count: int) -> None:
        """Return as soon as exactly *count* pods are Ready."""
        while len(self.serving(workload, environment)) != count:
            await self._change(environment, workload).wait()

    async def until_serves(
        self, workload: str, environment: str, content: Content, replicas: int
    ) -> None:
        """Return as soon as every replica serves *content* and nothing else."""
        while not self.serves(workload, environment, content, replicas):
            await self._change(environment, workload).wait()
