"""
Decisions as lines of a log, on a real substrate.

In: what somebody decided and why. Out: a line. Who calls it: `substrate.py` and `inside.py`. The
history has them from the recording decorator.
"""

from __future__ import annotations

import logging

from cdlab.model import Decision

_log = logging.getLogger("cdlab.decisions")


class LoggedDecisions:
    """A line in the log. The history has them from the recording decorator."""

    async def record(self, decision: Decision) -> None:
        outcome = decision.outcome
        _log.info(
            "%s of %s in %s: %s %s",
            decision.what, decision.workload, decision.environment, outcome.status, outcome.reason,
        )  # fmt: skip
