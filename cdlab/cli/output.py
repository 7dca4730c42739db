"""
What all commands share: consoles, groups, the exit code of an error, how progress is told.

Standard output is for the result alone; everything else goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from cdlab.errors import (
    CdlabError,
    ClusterUnavailable,
    HistoryError,
    InTheWay,
    ManagerUnavailable,
    ManifestError,
    NotFound,
    NotUnderstood,
    NotWritable,
    RegistryUnavailable,
    RepositoryUnavailable,
    ResultsError,
    ScenarioError,
    SubstrateUnavailable,
)

if TYPE_CHECKING:
    from rich.console import Console

OK, BROKEN, USAGE, MISSING, INTERNAL = range(5)
"""Exit codes."""
INTERRUPTED = 130
"""The exit code of Ctrl-C, as a shell has it."""
GREATEST_SEED = 2**63 - 1
"""As in a scenario file."""
BAD_INPUT = (ScenarioError, ManifestError, HistoryError, ResultsError)
BAD_WORDS = (NotFound, NotUnderstood, InTheWay, NotWritable)
NOT_THERE = (
    SubstrateUnavailable,
    ClusterUnavailable,
    RegistryUnavailable,
    RepositoryUnavailable,
    ManagerUnavailable,
)


class Substrate(StrEnum):
    """The substrates as an option's values."""

    sim = "sim"
    kind = "kind"


class Manager(StrEnum):
    """Where V3's release manager runs, as an option's values."""

    outside = "outside"
    inside = "inside"


def group(name: str, about: str) -> typer.Typer:
    """Commands under a name of their own: `cdlab manager install`."""
    return typer.Typer(
        name=name,
        help=about,
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def console() -> Console:
    """Standard output for people: coloured in a terminal unless NO_COLOR is set."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output, nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """A line for people on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def exit_code(error: Exception) -> int:
    """The exit code of an exception: 2 for the reader's words, 3 for this machine, else 4."""
    if isinstance(error, (*BAD_INPUT, *BAD_WORDS)):
        return USAGE
    return MISSING if isinstance(error, NOT_THERE) else INTERNAL


def report_error(error: Exception, *, has_traceback: bool = False) -> int:
    """Print an error and what to do next on standard error, and return its exit code."""
    if has_traceback:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, CdlabError):
        say(f"error: {error.message}" if not isinstance(error, BAD_INPUT) else error.message)
        if error.help:
            say(f"help: {error.help}")
    else:
        say(f"internal error: {type(error).__name__}: {error}")
        say("help: `cdlab --debug …` shows where it came from; please report it with that")
    return exit_code(error)


@contextmanager
def counting(what: str, *, lines_every: int) -> Iterator[Callable[[int, int, str], None]]:
    """
    Progress over a known number of runs, as `comparison.compare` reports it.

    A bar in a terminal; elsewhere a line whenever *lines_every* more runs are done.
    """
    if not sys.stderr.isatty():
        told_of = 0

        def told(done: int, total: int, now: str) -> None:
            nonlocal told_of
            if (done + 1) // lines_every > told_of:
                told_of = (done + 1) // lines_every
                say(f"{done} of {total} {what}s are done" + (f"; now {now}" if now else ""))

        yield told
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    errors = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=errors, transient=True) as progress:
        task = progress.add_task(what, total=None)

        def shown(done: int, total: int, now: str) -> None:
            progress.update(task, completed=done, total=total, description=now or f"{what}s")

        yield shown


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
