"""Drift is repaired or only reported, as the environment's policy says, and shown with its age."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.config_layout import POLICY, config_path
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Environment, ImageRef

if TYPE_CHECKING:
    from cdlab.manager.commands import WorkloadStatus
    from cdlab.ports import Cluster
    from tests.manager.conftest import Lab

LOOK, LONG = 300.0, 250.0
SOON = ManagerIntervals(LOOK, phase=0.9, sync_seconds=60.0)
STAGING = config_path("staging", POLICY)
REPORT = "automated: true\ndrift: report\n"
REPLICAS = ("replicas: 2", "replicas: 3")


def kubectl(lab: Lab) -> Cluster:
    """What a person does past everything else."""
    return lab.substrate.ports("operator").cluster


async def set_back(lab: Lab, tag: str = "a", name: str = "users") -> None:
    image = ImageRef(lab.substrate.image_repository(name), tag)
    await kubectl(lab).set_image(name, image, "staging")


async def running(lab: Lab) -> dict[str, str | None]:
    """Workload -> the tag that staging was told to run."""
    found = await kubectl(lab).running("staging")
    return {each.name: each.desired.tag for each in found}


async def cell(lab: Lab, name: str = "users") -> WorkloadStatus:
    found = await lab.desk.status()
    return next(each for each in found if (each.workload, each.environment) == (name, "staging"))


async def only_reported(lab: Lab, *versions: str) -> None:
    """Ship versions of users to a staging in which drift is only reported."""
    await lab.ship(*versions)
    await lab.write(STAGING, REPORT)
    await lab.kernel.sleep(10)


def test_where_drift_is_only_reported_nothing_is_repaired_until_somebody_asks(
    new_lab: type[Lab],
) -> None:
    """It is told with its age and once; `cdlab sync` repairs it."""

    async def story(lab: Lab) -> None:
        await only_reported(lab, "a", "b")
        await set_back(lab)
        await lab.kernel.sleep(LOOK)
        assert await running(lab) == {"users": "a"}
        shown = await cell(lab)
        assert (shown.drift_seconds, shown.drift_mode) == (pytest.approx(LOOK, abs=65), "report")
        (difference,) = await lab.desk.diff()
        assert difference.since_seconds == pytest.approx(shown.drift_seconds, abs=5)
        assert difference.mode == "report"
        assert ImageRef.parse(difference.actual).tag == "a"
        planned = await lab.ask("sync", workload="", is_dry_run=True)
        assert (planned.status, planned.applied) == ("planned", ("users in staging",))
        assert await running(lab) == {"users": "a"}
        done = await lab.ask("sync", workload="")
        assert (done.status, done.applied) == ("released", ("users in staging",))
        assert await running(lab) == {"users": "b"}
        assert (await cell(lab)).drift_seconds is None
        assert await lab.desk.diff() == ()
        nothing = await lab.ask("sync", workload="", is_dry_run=True)
        assert (nothing.status, nothing.reason) == ("skipped", "nothing to change")

    lab = new_lab(intervals=SOON).play(story)
    told = [(each.outcome, each.because) for each in lab.decided("sync")]
    reported = ("skipped", "it differs from the config repo, and drift is only reported here")
    assert set(told[:-1]) == {reported}
    assert told[-1] == ("ok", "it differed from the config repo")


def test_a_look_that_finds_nothing_does_not_ask_what_runs(new_lab: type[Lab]) -> None:
    """The page asks for it beside that, and with hundreds of workloads it is a large answer."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        before = len(lab.history.of("WorkloadsRead"))
        assert await lab.desk.diff() == ()
        assert len(lab.history.of("WorkloadsRead")) == before

    new_lab().play(story)


@pytest.mark.parametrize("mode", ["repair", "report"])
def test_a_wiped_environment_comes_back_from_the_repo_alone(new_lab: type[Lab], mode: str) -> None:
    """By itself where drift is repaired, and else when somebody asks; no code, no CI, no build."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await lab.write(STAGING, f"automated: true\ndrift: {mode}\n")
        for box in ("code-repo", "registry"):
            await lab.substrate.incidents.stop(box)
        await kubectl(lab).wipe("staging")
        await lab.kernel.sleep(LOOK)
        if mode == "report":
            assert await running(lab) == {}
            assert [each.actual for each in await lab.desk.diff()] == ["absent"]
            assert (await cell(lab)).drift_seconds == pytest.approx(LOOK, abs=65)
            assert (await lab.ask("sync", workload="")).status == "released"
            await lab.kernel.sleep(LONG)
        (found,) = await kubectl(lab).running("staging")
        assert (found.desired.tag, len(found.digests), found.is_available) == ("b", 2, True)

    new_lab(intervals=SOON).play(story)


def test_a_release_applies_its_own_workload_where_drift_is_only_reported(
    new_lab: type[Lab],
) -> None:
    """And leaves that of others as it is."""

    async def story(lab: Lab) -> None:
        await only_reported(lab, "a", "b")
        await lab.build("a", "orders")
        await lab.kernel.sleep(LONG)
        await kubectl(lab).rollout_undo("users", "staging")
        await lab.build("b", "orders")
        await lab.kernel.sleep(LONG)
        assert await running(lab) == {"users": "a", "orders": "b"}
        assert (await lab.ask("rollback", to="a")).status == "released"
        await lab.kernel.sleep(LONG)
        assert await running(lab) == {"users": "a", "orders": "b"}
        assert await lab.desk.diff() == ()

    new_lab(names=("users", "orders"), intervals=SOON).play(story)


def test_what_people_push_is_applied_where_drift_is_only_reported(new_lab: type[Lab]) -> None:
    """By hand in git it is as much a release as by a command; what kubectl changed stays."""

    async def story(lab: Lab) -> None:
        await only_reported(lab, "a", "b")
        await lab.edit(lambda text: text.replace(*REPLICAS))
        await lab.kernel.sleep(LONG)
        (found,) = await kubectl(lab).running("staging")
        assert len(found.digests) == 3
        await set_back(lab)
        await lab.kernel.sleep(LONG)
        assert await running(lab) == {"users": "a"}

    new_lab(intervals=SOON).play(story)


@pytest.mark.parametrize("is_wiped", [False, True])
def test_a_release_that_could_not_be_applied_is_owed_where_drift_is_only_reported(
    new_lab: type[Lab], is_wiped: bool
) -> None:
    """It is committed, so a sync applies it, whether or not there is anything to change."""

    async def story(lab: Lab) -> None:
        await only_reported(lab, "a", "b")
        if is_wiped:
            await kubectl(lab).wipe("staging")
        await lab.substrate.incidents.stop("api-server")
        answer = await lab.ask("rollback")
        assert (answer.status, answer.is_applied) == ("released", False)
        await lab.kernel.sleep(LOOK)
        await lab.substrate.incidents.restart("api-server")
        await lab.kernel.sleep(LONG)
        assert await running(lab) == {"users": "a"}
        assert (await lab.log())[0].note == "staging/users healthy"

    new_lab(intervals=SOON).play(story)


def test_a_release_cut_off_before_its_apply_is_made_good_where_drift_is_only_reported(
    new_lab: type[Lab],
) -> None:
    """The next process finds a manifest that was never applied, which is no drift."""

    async def story(lab: Lab) -> None:
        await only_reported(lab, "a", "b")
        cluster = lab.queue.manager.manager.cluster.inner  # type: ignore[attr-defined]
        applied = cluster.apply

        async def cut_off(manifest: str, environment: str) -> None:
            lab.queue.stop()
            await lab.kernel.sleep(1)
            pytest.fail("it was stopped")

        cluster.apply = cut_off
        answer = await lab.ask("rollback")
        assert answer.status == "failed"
        assert (await lab.tag(), await running(lab)) == ("a", {"users": "b"})
        cluster.apply = applied
        lab.queue.start()
        await lab.kernel.sleep(LONG)
        assert await running(lab) == {"users": "a"}

    new_lab(intervals=SOON).play(story)


def test_the_age_of_drift_counts_from_when_the_manager_saw_it(new_lab: type[Lab]) -> None:
    """Not from when somebody first asked; and what is no image is seen by the status, too."""

    async def story(lab: Lab) -> None:
        await only_reported(lab, "a")
        manifest = await lab.read(config_path("staging", "users"))
        await kubectl(lab).apply(manifest.replace(*REPLICAS), "staging")
        await lab.kernel.sleep(2 * LOOK)
        shown = await cell(lab)
        assert shown.desired == str((await kubectl(lab).running("staging"))[0].desired)
        assert shown.drift_seconds == pytest.approx(2 * LOOK, abs=65)

    new_lab(intervals=SOON).play(story)


def test_nothing_is_called_drift_while_the_api_server_is_down(new_lab: type[Lab]) -> None:
    """What runs is then unknown, which is not the same as nothing."""

    async def story(lab: Lab) -> None:
        await lab.ship("a")
        await lab.substrate.incidents.stop("api-server")
        assert (await cell(lab)).drift_seconds is None

    new_lab().play(story)


def test_an_environment_with_a_broken_policy_is_left_alone(new_lab: type[Lab]) -> None:
    """It is told with file and line, and the others are repaired."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await lab.write(STAGING, "drift: sometimes\n")
        for environment in ("staging", "coral"):
            image = ImageRef(lab.substrate.image_repository("users"), "a")
            await kubectl(lab).set_image("users", image, environment)
        await lab.kernel.sleep(LOOK)
        assert (await lab.served("staging"), await lab.served("coral")) == ("a", "b")

    lab = new_lab(environments=(Environment("staging"), Environment("coral")), intervals=SOON)
    failed = [each for each in lab.play(story).decided("sync") if each.outcome == "failed"]
    assert {each.resource for each in failed} == {"staging"}
    assert f'{STAGING}:1: "drift": is neither repair nor report' in failed[0].because


def test_a_broken_manifest_stops_the_repair_of_no_other(new_lab: type[Lab]) -> None:
    """Who syncs hears of it with its line; the status and the differences of the rest stay."""

    async def story(lab: Lab) -> None:
        for name in ("users", "orders"):
            await lab.build("a", name)
            await lab.build("b", name)
        await lab.kernel.sleep(LONG)
        await lab.write(STAGING, REPORT)
        path = config_path("staging", "orders")
        await lab.write(path, "kind: Deployment\nmetadata: [\n")
        await set_back(lab)
        (difference,) = await lab.desk.diff()
        assert difference.workload == "users"
        done = await lab.ask("sync", workload="")
        assert done.status == "failed"
        assert f"orders in staging: {path}:" in done.reason
        assert done.applied == ("users in staging",)
        assert (await cell(lab, "orders")).trouble.startswith(f"{path}:")

    new_lab(names=("users", "orders"), intervals=SOON).play(story)
