"""
What others saw of a run, held against what its history says.

The recorder sits above the ports and would agree with itself. Outside it stand witnesses: the
engine's events (builds), the registry's notifications (image pushes), the reflogs of the
repositories (ref updates) and the API server's audit log (cluster writes by principal). In: their
counts and a history. Out: where they disagree, a sentence each. Called by the runner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cdlab.history import OK, Event, History

Testimony = Mapping[str, Mapping[str, int]]
"""What was counted -> line -> how often. A witness that was not asked is left out."""

BUILDS, IMAGE_PUSHES, REF_UPDATES, CLUSTER_WRITES = (
    "builds", "image pushes", "ref updates", "cluster writes",
)  # fmt: skip
WRITES = ("ManifestsApplied", "ImageSet", "RolloutUndone")


def told(history: History) -> Testimony:
    """The same counts from a history."""
    accepted = [event for event in history if event.outcome == OK]
    return {
        BUILDS: dict.fromkeys((e.detail["ref"] for e in accepted if e.kind == "ImageBuilt"), 1),
        IMAGE_PUSHES: dict.fromkeys(
            (f"{e.detail['ref']} {e.digest_after}" for e in accepted if e.kind == "ImagePushed"), 1
        ),
        REF_UPDATES: Counter(
            event.resource for event in accepted if event.kind == "CommitPushed" and _moved(event)
        ),
        CLUSTER_WRITES: Counter(
            f"{event.principal} in {event.resource}"
            for event in accepted
            for _ in range(_writes(event))
        ),
    }


def _writes(event: Event) -> int:
    """How many Deployments it wrote."""
    if event.kind == "ObjectsPruned":
        return sum(each.startswith("Deployment/") for each in event.detail["objects"])
    return int(event.kind in WRITES)


def _moved(event: Event) -> bool:
    return bool(event.detail["previous"] != event.detail["revision"])


def disagreements(testimony: Testimony, history: History) -> list[str]:
    """Where the witnesses and the history disagree. Empty when they tell the same."""
    ours = told(history)
    found = []
    for what, counted in testimony.items():
        for line in sorted({**counted, **ours[what]}):
            seen, written = counted.get(line, 0), ours[what].get(line, 0)
            if seen != written:
                found.append(f"{what}: {line}: witnessed {seen}, in the history {written}")
    return found
