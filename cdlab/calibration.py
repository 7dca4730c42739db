"""
How long things took in histories, as the costs of a profile: from runs on kind to a simulator.

In: histories. Out: seconds per purpose of `PURPOSES`, and a profile as TOML with where its numbers
come from. What a history does not show (how long a container takes to stop) stays as in the profile
that this one extends; what happened during the bootstrap is left out, where all microservices are
built and started at once on one machine. Called by `cdlab calibrate`; pure.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cdlab.fitting import fitted, fitted_shares
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
    "PodReady": ("ContainerStarted", "readiness_phase"),
}
"""Event of a pod -> the one before it, and the purpose between the two."""
SHARES = {"readiness_phase"}
"""Purposes that are no seconds but shares of `PROBE_SECONDS`."""
PROBE_SECONDS = 1.0
"""The period of the readiness probes of the sample microservices."""
PULL_AND_SANDBOX = "pull and pod_sandbox"
FEWEST = 5
"""Fewer say too little about a spread."""

Samples = Mapping[str, list[float]]
"""Purpose -> seconds, in the order in which they happened."""


def samples(histories: Iterable[History]) -> Samples:
    """The seconds that each purpose took, every time it was seen."""
    found: dict[str, list[float]] = defaultdict(list)
    for history in histories:
        built: set[str] = set()
        begin = _begin(history)
        for event in history:
            purpose = AS_LONG_AS_THE_EVENT.get(event.kind, "")
            if event.kind == "ImageBuilt":
                purpose = _build(event, built, history)
            elif event.kind == "ImagePushed":
                purpose = "image_push" if event.bytes else "image_push_known"
            if purpose and event.outcome == "ok" and event.began_us >= begin:
                found[purpose].append((event.t_us - event.began_us) / 1e6)
        _pods(history, found)
        _hints(history, found)
    _part(found)
    return dict(found)


def _begin(history: History) -> int:
    """When the bootstrap was over: when the first thing was asked for after it."""
    asked = history.of("IntentDeclared")
    return next((e.t_us for e in asked if e.detail["intent"] != "bootstrap"), 0)


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

    Where the image is there, the time until the kubelet says so is the sandbox's; a pull is what
    comes on top of that. A step that was seen before the one it follows, as watches may tell them,
    is no sample.
    """
    begin = _begin(history)
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
        if event.kind == "ContainerStarted":
            is_there = event.digest_after in places[pod].digests
            if not is_there:
                places[pod].digests.add(event.digest_after)
                places[pod].free_us = since
            if since >= begin:
                found["pod_sandbox" if is_there else PULL_AND_SANDBOX].append(waits[pod])
        if since >= begin:
            seconds = (event.t_us - since) / 1e6
            found[purpose].append(seconds / PROBE_SECONDS if purpose in SHARES else seconds)


def _part(found: dict[str, list[float]]) -> None:
    """Pulls without the sandbox, as it usually takes; never less than nothing."""
    both = found.pop(PULL_AND_SANDBOX, [])
    usual = statistics.median(found["pod_sandbox"]) if found.get("pod_sandbox") else 0.0
    if both:
        found["pull"] = [max(each - usual, 0.0) for each in both]


def _hints(history: History, found: dict[str, list[float]]) -> None:
    """From a push to a code repo until CI knows."""
    begin = _begin(history)
    pushed = {e.detail["revision"]: e.t_us for e in history.of("CommitPushed") if e.t_us >= begin}
    for event in history.of("PipelineRunQueued"):
        since = pushed.get(event.detail["revision"])
        if since is not None:
            found["hint"].append((event.t_us - since) / 1e6)


def fingerprint(history: History) -> str:
    """By which a profile names the runs that it was made from. 16 hex digits."""
    return sha256(history.to_jsonl().encode()).hexdigest()[:16]


def profile_text(
    found: Samples, *, description: str, source: str, extends: str, made_from: Sequence[str] = ()
) -> str:
    """
    A costs profile as TOML: what was seen often enough, the rest as in the one it extends.

    *made_from*: fingerprints of the histories.
    """
    lines = [f"extends = {_quoted(extends)}", f"description = {_quoted(description)}"]
    if made_from:
        lines += ["made_from = [", *(f"    {_quoted(each)}," for each in made_from), "]"]
    for purpose, seconds in sorted(found.items()):
        if len(seconds) < FEWEST:
            continue
        fit = fitted_shares(seconds) if purpose in SHARES else fitted(seconds)
        how = f"{len(seconds)} of them, Kolmogorov distance {fit.distance:.2f}"
        entry = {**fit.fields, "source": f"{source}; {how}"}
        lines += ["", f"[{purpose}]"]
        lines += [
            f"{key} = {_quoted(each) if isinstance(each, str) else each}"
            for key, each in entry.items()
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False)
