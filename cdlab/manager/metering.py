"""
Numbers about a release manager, for Prometheus: how long things wait and take, and how they stand.

In: what its queue and its recorder tell while it works. Out: `Metric` values, at any time and in
any thread. Made by `hosted_manager.py` and by the playground; `docs/notifications.md` lists them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cdlab.history import OK, Event
from cdlab.manager.listening import QueueListener
from cdlab.manager.noticing import PRINCIPAL, Place
from cdlab.manager.process_metrics import process_metrics
from cdlab.manager.web.metrics import Metric, number_of
from cdlab.model import Application, Outcome

if TYPE_CHECKING:
    from cdlab.kernel import Kernel
    from cdlab.manager.queue import ReleaseQueue

BOUNDS = (0.05, 0.1, 0.15, 0.2, 0.5, 1.0, 1.5, 5.0, 15.0, 30.0, 60.0)
"""Seconds: where the limits are that a release manager is held to, and some beside them."""
Counts = Callable[[], Mapping[tuple[str, str, str], int]]


class Histogram:
    """How often something took how long."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds

    def metrics(self, name: str, help: str, labels: Mapping[str, str]) -> Iterator[Metric]:
        """Its buckets, each with all that is in the smaller ones."""
        total = 0
        for bound, count in zip((*BOUNDS, float("inf")), list(self._counts), strict=True):
            total += count
            within = {**labels, "le": number_of(bound)}
            yield Metric(name, total, help, "histogram", within, "_bucket")
        yield Metric(name, self._sum, help, "histogram", labels, "_sum")
        yield Metric(name, total, help, "histogram", labels, "_count")


class ManagerMetrics(QueueListener):
    """The numbers of one process. Listens to its queue as soon as it is made."""

    def __init__(
        self, kernel: Kernel, queue: ReleaseQueue, application: Application, told: Counts = dict
    ) -> None:
        """*told*: (kind, what became of it, receiver) -> notifications."""
        self.kernel, self.queue, self.application, self.told = kernel, queue, application, told
        queue.listeners.append(self)
        self._taken = 0.0
        self._waits: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._commits, self._syncs = Histogram(), Histogram()
        self._pushes = Counter[str]({"pushed": 0, "rejected": 0, "failed": 0})
        self._scans: dict[str, float] = {}
        self._drifts: dict[Place, float] = {}
        """Since when, in seconds since 1970."""
        self._differing: set[Place] = set()
        """Those that the sync under way has found."""

    def taken(self, what: str, waited_seconds: float) -> None:
        self._taken = self.kernel.now()
        self._waits[what].observe(waited_seconds)

    def ended(self, what: str, outcome: Outcome) -> None:
        if what == "sync" and outcome.is_released:  # and not skipped, or broken off
            self._syncs.observe(self.kernel.now() - self._taken)
            found, self._differing = self._differing, set()
            self._drifts = {place: at for place, at in self._drifts.items() if place in found}

    def see(self, event: Event) -> None:
        """For the recorder, which tells of every event."""
        if event.principal != PRINCIPAL:
            return
        if event.kind == "TagsListed":
            self._scans[event.resource] = self.kernel.timestamp()
        elif (event.component, event.op) == ("config-repo", "write"):
            ended = {"CommitPushed": "pushed", "PushRejected": "rejected"}.get(event.kind, "failed")
            self._pushes[ended] += 1
        elif event.kind == "Decided":
            self._decided(event)

    def _decided(self, event: Event) -> None:
        what, place = event.detail["what"], (event.resource, event.detail["workload"])
        if what == "sync":
            if event.outcome != OK:
                self._differing.add(place)
                self._drifts.setdefault(place, self.kernel.timestamp())
        elif event.outcome == OK:
            self._commits.observe(self.kernel.now() - self._taken)

    def __call__(self) -> Iterator[Metric]:
        yield Metric("cdlab_queue_length", self.queue.length, "Requests that wait for their turn.")
        for what, waits in sorted(self._waits.items()):
            yield from waits.metrics(
                "cdlab_queue_wait_seconds", "How long requests waited.", {"request": what}
            )
        yield from self._commits.metrics(
            "cdlab_commit_duration_seconds",
            "From a request's turn until its commit was pushed, lost races included.",
            {},
        )
        yield from self._syncs.metrics(
            "cdlab_sync_duration_seconds", "How long comparing and applying everything took.", {}
        )
        for ended, count in list(self._pushes.items()):
            yield _counter("cdlab_push_attempts_total", count, PUSHES, outcome=ended)
        for name, at in list(self._scans.items()):
            yield _gauge("cdlab_last_scan_timestamp_seconds", at, SCANS, microservice=name)
        now = self.kernel.timestamp()
        for environment in self.application.everywhere:
            for name in self.application.image_repositories:
                age = now - self._drifts.get((environment, name), now)
                where = {"environment": environment, "microservice": name}
                yield _gauge("cdlab_drift_age_seconds", age, DRIFT, **where)
        for (kind, ended, receiver), count in sorted(self.told().items()):
            labels = {"kind": kind, "outcome": ended, "receiver": receiver}
            yield _counter("cdlab_notifications_total", count, TOLD, **labels)
        yield from process_metrics()


PUSHES = "Pushes to the config repo that were tried."
SCANS = "When the tags of a microservice were listed last, in seconds since 1970."
DRIFT = "For how long a workload has differed from the config repo and could not be repaired."
TOLD = "Notifications, by what became of them."


def _gauge(name: str, value: float, help: str, **labels: Any) -> Metric:
    return Metric(name, value, help, labels=labels)


def _counter(name: str, value: float, help: str, **labels: Any) -> Metric:
    return Metric(name, value, help, "counter", labels)
