"""Rules 1 to 8 of the release manager as stories: what a release is, and what comes first."""

from __future__ import annotations

from dataclasses import replace

from cdlab import manifests, sample_services
from cdlab.config_layout import config_path
from cdlab.manager.queue import PUSH_ATTEMPTS
from cdlab.policies import HOLD, SKIP, policy_of
from cdlab.release_commits import trailer
from cdlab.releases import ReleaseRequest, plan_release
from cdlab.stops import Lock
from tests.properties.always import without_policy
from tests.racing import nobody
from tests.thirteen_rules.shop import (
    NAME,
    PRODUCTION,
    STAGING,
    Shop,
    policy_path,
    refused,
)

TRAILERS = (
    "Release-Id", "Cause", "User", "Environment", "Workload", "From", "To", "Digest", "Hold",
)  # fmt: skip


async def one_release_is_one_commit(shop: Shop) -> None:
    """Also where the push is done and its answer lost, and where somebody asks once more."""
    first = await shop.tag()
    second = await shop.ship("v2")
    assert shop.history.of("RepositoryUnavailable"), "the answer was lost"
    assert await shop.released() == [first, second]
    assert (await shop.ask("release", image=second)).status == "skipped"
    await shop.done("promote", PRODUCTION, source=STAGING)
    commits = [*await shop.log(), *await shop.log(PRODUCTION)]
    made = [each for each in commits if trailer(each, "Cause")]
    for each in made:
        lines = each.message.rstrip("\n").rpartition("\n\n")[2].splitlines()
        assert tuple(line.partition(": ")[0] for line in lines) == TRAILERS
    assert len({trailer(each, "Release-Id") for each in made}) == len(made) == 4


async def a_rollback_is_one_commit_with_a_hold(shop: Shop) -> None:
    """The whole manifest, the hold, and the mark on the bad image cannot be parted."""
    good = without_policy(await shop.manifest())
    bad = await shop.ship("bad")
    text = sample_services.scaled(await shop.manifest(), 2)
    await shop.write(config_path(STAGING, NAME), text)
    before = await shop.log()
    until = "2030-01-01T00:00:00Z"
    answer = await shop.done("rollback", is_bad=True, until=until, message="it is wrong")
    after = await shop.log()
    assert [each.revision for each in after[1:]] == [each.revision for each in before]
    assert after[0].revision == answer.revision
    manifest = await shop.manifest()
    assert without_policy(manifest) == good
    policy = policy_of(manifest, NAME)
    assert policy.hold
    assert (policy.hold.user, policy.hold.reason) == ("ann", "it is wrong")
    assert policy.hold.until == until
    assert trailer(after[0], "Hold") == manifests.annotations(manifest, NAME)[HOLD]
    digest = await shop.lab.ports("ci").registry.resolve(shop.image(bad))
    assert [each.image for each in policy.skips] == [digest]
    assert SKIP in manifests.annotations(manifest, NAME)


async def rolling_back_twice_goes_further_back(shop: Shop) -> None:
    """To what was noted healthy, and never to what a rollback came from."""
    first = str(await shop.tag())
    second = await shop.ship("v2")
    unhealthy = await shop.push("v3", **sample_services.NEVER_READY)
    await shop.until(lambda: shop.is_released(unhealthy), "the third is released")
    fourth = await shop.revert()
    await shop.until(lambda: shop.is_noted(fourth), "the fourth is healthy")
    await shop.done("rollback")
    await shop.until(lambda: shop.is_noted(second), "the second is back")
    await shop.done("rollback")
    await shop.until(lambda: shop.is_noted(first), "the first is back")
    refused(await shop.ask("rollback"), reason="no earlier healthy release")
    assert await shop.released() == [first, second, unhealthy, fourth, second, first]


async def what_is_applied_was_committed_by_digest(shop: Shop) -> None:
    """A tag that has moved since somebody saw it run changes nothing about what is promoted."""
    image = shop.image(await shop.ship("v2"))
    (ran,) = (await shop.cell()).running
    checkout = await shop.lab.ports("developer").code_repos[NAME].clone()
    checkout.write("www/version", "moved\n")
    await checkout.commit("Nobody pushes this")
    ci = shop.lab.ports("ci")
    moved = await ci.registry.push(await ci.builder.build(checkout, image))
    assert moved.digest != ran
    begin = shop.now
    await shop.done("promote", PRODUCTION, source=STAGING)
    assert trailer((await shop.log(PRODUCTION))[0], "Digest") == ran
    resolved = [e for e in shop.history.of("TagResolved") if e.principal == "manager"]
    assert not [each for each in resolved if each.seq >= begin]
    await shop.lab.ports("operator").cluster.rollout_status(NAME, PRODUCTION)
    assert (await shop.cell(PRODUCTION)).running == (ran,)


async def automation_never_goes_back(shop: Shop) -> None:
    """A slow build of an older commit, lists without the newest tags, or in the wrong order."""
    lab = shop.lab
    first = await shop.tag()
    older = await shop.push("older")
    await lab.pipelines.started(older)
    newer = await shop.push("newer")
    await shop.until(lambda: shop.is_noted(newer), "the newer one is there")
    await lab.pipelines.finished(older)
    await shop.until_decided("automation", "up to date", after=shop.now)
    newest = await shop.ship("newest")
    assert await shop.released() == [first, newer, newest]
    happened = {each.detail["what"] for each in shop.history.of("FaultHappened")}
    assert happened == {"build-slow", "tags-reordered", "tags-partial"}
    config = await shop.config()
    config.write(policy_path(PRODUCTION), "automated: true\n")
    repository = lab.application.image_repositories[NAME]
    asked = ReleaseRequest(
        cause="automation", workload=NAME, environment=PRODUCTION, user="automation", now=0.0,
        tags=await lab.ports("ci").registry.list_tags(repository), repository=repository,
        most_new_tags=1,
    )  # fmt: skip
    assert plan_release(asked, config).outcome.reason.startswith("too many new tags at once")
    assert plan_release(replace(asked, most_new_tags=4), config).outcome.is_released


async def a_lock_stops_everybody_and_a_hold_automation(shop: Shop) -> None:
    """A forced release says so; a hold outlives a restart, an edit of the policy and a sync."""
    second = await shop.ship("v2")
    await shop.done("rollback")
    await shop.done("lock")
    refused(await shop.ask("release", image=second), reason="locked by ann")
    refused(await shop.ask("rollback", to=second), reason="locked by ann")
    forced = await shop.done("release", image=second, is_forced=True)
    commit = (await shop.log())[0]
    assert (commit.revision, trailer(commit, "Forced")) == (forced.revision, "true")
    await shop.done("unlock")
    held = await shop.tag()
    await shop.lab.incidents.stop("manager")
    newest = await shop.push("v3")
    await shop.lab.pipelines.finished(newest)
    begin = shop.now
    await shop.lab.incidents.restart("manager")
    await shop.done("policy", settings={"tag": "newest"})
    await shop.done("sync")
    await shop.until_decided("automation", "held by ann", after=begin)
    assert await shop.tag() == held
    await shop.done("resume")
    await shop.until(lambda: shop.is_noted(newest), "it goes on")


async def a_lost_race_is_planned_again(shop: Shop) -> None:
    """On what won it, with the policy that it has; ten times at most, and nothing is forced."""
    second = await shop.ship("v2")

    async def lock_first() -> None:
        shop.race(nobody)
        await shop.annotate("cdlab.dev/lock", str(Lock("bob", "audit")))

    shop.race(lock_first)
    refused(await shop.ask("rollback"), reason="locked by bob: audit")
    assert await shop.tag() == second
    await shop.done("unlock")
    count = 0

    async def always_first() -> None:
        nonlocal count
        count += 1
        await shop.annotate("example.com/try", str(count))

    shop.race(always_first)
    answer = await shop.ask("rollback")
    assert (answer.status, answer.reason) == ("failed", "the push was rejected 10 times")
    assert count == PUSH_ATTEMPTS
    shop.race(nobody)
    kernel, answers = shop.lab.kernel, []

    async def hold(number: int) -> None:
        answers.append(await shop.ask("hold", message=f"number {number}"))

    actors = [kernel.spawn(hold(number), name="somebody") for number in range(20)]
    for each in actors:
        await each.join()
    assert {each.status for each in answers} == {"released"}
    log = await shop.log()
    assert {each.revision for each in answers} == {each.revision for each in log[:20]}


async def a_rollback_goes_first(shop: Shop) -> None:
    """Before what waits, and in the place of a rollout that is not finished."""
    good = str(await shop.tag())
    bad = await shop.push("bad", **sample_services.NEVER_READY)
    await shop.until(lambda: shop.is_released(bad), "the bad one is released")
    kernel, queue = shop.lab.kernel, shop.queue
    gate = kernel.event("the gate")

    async def wait() -> None:
        shop.race(nobody)
        await gate.wait()

    shop.race(wait)
    begin = shop.now
    asked = [kernel.spawn(shop.ask("hold", PRODUCTION), name="first")]
    while not shop.history.of("Committed")[-1].seq >= begin:
        await kernel.sleep(0.1)
    for name in ("second", "third"):
        promotion = queue.promote(NAME, STAGING, PRODUCTION, "ann")
        asked.append(kernel.spawn(promotion, name=name))
    asked.append(kernel.spawn(shop.ask("rollback"), name="last"))
    await kernel.sleep(0.1)
    gate.set()
    for each in asked:
        await each.join()
    decided = [
        each.detail["what"]
        for each in shop.history.of("Decided")
        if each.seq >= begin and each.detail["what"] not in ("automation", "sync")
    ]
    assert decided == ["policy", "rollback", "promotion", "promotion"]
    await shop.until(lambda: shop.is_noted(good), "the good one is back")
