"""
What a release queue tells while it works, to whoever counts or tells of it.

The queue calls it, in the middle of its work: a listener neither waits nor raises.
"""

from __future__ import annotations

from cdlab.model import Outcome


class QueueListener:
    """Hears of every request: a `rollback`, `release`, `automation` or `sync`. Does nothing."""

    def taken(self, what: str, waited_seconds: float) -> None:
        """Its turn has come."""

    def ended(self, what: str, outcome: Outcome) -> None:
        """It was answered."""
