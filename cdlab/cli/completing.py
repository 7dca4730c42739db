"""
What the shell completes: the names that the running release management knows.

In: what was typed so far. Out: names; none where nothing answers at once, for nobody wants to wait
for a completion. Called by Typer while the shell asks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cdlab.manager.commands import About

PATIENCE_SECONDS = 0.3


def _about(context: typer.Context) -> About | None:
    from cdlab.cli.servers import client

    with suppress(Exception):  # whatever it is, a shell that completes is no place to say it
        return client(context.params.get("server"), PATIENCE_SECONDS).about()
    return None


def workloads(context: typer.Context, incomplete: str) -> list[str]:
    """Microservices that begin so."""
    about = _about(context)
    return [each for each in about.microservices if each.startswith(incomplete)] if about else []


def environments(context: typer.Context, incomplete: str) -> list[str]:
    """Environments that begin so."""
    about = _about(context)
    return [each for each in about.environments if each.startswith(incomplete)] if about else []


def either(context: typer.Context, incomplete: str) -> list[str]:
    """Both, for commands that are about a workload or a whole environment."""
    about = _about(context)
    names = (*about.microservices, *about.environments) if about else ()
    return [each for each in names if each.startswith(incomplete)]
