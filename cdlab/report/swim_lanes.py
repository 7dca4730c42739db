"""
A run as swim lanes: one SVG without scripts, links or fonts, for a browser, light or dark.

In: a history, and nothing else. Out: SVG text. A lane is a box or an actor, a bar is what takes
time, an arrow leads from a cause to what it set off. Environments have a strip for each workload
that says what served. Time is linear; a rollback is drawn once more by itself, with its phases.
Called by the CLI (`--svg`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from cdlab.history import Event, History
from cdlab.report import lanes, wording
from cdlab.report.explanation import closing, opening
from cdlab.report.narration import tell
from cdlab.report.serving import starts, stretches
from cdlab.report.swim_lane_style import LEFT, LETTER, RIGHT, STYLE, WIDTH, legend, text_at
from cdlab.report.timeline import LOOKS, ticks
from cdlab.rollback_time import asked, done, phases

ROW, STRIP, POD = 18, 14, 6
"""Heights of a row, of a strip and of a pod. Pixels."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time on the axis of a panel."""

    begin_us: int
    end_us: int

    def x(self, at_us: int) -> float:
        """Where a moment is; one outside is at the edge."""
        inside = min(max(at_us, self.begin_us), self.end_us)
        return LEFT + (inside - self.begin_us) / (self.end_us - self.begin_us) * (RIGHT - LEFT)

    def has(self, event: Event) -> bool:
        """Whether any part of an event lies in it."""
        return event.began_us <= self.end_us and event.t_us >= self.begin_us


@dataclass(slots=True)
class Panel:
    """One picture of all lanes on one axis, drawn from the top down."""

    history: History
    window: Window
    top: float
    behind: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    places: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    """Number of an event -> where it is drawn: left, right, middle."""


def swim_lanes(history: History) -> str:
    """The whole picture. What people wrote into the history stays text."""
    parts, top = [], 64.0
    events = lanes.drawn(history) or list(history)
    until = max(event.t_us for event in history if event.op == "observe" or event in events)
    whole = Window(events[0].began_us, max(until, events[0].began_us + 1))
    windows = [("The whole story", whole)]
    ask, end = asked(history), done(history)
    if ask is not None and end is not None and end.t_us > ask.t_us:
        windows.append(("The rollback", Window(ask.t_us, end.t_us)))
    for title, window in windows:
        panel = Panel(history, window, top)
        _draw(panel, title, events, has_phases=title == "The rollback")
        parts += [*panel.behind, *panel.parts]
        top = panel.top + 28
    head = text_at(16, 26, opening(history), "title") + text_at(16, 46, closing(history), "quiet")
    top += 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cdlab-lanes" role="img" '
        f'width="{WIDTH}" height="{top:.0f}" viewBox="0 0 {WIDTH} {top:.0f}">'
        f"<title>{escape(opening(history))}</title>{STYLE}"
        f'<rect class="paper" width="{WIDTH}" height="{top:.0f}"/>'
        f"{head}{''.join(parts)}{legend(top - 22)}</svg>\n"
    )


def _draw(panel: Panel, title: str, events: Sequence[Event], *, has_phases: bool) -> None:
    window = panel.window
    begin, length = window.begin_us / 1e6, (window.end_us - window.begin_us) / 1e6
    heading = f"{title}: {wording.seconds(length)} s from {begin:.1f} s on"
    panel.parts.append(text_at(16, panel.top + 14, heading, "heading"))
    panel.top += 24
    if has_phases:
        _phases(panel)
    first = panel.top
    shown = [event for event in events if window.has(event)]
    for number, lane in enumerate(_used(panel.history, events)):
        _lane(panel, lane, [e for e in shown if lanes.lane_of(e) == lane], number % 2 == 1)
    _axis(panel, first, length)
    if not has_phases:
        _mark_rollback(panel, first)
    _arrows(panel, shown)


def _used(history: History, events: Sequence[Event]) -> list[str]:
    """Every lane but code repos of which the story does not speak."""
    spoken_of = {lanes.lane_of(event) for event in events}
    every = lanes.lanes(history)
    return [lane for lane in every if lane in spoken_of or not lane.startswith("code repo")]


def _mark_rollback(panel: Panel, first: float) -> None:
    """Where in the whole story the rollback is."""
    ask, end = asked(panel.history), done(panel.history)
    if ask is None or end is None:
        return
    left, right = panel.window.x(ask.t_us), panel.window.x(end.t_us)
    panel.behind.append(
        f'<rect class="rollback" x="{left:.1f}" y="{first:.1f}" width="{right - left:.1f}" '
        f'height="{panel.top - 18 - first:.1f}"><title>the rollback</title></rect>'
    )


def _phases(panel: Panel) -> None:
    """The critical path of the rollback above the lanes, with what each phase is."""
    at = panel.window.begin_us
    shown = [(name, seconds) for name, seconds in phases(panel.history).items() if seconds > 0]
    panel.parts.append(text_at(16, panel.top + 13, "phases", "name"))
    for name, seconds in shown:
        left = panel.window.x(at)
        at += round(seconds * 1e6)
        wide, look = panel.window.x(at) - left, LOOKS[name]
        hint = f"{name}: {wording.seconds(seconds)} s, {look.meaning}"
        panel.parts.append(
            f'<rect x="{left:.1f}" y="{panel.top:.1f}" width="{wide:.1f}" height="{ROW}" '
            f'fill="{look.colour}"><title>{escape(hint)}</title></rect>'
        )
        label = name if wide > LETTER * len(name) + 6 else look.letter
        if wide > LETTER * len(label) + 4:
            panel.parts.append(text_at(left + 4, panel.top + 13, label, "on-bar"))
    panel.top += ROW + 16
    legend = ", ".join(f"{LOOKS[n].letter} {n} {wording.seconds(s)} s" for n, s in shown)
    panel.parts.append(text_at(LEFT, panel.top - 3, legend, "quiet small"))
    panel.top += 6


def _lane(panel: Panel, lane: str, events: Sequence[Event], is_odd: bool) -> None:
    """One lane: its strips, then its bars in as many rows as they need."""
    top = panel.top
    panel.top += 4
    if lane in panel.history.settings["environments"]:
        for workload in panel.history.settings["microservices"]:
            _strip(panel, lane, workload)
        _pods(panel, lane)
    rows: list[float] = []
    for event in events:
        left, right, text, is_outside = _extent(panel.window, event)
        _bar(panel, event, panel.top + _row(rows, left, right) * ROW, text, is_outside)
    panel.top += max(len(rows) * ROW, 0 if panel.top > top + 4 else ROW) + 4
    panel.behind.append(
        f'<rect class="lane{" odd" if is_odd else ""}" x="8" y="{top:.1f}" width="{WIDTH - 16}" '
        f'height="{panel.top - top:.1f}"/>' + text_at(16, top + 16, lane, "name")
    )


def _row(rows: list[float], left: float, right: float) -> int:
    """The first row that is free from *left* on, taken until *right*."""
    row = next((n for n, end in enumerate(rows) if end <= left + 0.5), len(rows))
    rows[row : row + 1] = [right]
    return row


def _pods(panel: Panel, environment: str) -> None:
    """Thin bars for pods from their creation until they are Ready."""
    rows: list[float] = []
    for begin_us, end_us, pod in starts(panel.history, environment):
        if end_us < panel.window.begin_us or begin_us > panel.window.end_us:
            continue
        left, right = panel.window.x(begin_us), panel.window.x(end_us)
        y = panel.top + _row(rows, left, right + 1) * POD
        hint = f"{pod} starts for {wording.seconds((end_us - begin_us) / 1e6)} s"
        panel.parts.append(
            f'<rect class="pod" x="{left:.1f}" y="{y:.1f}" width="{max(right - left, 1.5):.1f}" '
            f'height="{POD - 2}"><title>{escape(hint)}</title></rect>'
        )
    panel.top += len(rows) * POD + (2 if rows else 0)


def _extent(window: Window, event: Event) -> tuple[float, float, str, bool]:
    """Left and right end of what is drawn, its text, and whether that stands beside it."""
    left, right = window.x(event.began_us), window.x(event.t_us)
    text = lanes.short(event)
    if lanes.is_labelled(event):
        line = tell(event)
        text = line.what if line else text
        text = text if len(text) < 75 else text[:73] + " …"
        room = LETTER * len(text) + 12
        begin = left if left + room < RIGHT + 60 else left - room
        return begin, begin + room, text, True
    is_inside = right - left > LETTER * len(text) + 4
    return left, right, text if is_inside else "", False


def _bar(panel: Panel, event: Event, y: float, text: str, is_outside: bool) -> None:
    left, right = panel.window.x(event.began_us), panel.window.x(event.t_us)
    failed = " failed" if event.outcome not in ("ok", "skipped") else ""
    line = tell(event)
    what = f"{line.who} {line.what}" if line else f"{lanes.actor_of(event)}: {lanes.short(event)}"
    seconds = wording.seconds((event.t_us - event.began_us) / 1e6)
    hint = f"<title>{escape(f'{event.t_us / 1e6:.1f} s: {what} ({seconds} s)')}</title>"
    kind = f'class="bar {event.principal or "nobody"}{failed}"'
    middle = y + ROW / 2 - 1
    if is_outside:
        panel.parts.append(
            f'<path {kind} d="M{left:.1f} {middle - 5:.1f}l5 5l-5 5l-5 -5z">{hint}</path>'
        )
        is_left = left + LETTER * len(text) + 12 >= RIGHT + 60
        side, anchor = (left - 8, "end") if is_left else (left + 8, "start")
        panel.parts.append(text_at(side, y + 12, text, "small", anchor))
    else:
        wide = max(right - left, 2.5)
        panel.parts.append(
            f'<rect {kind} x="{left:.1f}" y="{y + 1:.1f}" width="{wide:.1f}" height="{ROW - 4}" '
            f'rx="2">{hint}</rect>'
        )
        if text:
            panel.parts.append(text_at(left + 3, y + 12, text, "on-bar small"))
    panel.places[event.seq] = (left, right, middle)


def _strip(panel: Panel, environment: str, workload: str) -> None:
    """What one workload served, if that is worth a strip: it is the story's, or it changed."""
    window, found = panel.window, list(stretches(panel.history, environment, workload))
    inside = [each for each in found if window.begin_us < each.event.t_us <= window.end_us]
    if not inside and workload != panel.history.settings["microservices"][0]:
        return
    edges = [*(each.event.t_us for each in found[1:]), window.end_us]
    for each, until in zip(found, edges, strict=False):
        left, right = window.x(each.event.t_us), window.x(until)
        if right <= left or each.state == "nothing":
            continue
        label = f"{workload}: {' and '.join(each.versions)} on {len(each.digests)}"
        wide = max(right - left - 1, 1)
        panel.parts.append(
            f'<rect class="serves {each.state}" x="{left:.1f}" y="{panel.top:.1f}" '
            f'width="{wide:.1f}" height="{STRIP - 2}"><title>{escape(label)}</title></rect>'
        )
        texts = (text for text in (label, label.partition(": ")[2], each.versions[0])
                 if LETTER * len(text) + 4 < right - left)  # fmt: skip
        if text := next(texts, ""):
            panel.parts.append(text_at(left + 3, panel.top + 10, text, "on-strip small"))
    panel.top += STRIP


def _axis(panel: Panel, first: float, length: float) -> None:
    for mark in ticks(length, 12):
        if mark > length:
            continue
        x = panel.window.x(panel.window.begin_us + round(mark * 1e6))
        panel.behind.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{first:.1f}" y2="{panel.top:.1f}"/>'
            + text_at(x, panel.top + 14, f"{mark:g} s", "quiet small", "middle")
        )
    panel.top += 18


def _arrows(panel: Panel, shown: Iterable[Event]) -> None:
    """From each cause to the first thing that each actor did about it."""
    answered: set[tuple[int, str]] = set()
    for event in shown:
        for cause in event.causes:
            if cause not in panel.places or (cause, event.principal) in answered:
                continue
            answered.add((cause, event.principal))
            if lanes.lane_of(event) == lanes.PEOPLE:
                continue  # what people see is not what their question set off
            (_, right, y), (left, _, to) = panel.places[cause], panel.places[event.seq]
            bend = min(max((left - right) / 2, 8), 40)
            panel.behind.append(
                f'<path class="cause" d="M{right:.1f} {y:.1f}C{right + bend:.1f} {y:.1f} '
                f'{left - bend:.1f} {to:.1f} {left - 1:.1f} {to:.1f}"/>'
                f'<path class="head" d="M{left - 1:.1f} {to:.1f}l-5 -3v6z"/>'
            )
