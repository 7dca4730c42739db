"""Objects that are in no manifest any more: shown always, deleted when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.config_layout import config_path
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Environment
from tests.thirteen_rules.shop import renamed

if TYPE_CHECKING:
    from tests.manager.conftest import Lab

LOOK, LONG = 300.0, 250.0
SOON = ManagerIntervals(LOOK, phase=0.9, sync_seconds=60.0)
EXTRA = config_path("staging", "extra")
STRAYS = ("Deployment/extra in staging", "Service/extra in staging")
PLACES = (Environment("staging"), Environment("coral"))


async def leave_behind(lab: Lab) -> None:
    """A workload is added to each environment by hand in git, and taken out of staging again."""
    await lab.ship("a")
    extra = renamed(await lab.read(config_path("staging", "users")), "users", "extra")
    await lab.write(config_path("coral", "extra"), extra)
    revision = await lab.write(EXTRA, extra)
    await lab.kernel.sleep(LONG)
    checkout = await lab.substrate.ports("operator").config_repo.clone()
    await checkout.revert(revision)
    await checkout.push()
    by_hand = renamed(extra, "extra", "by-hand")
    await lab.substrate.ports("operator").cluster.apply(by_hand, "staging")
    assert await workloads(lab) == ["by-hand", "extra", "users"]


async def workloads(lab: Lab, where: str = "staging") -> list[str]:
    found = await lab.substrate.ports("operator").cluster.running(where)
    return [each.name for each in found]


def test_nothing_is_pruned_that_nobody_asked_for(new_lab: type[Lab]) -> None:
    """Neither by the clock nor by a sync without --prune; it is shown with its age."""

    async def story(lab: Lab) -> None:
        await leave_behind(lab)
        await lab.desk.diff()
        await lab.kernel.sleep(2 * LOOK)
        done = await lab.ask("sync", workload="")
        assert (done.status, done.pruned) == ("released", ())
        assert await workloads(lab) == ["by-hand", "extra", "users"]
        stray, service = await lab.desk.diff()
        assert (stray.workload, stray.environment) == ("extra", "staging")
        assert (stray.desired, stray.actual, stray.mode) == ("absent", "Deployment/extra", "report")
        assert service.actual == "Service/extra"
        assert stray.since_seconds == pytest.approx(2 * LOOK, abs=5)

    lab = new_lab(environments=PLACES, intervals=SOON).play(story)
    assert not lab.history.of("ObjectsPruned")


def test_prune_deletes_what_the_manager_applied_and_lists_it_before(new_lab: type[Lab]) -> None:
    """Not what somebody applied by hand; each object is a decision with who asked for it."""

    async def story(lab: Lab) -> None:
        await leave_behind(lab)
        planned = await lab.ask("sync", workload="", has_prune=True, is_dry_run=True)
        assert (planned.status, planned.pruned) == ("planned", STRAYS)
        assert "extra" in await workloads(lab)
        elsewhere = await lab.ask("sync", workload="", environment="coral", has_prune=True)
        assert elsewhere.pruned == ()
        done = await lab.ask("sync", workload="", has_prune=True)
        assert (done.status, done.pruned) == ("released", STRAYS)
        assert await workloads(lab) == ["by-hand", "users"]
        assert await workloads(lab, "coral") == ["extra", "users"]
        assert await lab.desk.diff() == ()

    lab = new_lab(environments=PLACES, intervals=SOON).play(story)
    assert [(e.detail["workload"], e.because) for e in lab.decided("prune")] == [
        (each, "it is in no manifest of the config repo")
        for each in ("Deployment/extra", "Service/extra")
    ]


def test_nothing_is_pruned_while_a_manifest_cannot_be_read(new_lab: type[Lab]) -> None:
    """It may be the one that has the object; the answer says which file, and where."""

    async def story(lab: Lab) -> None:
        await leave_behind(lab)
        path = config_path("staging", "broken")
        await lab.write(path, "kind: Deployment\nmetadata: [\n")
        done = await lab.ask("sync", workload="", has_prune=True)
        assert (done.status, done.pruned) == ("failed", ())
        assert f"staging: {path}:2" in done.reason
        assert "extra" in await workloads(lab)
        assert await lab.desk.diff() == ()

    new_lab(environments=PLACES, intervals=SOON).play(story)
