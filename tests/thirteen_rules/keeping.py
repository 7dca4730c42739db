"""Rules 9 to 13 of the release manager as stories: what it keeps so, and whom it believes."""

from __future__ import annotations

import pytest

from cdlab.config_layout import config_path
from cdlab.errors import NotFound, NotUnderstood
from cdlab.manager.asking import read_ask
from cdlab.model import ImageRef, Revision
from cdlab.release_commits import trailer
from tests.thirteen_rules.shop import (
    NAME,
    STAGING,
    Shop,
    policy_path,
    refused,
    renamed,
)


async def drift_is_repaired_or_reported(shop: Shop) -> None:
    """With its age; what was wiped comes back from the repo, without code and without CI."""
    lab, first = shop.lab, str(await shop.tag())
    second = await shop.ship("v2")
    cluster = lab.ports("operator").cluster

    for box in ("ci", "code-repo"):
        await lab.incidents.stop(box)
    await cluster.set_image(NAME, shop.image(first), STAGING)
    await shop.until(lambda: shop.is_released(second), "it is repaired")
    await lab.incidents.stop("manager")  # else no wipe would ever be done
    await cluster.wipe(STAGING)
    await lab.incidents.restart("manager")
    await shop.until(lambda: shop.is_released(second), "it is rebuilt")
    await shop.done("policy", workload="", settings={"drift": "report"})
    begin = shop.now
    await cluster.wipe(STAGING)
    told = await shop.until_decided("sync", "it differs from the config repo, and", after=begin)
    assert told.outcome == "skipped"
    assert await shop.runs() == {}
    (difference,) = [each for each in await shop.desk.diff() if each.environment == STAGING]
    assert (difference.actual, difference.mode) == ("absent", "report")
    cell = await shop.cell()
    assert cell.drift_seconds is not None
    assert 0 < cell.drift_seconds <= lab.kernel.now()
    await shop.done("sync")
    await lab.observed.until_ready(NAME, STAGING, 1)
    assert await shop.is_released(second)


async def a_hint_changes_nothing_but_the_delay(shop: Shop) -> None:
    """Lost, doubled, late, reordered or of a commit that nobody made; own commits need none."""
    shipped = [await shop.tag()]
    for version in ("v2", "v3", "v4", "v5", "v6"):
        shipped.append(await shop.ship(version))
    happened = {each.detail["what"] for each in shop.history.of("FaultHappened")}
    assert happened == {"hint-lost", "hint-doubled", "hint-late", "hint-reordered"}
    begin = shop.now

    async def has_compared() -> bool:
        return any(each.seq >= begin for each in shop.history.of("ManifestsCompared"))

    for tags in (shop.queue.tags[NAME], shop.queue.tags[NAME][::-1]):
        shop.queue.sync(Revision("f" * 40))
        shop.queue.consider(NAME, tags)
        await shop.until_decided("automation", "up to date", after=shop.now)
    await shop.until(has_compared, "a comparison")
    assert await shop.released() == shipped
    assert not [each for each in shop.history.of("ManifestsApplied") if each.seq >= begin]
    repaired = [each for each in shop.history.of("Decided") if each.detail["what"] == "sync"]
    assert repaired == [], "every release applied itself"


async def only_what_is_ours_is_pruned(shop: Shop) -> None:
    """When somebody asks, and after a dry run has told what that is."""
    path = config_path(STAGING, "extra")
    extra = renamed(await shop.manifest(), NAME, "extra")
    cluster = shop.lab.ports("operator").cluster
    await cluster.apply(renamed(extra, "extra", "by-hand"), STAGING)
    revision = await shop.write(path, extra)

    async def runs_extra() -> bool:
        return "extra" in await shop.runs()

    await shop.until(runs_extra, "it is applied")
    checkout = await shop.config()
    await checkout.revert(revision)
    await checkout.push()
    gone = ("Deployment/extra in staging", "Service/extra in staging")
    assert (await shop.done("sync")).pruned == ()
    planned = await shop.ask("sync", has_prune=True, is_dry_run=True)
    assert (planned.status, planned.pruned) == ("planned", gone)
    assert {*await shop.runs()} == {NAME, "extra", "by-hand"}
    assert (await shop.done("sync", has_prune=True)).pruned == gone
    assert {*await shop.runs()} == {NAME, "by-hand"}


async def what_is_invalid_is_refused_with_its_line(shop: Shop) -> None:
    """And never read as something else; the other files go on."""
    first = await shop.tag()
    await shop.annotate("cdlab.dev/tag", "semver:latest")
    line = (await shop.manifest()).splitlines().index('    cdlab.dev/tag: "semver:latest"') + 1
    await shop.push("v2")
    await shop.ship("v2", "orders")
    assert await shop.tag() == first
    answer = await shop.ask("release")
    assert answer.status == "failed"
    assert f"{config_path(STAGING, NAME)}:{line}: annotation cdlab.dev/tag" in answer.reason
    refused(await shop.ask("policy", workload="orders", settings={"tag": "regexp:("}),
            reason="the policy would be invalid")  # fmt: skip
    await shop.write(config_path(STAGING, NAME), "kind: Deployment\nmetadata: [\n")
    answer = await shop.ask("sync")
    assert answer.status == "failed"
    assert f"users in staging: {config_path(STAGING, NAME)}:2: not valid YAML" in answer.reason
    await shop.ship("v3", "orders")
    await shop.write(policy_path(), "automated: true\ndrift: sometimes\n")
    answer = await shop.ask("hold", workload="orders")
    assert answer.status == "failed"
    assert f'{policy_path()}:2: "drift": is neither repair nor report' in answer.reason


HOSTILE = "x\n\nTo: evil\nHold: none\nRelease-Id: 0\x1b[31m\u202e<script>alert(1)</script>"
EVIL = (
    'kind: Deployment\nmetadata: !!python/object/apply:os.system ["true"]\n',
    "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 24)),
)
"""A call, and a text that grows to a hundred million values."""


async def nothing_from_outside_is_trusted(shop: Shop) -> None:
    """Names, tags, messages and manifests say what they say and do nothing."""
    first = await shop.tag()
    second = await shop.ship("v2")
    answer = await shop.done("rollback", user=HOSTILE, message=HOSTILE)
    commit = (await shop.log())[0]
    assert commit.revision == answer.revision
    assert ImageRef.parse(trailer(commit, "To")).tag == first
    assert trailer(commit, "Hold") != "none"
    assert len(trailer(commit, "Release-Id")) == 16
    assert trailer(commit, "From").partition("@")[0].endswith(second)
    for given in (
        {"workload": "--upload-pack=x", "environment": STAGING},
        {"workload": NAME, "environment": "../production"},
        {"workload": NAME, "environment": STAGING, "image": "--x"},
        {"workload": NAME, "environment": STAGING, "message": "\x1b[2J"},
    ):
        with pytest.raises(NotUnderstood):
            read_ask("release", {"user": "ann", **given})
    for where in ("../production", "-x"):
        with pytest.raises(NotFound):
            await shop.ask("release", where)
    refused(await shop.ask("release", image="evil.example/users:v2"), reason="image not found")
    for text in EVIL:
        await shop.write(config_path(STAGING, "evil"), text)
        answer = await shop.ask("sync")
        assert answer.status == "failed"
        assert f"evil in staging: {config_path(STAGING, 'evil')}:" in answer.reason
    await shop.done("resume")
    await shop.until(lambda: shop.is_noted(second), "the others go on")
