"""
A walk through a run: which boxes of the article's picture are lit, when, and what is said of it.

In: a history, and nothing else. Out: frames, oldest first. The sentences are those of
`explanation`; the bootstrap of a story about something else is one frame. `diagram` draws a frame,
`cdlab demo` shows them one after the other.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cdlab.history import OK, Event, History
from cdlab.report import explanation, narration
from cdlab.report.serving import completions
from cdlab.rollback_time import asked
from cdlab.transfers import first_pulls

DEVELOPER, CODE, CI, REGISTRY = "developer", "code repo", "CI", "registry"
CONFIG, MANAGER, KUBERNETES = "config repo", "release manager", "Kubernetes"
Arrow = tuple[str, str]
"""From which box to which."""

BOXES: Mapping[str, tuple[str, ...]] = {
    "v1": (DEVELOPER, CODE, CI, REGISTRY, KUBERNETES),
    "v2": (DEVELOPER, CODE, CI, REGISTRY, CONFIG, KUBERNETES),
    "v3": (DEVELOPER, CODE, CI, REGISTRY, MANAGER, CONFIG, KUBERNETES),
}
"""Architecture -> what the article's picture of it shows. People of every role are one box."""
PLACES: Mapping[str, str] = {
    "people": DEVELOPER,
    "code-repo": CODE,
    "ci": CI,
    "registry": REGISTRY,
    "config-repo": CONFIG,
    "manager": MANAGER,
    "environment": KUBERNETES,
}
"""Component of an event -> the box that it happened in."""
ACTORS: Mapping[str, str] = {
    "user": DEVELOPER,
    "developer": DEVELOPER,
    "operator": DEVELOPER,
    "ci": CI,
    "manager": MANAGER,
}
"""Principal of an event -> the box that acted."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of the walk."""

    at_seconds: float
    """Virtual seconds in the simulator, real ones on kind; since the run started."""
    text: str
    lit: tuple[str, ...] = ()
    """In the order of the picture."""
    arrows: tuple[Arrow, ...] = ()
    """First what set somebody off, then what they did."""
    serving: tuple[tuple[str, str], ...] = ()
    """Environment and the version that all its replicas serve, of the workload in question."""
    has_failed: bool = False


def frames(history: History) -> list[Frame]:
    """The whole walk: what is played, every event that has a sentence, what came of it."""
    walk = _Walk(history)
    end = history[len(history) - 1].t_us / 1e6
    last = explanation.closing(history) or "The story is over."
    return [
        Frame(0.0, explanation.opening(history)),
        *walk.frames(),
        Frame(end, last, (KUBERNETES,), serving=walk.now_serving()),
    ]


@dataclass
class _Walk:
    """What has been seen so far of a history."""

    history: History
    serving: dict[str, str] = field(default_factory=dict)
    followed: set[tuple[str, str, int]] = field(default_factory=set)
    """Intent, actor and trigger whose arrow was shown."""
    said: set[tuple[str, str]] = field(default_factory=set)
    pulled: set[tuple[str, str]] = field(default_factory=set)
    """Environment and workload for which a node had to fetch an image since it last was whole."""

    def __post_init__(self) -> None:
        self.boxes = BOXES[self.history.settings["architecture"]]
        request = asked(self.history)
        first = self.history.settings["microservices"][0]
        self.workload = request.detail["workload"] if request else first
        self.first_pulls = {seq for seq, _ in first_pulls(self.history)}
        self.completed = {each.event.seq: each for each in completions(self.history)}

    def frames(self) -> Iterator[Frame]:
        """Everything between the first frame and the last."""
        has_more = narration.has_more_than_a_bootstrap(self.history)
        before: list[Event] = []
        is_setting_up = False
        for event in self.history:
            if event.kind == "IntentDeclared":
                is_setting_up = has_more and event.detail["intent"] == "bootstrap"
                if before and not is_setting_up:
                    yield self._bootstrap(before)
                    before = []
                    self.pulled.clear()
            if is_setting_up:
                before.append(event)
            self._look_at_pods(event)
            # What the bootstrap leaves behind is part of it, however late it comes.
            is_told = not (is_setting_up or (has_more and event.intent.startswith("bootstrap-")))
            if is_told and (text := self._text(event)):
                yield self._frame(event, text, self._arrows(event))

    def now_serving(self) -> tuple[tuple[str, str], ...]:
        """Environment and version, in the order of the settings."""
        every = self.history.settings["environments"]
        return tuple((each, self.serving[each]) for each in every if each in self.serving)

    def _text(self, event: Event) -> str:
        line = narration.tell(event) if event.kind == "IntentDeclared" else None
        if line is not None:
            return f"{line.who.capitalize()} {line.what}."
        text = explanation.sentence(self.history, event, self.completed)
        if event.outcome != OK and (event.intent, text) in self.said:
            return ""
        self.said.add((event.intent, text))
        return text

    def _bootstrap(self, events: list[Event]) -> Frame:
        """All of it at once: whatever it touched is lit."""
        touched = {each for event in events for each in _ends(event) if each}
        at = max(event.t_us for event in events) / 1e6
        lit = tuple(box for box in self.boxes if box in touched)
        text = self._text(events[0])
        return Frame(at, text, lit, serving=self.now_serving())

    def _frame(self, event: Event, text: str, arrows: tuple[Arrow, ...]) -> Frame:
        ends = {*_ends(event), *(box for arrow in arrows for box in arrow)}
        return Frame(
            event.t_us / 1e6,
            text,
            tuple(box for box in self.boxes if box in ends),
            arrows,
            self.now_serving(),
            has_failed=event.outcome not in (OK, "skipped"),
        )

    def _arrows(self, event: Event) -> tuple[Arrow, ...]:
        """What set the actor off, once for each trigger, and what it acted on."""
        actor, place = _ends(event)
        if event.seq in self.completed:
            stretch = self.completed[event.seq]
            where = (stretch.environment, stretch.workload)
            has_pulled = where in self.pulled
            self.pulled.discard(where)
            return ((REGISTRY, KUBERNETES),) if has_pulled else ()
        arrows: list[Arrow] = []
        for cause in event.causes if actor and event.op != "read" else ():
            source = PLACES.get(self.history[cause].component, "")
            key = (event.intent, actor, cause)
            if source and source != actor and key not in self.followed:
                arrows.append((source, actor))
            self.followed.add(key)
        if actor and place and actor != place and event.op != "read":
            arrows.append((actor, place))
        return tuple(arrows)

    def _look_at_pods(self, event: Event) -> None:
        if event.seq in self.completed:
            stretch = self.completed[event.seq]
            if stretch.workload == self.workload:
                self.serving[stretch.environment] = " and ".join(stretch.versions) or "nothing"
        if event.seq in self.first_pulls:
            self.pulled.add((event.resource, event.detail["workload"]))


def _ends(event: Event) -> tuple[str, str]:
    """Who acted and where; "" where the picture has no box for it."""
    return ACTORS.get(event.principal, ""), PLACES.get(event.component, "")


def as_text(frame: Frame, width: int) -> str:
    """A frame for a reader without a picture: time, sentence, and what is lit, in words."""
    indent = " " * 14
    lines = textwrap.wrap(
        frame.text,
        max(width, 40),
        initial_indent=f"{frame.at_seconds:10.1f} s  ",
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    if where := in_words(frame):
        lines += textwrap.wrap(
            f"[{where}]", max(width, 40), initial_indent=indent, subsequent_indent=indent
        )
    return "\n".join(lines)


def in_words(frame: Frame) -> str:
    """What is lit: the arrows, else the boxes."""
    arrows = [f"{start} → {end}" for start, end in frame.arrows]
    return ", ".join(arrows or frame.lit)
