"""The walk through a run: which box lights up when, in every architecture and every terminal."""

from __future__ import annotations

import io
from functools import cache
from unittest.mock import Mock

import pytest
from rich.console import Console

from cdlab import worlds
from cdlab.cli import demo, main
from cdlab.errors import SubstrateUnavailable
from cdlab.history import History
from cdlab.report import diagram, walk
from cdlab.report.explanation import chapters, closing
from cdlab.report.walk import Frame, frames
from cdlab.scenario import parse

CODE_PUSH = ("developer", "code repo")
TEXT = "profile: constant\nmicroservices: [front-end]\n"


@cache
def history(architecture: str, more: str = TEXT) -> History:
    return worlds.run(parse(f"architecture: {architecture}\n{more}")).history


def lights(architecture: str, since: str) -> list[tuple[float, tuple[walk.Arrow, ...]]]:
    """Time and arrows of all frames from the one that begins so on, but for those without one."""
    shown = frames(history(architecture))
    first = next(n for n, each in enumerate(shown) if each.text.startswith(since))
    return [(each.at_seconds, each.arrows) for each in shown[first:] if each.arrows]


def test_a_rollback_in_v1_goes_round_by_way_of_ci() -> None:
    """Asked for at 290 s; a revert, a push, half a build, a push, and set image twice."""
    assert lights("v1", "People ask for a rollback") == [
        (292, (CODE_PUSH,)),
        (295, (CODE_PUSH,)),
        (296, (("code repo", "CI"),)),
        (358, (("CI", "registry"),)),
        (358, (("CI", "Kubernetes"),)),
        (358, (("CI", "Kubernetes"),)),
    ]


def test_a_rollback_in_v2_writes_the_config_repo_as_well() -> None:
    """CI does it, between the registry and Kubernetes."""
    arrows = [each for _, every in lights("v2", "People ask for a rollback") for each in every]
    assert arrows[2:6] == [
        ("code repo", "CI"),
        ("CI", "registry"),
        ("CI", "config repo"),
        ("CI", "Kubernetes"),
    ]


def test_a_rollback_in_v3_never_lights_ci() -> None:
    """A command to the manager, which writes the config repo and applies it."""
    assert lights("v3", "People ask for a rollback") == [
        (339, (("developer", "release manager"), ("release manager", "config repo"))),
        (342, (("release manager", "config repo"),)),
        (342, (("release manager", "Kubernetes"),)),
    ]


def test_a_new_image_sets_off_the_manager() -> None:
    """The arrow comes from the registry, with the manager's first deed for it and no other."""
    found = lights("v3", "CI pushes the image")
    assert ("registry", "release manager") in found[1][1]
    assert sum(("registry", "release manager") in arrows for _, arrows in found) == 1


def test_an_image_comes_from_the_registry_only_where_a_node_lacks_it() -> None:
    """The bad one does; the good one, and production's after staging's, are there already."""
    pulls = [
        each.text for each in frames(history("v3")) if ("registry", "Kubernetes") in each.arrows
    ]
    assert len(pulls) == 1
    assert "staging serves version bad" in pulls[0]


@pytest.mark.parametrize("architecture", walk.BOXES)
def test_every_frame_but_the_first_lights_a_box(architecture: str) -> None:
    """And no box that the article's picture of the architecture does not have."""
    shown = frames(history(architecture))
    assert all(each.lit for each in shown[1:])
    assert {box for each in shown for box in each.lit} == set(walk.BOXES[architecture])


@pytest.mark.parametrize("architecture", walk.BOXES)
def test_everything_that_the_story_tells_has_its_frame(architecture: str) -> None:
    """The sentences of `--explain`, each once, and in the order of time."""
    shown = [each.text for each in frames(history(architecture))]
    told = [
        each.text
        for chapter in chapters(history(architecture))
        if not chapter.key.startswith("bootstrap-")
        for each in chapter.sentences
    ]
    assert set(told) <= set(shown)
    times = [each.at_seconds for each in frames(history(architecture))]
    assert times == sorted(times)


@pytest.mark.parametrize("architecture", walk.BOXES)
def test_the_last_frame_says_what_came_of_it(architecture: str) -> None:
    """How long the rollback took, and that good versions serve."""
    last = frames(history(architecture))[-1]
    assert last.text == closing(history(architecture))
    assert dict(last.serving)["production"] == "good"


def test_the_bootstrap_is_one_frame_with_all_boxes() -> None:
    """Unless the story is about nothing else."""
    second = frames(history("v3"))[1]
    assert second.text == "People ship the first version of everything, everywhere."
    assert second.lit == walk.BOXES["v3"]
    alone = frames(history("v1", "story: first-deployment\nprofile: constant\n"))
    assert sum("builds" in each.text for each in alone) > 1


def test_what_the_bootstrap_leaves_behind_is_not_told() -> None:
    """At 212.4 s the manager leaves its first image to people; only the second one is told of."""
    skips = [each for each in history("v3").of("Decided") if each.because == "manual"]
    assert "bootstrap-1" in [each.intent for each in skips if each.t_us > 200e6]
    shown = [each for each in frames(history("v3")) if "because: manual" in each.text]
    assert [each.at_seconds for each in shown] == [298]


@pytest.mark.parametrize("architecture", walk.BOXES)
def test_each_arrow_of_a_picture_ends_at_its_box(architecture: str) -> None:
    """Heads are beside a border, and no line runs through a box."""
    every = Frame(0, "", walk.BOXES[architecture], tuple(diagram.PATHS[architecture]))
    lines = [line.plain.ljust(diagram.WIDTH) for line in diagram.picture(architecture, every)]
    assert len(lines) == diagram.HEIGHT
    heads = sum(line.count(head) for line in lines for head in "►◄▼")
    assert heads == len(diagram.PATHS[architecture])
    for box in walk.BOXES[architecture]:
        x, y = diagram.CORNERS[box]
        cut = [line[x : x + diagram.BOX_WIDTH] for line in lines[y : y + diagram.BOX_HEIGHT]]
        assert cut[0] == "╔" + "═" * 17 + "╗"
        assert cut[1].strip("║ ") == box
        assert cut[2] == "╚" + "═" * 17 + "╝"


def test_what_is_lit_shows_without_colour() -> None:
    """Borders are double and arrows heavy; a terminal without colour has both."""
    frame = Frame(0, "", ("CI",), (("CI", "registry"),))
    text = "\n".join(line.plain for line in diagram.picture("v1", frame))
    assert text.count("╔") == 1
    assert "┃" in text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("architecture", walk.BOXES)
def test_every_page_fits_the_terminal(architecture: str, size: tuple[int, int]) -> None:
    """With the longest sentence, and the picture in it."""
    for frame in frames(history(architecture)):
        lines = printed(size, diagram.page(architecture, frame, "1 of 9", size))
        assert len(lines) <= size[1]
        assert any("╔" in line or "┌" in line for line in lines)


@pytest.mark.parametrize("size", [(60, 24), (78, 50), (100, 18)])
def test_a_small_terminal_gets_a_list(size: tuple[int, int]) -> None:
    """The boxes under one another, and the arrows in words."""
    frame = frames(history("v1"))[3]
    lines = printed(size, diagram.page("v1", frame, "4 of 9", size))
    assert len(lines) <= size[1]
    assert "● developer" in lines
    assert "○ CI" in lines
    assert "developer → code repo" in lines


def printed(size: tuple[int, int], lines: list[object]) -> list[str]:
    console = Console(file=io.StringIO(), width=size[0], height=size[1])
    for line in lines:
        console.print(line)
    return [each.rstrip() for each in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_terminal_waits_after_each_frame_and_keeps_the_last() -> None:
    """The screen of before comes back, with the last frame under it."""
    file = io.StringIO()
    page = Console(file=file, force_terminal=True, width=80, height=24)
    shown, waits = frames(history("v1")), []
    demo.show(page, "v1", shown, lambda: waits.append(len(file.getvalue())))
    assert len(waits) == len(shown)
    assert waits == sorted(set(waits)), "each frame was written before it was waited for"
    assert "The rollback took" in file.getvalue().split("\x1b[?1049l")[1]


@pytest.mark.parametrize("options", [(), ("--pace", "0"), ("--step",)])
def test_without_a_terminal_all_frames_are_printed_at_once(
    options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other as text, whatever pace was asked for."""
    with pytest.raises(SystemExit) as caught:
        main.main(["demo", "v3", *options])
    said = capsys.readouterr().out
    assert caught.value.code == 0
    assert "[developer → release manager, release manager → config repo]" in said
    assert "\x1b" not in said
    assert "The rollback took" in said.splitlines()[-2]
    assert said.splitlines()[-1].strip() == "[Kubernetes]"


def test_kind_without_a_lab_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After it was said that the run comes first."""
    missing = SubstrateUnavailable("the lab is not up", help="cdlab up")
    monkeypatch.setattr(worlds, "run", Mock(side_effect=missing))
    with pytest.raises(SystemExit) as caught:
        main.main(["demo", "v2", "--substrate", "kind"])
    said = capsys.readouterr()
    assert caught.value.code == 3
    assert said.out == ""
    assert said.err.startswith("playing it on the real cluster first")
    assert said.err.endswith("help: cdlab up\n")
