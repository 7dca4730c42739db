"""
`python -m cdlab.in_cluster`: the release manager in its own pod. A composition root, like `runner`.

In: the files that `cdlab manager install` mounts into the pod. Out: releases; its page and its API
for people, its private door for the run that installed it, all on one port; a line of log for each
decision. SIGTERM ends it: what is under way is left as it is, for the repo is its state, and
whoever reads its events gets the last of them.
"""

from __future__ import annotations

import gc
import logging
import math
import secrets
import signal
import tempfile
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from cdlab.hosted_manager import HostedManager, Hosting
from cdlab.live_kernel import LiveKernel
from cdlab.manager.desk import ManagerDesk
from cdlab.manager.watching import ManagerIntervals
from cdlab.manager.web.app import make_app
from cdlab.manager.web.serving import Beside
from cdlab.manager.web.world import WebSettings
from cdlab.manager.webhook import Webhook
from cdlab.notifications import Receiver
from cdlab.substrates.kind.hints import Hints
from cdlab.substrates.kind.inside import (
    Inside,
    connect_to_own_cluster,
    events_inside,
    ports_inside,
)

T = TypeVar("T")
PORT = 8080
LAST_EVENTS_SECONDS = 3.0
"""How long the reader of the events gets to fetch the last of them, in the end."""
LOST_HINT_SECONDS = 60.0
"""What a lost hint may cost. Each microservice is looked at so often for its sake alone; of more
than 60 of them, one is looked at in each second."""
AT_ONCE = 8
"""Workloads that a sync applies at a time. Mostly each waits for the API server's disk."""
GARBAGE_OBJECTS = 20_000
"""New objects until garbage is looked for. With Python's 700 that is done a hundred times for every
list that the API server answers with."""
_log = logging.getLogger("cdlab.in_cluster")


def main() -> None:
    """Run until SIGTERM. An actor that fails ends the process, and Kubernetes starts another."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    found = Inside.read()
    kernel = LiveKernel()
    intervals = ManagerIntervals(**found.assignment.intervals)  # type: ignore[arg-type]
    count = len(found.assignment.application.microservices)
    look_seconds = min(intervals.seconds, max(LOST_HINT_SECONDS, count))
    hints = Hints(kernel, found.assignment.hub_url, look_seconds=look_seconds)
    with tempfile.TemporaryDirectory(prefix="cdlab-") as folder:
        api, producer = connect_to_own_cluster(), secrets.token_hex(8)
        ports = ports_inside(kernel, found, api, hints, Path(folder))
        receivers: list[Receiver] = [events_inside(kernel, found, api, producer)]
        if found.assignment.webhook:
            receivers.append(Webhook(kernel, found.assignment.webhook, found.webhook_secret))
        hosted = HostedManager(
            kernel,
            ports,
            Hosting(
                application=found.assignment.application,
                variant=found.assignment.variant,
                intervals=intervals,
                producer=producer,
                at_once=AT_ONCE,
                receivers=receivers,
            ),
        )
        settings = WebSettings(
            token=found.token, allowed_hosts=found.assignment.hosts, metrics=hosted.metrics
        )
        server = Beside(make_app(OpenDesk(kernel, hosted.desk), settings, hosted.answer), PORT)
        hints.start()
        server.start()
        gc.collect()
        gc.freeze()  # what is there now stays: it need not be looked through again and again
        gc.set_threshold(GARBAGE_OBJECTS)
        _log.info("the release manager of %s is at work", found.assignment.run)
        kernel.run(_work(kernel, hosted), name="release manager", deadline_seconds=math.inf)
        server.stop()
    _log.info("ended")


class OpenDesk:
    """What the page needs of the manager: its desk, and a way onto the kernel."""

    playground = None

    def __init__(self, kernel: LiveKernel, commands: ManagerDesk) -> None:
        self.kernel, self.commands = kernel, commands

    def submit(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> Future[T]:
        """Run a coroutine on the kernel, from any thread."""
        return self.kernel.submit(coroutine, name=name)

    def close(self) -> None:
        """Nothing of its own."""


async def _work(kernel: LiveKernel, hosted: HostedManager) -> None:
    is_over = kernel.event("SIGTERM")
    _when_told_to_end(lambda: kernel.call_soon_threadsafe(is_over.set))
    await hosted.start()
    await is_over.wait()
    await hosted.stop(LAST_EVENTS_SECONDS)


def _when_told_to_end(tell: Callable[[], object]) -> None:
    """Call *tell* on the first signal, from a thread: a handler may interrupt who holds a lock."""
    arrived: SimpleQueue[int] = SimpleQueue()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, _: arrived.put(number))

    def wait() -> None:
        arrived.get()
        tell()

    threading.Thread(target=wait, name="cdlab signals", daemon=True).start()


if __name__ == "__main__":
    main()
