"""
The matrix and the lists as people are shown them, on the page and in a terminal.

In: the values of `commands.py`. Out: values with words and tones. No HTML here, and no question to
the world. Called by the page and the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cdlab.manager.commands import About, Command, Stopped, WorkloadStatus
from cdlab.manager.shown import duration, short, short_tag, visible

TONES = {
    "released": "good",
    "planned": "good",
    "skipped": "calm",
    "superseded": "calm",
    "refused": "warn",
    "not expressible": "warn",
    "failed": "bad",
}
"""Status of an answer -> how it is shown, beside its word."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a cell is, in a word, a tone and an icon of its own."""

    word: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button: where it leads, and what it is called for those who do not see its place."""

    command: Command
    title: str
    label: str
    query: tuple[tuple[str, str], ...]
    icon: str = ""
    is_main: bool = False
    is_due: bool = False
    """Somebody is waited for: a newer image is there, and it is not released by itself."""

    @property
    def id(self) -> str:
        """Its own on the page, so that an update in place keeps the focus."""
        return "-".join([self.command, *(text for _, text in self.query[:2])])


@dataclass(frozen=True, slots=True)
class Cell:
    """One workload in one environment."""

    status: WorkloadStatus
    running: str
    desired: str
    """Empty where that runs."""
    health: Health
    policy: str
    drift: str
    actions: tuple[Action, ...]

    @property
    def stops(self) -> tuple[tuple[str, Stopped], ...]:
        """The lock and the hold, the stronger first."""
        found = (("lock", self.status.lock), ("hold", self.status.hold))
        return tuple((name, each) for name, each in found if each is not None)

    @property
    def main_actions(self) -> tuple[Action, ...]:
        """What stands in the cell."""
        return tuple(each for each in self.actions if each.is_main)

    @property
    def more_actions(self) -> tuple[Action, ...]:
        """What stands behind More."""
        return tuple(each for each in self.actions if not each.is_main)


def matrix(
    about: About, status: Sequence[WorkloadStatus]
) -> list[tuple[str, list[tuple[str, Cell | None]]]]:
    """Workload -> environment -> cell; None where there is none."""
    found = {(each.workload, each.environment): each for each in status}
    workloads = dict.fromkeys([*about.microservices, *(each.workload for each in status)])
    environments = columns(about, status)
    return [
        (workload, [(name, _cell(about, found.get((workload, name)))) for name in environments])
        for workload in workloads
    ]


def columns(about: About, status: Sequence[WorkloadStatus]) -> list[str]:
    """The environments, in the order in which one promotes."""
    return list(dict.fromkeys([*about.environments, *(each.environment for each in status)]))


def _cell(about: About, status: WorkloadStatus | None) -> Cell | None:
    return None if status is None else cell(about, status)


def cell(about: About, status: WorkloadStatus) -> Cell:
    """One of them."""
    wanted = status.desired.partition("@")[2]
    digests = tuple(dict.fromkeys(status.running))
    is_as_desired = bool(status.desired) and digests in ((wanted,), ()) and bool(digests)
    running = short_tag(status.running_tag) or " and ".join(short(each) for each in digests)
    return Cell(
        status=status,
        running=running,
        desired="" if is_as_desired or not status.desired else short(status.desired),
        health=health(status),
        policy=policy(status),
        drift=drift(status),
        actions=_actions(about, status),
    )


def health(status: WorkloadStatus) -> Health:
    """The worst that is known."""
    if status.trouble:
        return Health("cannot be read", "bad", "warning")
    if status.is_available and status.running:
        return Health("healthy", "good", "check")
    if status.running:
        return Health("rolling out", "warn", "half")
    if status.desired:
        return Health("not running", "bad", "warning")
    return Health("nothing released", "calm", "circle")


def drift(status: WorkloadStatus) -> str:
    """For how long, and whether somebody has to do something: `12 min, only reported`."""
    if status.drift_seconds is None:
        return ""
    left_alone = ", only reported" if status.drift_mode == "report" else ""
    return duration(status.drift_seconds) + left_alone


def policy(status: WorkloadStatus) -> str:
    """The policy in words: `automated · newest · branch main`."""
    words = ["automated" if status.is_automated else "manual", status.pattern]
    return " · ".join(filter(None, [*words, status.branch and f"branch {status.branch}"]))


_Button = tuple[Command, str, str]
"""Command, title, icon."""


def _actions(about: About, status: WorkloadStatus) -> tuple[Action, ...]:
    workload, environment = status.workload, status.environment
    where = (("workload", workload), ("environment", environment))
    label = f"{workload} in {environment}"

    def action(
        command: Command, title: str, icon: str, *more: tuple[str, str], is_main: bool = False
    ) -> Action:
        named = f"{title} {label}"
        return Action(command, title, named, (*where, *more), icon, is_main)

    is_due = bool(status.candidate and status.candidate_reason) and not (
        status.hold or status.lock or status.trouble
    )
    found = [replace(action("release", "Release", "up", is_main=True), is_due=is_due)]
    after = (
        about.environments[about.environments.index(environment) + 1 :]
        if (environment in about.environments)
        else ()
    )
    if after:
        to = (("workload", workload), ("source", environment), ("environment", after[0]))
        named = f"Promote {workload} from {environment} to {after[0]}"
        found.append(Action("promote", "Promote", named, to, "right", True))
    found.append(action("rollback", "Roll back", "back", is_main=True))
    stops: tuple[tuple[Stopped | None, _Button, _Button], ...] = (
        (status.hold, ("resume", "Resume", "play"), ("hold", "Hold", "pause")),
        (status.lock, ("unlock", "Unlock", "unlock"), ("lock", "Lock", "lock")),
    )
    for stop, lift, put in stops:
        if stop and stop.is_whole_environment:
            command, title, icon = lift
            words = f"{title} all of {environment}"
            found.append(Action(command, words, words, where[1:], icon))
        else:
            found.append(action(*(lift if stop else put)))
    found.append(
        action("deautomate", "Deautomate", "hand")
        if status.is_automated
        else action("automate", "Automate", "cycle")
    )
    candidate = (("image", status.candidate),) if status.candidate else ()
    found.append(action("skip", "Skip this image", "skip", *candidate))
    found.append(action("policy", "Change the policy", "scroll"))
    return tuple(found)


def moment(text: str) -> datetime | None:
    """A time of RFC 3339; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def clock(text: str) -> str:
    """`2026-11-24T20:43:05Z` -> `24 Nov, 20:43:05`, in UTC."""
    found = moment(text)
    return visible(text) if found is None else f"{found.day} {found:%b, %H:%M:%S}"


def ago(text: str, now: str) -> str:
    """`3 min ago`, as that world counts; empty where a time is missing."""
    then, today = moment(text), moment(now)
    if then is None or today is None or then > today:
        return ""
    return f"{duration((today - then).total_seconds())} ago"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a unified diff."""

    kind: str
    text: str


def diff_lines(text: str) -> list[DiffLine]:
    """Each line with what it is: a header, a place, added, removed or kept."""
    starts = (("+++", "file"), ("---", "file"), ("@@", "place"), ("+", "added"), ("-", "removed"))
    return [
        DiffLine(next((kind for start, kind in starts if line.startswith(start)), "kept"), line)
        for line in text.splitlines()
    ]
