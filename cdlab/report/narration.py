"""
A history in words: who did what, for somebody who wants to follow a run.

In: a history. Out: lines with time, person or program, and a sentence. Reads, polls, pods and what
changed nothing are left out; the bootstrap is one line, unless the story is about nothing else.
Called by the reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
    """The main events, oldest first. What is said twice for one intent is said once."""
    lines, said = [], set()
    is_setting_up = False
    has_more = {event.detail["intent"] for event in history.of("IntentDeclared")} != {"bootstrap"}
    for event in history:
        if event.kind == "IntentDeclared":
            is_setting_up = has_more and event.detail["intent"] == "bootstrap"
        if is_setting_up and event.kind != "IntentDeclared":
            continue
        line = tell(event)
        if line is None or (event.intent, line.who, line.what) in said:
            continue
        said.add((event.intent, line.who, line.what))
        lines.append(line)
    return lines


def tell(event: Event) -> Told | None:
    """One event in words; None for what is not worth a line."""
    at, who = event.t_us / 1e6, _who(event)
    if event.kind == "IntentDeclared":
        return Told(at, who, _request(event), is_request=True)
    if event.outcome in ("failed", "unknown"):
        return Told(at, who, f"fails: {event.kind}: {event.because}", has_failed=True)
    if event.kind not in SENTENCES:
        return None
    what = SENTENCES[event.kind](event)
    return Told(at, who, what, has_failed=event.outcome not in (OK, "skipped")) if what else None


def _who(event: Event) -> str:
    if event.component == "people":
        return "people"
    return {"ci": "CI", "manager": "manager"}.get(event.principal, event.principal)


def _request(event: Event) -> str:
    asked = event.detail
    where = f" in {asked['environment']}" if "environment" in asked else ""
    match asked["intent"]:
        case "bootstrap":
            return "ship the first version of everything, everywhere"
        case "deploy":
            return f"ship version {asked['version']} of {asked['workload']}"
        case "promote":
            return f"promote {asked['workload']}{where}"
        case "rollback":
            return f"ask for a rollback of {asked['workload']}{where}"
        case "out-of-band edit":
            return f"use kubectl on {asked['workload']}{where}, out of band"
        case other:
            return f"ask for: {other} {event.resource}{where}".rstrip()


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


def _image(text: str) -> str:
    image = ImageRef.parse(text)
    name = image.repository.rpartition("/")[2]
    if image.digest:
        return f"{name}@{image.digest[7:14]}"
    return f"{name}:{(image.tag or '')[:7]}"


def _decision(event: Event) -> str:
    detail = event.detail
    verb = {"released": "releases", "skipped": "skips"}.get(detail["status"], detail["status"])
    if event.outcome == "skipped" and not event.because.startswith("held"):
        return ""
    why = f" ({detail['what']}{': ' if event.because else ''}{event.because})"
    return f"{verb} {detail['workload']} in {event.resource}{why}"


def _answer(event: Event) -> str:
    words = {"Accepted": "was accepted", "Refused": f"is {event.outcome}"}
    subject = event.kind.removesuffix("Accepted").removesuffix("Refused")
    end = words[event.kind.removeprefix(subject)]
    why = f": {event.because}" if event.because and event.outcome != OK else ""
    return f"the {subject.lower()} of {event.resource} {end}{why}"


SENTENCES: Mapping[str, Callable[[Event], str]] = {
    "Committed": _commit,
    "Reverted": _revert,
    "WasReset": _reset,
    "CommitPushed": _push,
    "PipelineRunStarted": lambda e: f"starts a pipeline run for {e.detail['revision'][:7]}",
    "ImageBuilt": lambda e: f"docker build {_image(e.detail['ref'])}",
    "ImagePushed": lambda e: (
        f"docker push {_image(e.detail['ref'])}, {e.digest_after[7:14]}, "
        f"{wording.size(e.bytes)} written"
    ),
    "ImageSet": lambda e: f"sets {_image(e.detail['image'])} in {e.resource}",
    "ManifestsApplied": lambda e: (
        f"applies manifests in {e.resource}" if e.detail["changed"] else ""
    ),
    "RolloutUndone": lambda e: f"kubectl rollout undo {e.detail['workload']} in {e.resource}",
    "EnvironmentWiped": lambda e: f"deletes every workload of {e.resource}",
    "Decided": _decision,
    "PromotionAccepted": lambda e: "",
    "PromotionRefused": _answer,
    "RollbackAccepted": lambda e: "",
    "RollbackRefused": _answer,
    "RollbackSeen": lambda e: f"see the good {e.resource} on every replica",
    "ObservationEnded": lambda e: "stop to watch",
    "RunStalled": lambda e: f"the deadline passed: {e.because}",
}
"""Kind of event -> its sentence. An empty one is not told, nor is a kind that is missing."""
