"""The sequence diagram: boxes as participants, main events as messages, text that stays text."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.history import History
from cdlab.report.mermaid import sequence_diagram
from cdlab.report.narration import main_events
from cdlab.scenario import load

ROOT = Path(__file__).parent.parent
LINE = re.compile(
    r"  (%% .*|(actor|participant) p\d+ as [^;#]+|Note over p\d+,p\d+: .+|p\d+(->>|-x)p\d+: .+)"
)
STORIES = sorted(
    path.relative_to(ROOT / "scenarios").with_suffix("").as_posix()
    for path in (ROOT / "scenarios").glob("v*/*.yaml")
)


@cache
def history_of(name: str) -> History:
    return worlds.run(load(ROOT / "scenarios" / f"{name}.yaml")).history


@pytest.mark.parametrize("name", STORIES)
def test_every_line_is_one_that_mermaid_knows(name: str) -> None:
    """A participant, a note or a message between two that were introduced."""
    first, *lines = sequence_diagram(history_of(name)).splitlines()
    assert first == "sequenceDiagram"
    introduced = {match[1] for line in lines if (match := re.match(r"  \w+ (p\d+) as", line))}
    for line in lines:
        assert LINE.fullmatch(line), line
        if "as" not in line.split()[:3] and not line.startswith("  %%"):
            assert set(re.findall(r"\bp\d+\b", line.partition(":")[0])) <= introduced


def test_the_participants_are_the_boxes() -> None:
    """Of V3 with its manager, of V1 without."""
    v3, v1 = (
        sequence_diagram(history_of("v3/rollback")),
        sequence_diagram(history_of("v1/rollback")),
    )
    for box in ("CI", "registry", "staging", "production", "code repo of front-end"):
        assert re.search(rf"participant p\d+ as {box}\n", v3)
        assert re.search(rf"participant p\d+ as {box}\n", v1)
    assert "as release manager" in v3
    assert "as release manager" not in v1


def test_every_main_event_is_a_message_or_a_note() -> None:
    """The same as the report tells, in the same order."""
    text = sequence_diagram(history_of("v3/rollback"))
    messages = [line for line in text.splitlines() if "->>" in line or "Note" in line]
    told = list(main_events(history_of("v3/rollback")))
    assert len(messages) == len(told)
    for (_, line), message in zip(told, messages, strict=True):
        assert f"{line.at_seconds:.1f} s" in message
        assert message.endswith(line.what)


def test_a_rollback_of_v3_has_no_message_of_ci() -> None:
    """The picture says what the article says."""
    text = sequence_diagram(history_of("v3/rollback")).partition("ask for a rollback")[2]
    (ci,) = re.findall(r"(p\d+) as CI\n", sequence_diagram(history_of("v3/rollback")))
    assert f"  {ci}-" not in text
    assert f">{ci}:" not in text


def test_text_cannot_end_a_message_or_start_one() -> None:
    """Line ends, semicolons, hashes and tags are written as entities."""
    evil = "first;\nactor x as #1 <b>%% it"
    whole = History(
        event._replace(because=evil) if event.kind == "Decided" else event
        for event in history_of("v3/rollback")
    )
    lines = sequence_diagram(whole).splitlines()
    assert all(LINE.fullmatch(line) for line in lines[1:])
    (said, *_) = [line for line in lines if "because" in line]
    assert "first#59; actor x as #35;1 #60;b#62;#37;#37; it" in said
