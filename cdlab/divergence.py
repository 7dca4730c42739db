"""
For how long what is written down and what runs disagree, and whether what runs fits together.

In: a history. Out: shares and seconds over the time after bootstrap, from what was pushed to the
config repo and from every change of what the pods serve. Both are compared by digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from cdlab import manifests
from cdlab.errors import ManifestError
from cdlab.history import Event, History
from cdlab.model import ImageRef
from cdlab.pod_timeline import Step, contents, steps
from cdlab.releases import config_path

Workload = tuple[str, str]
"""Environment and name."""
Marks = Mapping[str, Mapping[str, Any]]
"""Content -> what was said of it when it was shipped."""


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
    entries = _entries(history)
    start = next(
        (e for e in history.of("IntentDeclared") if e.detail["intent"] != "bootstrap"), None
    )
    if start is None or not any(entries.values()):
        return None
    return {
        (environment, name): [
            Span(max(each.began_us, start.t_us), each.ended_us, each.ended)
            for each in _spans(history, found, steps(history, environment, name))
            if each.ended_us > start.t_us and each.ended_us > each.began_us
        ]
        for (environment, name), found in entries.items()
    }


def _spans(
    history: History, entries: list[tuple[Event, str]], pods: Iterable[Step]
) -> Iterator[Span]:
    changes: list[tuple[Event, Any]] = [*entries, *pods]
    changes.sort(key=lambda change: change[0].seq)
    wanted, served, since = "", set[str](), -1
    for event, change in changes:
        if isinstance(change, str):
            wanted = change
        else:
            served = set(change.values())
        if served != {wanted}:
            since = event.t_us if since < 0 else since
        elif since >= 0:
            yield Span(since, event.t_us, event)
            since = -1
    if since >= 0:
        yield Span(since, history[-1].t_us, None)


def _entries(history: History) -> dict[Workload, list[tuple[Event, str]]]:
    """For each workload the pushes that wrote its config entry, and the digest it then named."""
    entries: dict[Workload, list[tuple[Event, str]]] = {
        (environment, name): []
        for environment in history.settings["environments"]
        for name in history.settings["microservices"]
    }
    workloads = {config_path(*workload): workload for workload in entries}
    digests: dict[str, str] = {}
    written: dict[str, Mapping[str, str]] = {}
    before: dict[str, Mapping[str, str]] = {}
    current: dict[str, str] = {}
    for event in history.of("ImagePushed", "Committed", "Reverted", "CommitPushed"):
        detail = event.detail
        if event.kind == "ImagePushed":
            digests[detail["ref"]] = event.digest_after
        elif event.component != "config-repo":
            continue
        elif event.kind == "Committed":
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
                    workload = workloads[path]
                    named = _digest(files[path], workload[1], digests)
                    entries[workload].append((event, named))
    return entries


def _digest(manifest: str, name: str, digests: Mapping[str, str]) -> str:
    """The digest that a manifest asks for; what it says where that is no image we know."""
    try:
        image = ImageRef.parse(manifests.image_of(manifest, name))
    except ManifestError:
        return manifest
    return image.digest or digests.get(str(image), str(image))


def ssot_divergence(history: History) -> float | None:
    """
    Share of the workloads whose config entry differs from what runs, averaged over time. 0 to 1.

    From the first intent after the bootstrap to the end of the run. None where no config repo is
    there to differ from, as in V1.
    """
    found = spans(history)
    if found is None:
        return None
    start = min(e.t_us for e in history.of("IntentDeclared") if e.detail["intent"] != "bootstrap")
    lasted = history[-1].t_us - start
    total = sum(span.ended_us - span.began_us for each in found.values() for span in each)
    return total / lasted / len(found) if lasted else None


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
        cause = next((e for e in reversed(_changes(history, where)) if e.seq < cause.seq), cause)
    return cause.intent.rpartition("-")[0] or cause.principal or "a pod"


def _changes(history: History, where: Workload) -> list[Event]:
    """What was asked of the cluster about one workload, in order."""
    environment, name = where
    return [
        event
        for event in history.of("ManifestsApplied", "ImageSet", "RolloutUndone")
        if event.resource == environment
        and event.detail.get("changed", True)
        and event.detail.get("workload", name) == name
        and f"name: {name}\n" in event.detail.get("manifest", f"name: {name}\n")
    ]


def incompatible_seconds(history: History) -> float | None:
    """
    Time in which something served that needed another interface than its callee had. Seconds.

    From the `Shipped` marks: a content `needs` one number of each workload that it calls, nothing
    or all of them, and `provides` one, 0 where it says none. One pod that does not fit is enough,
    since a Service sends requests to all. Contents that nobody marked, and callees of which nothing
    serves, are no misfits. Environments are added up. None if nothing that was shipped needs any.
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
        shipped[content].get("provides", 0) == number
        for caller in running
        for callee, number in caller.get("needs", {}).items()
        for content in serving.get(callee, ())
        if content in shipped
    )
