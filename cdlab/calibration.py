"""
How long things took in histories, as the costs of a profile: from runs on kind to a simulator.

In: histories. Out: seconds per purpose of `PURPOSES`, and a profile as TOML with where its numbers
come from. What a history does not show (how long a container takes to stop) stays as in the profile
that this one extends; what happened during the bootstrap is left out, where all microservices are
built and started at once on one machine. Called by `cdlab calibrate`; pure.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from cdlab.fitting import fitted, fitted_shares
from cdlab.history import Event, History
from cdlab.pod_samples import end_of_bootstrap, pod_samples

AS_LONG_AS_THE_EVENT: Mapping[str, str] = {
    "CommitPushed": "git_push",
    "Committed": "git_commit",
    "Reverted": "git_commit",
    "HeadRead": "git_head",
    "TagsListed": "registry_read",
    "ImageSet": "api_call",
    "ManifestsApplied": "api_call",
}
"""Event -> the purpose that it is the whole of."""
FEWEST = 5
"""Fewer say too little about a spread."""

Samples = Mapping[str, list[float]]
"""Purpose -> seconds, in the order in which they happened."""


def samples(histories: Iterable[History]) -> Samples:
    """The seconds, or the shares, that each purpose took, every time it was seen."""
    found: dict[str, list[float]] = defaultdict(list)
    histories = tuple(histories)
    for history in histories:
        built: set[str] = set()
        seen: dict[tuple[str, str], str] = {}
        begin = end_of_bootstrap(history)
        for event in history:
            purpose = AS_LONG_AS_THE_EVENT.get(event.kind, "")
            if event.kind == "ImageBuilt":
                purpose = _build(event, built, history)
            elif event.kind == "RepositoryCloned":
                purpose = _clone(event, seen)
            elif event.kind == "CommitPushed" and event.outcome == "ok":
                seen[event.principal, event.resource] = event.detail["revision"]
            elif event.kind == "ImagePushed":
                purpose = "image_push" if event.bytes else "image_push_known"
            if purpose and event.outcome == "ok" and event.began_us >= begin:
                found[purpose].append((event.t_us - event.began_us) / 1e6)
        _hints(history, found)
    return dict(found) | pod_samples(histories)


def _build(event: Event, built: set[str], history: History) -> str:
    """Which of the builds it was: the cache has what was built before in the same run."""
    content, has_cache = event.detail["content"], history.settings["variant"]["has_build_cache"]
    is_cached, is_changed = content in built, event.resource in built
    built.update((content, event.resource))
    if not has_cache:
        return "build"
    return "build_cached" if is_cached else "build_changed" if is_changed else "build"


def _clone(event: Event, seen: dict[tuple[str, str], str]) -> str:
    """Whether the one who clones had that head already."""
    key, head = (event.principal, event.resource), event.detail.get("revision")
    is_known = head is not None and seen.get(key) == head
    seen[key] = head or ""
    return "git_clone_known" if is_known else "git_clone"


def _hints(history: History, found: dict[str, list[float]]) -> None:
    """From a push to a code repo until CI knows."""
    begin = end_of_bootstrap(history)
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
        fit = fitted_shares(seconds) if purpose == "readiness_phase" else fitted(seconds)
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
