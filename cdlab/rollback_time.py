"""
How long a rollback took, in which phases, and whether it stayed.

The clock starts when somebody asks and ends when every replica of the environment is Ready on the
known-good content and nothing else serves. The phases follow the critical path, the pod that is
Ready last; they are never negative, do not overlap and sum to the total.
"""

from __future__ import annotations

from typing import Any

from cdlab.history import OK, Event, History
from cdlab.pod_timeline import available, contents, pod_events, served_at, serving_at, steps

PHASES = (
    "revert",
    "notify",
    "queue",
    "checkout",
    "build",
    "push",
    "config",
    "apply",
    "earlier replicas",
    "schedule",
    "pull",
    "start",
    "ready",
    "drain",
)
"""In the order of the critical path. One that an architecture does not have is 0."""


COMMITS = ("Committed", "Reverted")
"""Events that say which files a commit changed."""


def asked(history: History) -> Event | None:
    """The event of the rollback that was asked for, in band or out of band."""
    return history.derived("rollback asked", lambda: _asked(history))


def _asked(history: History) -> Event | None:
    for event in history.of("IntentDeclared"):
        if event.detail["intent"] in ("rollback", "out-of-band edit"):
            return event
    return None


def is_missed(history: History) -> bool:
    """Whether people waited in vain for what they had rolled back to, the last time or before."""
    return bool(history.of("RollbackMissed"))


def known_good(history: History, ask: Event) -> str:
    """
    The content that has to serve when the rollback is done.

    What ran before, unless the answer says more: a revert of one commit of many makes a content
    that never ran.
    """
    answers = [e for e in history.of("RollbackAccepted") if e.intent == ask.intent]
    return str((answers[0] if answers else ask).detail.get("good", ask.detail["good"]))


def done(history: History) -> Event | None:
    """The pod event that completed the rollback; None if it never was."""
    return history.derived("rollback done", lambda: _done(history))


def _done(history: History) -> Event | None:
    ask = asked(history)
    if ask is None:
        return None
    what = ask.detail
    where, good = (what["environment"], what["workload"]), known_good(history, ask)
    return available(history, *where, good, ask.seq) or _withdrawn(history, *where, good, ask)


def _withdrawn(
    history: History, environment: str, workload: str, good: str, ask: Event
) -> Event | None:
    """
    The end of the last bad pod, where good ones served all the time.

    A release that never became Ready has replaced nothing: rolling it back only takes it away.
    """

    def serve_alone(seq: int) -> bool:
        served = serving_at(history, environment, workload, seq).values()
        is_enough = len(served) >= history.settings["replicas"]
        return is_enough and {source.get(digest) for digest in served} == {good}

    source = contents(history)
    if not serve_alone(ask.seq):
        return None
    served = serving_at(history, environment, workload, ask.seq)
    bad: set[str] = set()
    for event in pod_events(history, environment, workload):
        pod = event.detail["pod"]
        if event.kind == "PodCreated" and pod not in served:
            bad.add(pod)
        elif event.kind == "PodStopping" and pod in bad:
            bad.remove(pod)
            if not bad and event.seq > ask.seq and serve_alone(event.seq):
                return event  # and not the end of all of them, with the cluster
    return None


def rollback_seconds(history: History) -> float | None:
    """
    Ask to every replica Ready on the known-good content, nothing bad serving. Seconds.

    Of several rollbacks that of the first; None if one of them never came, the first or another.
    """
    ask, end = asked(history), done(history)
    if ask is None or end is None or is_missed(history):
        return None
    return (end.t_us - ask.t_us) / 1e6


def phases(history: History) -> dict[str, float]:
    """Phase -> seconds. Empty when there was no rollback, or no end to it."""
    ask, end = asked(history), done(history)
    if ask is None or end is None or is_missed(history):
        return {}
    marks = _release_marks(history, ask) | _pod_marks(history, ask, end)
    result, before = {}, ask.t_us
    for phase in PHASES:
        mark = min(max(marks.get(phase, before), before), end.t_us)
        result[phase] = (mark - before) / 1e6
        before = mark
    return result


def _release_marks(history: History, ask: Event) -> dict[str, int]:
    """When each phase before the pods was over, from the events of the rollback's cone."""
    marks: dict[str, int] = {}
    for event in history.cone(ask.intent):
        if event.outcome != OK:
            continue
        match event.kind, event.component:
            case "CommitPushed", "code-repo":
                marks["revert"] = event.t_us
            case "PipelineRunQueued", _:
                marks["notify"] = event.t_us
            case "PipelineRunStarted", _:
                marks["queue"] = event.t_us
            case "RepositoryCloned", "config-repo":
                marks.setdefault("queue", event.began_us)
            case "RepositoryCloned", "code-repo" if event.principal == "ci":
                marks["checkout"] = event.t_us
            case "ImageBuilt", _:
                marks["build"] = event.t_us
            case "ImagePushed", _:
                marks["push"] = event.t_us
            case "CommitPushed", "config-repo":
                marks["config"] = event.t_us
            case "ImageSet" | "ManifestsApplied" | "RolloutUndone", _:
                if event.resource == ask.detail["environment"]:
                    marks["apply"] = event.t_us
    return marks


POD_MARKS = {
    "PodCreated": "earlier replicas",
    "PodScheduled": "schedule",
    "ImagePulled": "pull",
    "ContainerStarted": "start",
    "PodReady": "ready",
}


def _pod_marks(history: History, ask: Event, end: Event) -> dict[str, int]:
    """When each phase of the pod that was Ready last was over."""
    seen = [
        event
        for event in pod_events(history, ask.detail["environment"], ask.detail["workload"])
        if ask.seq < event.seq <= end.seq
    ]
    ready = [event for event in seen if event.kind == "PodReady"]
    if not ready:
        return {"drain": end.t_us}
    last = ready[-1].detail["pod"]
    return {
        POD_MARKS[event.kind]: event.t_us
        for event in seen
        if event.detail["pod"] == last and event.kind in POD_MARKS
    } | {"drain": end.t_us}


def lead_time_seconds(history: History) -> float | None:
    """Push accepted to every replica Ready, in the first environment, for the bad release."""
    for event in history.of("CommitPushed"):
        if event.component == "code-repo" and event.intent.startswith("deploy"):
            where = next(iter(history.settings["environments"]))
            end = available(history, where, event.resource, event.detail["content"], event.seq)
            return None if end is None else (end.t_us - event.t_us) / 1e6
    return None


def _observed_until(history: History) -> int:
    ended = history.of("ObservationEnded")
    return ended[0].seq if ended else len(history)


def stayed_rolled_back(history: History) -> bool | None:
    """
    Whether nothing else served there until the observation ended. False if undone, or never there.

    Of several rollbacks each has to come; only the first is watched.
    """
    ask, end = asked(history), done(history)
    if ask is None:
        return None
    if is_missed(history):
        return False
    if end is None:  # undone before it was complete, or never complete
        return False if history.of("RollbackUndone") else None
    source, until = contents(history), _observed_until(history)
    good = known_good(history, ask)
    return not any(
        source.get(digest) != good
        for step in steps(history, ask.detail["environment"], ask.detail["workload"])
        if end.seq < step.event.seq <= until
        for digest in step.serving.values()
    )


def left_divergence(history: History) -> str | None:
    """
    What contradicts the running image when the observation ends: a repo that says something else.

    `none`, `config repo` (its desired image does not run) or `code repo` (V1, where the head of
    the code is the only record of what should run).
    """
    ask = asked(history)
    if ask is None:
        return None
    where, name = ask.detail["environment"], ask.detail["workload"]
    until = _observed_until(history)
    served = {contents(history).get(d) for d in served_at(history, where, name, until)}
    box, wanted = _recorded_content(history, name, where, until)
    return "none" if served == {wanted} else box


def _recorded_content(
    history: History, name: str, environment: str, until: int
) -> tuple[str, str | None]:
    """Where the desired content of a workload is recorded, and what it is."""
    events = [event for event in history if event.seq <= until and event.outcome == OK]
    if history.settings["architecture"] == "v1":
        heads = [e for e in events if e.kind == "CommitPushed" and e.resource == name]
        return "code repo", heads[-1].detail["content"] if heads else None
    desired, path = "", f"environments/{environment}/{name}.yaml"
    commits = {e.detail["revision"]: e.detail["files"] for e in events if e.kind in COMMITS}
    for event in events:
        if event.kind == "CommitPushed" and event.component == "config-repo":
            # What was committed and then rejected is on nobody's disk but the committer's.
            desired = commits.get(event.detail["revision"], {}).get(path, desired)
    pushed = [e for e in events if e.kind == "ImagePushed" and e.detail["ref"] in desired]
    return "config repo", pushed[-1].detail["content"] if pushed else None


def bad_is_back(history: History) -> bool | None:
    """Whether the environment serves the bad change again after the next push. None without one."""
    ask = asked(history)
    shipped = [event for event in history.of("Shipped") if ask and event.seq > ask.seq]
    if ask is None or not shipped:
        return None
    where, name = ask.detail["environment"], ask.detail["workload"]
    is_bad = {event.detail["content"]: event.detail["is_bad"] for event in history.of("Shipped")}
    served = served_at(history, where, name, len(history))
    source: dict[str, Any] = contents(history)
    return any(is_bad.get(source.get(digest, ""), False) for digest in served)
