"""The run as a story: nothing is lost, decisions have their reasons, looks are only counted."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.history import History
from cdlab.report.explanation import Chapter, chapters, explanation
from cdlab.scenario import load

ROOT = Path(__file__).parent.parent
STORIES = sorted(
    path.relative_to(ROOT / "scenarios").with_suffix("").as_posix()
    for path in (ROOT / "scenarios").glob("v*/*.yaml")
)


@cache
def history_of(name: str) -> History:
    return worlds.run(load(ROOT / "scenarios" / f"{name}.yaml")).history


def chapter(name: str, key: str, number: int = 0) -> Chapter:
    return [each for each in chapters(history_of(name)) if each.key == key][number]


def sentences(each: Chapter) -> list[str]:
    return [sentence.text for sentence in each.sentences]


@pytest.mark.parametrize("name", STORIES)
def test_every_event_is_told_or_counted(name: str) -> None:
    """All but the first, and the requests, which are the titles."""
    history, whole = history_of(name), chapters(history_of(name))
    told = sum(len(each.sentences) + each.left_out.total() for each in whole)
    assert told == len(history) - 1 - len(history.of("IntentDeclared"))


@pytest.mark.parametrize("name", STORIES)
def test_every_decision_that_changes_something_is_told_with_its_reason(name: str) -> None:
    """What the manager released or held back stands in the story, word for word why."""
    history = history_of(name)
    text = " ".join(explanation(history).split())
    stories = history.of("Decided")
    begin = [e.seq for e in history.of("IntentDeclared") if e.detail["intent"] != "bootstrap"]
    for event in stories:
        if begin and event.seq > begin[0] and event.outcome != "skipped":
            assert f"{event.detail['workload']} in {event.resource}" in text
            assert " ".join(event.because.split()) in text


@pytest.mark.parametrize("name", STORIES)
def test_the_times_of_a_chapter_go_forward(name: str) -> None:
    """Inside a chapter a reader never goes back, and chapters stand by their beginnings."""
    whole = chapters(history_of(name))
    for each in whole:
        times = [sentence.at_seconds for sentence in each.sentences]
        assert times == sorted(times)
    assert [each.at_seconds for each in whole] == sorted(each.at_seconds for each in whole)


def test_a_rollback_of_v3_is_told_in_its_own_chapter() -> None:
    """Asked for, decided because of what was said, applied, served: and nothing of CI."""
    told = sentences(chapter("v3/rollback", "rollback-1"))
    released = next(text for text in told if "releases" in text)
    assert released == (
        "The manager releases front-end in production (rollback, because: it serves wrong content)."
    )
    assert any(t.startswith("Every replica of front-end in production serves ver") for t in told)
    assert not any("CI" in text for text in told)


def test_a_decision_without_a_reason_has_what_set_it_off() -> None:
    """An automated release says which push it answers."""
    (released, *_) = [t for t in sentences(chapter("v3/rollback", "deploy-1")) if "releases" in t]
    assert "(automation), because CI pushes the image front-end:" in released


def test_what_is_taken_up_again_later_has_a_chapter_of_its_own() -> None:
    """Without a hold the deploy comes back after the rollback, and stands after it."""
    keys = [each.key for each in chapters(history_of("v3/rollback-without-hold"))]
    assert keys[1:4] == ["deploy-1", "rollback-1", "deploy-1"]
    again = sentences(chapter("v3/rollback-without-hold", "deploy-1", 1))
    assert any("serves version bad" in text for text in again)
    assert explanation(history_of("v3/rollback-without-hold")).rstrip().endswith("did not stay.")


def test_looks_that_find_nothing_are_counted_and_not_told() -> None:
    """The programs that look by themselves get one line at the end."""
    looks = chapter("v3/rollback", "by itself")
    found = len([e for e in history_of("v3/rollback").of("TagsListed") if not e.intent])
    assert not looks.sentences
    assert f"{found} looks at the registry" in looks.omission
    assert looks.omission.endswith("nothing new.")
    assert len(explanation(history_of("v3/rollback")).splitlines()) < 80


def test_a_failure_is_told_once_however_often_it_is_tried() -> None:
    """With the registry gone the manager fails at every look; a reader needs that once."""
    whole = chapters(history_of("v3/cluster-and-registry-lost"))
    told = [(each.key, s.text) for each in whole for s in each.sentences if s.has_failed]
    assert len(told) == len(set(told))
    assert len(explanation(history_of("v3/cluster-and-registry-lost")).splitlines()) < 150


def test_accidents_are_told_in_order() -> None:
    """A node stops, people miss its pods, they come back."""
    told = sentences(chapter("v1/node-lost", "accidents"))
    assert [text.partition(" ")[0] for text in told] == ["Somebody", "People", "People", "Somebody"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_asked(width: int) -> None:
    """Whatever a commit message says."""
    lines = explanation(history_of("v3/rollback"), width).splitlines()
    assert max(map(len, lines)) <= width
