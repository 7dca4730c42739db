"""
A run told as a story: what was asked for, what was done about it and why, chapter by chapter.

In: a history, and nothing else. Out: chapters, or their text in plain sentences. The sentences are
those of `narration`; a chapter is what belongs to one intent. Every event is either told or
counted in its chapter's last line. Called by the CLI (`--explain`) and by the Markdown report.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from cdlab.history import OK, Event, History
from cdlab.model import Variant
from cdlab.report import narration, wording
from cdlab.report.chapters import ACCIDENTS, BY_ITSELF, with_keys
from cdlab.report.serving import Stretch, completions
from cdlab.rollback_time import asked, rollback_seconds, stayed_rolled_back

PAUSE_SECONDS = 60.0
"""What is taken up again after so long stands where it happened, and not with its beginning."""
NOTHING_NEW = ("up to date", "its own release")
"""Reasons of a decision that changed nothing and will be repeated at every look."""
TITLES: Mapping[str, str] = {
    ACCIDENTS: "What happens to machines and boxes, and what is seen of it.",
    BY_ITSELF: "What nobody asked for: programs that look by themselves.",
    "drift repair": "The manager compares the cluster with the config repo.",
}
LEFT_OUT: Mapping[str, tuple[str, str]] = {
    "TagsListed": ("look at the registry", "looks at the registry"),
    "HeadRead": ("look at the config repo", "looks at the config repo"),
    "WorkloadsRead": ("look at what runs", "looks at what runs"),
    "ManifestsCompared": ("comparison with the cluster", "comparisons with the cluster"),
    "RepositoryCloned": ("clone", "clones"),
    "RolloutFinished": ("wait for a rollout", "waits for a rollout"),
    "CommitAnnotated": ("health note", "health notes"),
    "Decided": ("decision that changes nothing", "decisions that change nothing"),
}
"""Kind of event -> what one and several are called where they are only counted."""
PODS, OTHERS = ("change of a pod", "changes of pods"), ("other event", "other events")
EVENTS = ("event", "events")


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
    at_seconds: float = inf
    """When it was asked for, or first told of; infinite while there is nothing to tell."""
    sentences: list[Sentence] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What was not told -> how often."""

    @property
    def omission(self) -> str:
        """The last line: what was not told. Empty where everything was."""
        if not self.left_out:
            return ""
        counts = [f"{n} {one if n == 1 else many}" for (one, many), n in self.left_out.items()]
        end = "; nothing new" if self.at_seconds == inf else ""
        return f"Not told: {', '.join(counts)}{end}."


def explanation(history: History, width: int = 100) -> str:
    """The whole story as text, no line longer than *width* if its words allow it."""
    lines = textwrap.wrap(opening(history), width)
    for chapter in chapters(history):
        lines += ["", *textwrap.wrap(f"{chapter.title} [{chapter.key}]", width)]
        for each in chapter.sentences:
            lines += _wrapped(each.text, f"{each.at_seconds:10.1f} s  ", width)
        lines += _wrapped(chapter.omission, " " * 14, width)
    lines += ["", *textwrap.wrap(closing(history), width)]
    return "\n".join(lines).rstrip() + "\n"


def _wrapped(text: str, start: str, width: int) -> list[str]:
    later = " " * len(start)
    return textwrap.wrap(
        text, width, initial_indent=start, subsequent_indent=later, break_on_hyphens=False
    )


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


def closing(history: History) -> str:
    """What came of the rollback. Empty where nobody asked for one."""
    if asked(history) is None:
        return ""
    seconds = rollback_seconds(history)
    if seconds is None:
        return "The rollback was never complete."
    end = "and stayed" if stayed_rolled_back(history) else "and did not stay"
    return f"The rollback took {wording.seconds(seconds)} s {end}."


def chapters(history: History) -> list[Chapter]:
    """The story by intents, in the order of their beginnings; what tells nothing at the end."""
    whole = _told(history)
    if narration.has_more_than_a_bootstrap(history):
        for each in whole:
            if each.key.startswith("bootstrap-"):
                number = each.left_out.total() + len(each.sentences)
                each.sentences, each.left_out = [], Counter({EVENTS: number})
    return sorted(whole, key=lambda each: each.at_seconds)


def _told(history: History) -> list[Chapter]:
    open_chapters: dict[str, Chapter] = {}
    whole: list[Chapter] = []
    told: set[tuple[str, str]] = set()
    serving = {stretch.event.seq: stretch for stretch in completions(history)}
    now = ""
    for event, key in with_keys(history):
        if key not in open_chapters:
            open_chapters[key] = Chapter(key, TITLES.get(key, f"For {key}."))
            whole.append(open_chapters[key])
        chapter = open_chapters[key]
        text = sentence(history, event, serving)
        if event.kind == "IntentDeclared":
            now, chapter.title, chapter.at_seconds = key, text, event.t_us / 1e6
        elif not text or (event.outcome != OK and (key, text) in told):
            chapter.left_out[_kind_left_out(event)] += 1
        else:
            told.add((key, text))
            at = event.t_us / 1e6
            if now != key and _has_paused(chapter, event):
                open_chapters[key] = chapter = Chapter(key, f"At {at:.1f} s {key} goes on.", at)
                whole.append(chapter)
            chapter.at_seconds = min(chapter.at_seconds, at)
            has_failed = event.outcome not in (OK, "skipped")
            chapter.sentences.append(Sentence(at, text, has_failed))
    return whole


def _has_paused(chapter: Chapter, event: Event) -> bool:
    if event.op == "observe" or not chapter.sentences:
        return False
    return event.began_us / 1e6 - chapter.sentences[-1].at_seconds > PAUSE_SECONDS


def _kind_left_out(event: Event) -> tuple[str, str]:
    return LEFT_OUT.get(event.kind, PODS if event.op == "observe" else OTHERS)


def sentence(history: History, event: Event, serving: Mapping[int, Stretch]) -> str:
    """
    What is said of an event; nothing of one that is only counted.

    *serving* has the events with which a rollout was complete, by number. Called by `walk`, too.
    """
    if event.seq in serving:
        return _serves(serving[event.seq])
    if event.kind == "Decided" and event.because not in NOTHING_NEW:
        decided = narration.decision(event)
        return f"The {event.principal} {decided}{_trigger(history, event)}."
    line = narration.tell(event)
    if line is None:
        return ""
    if line.is_request:
        return f"At {line.at_seconds:.1f} s {line.who} {line.what}."
    seconds = (event.t_us - event.began_us) / 1e6
    took = f" ({wording.seconds(seconds)} s)" if event.kind in ("ImageBuilt", "ImagePushed") else ""
    return _capital(f"{_subject(line)}{line.what}".rstrip(".") + f"{took}.")


def _subject(line: narration.Told) -> str:
    if line.what.startswith("the "):
        return ""
    article = "" if line.who in ("people", "somebody", "CI") else "the "
    return f"{article}{line.who} "


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _trigger(history: History, event: Event) -> str:
    """What set off a decision that gives no reason of its own."""
    if event.because or not event.causes:
        return ""
    line = narration.tell(history[event.causes[0]])
    if line is None:
        return ""
    what = line.what.partition(", ")[0]
    return f", because {_subject(line)}{what}"


def _serves(stretch: Stretch) -> str:
    where = f"{stretch.workload} in {stretch.environment}"
    if not stretch.digests:
        return f"Nothing of {where} serves."
    image = stretch.digests[0][7:14]
    return f"Every replica of {where} serves version {stretch.versions[0]} ({image})."
