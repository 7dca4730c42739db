"""
A run told as a story: what was asked for, what was done about it and why, chapter by chapter.

In: a history, and nothing else. Out: chapters, or their text in plain sentences. The sentences are
those of `narration`; a chapter is what belongs to one intent. Every event is either told or
counted in its chapter's last line. Called by the CLI (`--explain`) and by the Markdown report.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cdlab import manifests
from cdlab.history import OK, Event, History
from cdlab.model import Variant
from cdlab.report import narration, wording
from cdlab.report.serving import Stretch, completions

ACCIDENTS, BY_ITSELF = "accidents", "by itself"
NOTHING_NEW = ("up to date", "its own release")
"""Reasons of a decision that changed nothing and will be repeated at every look."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Something that happened, in words."""

    at_seconds: float
    text: str
    has_failed: bool = False


@dataclass(slots=True)
class Chapter:
    """What was done for one intent, in order."""

    key: str
    """The intent; `accidents` for what befell machines and boxes; `by itself` for the rest."""
    title: str
    sentences: list[Sentence] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """What was not told -> how often."""

    @property
    def omission(self) -> str:
        """The last line: what was not told. Empty where everything was."""
        counts = [wording.count(n, what) for what, n in self.left_out.items()]
        if not counts:
            return ""
        end = "" if self.sentences else "; nothing new"
        return f"Not told: {', '.join(counts)}{end}."


def explanation(history: History, width: int = 100) -> str:
    """The whole story as text, no line longer than *width* if its words allow it."""
    lines = textwrap.wrap(opening(history), width)
    for chapter in chapters(history):
        lines += ["", *textwrap.wrap(f"{chapter.title} [{chapter.key}]", width)]
        for each in chapter.sentences:
            time = f"{each.at_seconds:10.1f} s  "
            lines += _wrapped(each.text, time, width)
        lines += _wrapped(chapter.omission, " " * 14, width)
    return "\n".join(lines) + "\n"


def _wrapped(text: str, start: str, width: int) -> list[str]:
    later = " " * len(start)
    return textwrap.wrap(text, width, initial_indent=start, subsequent_indent=later)


def opening(history: History) -> str:
    """What was played, in one sentence."""
    settings = history.settings
    variant = Variant(**settings["variant"]).label()
    profile = f", profile {settings['profile']}" if settings["profile"] else ""
    return (
        f"The story {settings['story']} in {settings['architecture'].upper()} ({variant}), seed "
        f"{settings['seed']}, substrate {settings['substrate']}{profile}: {len(history)} events in "
        f"{wording.duration(round(history[len(history) - 1].t_us / 1e6, 1))}."
    )


def chapters(history: History) -> list[Chapter]:
    """The story by intents, in the order in which they were declared."""
    found: dict[str, Chapter] = {}
    told: set[tuple[str, str]] = set()
    serving = {stretch.event.seq: stretch for stretch in completions(history)}
    for event, key in _with_keys(history):
        chapter = found.setdefault(key, Chapter(key, TITLES.get(key, "")))
        if event.kind == "IntentDeclared":
            request = narration.tell(event)
            assert request is not None, "a request is always told"
            chapter.title = f"At {request.at_seconds:.1f} s {request.who} {request.what}."
            continue
        text = _text(history, event, serving)
        if text and (key, text) not in told and not _is_summed_up(key, history):
            told.add((key, text))
            is_failed = event.outcome not in (OK, "skipped")
            chapter.sentences.append(Sentence(event.t_us / 1e6, text, is_failed))
        else:
            chapter.left_out[LEFT_OUT.get(event.kind, _other(event))] += 1
    for chapter in found.values():
        if _is_summed_up(chapter.key, history):
            chapter.left_out = Counter({"event": chapter.left_out.total()})
    return list(found.values())


TITLES: Mapping[str, str] = {
    ACCIDENTS: "What happens to machines and boxes, and what is seen of it.",
    BY_ITSELF: "What nobody asked for: programs that look by themselves.",
    "drift repair": "The manager compares the cluster with the config repo.",
}


def _is_summed_up(key: str, history: History) -> bool:
    """The bootstrap is told in full only where it is the story."""
    return key.startswith("bootstrap-") and narration.has_more_than_a_bootstrap(history)


def _with_keys(history: History) -> Iterator[tuple[Event, str]]:
    """
    Every event but the first, with its chapter.

    Pods act for nobody: what they do belongs to whatever changed their workload last. People who
    only watch, and accidents, belong to where the story is.
    """
    now, changed = BY_ITSELF, dict[tuple[str, str], str]()
    for event in list(history)[1:]:
        if event.kind == "IntentDeclared":
            now = event.intent
        elif event.component == "world":
            now = ACCIDENTS
        if event.op == "apply" and event.outcome == OK:
            workloads = _workloads(event, history.settings["microservices"])
            changed |= {(event.resource, each): event.intent or now for each in workloads}
        if event.op == "observe":
            where = (event.resource, event.detail["workload"])
            yield event, ACCIDENTS if now == ACCIDENTS else changed.get(where, now)
        elif event.component in ("people", "world"):
            yield event, event.intent or now
        else:
            yield event, event.intent or BY_ITSELF


def _workloads(event: Event, every: Iterable[str]) -> Iterable[str]:
    """Which workloads a change of desired state is about."""
    if "manifest" in event.detail:
        found = manifests.workloads(event.detail["manifest"])
        return [each.name for each in found] if event.detail["changed"] else []
    return [event.detail["workload"]] if "workload" in event.detail else every


def _text(history: History, event: Event, serving: Mapping[int, Stretch]) -> str:
    """What is said of an event; nothing of one that is only counted."""
    if event.seq in serving:
        return _capital(_serves(serving[event.seq]))
    if event.kind == "Decided" and event.because not in NOTHING_NEW:
        return f"The {event.principal} {narration.decision(event)}{_trigger(history, event)}."
    line = narration.tell(event)
    if line is None:
        return ""
    subject = "" if line.what.startswith("the ") else f"{_subject(line.who)} "
    return _capital(f"{subject}{line.what}").rstrip(".") + "."


def _subject(who: str) -> str:
    return who if who in ("people", "somebody", "CI") else f"the {who}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _trigger(history: History, event: Event) -> str:
    """What set off a decision that gives no reason of its own."""
    if event.because or not event.causes:
        return ""
    line = narration.tell(history[event.causes[0]])
    return f", because {line.who} {line.what}" if line and not line.is_request else ""


def _serves(stretch: Stretch) -> str:
    where = f"{stretch.workload} in {stretch.environment}"
    if not stretch.digests:
        return f"nothing of {where} serves."
    return f"every replica of {where} serves {stretch.versions[0]} ({stretch.digests[0][7:14]})."


LEFT_OUT: Mapping[str, str] = {
    "TagsListed": "look at the registry",
    "HeadRead": "look at the config repo",
    "WorkloadsRead": "look at what runs",
    "ManifestsCompared": "comparison of a manifest with the cluster",
    "RepositoryCloned": "clone",
    "RolloutFinished": "wait for a rollout",
    "CommitAnnotated": "health note",
    "Decided": "decision to leave everything as it is",
}
"""Kind of event -> what it is called where it is only counted."""


def _other(event: Event) -> str:
    return "change of a pod" if event.op == "observe" else "other event"
