"""
The bridge between the web server's event loop and the kernel that the commands run on.

In: coroutines of `ReleaseCommands` and `Playground`. Out: their results, awaited in asyncio; and
the news that something changed, for everybody who listens. Called by the API and the pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from cdlab.errors import CdlabError, ManagerUnavailable
from cdlab.manager.commands import Playground, ReleaseCommands

T = TypeVar("T")

ANSWER_SECONDS = 120.0
"""How long a request waits for the kernel. A command that goes on after that is not cancelled."""
RETRY_SECONDS = 1.0
"""Until it listens for changes again after the release manager did not answer."""


class Submit(Protocol):
    """Runs a coroutine on the kernel of the world, from any thread: `LiveKernel.submit`."""

    def __call__(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> Future[T]:
        """Return the future of its result."""


class Desk(Protocol):
    """What the dashboard needs of a world."""

    @property
    def commands(self) -> ReleaseCommands:
        """What people can ask, on the kernel."""

    @property
    def playground(self) -> Playground | None:
        """What one can do to a simulated world; None where it is a real one."""

    def submit(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> Future[T]:
        """Run a coroutine on the kernel, from any thread."""

    def close(self) -> None:
        """End it."""


class Asking:
    """Awaits in asyncio what runs on the kernel."""

    def __init__(self, submit: Submit, *, limit_seconds: float = ANSWER_SECONDS) -> None:
        self._submit = submit
        self._limit = limit_seconds

    async def __call__(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> T:
        """
        Run it there. Raises ManagerUnavailable where the kernel has ended, or is not done in time:
        then it may happen all the same.
        """
        future = asyncio.wrap_future(self._submit(coroutine, name=name))
        future.add_done_callback(_look_at)
        done, _ = await asyncio.wait([future], timeout=self._limit)
        if not done:
            raise ManagerUnavailable(
                f"no answer within {self._limit:g} s",
                help="it may happen all the same: look at the history before you try again",
                definite=False,
            )
        if future.cancelled():
            raise ManagerUnavailable("the release manager was stopped", help="start it again")
        return future.result()

    async def whenever(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> T:
        """The same without a limit. Who stops waiting ends the coroutine, too."""
        return await asyncio.wrap_future(self._submit(coroutine, name=name))


def _look_at(future: asyncio.Future[Any]) -> None:
    """Where nobody waits any more, asyncio need not complain that nobody looked."""
    if not future.cancelled():
        future.exception()


class Changes:
    """
    Tells everybody who listens that something changed.

    A world in real time is listened to. One whose time stands still while nobody asks changes only
    when somebody does something, and who did it tells.
    """

    def __init__(self) -> None:
        self.count = 0
        """How often something changed."""
        self.is_closed = False
        self._told = asyncio.Event()

    def tell(self) -> None:
        """Something changed."""
        self.count += 1
        self._told.set()
        self._told = asyncio.Event()

    def close(self) -> None:
        """End everybody's waiting, for good."""
        self.is_closed = True
        self.tell()

    async def after(self, count: int, seconds: float) -> int:
        """The count as soon as it is greater, or when that time is over."""
        if self.count <= count:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), seconds)
        return self.count

    async def listen(self, asking: Asking, commands: ReleaseCommands) -> None:
        """Listen to a world in real time, until cancelled."""
        newest = 0
        while True:
            try:
                newest = await asking.whenever(
                    commands.wait_for_change(newest), name="waits for a change"
                )
            except CdlabError:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.tell()
