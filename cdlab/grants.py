"""
What every principal may do in each architecture, read from `grants.toml`.

The simulator's rights, kind's RBAC, logins and hooks, and the static measures are all made from
these values, so that none of them can say anything else than the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from cdlab.model import PRINCIPALS, Grant

BOXES = (
    "code-repos",
    "ci",
    "registry",
    "workloads",
    "config-repo",
    "policies",
    "manager",
)
"""What can influence what, the same for every architecture, whether it has the box or not."""


@cache
def _document() -> dict[str, Any]:
    import tomllib

    return tomllib.loads(Path(__file__).with_name("grants.toml").read_text(encoding="utf-8"))


@cache
def grants_of(architecture: str) -> tuple[Grant, ...]:
    """The grants of one architecture, `v1`, `v2` or `v3`, in the order of the file."""
    table = _document()[architecture]
    assert set(table) <= set(PRINCIPALS), f"unknown principals in grants.toml: {sorted(table)}"
    return tuple(_grant(principal, dict(rights)) for principal, rights in table.items())


def grants_in(settings: Mapping[str, Any]) -> tuple[Grant, ...]:
    """The grants of a run, from its effective settings: where the manager ran, it tells."""
    inside = "manager" if settings.get("manager") == "inside" else ""
    return tuple(
        replace(each, runs="inside") if each.principal == inside else each
        for each in grants_of(settings["architecture"])
    )


def _grant(principal: str, rights: dict[str, object]) -> Grant:
    is_automation = rights.pop("automation", False)
    runs = rights.pop("runs", "outside")
    return Grant(principal=principal, runs=runs, is_automation=is_automation, **rights)  # type: ignore[arg-type]


@cache
def influence_of(architecture: str) -> tuple[tuple[str, str], ...]:
    """
    (box, box) where a change of the first changes the second and nobody has to agree.

    What the grants make possible, as far as something uses it by itself.
    """
    edges = tuple((one, other) for one, other in _document()["influence"][architecture])
    unknown = {box for edge in edges for box in edge} - set(BOXES)
    assert not unknown, f"unknown boxes in grants.toml: {sorted(unknown)}"
    return edges
