"""What `Cluster` promises of who applied what: comparisons and prunes, on every substrate."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.api_objects import APPLIED_BY
from cdlab.errors import ManifestRejected
from tests.contracts.test_cluster import PRODUCTION, SERVICE, STAGING, manifest

NAMED = "name: users\n  labels: {team: a}\n"


def test_a_comparison_tells_a_new_manifest_from_a_change_past_it(world: Any) -> None:
    """Only who applied it last can tell; a manifest with an object more is a new one."""

    async def main(ports_of: Any) -> None:
        manager, operator = ports_of("manager").cluster, ports_of("operator").cluster
        first = manifest(world.ref("a"), replicas=0)
        await manager.apply(first, STAGING)
        assert await manager.diff(first.replace("replicas: 0", "replicas: 1"), STAGING)
        assert await manager.diff(f"{first}---\n{SERVICE}", STAGING) == "not applied"
        await operator.set_image("users", world.ref("b"), STAGING)
        assert await manager.diff(first, STAGING) == "changed"
        await manager.apply(first, STAGING)
        await operator.apply(manifest(world.ref("c"), replicas=0), STAGING)
        assert await manager.diff(first, STAGING) == "changed"
        await operator.apply(first, STAGING)
        assert await manager.diff(first, STAGING) == ""
        await operator.wipe(STAGING)
        assert await manager.diff(f"{first}---\n{SERVICE}", STAGING) == "absent"

    world.run(main)


def test_a_comparison_of_everything_is_of_each_as_one_of_it_alone(world: Any) -> None:
    """Round after round, however the objects were read: equal, one changed, all repaired."""

    async def main(ports_of: Any) -> None:
        manager, operator = ports_of("manager").cluster, ports_of("operator").cluster
        users = f"{manifest(world.ref('a'), replicas=0)}---\n{SERVICE}"
        texts = [users.replace("users", name) for name in ("orders", "users", "visits")]
        for text in texts:
            assert await manager.apply(text, STAGING)
        assert [await manager.diff(each, STAGING) for each in texts] == ["", "", ""]
        await operator.apply(texts[2].replace("replicas: 0", "replicas: 1"), STAGING)
        assert [await manager.diff(each, STAGING) for each in texts] == ["", "", "changed"]
        assert await manager.apply(texts[2], STAGING)
        assert [await manager.diff(each, STAGING) for each in texts] == ["", "", ""]

    world.run(main)


def test_every_object_has_a_label_of_who_applied_it(world: Any) -> None:
    """Of who applied it last, and beside the labels of its manifest."""

    async def main(ports_of: Any) -> None:
        manager, operator = ports_of("manager").cluster, ports_of("operator").cluster
        text = manifest(world.ref("a"), replicas=0).replace("name: users\n", NAMED, 1)
        await manager.apply(f"{text}---\n{SERVICE}", STAGING)
        await operator.apply(SERVICE, STAGING)
        found = {each["kind"]: each["metadata"]["labels"] for each in await manager.get(STAGING)}
        assert found["Deployment"][APPLIED_BY] == "manager"
        assert found["Deployment"]["team"] == "a"
        assert found["Service"][APPLIED_BY] == "operator"

    world.run(main)


def test_prune_deletes_what_one_applied_and_no_manifest_has(world: Any) -> None:
    """Of every kind, and in that environment alone; a dry run only tells."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("manager").cluster
        users = manifest(world.ref("a"), replicas=0)
        orders = users.replace("users", "orders")
        await cluster.apply(f"{users}---\n{SERVICE}", STAGING)
        await cluster.apply(orders, STAGING)
        await cluster.apply(users, PRODUCTION)
        gone = ("Deployment/users", "Service/users")
        assert await cluster.prune([orders], STAGING, is_dry_run=True) == gone
        assert len(await cluster.running(STAGING)) == 2
        assert await cluster.prune([orders], STAGING) == gone
        assert [each.name for each in await cluster.running(STAGING)] == ["orders"]
        assert [each.name for each in await cluster.running(PRODUCTION)] == ["users"]
        assert await cluster.diff(SERVICE, STAGING) == "absent"
        assert await cluster.prune([orders], STAGING) == ()

    world.run(main)


def test_prune_leaves_what_somebody_else_applied_last(world: Any) -> None:
    """An apply by hand makes an object somebody else's, an image that was set by hand does not."""

    async def main(ports_of: Any) -> None:
        manager, operator = ports_of("manager").cluster, ports_of("operator").cluster
        text = manifest(world.ref("a"), replicas=0)
        for name in ("users", "orders", "old"):
            await manager.apply(text.replace("users", name), STAGING)
        await operator.apply(text.replace("users", "by-hand"), STAGING)
        await operator.apply(text.replace("users", "orders"), STAGING)
        await operator.set_image("old", world.ref("b"), STAGING)
        assert await manager.prune([text], STAGING) == ("Deployment/old",)
        assert [each.name for each in await manager.running(STAGING)] == [
            *("by-hand", "orders", "users"),
        ]

    world.run(main)


def test_prune_deletes_nothing_while_a_manifest_cannot_be_read(world: Any) -> None:
    """Nobody knows then what it has."""

    async def main(ports_of: Any) -> None:
        cluster = ports_of("manager").cluster
        await cluster.apply(manifest(world.ref("a"), replicas=0), STAGING)
        with pytest.raises(ManifestRejected):
            await cluster.prune(["kind: [\n"], STAGING)
        assert [each.name for each in await cluster.running(STAGING)] == ["users"]

    world.run(main)
