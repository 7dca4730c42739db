"""How long people go on when a push is rejected or a server does not answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from cdlab.errors import ClusterUnavailable, PushRejected, RepositoryUnavailable
from cdlab.stories.lab import Lab

T = TypeVar("T")
PUSH_ATTEMPTS = 10
"""After so many lost races people give up, too."""
PATIENCE_SECONDS = 30.0
"""Until somebody tries a command again that a server did not answer. A guess."""


async def patiently(lab: Lab, work: Callable[[], Awaitable[T]]) -> T:
    """Do something, and once more a little later while a server does not answer."""
    for _ in range(PUSH_ATTEMPTS - 1):
        with suppress(ClusterUnavailable, RepositoryUnavailable):
            return await insisting(work)
        await lab.kernel.sleep(PATIENCE_SECONDS)
    return await insisting(work)


async def insisting(work: Callable[[], Awaitable[T]]) -> T:
    """Do something that ends in a push; whose push is rejected clones and does it again."""
    for _ in range(PUSH_ATTEMPTS - 1):
        with suppress(PushRejected):
            return await work()
    return await work()
