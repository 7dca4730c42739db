"""
Whether a workload can stay as it is while others, or its own code, move on.

In: a history. Out: shares and counts of workloads and commits. A *decision* about a workload is an
intent that names it with an environment and was not refused.
"""

from __future__ import annotations

from cdlab.coupling import changed_workloads
from cdlab.history import Event, History
from cdlab.model import ImageRef
from cdlab.pod_timeline import pod_events, served_at, steps
from cdlab.rollback_time import asked, done, known_good

PINNING = ("rollback", "out-of-band edit")


def _decisions(history: History, name: str) -> list[Event]:
    """What was decided about one workload, in order."""
    refused = {e.intent for e in history.of("RollbackRefused", "PromotionRefused")}
    return [
        event
        for event in history.of("IntentDeclared")
        if event.detail.get("workload") == name
        and "environment" in event.detail
        and event.intent not in refused
    ]


def _code_pushes(history: History) -> list[Event]:
    return [
        event
        for event in history.of("CommitPushed")
        if event.component == "code-repo" and not event.intent.startswith("bootstrap")
    ]


def version_independence(history: History) -> float | None:
    """
    P(a pinned workload keeps its digest over a later push of its code). A share, 0 to 1.

    Pinned: its environment waits for decisions, or the last one about it was a rollback or an
    out-of-band edit. It is kept if until the next decision nothing serves but what served at the
    push, or what the last decision can have chosen. None if no push met anything pinned.
    """
    kept = [
        is_kept
        for push in _code_pushes(history)
        for environment, how in history.settings["environments"].items()
        if (is_kept := _is_kept(history, push, environment, how == "manual")) is not None
    ]
    return sum(kept) / len(kept) if kept else None


def _is_kept(history: History, push: Event, environment: str, waits: bool) -> bool | None:
    """Whether a workload kept its digest over a push; None if it was not pinned."""
    name = push.resource
    about = [e for e in _decisions(history, name) if e.detail["environment"] == environment]
    last = next((e for e in about[::-1] if e.seq < push.seq), None)
    if last is not None and last.intent == push.intent:
        return None  # the push is how it was decided
    is_pinned = last is not None and last.detail["intent"] in PINNING
    served = served_at(history, environment, name, push.seq)
    if not served or not (waits or is_pinned):
        return None
    allowed = served | (set() if last is None else _decided_for(history, last))
    until = next((e.seq for e in about if e.seq > push.seq), len(history))
    return all(
        digest in allowed
        for step in steps(history, environment, name)
        if push.seq < step.event.seq < until
        for digest in step.serving.values()
    )


def _decided_for(history: History, decision: Event) -> set[str]:
    """The digests that a decision can have chosen: those of its time, and what it has rebuilt."""
    goal = known_good(history, decision) if "good" in decision.detail else None
    return {
        event.digest_after
        for event in history.of("ImagePushed")
        if event.seq < decision.seq or event.detail["content"] == goal
    }


def change_amplification(history: History) -> int | None:
    """
    Workloads that the first deploy changed in the cluster with no further decision. A count.

    A change that came after somebody decided about that environment, as a promotion does, is not
    the push's. None if no code was pushed to be deployed.
    """
    deploys = [e for e in history.of("IntentDeclared") if e.detail["intent"] == "deploy"]
    if not deploys:
        return None
    ask = deploys[0]
    name = ask.detail["workload"]
    decided: dict[str, int] = {}
    for event in _decisions(history, name):
        if event.seq > ask.seq:
            decided.setdefault(event.detail["environment"], event.seq)
    own = [e for e in history.cone(ask.intent) if e.seq < decided.get(e.resource, e.seq + 1)]
    return len(changed_workloads(own, history.settings["microservices"]))


def good_commits_withdrawn(history: History) -> int | None:
    """
    Good commits that ran in the environment before the rollback and no longer do after it.

    A rollback to an earlier image takes all of a batch back, a revert only what it reverts. Good is
    every commit that the request does not call bad. A merge counts once. None without a completed
    rollback, or where a pod names no commit that was pushed.
    """
    ask, end = asked(history), done(history)
    if ask is None or end is None:
        return None
    within = _commits_within(history, ask.detail["workload"])
    ready = [
        event
        for event in pod_events(history, ask.detail["environment"], ask.detail["workload"])
        if event.kind == "PodReady" and event.seq <= end.seq
    ]
    earlier = [event for event in ready if event.seq < ask.seq]
    if not earlier:
        return None
    before, after = (ImageRef.parse(e.detail["image"]).tag for e in (earlier[-1], ready[-1]))
    if not {before, after} <= within.keys():
        return None
    gone = within[before] - within[after]
    return len(gone.difference(ask.detail.get("bad_revisions", ())))


def _commits_within(history: History, name: str) -> dict[str | None, frozenset[str]]:
    """Pushed revision of a code repo -> the commits in force in it, without what was reverted."""
    within: dict[str | None, frozenset[str]] = {None: frozenset()}
    made: dict[str, list[Event]] = {}
    for event in history.of("RepositoryCloned", "Committed", "Merged", "Reverted", "CommitPushed"):
        if event.component != "code-repo" or event.resource != name:
            continue
        if event.kind == "RepositoryCloned":
            made[event.intent] = []
        elif event.kind != "CommitPushed":
            made.setdefault(event.intent, []).append(event)
        elif event.detail["revision"] not in within:
            found = set(within.get(event.detail["previous"], ()))
            for each in made.pop(event.intent, []):
                if each.kind == "Reverted":
                    found.discard(each.detail["reverted"])
                else:
                    found.add(each.detail["revision"])
            within[event.detail["revision"]] = frozenset(found)
    return within
