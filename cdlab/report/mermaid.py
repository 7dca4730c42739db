"""
A run as a Mermaid sequence diagram: who asked which box for what, in order.

In: a history, and nothing else. Out: text for a ```` ```mermaid ```` block; the participants are
the boxes and actors of the article. It has the main events and not the looks that found nothing.
Called by the CLI (`--mermaid`).
"""

from __future__ import annotations

import re

from cdlab.history import Event, History
from cdlab.report import lanes
from cdlab.report.explanation import opening
from cdlab.report.narration import Told, main_events

PERSONS = ("people", "developer", "operator")


def sequence_diagram(history: History) -> str:
    """The whole diagram."""
    told = list(main_events(history))
    names = _participants(history, [event for event, _ in told])
    keys = {name: f"p{number}" for number, name in enumerate(names)}
    kinds = {name: "actor" if name in PERSONS else "participant" for name in names}
    lines = ["sequenceDiagram", f"  %% {_plain(opening(history))}"]
    lines += [f"  {kinds[name]} {keys[name]} as {_plain(name)}" for name in names]
    for event, line in told:
        lines.append(f"  {_line(event, line, keys)}")
    return "\n".join(lines) + "\n"


def _participants(history: History, events: list[Event]) -> list[str]:
    """Whoever acts or is asked: people first, then in the order of the lanes."""
    involved = {name for event in events for name in (lanes.actor_of(event), lanes.lane_of(event))}
    order = [*PERSONS, *lanes.lanes(history)]
    return [name for name in dict.fromkeys(order) if name in involved]


def _line(event: Event, line: Told, keys: dict[str, str]) -> str:
    actor, box = keys[lanes.actor_of(event)], keys[lanes.lane_of(event)]
    text = f"{line.at_seconds:.1f} s {_plain(line.what)}"
    if line.is_request:
        first, *_, last = keys.values()
        return (
            f"Note over {first},{last}: {line.at_seconds:.1f} s {_plain(f'{line.who} {line.what}')}"
        )
    if line.has_failed:
        return f"{actor}-x{box}: {text}"
    return f"{actor}->>{box}: {text}"


def _plain(text: str) -> str:
    """
    Text that Mermaid takes as text.

    A line's end, a semicolon and a hash would end or start something; entities are its own way
    to write them, and what HTML would take as a tag.
    """
    codes = {"#": "#35;", ";": "#59;", "<": "#60;", ">": "#62;", "&": "#38;", "%": "#37;"}
    one_line = " ".join(text.split())
    return re.sub(r"[#;<>&%]", lambda found: codes[found[0]], one_line)
