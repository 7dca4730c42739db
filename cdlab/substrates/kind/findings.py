"""
What the doctor says of one thing that it looked at.

Made by `doctor.py` and `python_findings.py`; shown by `cdlab doctor`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    """"missing" stands in the way; "warn" does not."""
    detail: str
    help: str = ""
    """The command that mends it. Empty when there is nothing to mend."""
