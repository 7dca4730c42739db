"""
A history in words: who did what, for somebody who wants to follow a run.

In: a history. Out: lines with time, person or program, and a sentence. Reads, polls, pods and what
changed nothing are left out; the bootstrap is one line, unless the story is about nothing else.
Called by the reports; `explanation` puts the lines in order by what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cdlab import manifests
from cdlab.history import OK, Event, History
from cdlab.model import ImageRef
from cdlab.report import wording


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the story."""

    at_seconds: float
    who: str
    what: str
    is_request: bool = False
    """Whether somebody asked for something here: what follows serves it."""
    has_failed: bool = False


def story_of(history: History) -> list[Told]:
    """The main events, oldest first. What fails or is left again and again is said once."""
    return [line for _, line in main_events(history)]


def main_events(history: History) -> Iterator[tuple[Event, Told]]:
    """The same, each with the event that it tells."""
    said: set[tuple[str, str]] = set()
    is_setting_up = False
    has_more = has_more_than_a_bootstrap(history)
    for event in history:
        if event.kind == "IntentDeclared":
            is_setting_up = has_more and event.detail["intent"] == "bootstrap"
        elif event.component == "world":
            is_setting_up = False
        elif is_setting_up:
            continue
        line = tell(event)
        if line is None or (event.outcome != OK and (event.intent, line.what) in said):
            continue
        said.add((event.intent, line.what))
        yield event, line


def has_more_than_a_bootstrap(history: History) -> bool:
    """Whether anything was asked for or happened after the first deployment."""
    asked = {event.detail["intent"] for event in history.of("IntentDeclared")}
    return asked != {"bootstrap"} or any(event.component == "world" for event in history)


def tell(event: Event) -> Told | None:
    """One event in words; None for what is not worth a line."""
    at, who = event.t_us / 1e6, _who(event)
    if event.kind == "IntentDeclared":
        return Told(at, who, _request(event), is_request=True)
    if event.outcome in ("failed", "unknown") and event.component != "people":
        return Told(at, who, f"fails: {event.kind}: {event.because}", has_failed=True)
    if event.kind not in SENTENCES:
        return None
    what = SENTENCES[event.kind](event)
    return Told(at, who, what, has_failed=event.outcome not in (OK, "skipped")) if what else None


def _who(event: Event) -> str:
    if event.component == "people":
        return "people"
    if event.component == "world":
        return "somebody"
    return {"ci": "CI", "manager": "manager"}.get(event.principal, event.principal)


REQUESTS: Mapping[str, str] = {
    "bootstrap": "ship the first version of everything, everywhere",
    "rebuild": "bring everything back",
    "deploy": "ship version {version} of {workload}",
    "promote": "promote {workload}{where}",
    "rollback": "ask for a rollback of {workload}{where}",
    "out-of-band edit": "use kubectl on {workload}{where}, out of band",
    "move": "move everything to {to}",
}
"""Kind of intent -> what people do who declare one."""


def _request(event: Event) -> str:
    asked = event.detail
    where = f" in {asked['environment']}" if "environment" in asked else ""
    if asked["intent"] in REQUESTS:
        to = str(asked.get("to", "")).upper()
        return REQUESTS[asked["intent"]].format(**{**asked, "where": where, "to": to})
    return f"ask for: {asked['intent']} {event.resource}{where}".rstrip()


def _push(event: Event) -> str:
    verb = "force-pushes" if event.detail["force"] else "pushes"
    lost = len(event.detail["lost"])
    tail = f", {wording.count(lost, 'commit')} no longer reachable" if lost else ""
    return f"{verb} {event.detail['revision'][:7]} to {_repository(event)}{tail}"


def _repository(event: Event) -> str:
    is_code = event.component == "code-repo"
    return f"the code repo of {event.resource}" if is_code else "the config repo"


def _commit(event: Event) -> str:
    files = ", ".join(sorted(event.detail["files"]))
    subject = event.detail["message"].partition("\n")[0]
    where = _repository(event)
    return f'commits "{subject}" in {where} ({files})' if len(files) < 60 else ""


def _revert(event: Event) -> str:
    return f"reverts {event.detail['reverted'][:7]} in {_repository(event)}"


def _reset(event: Event) -> str:
    return f"resets {_repository(event)} to {event.detail['revision'][:7]}"


def _merge(event: Event) -> str:
    subject = event.detail["message"].partition("\n")[0]
    return f'merges "{subject}" into {_repository(event)}'


def _image(text: str) -> str:
    image = ImageRef.parse(text)
    name = image.repository.rpartition("/")[2]
    if image.digest:
        return f"{name}@{image.digest[7:14]}"
    return f"{name}:{(image.tag or '')[:7]}"


def decision(event: Event) -> str:
    """A decision in words, with its reason."""
    detail = event.detail
    verb = {"released": "releases", "skipped": "skips"}.get(detail["status"], detail["status"])
    because = f", because: {event.because}" if event.because else ""
    return f"{verb} {detail['workload']} in {event.resource} ({detail['what']}{because})"


def _decision(event: Event) -> str:
    if event.outcome == "skipped" and not event.because.startswith("held"):
        return ""
    return decision(event)


def _answer(event: Event) -> str:
    words = {"Accepted": "was accepted", "Refused": f"is {event.outcome}"}
    subject = event.kind.removesuffix("Accepted").removesuffix("Refused")
    end = words[event.kind.removeprefix(subject)]
    why = f": {event.because}" if event.because and event.outcome != OK else ""
    return f"the {subject.lower()} of {event.resource} {end}{why}"


def _apply(event: Event) -> str:
    names = ", ".join(each.name for each in manifests.workloads(event.detail["manifest"]))
    return f"applies manifests in {event.resource} ({names})" if event.detail["changed"] else ""


BOXES: Mapping[str, str] = {
    "ci": "CI",
    "manager": "the release manager",
    "code-repo": "the code repos",
    "config-repo": "the config repo",
    "registry": "the registry",
    "api-server": "the API server",
}
"""What can be stopped as a whole, as it is called in a sentence."""


ARRANGEMENTS: Mapping[str, str] = {
    "pause": "pause CI",
    "rights": "give everybody the rights of {to}",
    "pipeline": "let CI work as in {to}",
    "notes": "note what is healthy",
    "manager": "start the release manager",
}
"""What changes when an application moves to another architecture."""


def _arrangement(event: Event) -> str:
    return ARRANGEMENTS[event.detail["what"]].format(to=event.resource.upper())


def _end_of_move(event: Event) -> str:
    found = [*event.detail["changed"], *event.detail["differing"]]
    end = f"this changed: {', '.join(found)}" if found else "nothing that runs has changed"
    return f"see that {end}"


def _attempt(event: Event) -> str:
    end = "comes through" if event.detail["succeeded"] else "does not come through"
    return f"find that the {event.detail['operation']} {end} without {BOXES[event.resource]}"


SENTENCES: Mapping[str, Callable[[Event], str]] = {
    "Committed": _commit,
    "Reverted": _revert,
    "Merged": _merge,
    "MergedAgain": lambda e: f"merges {e.detail['merged'][:7]} again into {_repository(e)}",
    "WasReset": _reset,
    "CommitPushed": _push,
    "PipelineRunStarted": lambda e: f"starts a pipeline run for {e.detail['revision'][:7]}",
    "ImageBuilt": lambda e: f"builds {_image(e.detail['ref'])}",
    "ImagePushed": lambda e: (
        f"pushes the image {_image(e.detail['ref'])}, {e.digest_after[7:14]}, "
        f"{wording.size(e.bytes)} written"
    ),
    "ImageSet": lambda e: f"sets {_image(e.detail['image'])} in {e.resource}",
    "ManifestsApplied": _apply,
    "RolloutUndone": lambda e: f"undoes the rollout of {e.detail['workload']} in {e.resource}",
    "ObjectsPruned": lambda e: (
        f"deletes {', '.join(e.detail['objects']) or 'nothing'} in {e.resource}"
    ),
    "EnvironmentWiped": lambda e: f"deletes every workload of {e.resource}",
    "Decided": _decision,
    "GateApproved": lambda e: f"approve the gate before {e.detail['environment']}",
    "Reinstalled": lambda e: f"install {BOXES[e.resource]} again",
    "PromotionRefused": _answer,
    "RollbackMissed": lambda e: f"wait in vain for the good {e.resource}",
    "RollbackRefused": _answer,
    "RollbackSeen": lambda e: f"see the good {e.resource} on every replica",
    "RollbackUndone": lambda e: f"see the good {e.resource} go again",
    "ObservationEnded": lambda e: "stop to watch",
    "BoxStopped": lambda e: f"stops {BOXES[e.resource]}",
    "BoxRestarted": lambda e: f"restarts {BOXES[e.resource]}",
    "FaultHappened": lambda e: f"lets a fault happen, {e.detail['what']}: {e.because}",
    "NodeLost": lambda e: f"stops the node {e.detail['node']}",
    "NodeRestored": lambda e: f"starts the node {e.detail['node']} again",
    "ClusterDeleted": lambda e: "deletes the cluster and makes an empty one",
    "RegistryEmptied": lambda e: "empties the registry",
    "PodsMissing": lambda e: f"see that pods of {e.resource} are missing",
    "PodsRestored": lambda e: f"see every pod of {e.resource} again",
    "RequestsSent": lambda e: (
        f"count {wording.count(e.detail['sent'], 'request')} to {e.resource}, "
        f"{e.detail['dropped']} dropped"
    ),
    "ArrangementChanged": _arrangement,
    "MoveFinished": lambda e: f"are in {e.resource.upper()}",
    "MoveWatched": _end_of_move,
    "OutageAttempted": _attempt,
    "RebuildFinished": lambda e: "see what is back of the cluster",
    "RunBrokeOff": lambda e: f"see the run break off: {e.because}",
    "RunStalled": lambda e: f"wait in vain: {'; '.join(map(str.strip, e.because.splitlines()))}",
}
"""Kind of event -> its sentence. An empty one is not told, nor is a kind that is missing."""
