"""
What every principal may do in each architecture, read from `grants.toml`.

The simulator's rights, kind's RBAC, logins and hooks, and the static measures are all made from
these values, so that none of them can say anything else than the others.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cdlab.model import PRINCIPALS, Grant


@cache
def grants_of(architecture: str) -> tuple[Grant, ...]:
    """The grants of one architecture, `v1`, `v2` or `v3`, in the order of the file."""
    import tomllib

    text = Path(__file__).with_name("grants.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)[architecture]
    assert set(table) <= set(PRINCIPALS), f"unknown principals in grants.toml: {sorted(table)}"
    return tuple(_grant(principal, dict(rights)) for principal, rights in table.items())


def _grant(principal: str, rights: dict[str, object]) -> Grant:
    is_automation = rights.pop("automation", False)
    runs = rights.pop("runs", "outside")
    return Grant(principal=principal, runs=runs, is_automation=is_automation, **rights)  # type: ignore[arg-type]
