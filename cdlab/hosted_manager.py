"""
V3's release manager in a process of its own: what the run elsewhere asks of it, and what it tells.

In: a kernel, the manager's own ports, an application. Out: answers as plain values, the events of
this process among them; a desk for people. Called by `in_cluster.py`, in the simulator by tests.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from cdlab.architectures import ARCHITECTURES
from cdlab.architectures.v3 import ReleaseManager
from cdlab.errors import ManagerUnavailable, PortError
from cdlab.kernel import Event, Kernel
from cdlab.manager.audit import Audit
from cdlab.manager.desk import ManagerDesk, about_of
from cdlab.manager.messages import Body, outcome_as_json
from cdlab.manager.metering import ManagerMetrics
from cdlab.manager.notifier import Notifier
from cdlab.manager.queue import ReleaseQueue
from cdlab.manager.watching import ManagerIntervals
from cdlab.merging import REQUEST, START
from cdlab.model import Application, Context, Outcome, RollbackRequest, Variant
from cdlab.notifications import Receiver
from cdlab.ports import Ports
from cdlab.recorded_ports import recorded
from cdlab.streaming import StreamingRecorder

LONGEST_WAIT_SECONDS = 20.0
"""For events that do not come. Shorter than what a proxy on the way would cut."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosting:
    """What a hosted manager is told: whose it is and how it works."""

    application: Application
    variant: Variant
    intervals: ManagerIntervals
    producer: str
    """The name of this process, which no other one ever has: its events are numbered under it."""
    substrate: str = "kind"
    at_once: int = 1
    """Workloads that a sync compares and applies at a time."""
    receivers: Sequence[Receiver] = ()
    """Who is told what it does."""


class HostedManager:
    """The manager, its queue and its recorder."""

    def __init__(self, kernel: Kernel, ports: Ports, hosting: Hosting) -> None:
        """*ports* are the manager's: nobody else's credentials are here, so it has no others."""
        self.kernel = kernel
        self.producer = hosting.producer
        self.recorder = StreamingRecorder(kernel)
        audit = Audit(kernel, ports.decisions)
        self.ports = recorded(replace(ports, decisions=audit), self.recorder)
        self.manager = ReleaseManager(hosting.application, lambda _: self.ports, hosting.variant)
        self.queue = ReleaseQueue(
            kernel, self.manager, self.ports, hosting.application, hosting.intervals,
            at_once=hosting.at_once,
        )  # fmt: skip
        self.desk = ManagerDesk(
            kernel=kernel,
            application=hosting.application,
            ports=self.ports,
            queue=self.queue,
            audits=audit,
            facts=about_of(ARCHITECTURES["v3"], hosting.application, hosting.substrate),
        )
        """For the people who ask it directly, over its API and its page."""
        self.notifier = Notifier(kernel, hosting.receivers, hosting.producer)
        self.metrics = ManagerMetrics(
            kernel, self.queue, hosting.application, lambda: self.notifier.counts
        )
        """For whoever serves `/metrics`, in any thread."""
        self.recorder.listeners += [self.metrics.see, self.notifier.see]
        self.queue.listeners.append(self.notifier)
        self._outcomes: dict[str, Event] = {}
        """Request -> its outcome, so that one that is sent again is not done again."""

    async def start(self) -> None:
        """
        Begin to work.

        What the config repo says already is no news: whoever has it applied is who started this.
        """
        actor = self.kernel.current
        assert actor is not None, "only an actor can start it"
        actor.context = Context(f"{START}{self.producer}")
        with suppress(PortError):  # the first sync comes as soon as the repo is there
            head = await self.ports.config_repo.head()
            if head is not None:
                self.recorder.announce(head)
        actor.context = None
        self.notifier.start()
        self.queue.start()

    async def stop(self, seconds: float) -> None:
        """End at once, then wait so long until the events were read and notifications delivered."""
        self.queue.stop()
        until = self.kernel.now() + seconds
        while not self._is_heard and self.kernel.now() < until:
            await self.kernel.sleep(0.02)
        self.notifier.stop()

    @property
    def _is_heard(self) -> bool:
        return self.recorder.is_fetched and self.notifier.is_idle

    async def answer(self, path: str, body: Body) -> Body:
        """Answer a question. KeyError, TypeError or ValueError for one that makes no sense."""
        if path == "clock":
            return {"producer": self.producer, "now_us": self.kernel.now_us}
        if path == "events":
            return await self._events(body)
        return outcome_as_json(await self._outcome(path, str(body["request"]), body))

    async def _events(self, body: Body) -> Body:
        is_known = body.get("producer") == self.producer
        after = int(body.get("after", 0)) if is_known else 0
        seconds = min(float(body.get("seconds", 0.0)), LONGEST_WAIT_SECONDS)
        events = await self.recorder.after(after, seconds)
        return {
            "producer": self.producer,
            "events": [json.loads(each.to_json()) for each in events],
            "now_us": self.kernel.now_us,
        }

    async def _outcome(self, path: str, request: str, body: Body) -> Outcome:
        if body.get("producer", self.producer) != self.producer:
            raise ManagerUnavailable(
                "the release manager was started anew since it was asked",
                help="look at what it did before asking again",
                definite=False,
            )
        if request in self._outcomes:
            repeated: Outcome = await self._outcomes[request].wait()
            return repeated
        work = self._work(path, body)
        actor = self.kernel.current
        assert actor is not None, "only an actor can ask"
        actor.context = Context(f"{REQUEST}{request}")
        done = self._outcomes[request] = self.kernel.event(f"the outcome of request {request}")
        try:
            done.set(await work)
        finally:
            if not done.is_set:  # it was never begun: asked again, it is another try
                del self._outcomes[request]
        outcome: Outcome = done.value
        return outcome

    def _work(self, path: str, body: Body) -> Coroutine[Any, Any, Outcome]:
        if path == "rollback":
            return self.queue.rollback(_rollback(body["rollback"]))
        if path == "promote":
            return self.queue.promote(*(str(body[key]) for key in PROMOTION))
        if path == "rebuild":
            return self.queue.rebuild(str(body["user"]))
        raise KeyError(path)


PROMOTION = ("workload", "source", "target", "user")


def _rollback(fields: Mapping[str, Any]) -> RollbackRequest:
    return RollbackRequest(**fields)
