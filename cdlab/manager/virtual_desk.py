"""
A desk in front of a simulated world: takes coroutines from any thread, runs them in virtual time.

In: a virtual kernel and coroutines. Out: futures of their results. Between two of them virtual time
stands still, so a world that people look at in their own time is as repeatable as a run. Called by
the playground of `cdlab dashboard` and by tests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from cdlab.errors import ManagerUnavailable
from cdlab.kernel import Actor, Cancelled, Kernel

T = TypeVar("T")

_Item = tuple[Coroutine[Any, Any, Any], Future[Any], str]


class VirtualDesk:
    """
    Runs a kernel in a thread of its own; one coroutine after the other, in the order they came.

    Actors that a coroutine starts go on while a later one is waited for. An actor that dies ends
    the world: whoever asks from then on hears why.
    """

    def __init__(
        self, kernel: Kernel, *, prepare: Callable[[], Coroutine[Any, Any, object]] | None = None
    ) -> None:
        self._kernel = kernel
        self._items: SimpleQueue[_Item | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._ended = ""
        self._current: _Item | None = None
        self._thread = threading.Thread(
            target=self._run, args=(prepare,), daemon=True, name="cdlab virtual desk"
        )
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> Future[T]:
        """Run it after all that came before. Raises ManagerUnavailable from the future."""
        future: Future[T] = Future()
        with self._lock:
            if not self._ended:
                self._items.put((coroutine, future, name))
                return future
        coroutine.close()
        future.set_exception(self._unavailable())
        return future

    def close(self) -> None:
        """End the world when what was asked before is done, and wait for that. Safe to repeat."""
        self._items.put(None)
        self._thread.join()

    def _unavailable(self) -> ManagerUnavailable:
        return ManagerUnavailable(
            f"the simulated world has ended: {self._ended}", help="start the dashboard again"
        )

    def _run(self, prepare: Callable[[], Coroutine[Any, Any, object]] | None) -> None:
        reason = "it was closed"
        try:
            self._kernel.run(self._serve(prepare), name="desk")
        except Exception as error:  # told to everybody who asks
            reason = f"{type(error).__name__}: {error}"
        with self._lock:
            self._ended = reason
        if self._current is not None and not self._current[1].done():
            self._current[1].set_exception(self._unavailable())
        while not self._items.empty():  # nobody adds to it any more
            item = self._items.get()
            if item is not None:
                item[0].close()
                if item[1].set_running_or_notify_cancel():
                    item[1].set_exception(self._unavailable())

    async def _serve(self, prepare: Callable[[], Coroutine[Any, Any, object]] | None) -> None:
        if prepare is not None:
            await prepare()
        while (item := self._items.get()) is not None:  # the thread waits, virtual time stands
            coroutine, future, name = item
            if not future.set_running_or_notify_cancel():
                coroutine.close()
                continue
            self._current = item
            await self._settle(self._kernel.spawn(coroutine, name=name), future)
            self._current = None

    async def _settle(self, actor: Actor, future: Future[Any]) -> None:
        try:
            result = await actor.join()
        except Cancelled:
            if not actor.done:
                raise
            future.set_exception(ManagerUnavailable(f"{actor.name} was cancelled"))
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)
