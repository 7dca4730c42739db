"""
What waits in the release queue: something to decide, on whose behalf, and who waits for it.

Made and taken by `queue.py`, first by priority, then in the order in which it came.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from cdlab.kernel import Event
from cdlab.model import Outcome


@dataclass(order=True, slots=True)
class Request:
    """Something to decide, on whose behalf, and who waits for the outcome."""

    priority: int
    number: int
    workload: str = field(compare=False)
    environment: str = field(compare=False)
    user: str = field(compare=False)
    since: float = field(compare=False)
    """When it was put there, in seconds of the kernel."""
    work: Callable[[], Awaitable[Outcome]] = field(compare=False)
    context: Any = field(compare=False)
    done: Event = field(compare=False)
