"""Swim lanes: well formed, whole, to scale, safe, and with the phases of the rollback."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cdlab import worlds
from cdlab.history import History
from cdlab.report import lanes
from cdlab.report.swim_lane_style import LEFT, RIGHT, WIDTH
from cdlab.report.swim_lanes import Window, swim_lanes
from cdlab.rollback_time import asked, done, phases
from cdlab.scenario import load

ROOT = Path(__file__).parent.parent
SVG = "{http://www.w3.org/2000/svg}"
STORIES = sorted(
    path.relative_to(ROOT / "scenarios").with_suffix("").as_posix()
    for path in (ROOT / "scenarios").glob("v*/*.yaml")
)


@cache
def history_of(name: str) -> History:
    return worlds.run(load(ROOT / "scenarios" / f"{name}.yaml")).history


def picture(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(swim_lanes(history_of(name)))


def rectangles(root: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [e for e in root.iter(f"{SVG}rect") if kind in e.get("class", "").split()]


def texts(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", STORIES)
def test_every_story_is_a_whole_picture(name: str) -> None:
    """Well formed, nothing fetched, no script, and nothing outside the picture."""
    text = swim_lanes(history_of(name))
    root = ElementTree.fromstring(text)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        "svg", "title", "style", "rect", "text", "line", "path",
    }  # fmt: skip
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    height = float(root.get("height", "0"))
    for each in root.iter(f"{SVG}rect"):
        x, y = float(each.get("x", 0)), float(each.get("y", 0))
        assert 0 <= x <= x + float(each.get("width", 0)) <= WIDTH + 3
        assert 0 <= y <= y + float(each.get("height", 0)) <= height


def test_there_is_a_lane_for_every_box_of_v3_and_none_for_what_v1_lacks() -> None:
    """The boxes of the article, each with its name."""
    for name, has_manager in (("v3/rollback", True), ("v1/rollback", False)):
        found = texts(picture(name))
        assert {"people", "CI", "registry", "staging", "production"} <= set(found)
        assert ("release manager" in found and "config repo" in found) is has_manager


def test_time_is_linear() -> None:
    """Twice as long is twice as wide, from edge to edge."""
    window = Window(1_000_000, 5_000_000)
    assert (window.x(1_000_000), window.x(5_000_000)) == (LEFT, RIGHT)
    assert window.x(3_000_000) == (LEFT + RIGHT) / 2
    assert window.x(9_000_000) == RIGHT


def test_the_phases_of_the_rollback_fill_its_axis() -> None:
    """Every phase that takes time is a bar, as wide as it is long, from one edge to the other."""
    history = history_of("v1/rollback")
    found = {name: seconds for name, seconds in phases(history).items() if seconds > 0}
    shown: dict[str, float] = {}
    for each in picture("v1/rollback").iter(f"{SVG}rect"):
        title = each.find(f"{SVG}title")
        name = (title.text or "").partition(":")[0] if title is not None else ""
        if name in found and each.get("class") is None:
            shown[name] = float(each.get("width", 0))
    assert shown.keys() == found.keys()
    total = sum(found.values())
    for name, seconds in found.items():
        assert shown[name] == pytest.approx(seconds / total * (RIGHT - LEFT), abs=0.11)


def test_the_rollback_is_marked_in_the_whole_story() -> None:
    """Where it was asked for until it was done."""
    (mark,) = rectangles(picture("v3/rollback"), "rollback")
    history = history_of("v3/rollback")
    ask, end = asked(history), done(history)
    assert ask is not None
    assert end is not None
    events = lanes.drawn(history)
    scale = (RIGHT - LEFT) / (max(e.t_us for e in history if e.op == "observe"
                                  or e in events) - events[0].began_us)  # fmt: skip
    assert float(mark.get("width", 0)) == pytest.approx((end.t_us - ask.t_us) * scale, abs=0.2)


def test_what_serves_is_a_strip() -> None:
    """Good, then bad in production until the rollback: one bad stretch in the whole story."""
    strips = rectangles(picture("v3/rollback"), "serves")
    states = [each.get("class", "").removeprefix("serves ") for each in strips]
    # In the whole story. Staging: good, both, bad. Production: good, both, bad, both, good.
    assert states[:8] == ["good", "mixed", "bad", "good", "mixed", "bad", "mixed", "good"]


def test_arrows_lead_from_causes() -> None:
    """A V3 rollback has an arrow from the question; without causes there is none."""
    assert 'class="cause"' in swim_lanes(history_of("v3/rollback"))
    without = History(event._replace(causes=()) for event in history_of("v3/rollback"))
    assert 'class="cause"' not in swim_lanes(without)


def test_looks_of_the_manager_are_not_drawn() -> None:
    """Every read of it that is drawn leads to a decision to release."""
    drawn = lanes.drawn(history_of("v3/rollback"))
    assert not [event for event in drawn if event.kind in ("TagsListed", "ManifestsCompared")]
    assert [event for event in drawn if event.kind == "RepositoryCloned"]
    last = max(event.t_us for event in drawn)
    assert last < 0.7 * history_of("v3/rollback")[-1].t_us


def test_what_people_wrote_stays_text() -> None:
    """A reason with a script in it is shown, and is none."""
    evil = "</text><script>alert(1)</script>"
    whole = History(
        event._replace(because=evil) if event.kind == "Decided" else event
        for event in history_of("v3/rollback")
    )
    text = swim_lanes(whole)
    assert "<script" not in text
    assert any("<script>" in each for each in texts(ElementTree.fromstring(text)))


def test_there_are_colours_for_the_night() -> None:
    """The browser chooses, and every colour of a text or a surface has both."""
    day, _, night = swim_lanes(history_of("v1/rollback")).partition("prefers-color-scheme: dark")
    names = set(re.findall(r"--[a-z-]+(?=:)", day))
    assert names >= {"--paper", "--ink"}
    assert names == set(re.findall(r"--[a-z-]+(?=:)", night))
