"""
For how long what is written down and what runs disagree, and whether what runs fits together.

In: a history. Out: shares and seconds over the time after bootstrap, from what was pushed to the
config repo and from every change of what the pods serve. Both are compared by digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from cdlab.coupling import CHANGES, changed_workloads
from cdlab.history import Event, History
from cdlab.pod_timeline import contents, steps
from cdlab.releases import config_path

Change = TypeVar("Change", bound=tuple[Any, ...])
Workload = tuple[str, str]
"""Environment and name."""
Marks = Mapping[str, Mapping[str, Any]]
"""Content -> what was said of it when it was shipped."""


FIRST_INTERFACE = 1
"""What a content provides that says nothing of it."""


class Span(NamedTuple):
    """A time in which the config entry of a workload was not what ran."""

    began_us: int
    ended_us: int
    ended: Event | None
    """The commit or the change of a pod that made them agree; None if the run ended first."""


def spans(history: History) -> dict[Workload, list[Span]] | None:
    """
    When each workload diverged, after bootstrap. None where there is no config repo or no after.

    A workload diverges while not all of its serving pods have the digest of its config entry, or
    none serves. It begins with the first thing that somebody asked for after the bootstrap.
    """
    return _spans_so_far(history, len(history))


@lru_cache(maxsize=1)
def _spans_so_far(history: History, length: int) -> dict[Workload, list[Span]] | None:
    """Three measures ask for the same spans; a history that has grown since has others."""
    entries, start = _entries(history), _start(history)
    if start is None or start.t_us == history[-1].t_us or not any(entries.values()):
        return None
    return {
        workload: list(_spans(history, start, workload, written))
        for workload, written in entries.items()
    }


def _start(history: History) -> Event | None:
    asked = history.of("IntentDeclared")
    return next((event for event in asked if event.detail["intent"] != "bootstrap"), None)


def _spans(
    history: History, start: Event, workload: Workload, entries: list[tuple[Event, str]]
) -> Iterator[Span]:
    changes: list[tuple[Event, Any]] = [
        *_from(start, entries),
        *_from(start, [*steps(history, *workload)]),
    ]
    changes.sort(key=itemgetter(0))
    wanted, served, since = "", set[str](), -1
    for event, change in changes:
        if isinstance(change, str):
            wanted = _digest(history, event, change, workload[1])
        else:
            served = set(change.values())
        if served != {wanted}:
            since = event.t_us if since < 0 else since
        elif since >= 0:
            if event.t_us > max(since, start.t_us):
                yield Span(max(since, start.t_us), event.t_us, event)
            since = -1
    if since >= 0:
        yield Span(max(since, start.t_us), history[-1].t_us, None)


def _from(start: Event, changes: list[Change]) -> list[Change]:
    """What was so at the start, and what changed later."""
    later = [change for change in changes if change[0].seq > start.seq]
    earlier = len(changes) - len(later)
    return changes[max(earlier - 1, 0) :]


def _entries(history: History) -> dict[Workload, list[tuple[Event, str]]]:
    """For each workload the pushes that wrote its config entry, and what it then said."""
    entries: dict[Workload, list[tuple[Event, str]]] = {
        (environment, name): []
        for environment in history.settings["environments"]
        for name in history.settings["microservices"]
    }
    workloads = {config_path(*workload): workload for workload in entries}
    written: dict[str, Mapping[str, str]] = {}
    before: dict[str, Mapping[str, str]] = {}
    current: dict[str, str] = {}
    for event in history.of("Committed", "Reverted", "CommitPushed"):
        if event.component != "config-repo":
            continue
        detail = event.detail
        if event.kind == "Committed":
            written[detail["revision"]] = detail["files"]
        elif event.kind == "Reverted":
            written[detail["revision"]] = before.get(detail["reverted"], {})
        else:
            # What was committed and then rejected is on nobody's disk but the committer's.
            files = written.get(detail["revision"], {})
            before[detail["revision"]] = {path: current.get(path, "") for path in files}
            current |= files
            for path in files:
                if path in workloads:
                    entries[workloads[path]].append((event, files[path]))
    return entries


def _digest(history: History, written: Event, manifest: str, name: str) -> str:
    """
    The digest that a manifest asked for; what it says where that was no image we know.

    Found by looking for the images that were there: to parse all manifests would take longer than
    all other measures together.
    """
    named = [
        pushed.digest_after
        for pushed in history.of("ImagePushed")
        if pushed.resource == name and pushed.seq < written.seq and pushed.detail["ref"] in manifest
    ]
    # A digest in the manifest is stronger than its tag, which may have moved.
    exact = [digest for digest in named if digest in manifest]
    return [manifest, *named, *exact][-1]


def ssot_divergence(history: History) -> float | None:
    """
    Share of the workloads whose config entry differs from what runs, averaged over time. 0 to 1.

    From the first intent after the bootstrap to the end of the run. None where no config repo is
    there to differ from, as in V1.
    """
    found, start = spans(history), _start(history)
    if found is None or start is None:
        return None
    lasted = history[-1].t_us - start.t_us
    total = sum(span.ended_us - span.began_us for each in found.values() for span in each)
    return total / lasted / len(found)


def ssot_divergence_maximum(history: History) -> float | None:
    """The largest share of the workloads that diverged at once, after bootstrap. 0 to 1."""
    found = spans(history)
    if found is None:
        return None
    # At equal times an end, -1, sorts before a beginning.
    changes = sorted(
        change
        for each in found.values()
        for span in each
        for change in ((span.began_us, 1), (span.ended_us, -1))
    )
    return max(accumulate(number for _, number in changes), default=0) / len(found)


def ssot_divergence_ended_by(history: History) -> str | None:
    """
    What ended the longest divergence: the kind of intent, `deploy`, `rollback`, `drift repair`.

    `none` if nothing diverged, `still there` if the run ended first. Of what changed a pod, the
    intent is that of the last change of the workload in the cluster.
    """
    found = spans(history)
    if found is None:
        return None
    lasted = [(s.ended_us - s.began_us, s, where) for where, each in found.items() for s in each]
    if not lasted:
        return "none"
    _, longest, where = max(lasted, key=lambda each: each[0])
    if longest.ended is None:
        return "still there"
    cause = longest.ended
    if cause.op == "observe":
        cause = next((e for e in _changes(history, where)[::-1] if e.seq < cause.seq), cause)
    return cause.intent.rpartition("-")[0] or cause.principal or "a pod"


def _changes(history: History, where: Workload) -> list[Event]:
    """What was asked of the cluster about one workload, in order."""
    return [
        event for event in history.of(*CHANGES) if where in changed_workloads([event], where[1:])
    ]


def incompatible_seconds(history: History) -> float | None:
    """
    Time in which something served that needed another interface than its callee had. Seconds.

    From the `Shipped` marks: a content `needs` one of some numbers of each workload that it calls,
    and `provides` one, the first where it says none. One pod that does not fit is enough, since a
    Service sends requests to all. Contents that nobody marked, and callees of which nothing serves,
    are no misfits. Environments are added up. None if nothing that was shipped needs any.
    """
    shipped = {event.detail["content"]: event.detail for event in history.of("Shipped")}
    if not any(each.get("needs") for each in shipped.values()):
        return None
    environments = history.settings["environments"]
    return sum(_incompatible_us(history, each, shipped) for each in environments) / 1e6


def _incompatible_us(history: History, environment: str, shipped: Marks) -> int:
    source = contents(history)
    moments = [
        (step.event, name, {source.get(digest, "") for digest in step.serving.values()})
        for name in history.settings["microservices"]
        for step in steps(history, environment, name)
    ]
    moments.sort(key=lambda moment: moment[0].seq)
    serving: dict[str, set[str]] = {}
    total, since = 0, -1
    for event, name, served in moments:
        serving[name] = served
        if not _fits(serving, shipped):
            since = event.t_us if since < 0 else since
        elif since >= 0:
            total, since = total + event.t_us - since, -1
    return total + (history[-1].t_us - since if since >= 0 else 0)


def _fits(serving: Mapping[str, set[str]], shipped: Marks) -> bool:
    """Whether each serving content meets what its callees' contents have."""
    running = [shipped[each] for served in serving.values() for each in served if each in shipped]
    return all(
        shipped[content].get("provides", FIRST_INTERFACE) in accepted
        for caller in running
        for callee, accepted in caller.get("needs", {}).items()
        for content in serving.get(callee, ())
        if content in shipped
    )
