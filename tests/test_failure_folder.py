"""What a failed run on kind leaves behind, and what the runner asks before it cleans up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import cdlab
from cdlab import worlds
from cdlab.errors import BuildFailed
from cdlab.history import History
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.stories import Lab
from cdlab.testing.failure_folder import collect
from cdlab.testing.failure_story import failure_story, replay_line

SCENARIO = Scenario(architecture="v3", story="first-deployment", profile="constant")
SAID = {"ns-staging/events.txt": "BackOff", "ns-staging/web.previous.log": "exit 1"}


def test_the_folder_holds_what_is_needed(tmp_path: Path) -> None:
    """History, story, logs, versions, the line that replays it, and a list of it all."""
    run = replace(cdlab.run(SCENARIO), evidence=SAID)
    names = collect(run, None, tmp_path / "kept", path="scenarios/v3/first.yaml")
    logs = ("ci.log", "manager.log", "versions.txt")
    assert names == sorted([*SAID, *logs, "README.txt", "history.jsonl", "replay.txt", "story.txt"])
    folder = tmp_path / "kept"
    assert len(History.load(folder / "history.jsonl")) == len(run.history)
    assert (
        "cdlab run scenarios/v3/first.yaml --substrate sim --seed 1"
        in (folder / "replay.txt").read_text()
    )
    assert '"principal":"manager"' in (folder / "manager.log").read_text()
    assert "ns-staging/web.previous.log" in (folder / "README.txt").read_text()


def test_an_error_is_kept_with_its_help(tmp_path: Path) -> None:
    """An error without history, before anything ran, still leaves a folder."""
    collect(BuildFailed("no space left", help="docker system prune"), None, tmp_path)
    assert "no space left" in (tmp_path / "error.txt").read_text()
    assert "docker system prune" in (tmp_path / "error.txt").read_text()


def test_a_folder_holds_one_failure_alone(tmp_path: Path) -> None:
    """What an earlier failure left there is removed; a folder of somebody else's is not."""
    run = cdlab.run(SCENARIO)
    collect(replace(run, evidence={"ns-old/events.txt": "old"}), None, tmp_path / "kept")
    collect(run, None, tmp_path / "kept", replay="cdlab compare rollback")
    assert not (tmp_path / "kept/ns-old").exists()
    assert (tmp_path / "kept/replay.txt").read_text() == "cdlab compare rollback\n"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/README.txt").write_text("my thesis")
    (tmp_path / "mine/chapter.txt").write_text("one")
    collect(run, None, tmp_path / "mine")
    assert (tmp_path / "mine/chapter.txt").read_text() == "one"


def test_missing_programs_are_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where docker is what is missing, the folder says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    collect(BuildFailed("no docker"), None, tmp_path / "kept")
    assert "No such file" in (tmp_path / "kept/versions.txt").read_text()


async def _fails(lab: Lab) -> None:
    """A story that gets somewhere and then breaks off."""
    await lab.kernel.sleep(1)
    raise BuildFailed("out of memory")


def test_an_error_carries_history_and_evidence() -> None:
    """The world is asked before the run is removed; the error says what was known."""
    world = replace(worlds.simulated(SCENARIO), evidence=lambda: SAID)
    with pytest.raises(BuildFailed) as failure:
        run_in(world, SCENARIO, _fails)
    assert failure.value.history[0].kind == "RunStarted"  # type: ignore[attr-defined]
    assert failure.value.evidence == SAID  # type: ignore[attr-defined]


async def _never_ends(lab: Lab) -> None:
    """A story that waits for what does not come."""
    await lab.kernel.event("the end of the world").wait()


def test_a_stalled_run_carries_evidence() -> None:
    """A run that is given up is asked too, and says who waited for what."""
    world = replace(worlds.simulated(SCENARIO), evidence=lambda: SAID)
    run = run_in(world, SCENARIO, _never_ends)
    assert not run.is_finished
    assert run.evidence == SAID
    assert "the end of the world" in failure_story(run.history)


def test_a_story_tells_the_bootstrap_and_what_serves() -> None:
    """Unlike a report it leaves nothing out that may have gone wrong."""
    run = cdlab.run(SCENARIO)
    told = failure_story(run.history)
    assert "manager applies manifests in staging" in told
    assert "production: users serves 2 × " in told
    assert replay_line(run.history, "x.yaml") == "cdlab run x.yaml --substrate sim --seed 1"
