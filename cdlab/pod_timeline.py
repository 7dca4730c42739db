"""
Which images the pods of a workload served, and since when: pod events folded into steps.

Pure functions over a history, used by all measures that ask what ran.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cdlab.history import Event, History


class Step(NamedTuple):
    """From this event on, these pods are Ready and not about to stop."""

    event: Event
    serving: dict[str, str]
    """Pod -> digest."""


def pod_events(history: History, environment: str, workload: str) -> list[Event]:
    """The pod events of one workload in one environment, in order."""
    found = history.derived("pods by workload", lambda: _by_workload(history))
    return found.get((environment, workload), [])


def _by_workload(history: History) -> dict[tuple[str, str], list[Event]]:
    found: dict[tuple[str, str], list[Event]] = {}
    for event in history:
        if event.op == "observe":
            found.setdefault((event.resource, event.detail["workload"]), []).append(event)
    return found


def steps(history: History, environment: str, workload: str) -> Sequence[Step]:
    """Every change of what serves, oldest first."""
    where = environment, workload
    return history.derived(("steps", *where), lambda: tuple(_steps(history, *where)))


def _steps(history: History, environment: str, workload: str) -> Iterator[Step]:
    serving: dict[str, str] = {}
    for event in pod_events(history, environment, workload):
        pod = event.detail["pod"]
        if event.kind == "PodReady":
            serving[pod] = event.digest_after
        elif event.kind in ("PodBecameUnready", "PodStopping") and pod in serving:
            del serving[pod]
        else:
            continue
        yield Step(event, dict(serving))


def contents(history: History) -> dict[str, str]:
    """Digest -> the content it was built from."""
    return history.derived(
        "contents",
        lambda: {e.digest_after: e.detail["content"] for e in history.of("ImagePushed")},
    )


def serving_at(history: History, environment: str, workload: str, seq: int) -> dict[str, str]:
    """Pod -> digest of those that served when event number *seq* was written."""
    serving: dict[str, str] = {}
    for step in steps(history, environment, workload):
        if step.event.seq > seq:
            break
        serving = step.serving
    return serving


def served_at(history: History, environment: str, workload: str, seq: int) -> set[str]:
    """The digests that served when event number *seq* was written."""
    return set(serving_at(history, environment, workload, seq).values())


def available(
    history: History, environment: str, workload: str, content: str, after: int
) -> Event | None:
    """
    The event that completed *content* in an environment, after event number *after*.

    Complete: every replica is Ready on it, and no pod that serves anything else is left.
    """
    source = contents(history)
    replicas = history.settings["replicas"]
    for step in steps(history, environment, workload):
        served = {source.get(digest) for digest in step.serving.values()}
        if step.event.seq > after and len(step.serving) >= replicas and served == {content}:
            return step.event
    return None
