"""Whether others saw what a history says: agreement, and what is reported where there is none."""

from __future__ import annotations

import pytest

from cdlab import worlds
from cdlab.history import Event, History
from cdlab.ports import Ports
from cdlab.runner import Run, run_in
from cdlab.scenario import load
from cdlab.stories import STORIES, Lab
from cdlab.witnesses import disagreements, told
from tests.kind.real_rollbacks import SCENARIOS, rolled_back, scenario

SUBSTRATES = ["sim", pytest.param("kind", marks=pytest.mark.kind)]


def without(history: History, kind: str) -> History:
    """The history as a recorder would have written it that missed the last event of a kind."""
    missed = history.of(kind)[-1].seq
    kept = [event for event in history if event.seq != missed]
    return History(event._replace(seq=number) for number, event in enumerate(kept))


@pytest.mark.parametrize("substrate", SUBSTRATES)
@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
def test_the_witnesses_say_what_the_history_says(architecture: str, substrate: str) -> None:
    """And one write that is taken out of the history is missed by its witness."""
    run = rolled_back(architecture) if substrate == "kind" else worlds.run(scenario(architecture))
    assert run.disagreements == []
    assert sum(run.testimony["ref updates"].values()) >= 5
    hidden = ["CommitPushed", "ImagePushed"]
    if substrate == "kind":
        hidden += ["ImageBuilt", "ImageSet" if architecture == "v1" else "ManifestsApplied"]
    for kind in hidden:
        (missed,) = disagreements(run.testimony, without(run.history, kind))
        assert "witnessed" in missed


@pytest.mark.parametrize("substrate", SUBSTRATES)
def test_a_write_past_the_recorder_is_reported(substrate: str) -> None:
    """Somebody pushes with ports that nobody recorded: the reflog has one update more."""
    first = load(SCENARIOS / "v1" / "first-deployment.yaml")
    world = worlds.simulated(first) if substrate == "sim" else worlds.real(first)

    async def story(lab: Lab) -> None:
        await STORIES["first-deployment"](lab)
        unrecorded: Ports = world.substrate.ports("developer")
        checkout = await unrecorded.code_repos["orders"].clone()
        checkout.write("README", "Nobody saw this.\n")
        await checkout.commit("Push past the recorder")
        await checkout.push()

    run: Run = run_in(world, first, story)
    found = [each for each in run.disagreements if each.startswith("ref updates")]
    assert found == ["ref updates: orders: witnessed 2, in the history 1"]


def test_what_failed_and_what_moved_nothing_is_not_counted() -> None:
    """A rejected push, and one of a head that is there already, leave no trace outside."""
    detail = {"revision": "b", "previous": "a"}
    events = [
        Event(0, 0, 0, "CommitPushed", "code-repo", "write", "users", detail=detail),
        Event(1, 0, 0, "PushRejected", "code-repo", "write", "users", outcome="failed"),
        Event(2, 0, 0, "CommitPushed", "code-repo", "write", "users",
              detail={"revision": "b", "previous": "b"}),
    ]  # fmt: skip
    assert told(History(events))["ref updates"] == {"users": 1}
