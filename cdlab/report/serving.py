"""
What the pods of each workload served, as stretches of time: one answer for all pictures.

In: a history. Out: stretches, and the moments at which every replica had come to serve the same.
Called by `explanation` and `swim_lanes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cdlab.history import Event, History
from cdlab.pod_timeline import contents, steps

State = Literal["nothing", "good", "bad", "mixed"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """From this event on, and until the next stretch, the same pods were Ready."""

    event: Event
    environment: str
    workload: str
    digests: tuple[str, ...]
    """One for each Ready pod, sorted."""
    versions: tuple[str, ...]
    """In the words of the story, each once and sorted."""
    state: State

    @property
    def is_one_image(self) -> bool:
        """Whether all Ready pods run the same image."""
        return len(set(self.digests)) == 1


def stretches(history: History, environment: str, workload: str) -> Iterator[Stretch]:
    """All stretches of one workload in one environment, oldest first."""
    source = contents(history)
    shipped = {event.detail["content"]: event.detail for event in history.of("Shipped")}
    for step in steps(history, environment, workload):
        digests = tuple(sorted(step.serving.values()))
        found = [shipped.get(source.get(each, ""), {}) for each in digests]
        versions = sorted({each.get("version", "another version") for each in found})
        state: State = "mixed" if digests else "nothing"
        if len(versions) == 1:
            state = "bad" if any(each.get("is_bad") for each in found) else "good"
        yield Stretch(step.event, environment, workload, digests, tuple(versions), state)


def completions(history: History) -> Iterator[Stretch]:
    """The stretches with which a rollout was complete, or with which nothing was left."""
    replicas = history.settings["replicas"]
    for environment in history.settings["environments"]:
        for workload in history.settings["microservices"]:
            before: tuple[str, ...] = ()
            for each in stretches(history, environment, workload):
                is_whole = len(each.digests) == replicas and each.is_one_image
                if each.digests != before and (is_whole or not each.digests):
                    before = each.digests
                    yield each


def starts(history: History, environment: str) -> Iterator[tuple[int, int, str]]:
    """Begin and end in microseconds, and the name, of every start of a pod that came to an end."""
    created: dict[str, int] = {}
    for event in history:
        if event.op != "observe" or event.resource != environment:
            continue
        pod = event.detail["pod"]
        if event.kind == "PodCreated":
            created[pod] = event.t_us
        elif event.kind in ("PodReady", "PodStopping") and pod in created:
            yield created.pop(pod), event.t_us, pod
