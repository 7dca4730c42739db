"""The article's own road, from V1 to V2 to V3: what a move does, and what it must not do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.errors import NotExportable, ScenarioError
from cdlab.history import Event, History
from cdlab.manifests import annotations, image_of
from cdlab.model import ImageRef
from cdlab.moves import files_differing_after_moves, pods_changed_by_moves
from cdlab.policies import HOLD
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario, load, parse
from cdlab.stories import Lab
from cdlab.stories.actions import Change, bootstrap, push_change, ship
from cdlab.stories.moving import automate, export_what_runs, hand_over, move

FILE = Path(__file__).parent.parent / "scenarios" / "v3" / "move-from-v1.yaml"
PRODUCTION, STAGING = (
    "environments/production/front-end.yaml",
    "environments/staging/front-end.yaml",
)
Story = Callable[[Lab], Awaitable[None]]


@pytest.fixture(scope="module")
def history() -> History:
    """The whole road, once."""
    return worlds.run(load(FILE)).history


def during(history: History, to: str) -> list[Event]:
    """From the beginning of a move until it was watched."""
    (begun,) = (e for e in history.of("IntentDeclared") if e.detail.get("to") == to)
    (ended,) = (e for e in history.of("MoveWatched") if e.resource == to)
    return [event for event in history if begun.seq < event.seq < ended.seq]


def commits(history: History, subject: str) -> list[dict[str, str]]:
    """The files of the commits to the config repo whose message begins like that."""
    return [
        e.detail["files"]
        for e in history.of("Committed")
        if e.component == "config-repo" and e.detail["message"].startswith(subject)
    ]


@pytest.mark.parametrize("to", ["v2", "v3"])
def test_a_move_deploys_nothing(history: History, to: str) -> None:
    """No pod comes or goes, and nobody writes to the cluster, the manager's first sync included."""
    events = during(history, to)
    assert not [e for e in events if e.op == "observe"]
    assert not [e for e in events if e.op == "apply"]
    compared = [e for e in events if e.kind == "ManifestsCompared" and e.principal == "manager"]
    assert bool(compared) is (to == "v3"), "it has looked"


def test_each_environment_keeps_the_image_that_it_runs(history: History) -> None:
    """V1's deploy did not reach production; the export says so, and repairs nothing."""
    (files,) = commits(history, "Export")
    assert len(files) == 6
    staging, production = (image_of(files[path], "front-end") for path in (STAGING, PRODUCTION))
    assert staging != production
    users = {
        image_of(files[f"environments/{e}/users.yaml"], "users") for e in ("staging", "production")
    }
    assert len(users) == 1


def test_ci_does_less_from_version_to_version(history: History) -> None:
    """It sets images, then it writes the config repo and applies, then it stops at the registry."""
    writes = {
        deploy: {
            e.kind
            for e in history.cone(deploy)
            if e.principal == "ci" and e.op in ("write", "apply")
        }
        for deploy in ("deploy-1", "deploy-2", "deploy-3")
    }
    assert writes["deploy-1"] == {"ImagePushed", "ImageSet", "ClusterUnavailable"}
    assert writes["deploy-2"] == {"ImagePushed", "CommitPushed", "ManifestsApplied"}
    assert writes["deploy-3"] == {"ImagePushed"}


def test_what_was_taken_from_ci_is_refused_to_its_old_credentials(history: History) -> None:
    """To set an image and to push to the config repo, both of which it had done."""
    refused = [(e.component, e.principal) for e in history.of("Forbidden")]
    assert refused == [("environment", "ci"), ("config-repo", "ci")]


def test_the_manager_can_go_back_to_what_ran_before_it_came(history: History) -> None:
    """To the image that V2's CI deployed by its tag, by the digest that was noted, with a hold."""
    (back,) = commits(history, "Roll back")
    (last_of_ci,) = commits(history, "Release front-end from-v2"[:17])[:1]
    before = ImageRef.parse(image_of(last_of_ci[PRODUCTION], "front-end"))
    after = ImageRef.parse(image_of(back[PRODUCTION], "front-end"))
    assert (before.tag, before.digest) == (after.tag, None)
    noted = [e.detail["line"] for e in history.of("CommitAnnotated")]
    assert f"production/front-end healthy {after.digest}" in noted
    assert HOLD in annotations(back[PRODUCTION], "front-end")


def test_the_manifests_are_the_same_before_and_after_the_manager_comes(history: History) -> None:
    """The config repo gets no commit by the move; the policies stand beside the manifests."""
    assert not [e for e in during(history, "v3") if e.kind == "CommitPushed"]
    (policies,) = commits(history, "Release new images by themselves")
    assert policies == {"environments/staging/policy.yaml": "automated: true\n"}


def play(story: Story, **settings: object) -> Run:
    scenario = replace(load(FILE), microservices=("users",), faults=(), **settings)  # type: ignore[arg-type]
    return run_in(worlds.simulated(scenario), scenario, story)


def test_a_push_during_a_move_is_deployed_after_it() -> None:
    """CI takes it up when it goes on, as what it has become: it is neither lost nor done twice."""

    async def story(lab: Lab) -> None:
        await bootstrap(lab)

        async def prepare(moved: Lab) -> None:
            await export_what_runs(moved)
            pushed.append(await push_change(moved, "users", Change(version="meanwhile")))

        moved = await lab.move("v2", prepare)
        for environment in moved.application.everywhere:
            await moved.until_serves("users", environment, pushed[0].content)

    pushed: list[object] = []
    history = play(story).history
    assert [
        e.kind for e in history.cone("deploy-1") if e.principal == "ci" and e.op == "apply"
    ] == ["ManifestsApplied"] * 2
    assert len(history.of("ImageBuilt")) == 2


def test_a_run_of_ci_that_is_under_way_is_waited_for() -> None:
    """It ends as what it began as, and the export has what it deployed."""

    async def story(lab: Lab) -> None:
        await bootstrap(lab)
        shipped = await push_change(lab, "users", Change(version="late"))
        await lab.pipelines.started(shipped.revision)

        async def prepare(moved: Lab) -> None:
            for environment in moved.application.everywhere:
                await moved.until_serves("users", environment, shipped.content)
                await moved.ports("operator").cluster.rollout_status("users", environment)
            await export_what_runs(moved)

        await lab.move("v2", prepare)
        exported.append(shipped.revision)

    exported: list[str] = []
    history = play(story).history
    (done,) = (e for e in history.cone("deploy-1") if e.kind == "PipelineRunFinished")
    paused, *_ = history.of("ArrangementChanged")
    assert done.seq < paused.seq
    assert [e.kind for e in history.cone("deploy-1") if e.kind == "ImageSet"] == ["ImageSet"] * 2
    (files,) = commits(history, "Export")
    assert all(exported[0] in text for text in files.values())


def test_a_move_that_rolls_something_out_is_found_out() -> None:
    """The counts of a good move could be others."""

    async def clumsy(moved: Lab) -> None:
        await export_what_runs(moved)
        repository = moved.application.image_repositories["users"]
        checkout = await moved.ports("developer").code_repos["users"].clone()
        image = ImageRef(repository, tag=checkout.head)
        (running,) = await moved.ports("operator").cluster.running("staging", "users")
        by_digest = replace(image, digest=running.digests[0])
        await moved.ports("operator").cluster.set_image("users", by_digest, "staging")

    async def story(lab: Lab) -> None:
        await bootstrap(lab)
        await move(lab, "v2", clumsy)

    history = play(story).history
    (watched,) = history.of("MoveWatched")
    assert watched.detail["differing"] == ["environments/staging/users.yaml"]
    assert "staging: Deployment users" in watched.detail["changed"]
    assert files_differing_after_moves(history) == 1
    replicas = 2
    assert pods_changed_by_moves(history) == 2 * replicas + 1, "old pods, new pods, a template"


def test_what_contradicts_the_config_repo_is_handed_over_to_nobody() -> None:
    """Somebody used kubectl in V2: the manager would take it back, so that it is told before."""

    async def story(lab: Lab) -> None:
        first = (await bootstrap(lab))["users"]
        v2 = await move(lab, "v2", export_what_runs)
        shipped = await push_change(v2, "users", Change(version="next"))
        for environment in v2.application.everywhere:
            await v2.until_serves("users", environment, shipped.content)
        image = ImageRef(v2.application.image_repositories["users"], tag=first.revision)
        operator = v2.ports("operator").cluster
        await operator.set_image("users", image, "production")
        await operator.rollout_status("users", "production")
        with pytest.raises(NotExportable, match=r"environments/production/users\.yaml is there"):
            await move(v2, "v3", hand_over)

    assert play(story).is_finished


def test_a_lost_race_for_the_config_repo_is_run_again() -> None:
    """As with every other push of theirs, people clone and do it once more."""
    fault = {"what": "config-push-rejected", "during": "move", "times": 2}
    run = worlds.run(replace(load(FILE), faults=(fault,)))
    assert run.is_finished
    assert len(run.history.of("PushRejected")) == 2
    assert files_differing_after_moves(run.history) == pods_changed_by_moves(run.history) == 0


def test_an_image_that_was_taken_back_in_v2_does_not_come_back_with_the_manager() -> None:
    """It is the newest of all, and nothing is automated before somebody has looked."""

    async def story(lab: Lab) -> None:
        first = (await bootstrap(lab))["users"]
        v2 = await move(lab, "v2", export_what_runs)
        bad = await ship(v2, "users", Change(version="bad", is_bad=True))
        checkout = await v2.ports("operator").config_repo.clone()
        await checkout.revert(checkout.log()[0].revision)
        await checkout.push()
        for environment in v2.application.everywhere:
            text = checkout.read(f"environments/{environment}/users.yaml")
            await v2.ports("operator").cluster.apply(text, environment)
            await v2.until_serves("users", environment, first.content)
            await v2.ports("operator").cluster.rollout_status("users", environment)
        v3 = await move(v2, "v3", hand_over)
        assert v3.serves("users", "staging", first.content)
        await automate(v3)
        newer = await push_change(v3, "users", Change(version="good-again"))
        await v3.until_serves("users", "staging", newer.content)
        assert bad.content not in (first.content, newer.content)

    assert pods_changed_by_moves(play(story).history) == 0


@pytest.mark.parametrize("architecture", ["v1", "v2"])
def test_the_road_ends_in_v3(architecture: str) -> None:
    """A file that says otherwise is wrong, and is told what would be right."""
    with pytest.raises(ScenarioError, match="the story move-from-v1 ends in v3"):
        parse(f"architecture: {architecture}\nstory: move-from-v1")


def test_a_run_that_moves_nobody_has_no_answer() -> None:
    """None, and not 0."""
    history = worlds.run(Scenario(architecture="v1", microservices=("users",))).history
    assert pods_changed_by_moves(history) is None
    assert files_differing_after_moves(history) is None
