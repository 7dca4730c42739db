"""Version 2 on a stopwatch: as version 1, and CI writes down what it deploys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cdlab.architectures.v2 import V2
from cdlab.errors import PushRejected
from cdlab.grants import grants_of
from cdlab.kernel import Kernel
from cdlab.model import Application, Environment, Microservice, Revision, Variant
from cdlab.random_streams import RandomStreams
from cdlab.runner import Run
from cdlab.sample_services import source
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.substrate import SimSubstrate

Play = Callable[..., Run]
Show = Callable[[Run, str], list[tuple[float, str]]]

FORCE_PUSH = Variant(rollback="force-push")
UNDO = Variant(rollback="rollout-undo")


def test_a_first_deployment_needs_nobody(play: Play, timeline: Show) -> None:
    """The manifests are in the config repo before the first push, and CI applies them."""
    assert timeline(play("v2"), "bootstrap-1") == [
        (5, "config pushed"),  # the manifests move: clone 2 + push 3
        (10, "commit pushed"),  # + clone 2 + push 3
        (11, "pipeline started"),  # + notification 1
        (113, "image built"),  # + clone 2 + build 100
        (133, "image pushed"),  # + push 20
        (138, "config pushed"),  # + clone 2 + push 3
        (138, "manifest applied in staging"),
        (138, "manifest applied in production"),
    ]


@pytest.mark.parametrize("variant", [Variant(), FORCE_PUSH], ids=["revert", "force-push"])
def test_rollback_in_v2_is_that_of_v1_and_a_config_commit(
    play: Play, timeline: Show, variant: Variant
) -> None:
    """CI does everything that it did in V1, and clones, edits and pushes the config repo."""
    run = play("v2", variant=variant)
    assert timeline(run, "rollback-1") == [
        (5, "commit pushed"),  # clone 2 + revert or reset 0 + push 3
        (6, "pipeline started"),  # + notification 1
        (58, "image built"),  # + clone 2 + build from the cache 50
        (68, "image pushed"),  # + push of what is there 10
        (73, "config pushed"),  # + clone 2 + push 3
        (73, "manifest applied in staging"),
        (73, "manifest applied in production"),
        (81, "rolled back"),  # + start 4, twice
    ]


def test_what_v2_costs_more_than_v1_is_the_config_commit(play: Play) -> None:
    """Clone 2 and push 3, in a rollback and in the lead time of a deploy."""
    for measure in ("rollback_seconds", "lead_time_seconds"):
        assert play("v2").measures[measure] - play("v1").measures[measure] == 2 + 3


def test_after_kubectl_the_config_repo_lies(play: Play, timeline: Show) -> None:
    """Out of band is fast; the single source of truth says something else until it is applied."""
    run = play("v2", variant=UNDO, next_push=True)
    assert timeline(run, "out-of-band edit-1") == [
        (0, "rollout undone in production"),
        (8, "rolled back"),  # start 4, twice
    ]
    assert run.measures["divergence_after_rollback"] == "config repo"
    assert run.measures["bad_is_back_after_next_push"] is True


def test_in_band_the_config_repo_says_what_runs(play: Play) -> None:
    """After a revert through CI, truth and cluster agree."""
    assert play("v2").measures["divergence_after_rollback"] == "none"


class Pipelines:
    """Version 2's CI for two microservices whose code and manifests are there, and nothing else."""

    def __init__(self) -> None:
        self.kernel, streams = Kernel(), RandomStreams(1)
        costs = Costs(load_profile("constant"), streams)
        self.world = SimSubstrate(self.kernel, streams, costs)
        self.revisions: dict[str, Revision] = {}

    async def start(self) -> V2:
        repositories = {name: self.world.image_repository(name) for name in ("users", "orders")}
        found = tuple(Microservice(*each) for each in repositories.items())
        application = Application(found, (Environment("staging"), Environment("production")))
        await self.world.create(application, grants_of("v2"))
        v2 = V2(application, self.world.ports, Variant())
        sources = {n: source(n, version="1", colour="red", run="test") for n in repositories}
        await v2.prepare({name: files["service.yaml"] for name, files in sources.items()})
        for name, files in sources.items():
            checkout = await self.world.ports("developer").code_repos[name].clone()
            for path, text in files.items():
                checkout.write(path, text)
            self.revisions[name] = await checkout.commit("Add it")
            await checkout.push()
        return v2

    async def tags(self) -> dict[str, str | None]:
        """What the cluster is told to run in production."""
        running = await self.world.ports("operator").cluster.running("production")
        return {each.name: each.desired.tag for each in running}


def test_two_pipelines_at_once_both_get_into_the_config_repo() -> None:
    """The one that loses the race clones again: no release is lost, and none overwritten."""
    bench = Pipelines()

    async def main() -> None:
        v2 = await bench.start()
        runs = [
            bench.kernel.spawn(v2.on_push(name, revision), name=name)
            for name, revision in bench.revisions.items()
        ]
        began = bench.kernel.now()
        for run in runs:
            await run.join()
        # Clone 2 + build 100 + push 20, + clone 2 + push 3 for the first; the other's push is
        # refused at the same instant, and it clones and pushes once more: 5.
        assert bench.kernel.now() - began == 127 + 5
        assert await bench.tags() == bench.revisions
        config = await bench.world.ports("operator").config_repo.clone()
        assert len(config.log()) == 3

    bench.kernel.run(main())


def test_a_pipeline_that_loses_every_race_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last attempt the rejected push is the pipeline's failure, not an endless loop."""
    monkeypatch.setattr("cdlab.architectures.v2.PUSH_ATTEMPTS", 1)
    bench = Pipelines()

    async def main() -> None:
        v2 = await bench.start()
        runs = [
            bench.kernel.spawn(v2.on_push(name, revision), name=name)
            for name, revision in bench.revisions.items()
        ]
        for run in runs:
            await run.join()

    with pytest.raises(PushRejected):
        bench.kernel.run(main())


def test_a_pipeline_that_runs_again_for_the_same_commit_applies_it_again() -> None:
    """The config repo says so already, which is no failure: nothing to commit, but to apply."""
    bench = Pipelines()

    async def main() -> None:
        v2 = await bench.start()
        await v2.on_push("users", bench.revisions["users"])
        await bench.world.ports("operator").cluster.wipe("production")
        await v2.on_push("users", bench.revisions["users"])
        assert await bench.tags() == {"users": bench.revisions["users"]}

    bench.kernel.run(main())


def test_a_rebuild_leaves_out_what_is_no_manifest_of_a_workload() -> None:
    """Beside the manifests there may be the policy of an environment, and notes."""
    bench = Pipelines()

    async def main() -> None:
        v2 = await bench.start()
        for name, revision in bench.revisions.items():
            await v2.on_push(name, revision)
        config = await bench.world.ports("operator").config_repo.clone()
        config.write("environments/production/policy.yaml", "automated: true\n")
        config.write("environments/production/README.md", "Ask us first.\n")
        await config.commit("Keep people out")
        await config.push()
        await bench.world.ports("operator").cluster.wipe("production")
        assert (await v2.rebuild("alice")).is_released
        assert await bench.tags() == bench.revisions

    bench.kernel.run(main())


def test_a_promotion_cannot_be_expressed(play: Play) -> None:
    """CI applies every push everywhere; what is left is editing by hand."""
    (answer,) = play("v2").history.of("PromotionRefused")
    assert (answer.outcome, answer.because) == (
        "not expressible",
        "a push is applied in every environment",
    )
