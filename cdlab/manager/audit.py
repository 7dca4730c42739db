"""
The decisions of the release manager, kept for people to read.

In: what is recorded at the `Decisions` port. Out: the same, handed on, and the newest thousand of
them with their numbers. They are the manager's memory of what it did not do: what it did is in git.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from cdlab.dates import rfc3339
from cdlab.kernel import Kernel
from cdlab.manager.commands import AuditEntry
from cdlab.model import Decision
from cdlab.ports import Decisions

KEPT = 1_000
"""Some days of a busy team; each look that skips everything adds one line a workload."""


class Audit:
    """A `Decisions` port that remembers."""

    def __init__(self, kernel: Kernel, inner: Decisions) -> None:
        self.kernel, self.inner = kernel, inner
        self._entries: deque[AuditEntry] = deque(maxlen=KEPT)
        self._latest: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._changed = kernel.signal("a change")
        self.number = 0
        """That of the newest entry."""
        self.changes = 0
        """How often people would see something else than before."""

    async def record(self, decision: Decision) -> None:
        """Hand it on and keep it, unless it is the same answer to the same question as before."""
        await self.inner.record(decision)
        about = decision.what, decision.workload, decision.environment
        answer = decision.outcome.status, decision.outcome.reason
        is_repeated = self._latest.get(about) == answer and decision.outcome.status == "skipped"
        self._latest[about] = answer
        if is_repeated:
            return
        self.number += 1
        outcome = decision.outcome
        entry = AuditEntry(
            number=self.number,
            time=rfc3339(self.kernel.timestamp()),
            what=decision.what,
            user=decision.user,
            workload=decision.workload,
            environment=decision.environment,
            status=outcome.status,
            reason=outcome.reason,
            revision=outcome.revision or "",
        )
        self._entries.append(entry)
        self.tell()

    def after(self, number: int, limit: int) -> tuple[AuditEntry, ...]:
        """At most *limit* entries that are newer than a number, oldest first."""
        newer = (entry for entry in self._entries if entry.number > number)
        return tuple(islice(newer, limit))

    def tell(self) -> None:
        """Something changed that people look at."""
        self.changes += 1
        self._changed.notify_all()

    async def wait(self, after: int) -> int:
        """Return the number of changes as soon as it is greater than *after*."""
        while self.changes <= after:
            await self._changed.wait()
        return self.changes
