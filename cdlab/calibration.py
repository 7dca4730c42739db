"""
How long things took in histories, as the costs of a profile: from runs on kind to a simulator.

In: histories. Out: seconds per purpose of `PURPOSES`, and a profile as TOML with where its numbers
come from. What a history does not show (how long a container takes to stop) stays as in the profile
that this one extends. Called by `cdlab calibrate`; pure.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cdlab.history import Event, History

AS_LONG_AS_THE_EVENT: Mapping[str, str] = {
    "RepositoryCloned": "git_clone",
    "CommitPushed": "git_push",
    "Committed": "git_commit",
    "Reverted": "git_commit",
    "HeadRead": "git_head",
    "TagsListed": "registry_read",
    "ImageSet": "api_call",
    "ManifestsApplied": "api_call",
}
"""Event -> the purpose that it is the whole of."""
POD_STEPS: Mapping[str, tuple[str, str]] = {
    "PodScheduled": ("PodCreated", "schedule"),
    "ImagePulled": ("PodScheduled", "pull"),
    "ContainerStarted": ("ImagePulled", "pod_start"),
}
"""Event of a pod -> the one before it, and the purpose between the two."""
FEWEST = 5
"""Fewer say too little about a spread."""

Samples = Mapping[str, list[float]]
"""Purpose -> seconds, in the order in which they happened."""


def samples(histories: Iterable[History]) -> Samples:
    """The seconds that each purpose took, every time it was seen."""
    found: dict[str, list[float]] = defaultdict(list)
    for history in histories:
        built: set[str] = set()
        for event in history:
            purpose = AS_LONG_AS_THE_EVENT.get(event.kind, "")
            if event.kind == "ImageBuilt":
                purpose = _build(event, built, history)
            elif event.kind == "ImagePushed":
                purpose = "image_push" if event.bytes else "image_push_known"
            if purpose and event.outcome == "ok":
                found[purpose].append((event.t_us - event.began_us) / 1e6)
        _pods(history, found)
        _hints(history, found)
    return dict(found)


def _build(event: Event, built: set[str], history: History) -> str:
    """Which of the two builds it was: the cache has what was built before in the same run."""
    is_cached = event.detail["content"] in built and history.settings["variant"]["has_build_cache"]
    built.add(event.detail["content"])
    return "build_cached" if is_cached else "build"


@dataclass(slots=True)
class _Node:
    """A machine: when it was last done with a pull, and which images it has."""

    free_us: int = 0
    digests: set[str] = field(default_factory=set)


def _pods(history: History, found: dict[str, list[float]]) -> None:
    """
    What pods take. A kubelet pulls one image after the other, and only those that it lacks.

    A step that was seen before the one it follows, as watches may tell them, is no sample.
    """
    at: dict[tuple[str, str], int] = {}
    places: dict[str, _Node] = {}
    nodes: dict[str, _Node] = defaultdict(_Node)
    waits: dict[str, float] = {}
    for event in history.of("PodCreated", *POD_STEPS):
        pod = f"{event.resource}/{event.detail['pod']}"
        at[pod, event.kind] = event.t_us
        before, purpose = POD_STEPS.get(event.kind, ("", ""))
        since = at.get((pod, before))
        if since is None:
            continue
        if event.kind == "PodScheduled":
            places[pod] = nodes[event.detail["node"]]
        if event.kind == "ImagePulled":
            waits[pod] = (event.t_us - max(since, places[pod].free_us)) / 1e6
            continue
        if event.kind == "ContainerStarted" and event.digest_after not in places[pod].digests:
            places[pod].digests.add(event.digest_after)
            places[pod].free_us = since
            found["pull"].append(waits[pod])
        found[purpose].append((event.t_us - since) / 1e6)


def _hints(history: History, found: dict[str, list[float]]) -> None:
    """From a push to a code repo until CI knows."""
    pushed = {e.detail["revision"]: e.t_us for e in history.of("CommitPushed")}
    for event in history.of("PipelineRunQueued"):
        since = pushed.get(event.detail["revision"])
        if since is not None:
            found["hint"].append((event.t_us - since) / 1e6)


def fitted(seconds: list[float]) -> dict[str, float | str]:
    """
    A distribution for some samples: lognormal by the median and the spread of the logarithms.

    Constant where they are all the same, or where one is zero and has no logarithm.
    """
    median = statistics.median(seconds)
    if min(seconds) <= 0 or min(seconds) == max(seconds):
        return {"distribution": "constant", "value": round(median, 4)}
    # By quartiles, so that one slow call does not decide; 1.349 of them are a standard deviation.
    low, _, high = statistics.quantiles([math.log(each) for each in seconds], n=4)
    sigma = (high - low) / 1.349
    return {"distribution": "lognormal", "median": round(median, 4), "sigma": round(sigma, 3)}


def profile_text(found: Samples, *, description: str, source: str, extends: str) -> str:
    """A costs profile as TOML: what was seen often enough, the rest as in the one it extends."""
    lines = [f"extends = {_quoted(extends)}", f"description = {_quoted(description)}"]
    for purpose, seconds in sorted(found.items()):
        if len(seconds) < FEWEST:
            continue
        entry = {**fitted(seconds), "source": f"{source}; {len(seconds)} of them"}
        lines += ["", f"[{purpose}]"]
        lines += [
            f"{key} = {_quoted(each) if isinstance(each, str) else each}"
            for key, each in entry.items()
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False)
