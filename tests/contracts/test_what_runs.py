"""What `Cluster.get` shows is enough to write it down: the export changes nothing, on both."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.errors import Forbidden
from cdlab.exporting import export
from cdlab.manifests import replace_image

STAGING = "staging"


async def rolled_out(world: Any, ports: Any) -> str:
    """A sample, its Service, and an image that was set after the manifest was applied."""
    first, second = [await world.ship(ports, each) for each in ("one", "two")]
    text = replace_image(world.files("one")["service.yaml"], "users", str(first))
    await ports.cluster.apply(text, STAGING)
    await ports.cluster.set_image("users", second, STAGING)
    await ports.cluster.rollout_status("users", STAGING)
    return text


async def shown(ports: Any) -> dict[tuple[str, str], Any]:
    """Pods by identity, Deployments by template: what must stay the same."""
    objects = await ports.cluster.get(STAGING)
    assert [each["kind"] for each in objects if each["kind"] != "Pod"] == ["Deployment", "Service"]
    return {
        (each["kind"], each["metadata"]["name"]): (
            each["metadata"]["uid"] if each["kind"] == "Pod" else each["spec"].get("template")
        )
        for each in objects
        if "deletionTimestamp" not in each["metadata"]
    }


def test_what_runs_is_shown_with_its_pods_and_its_service(world: Any) -> None:
    """By kind, as `kubectl get -o json` has it; an empty environment has nothing."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        assert await ports.cluster.get(STAGING) == ()
        await rolled_out(world, ports)
        objects = await ports.cluster.get(STAGING)
        versions = {each["kind"]: each["apiVersion"] for each in objects}
        assert versions == {"Deployment": "apps/v1", "Service": "v1", "Pod": "v1"}

    world.run(main)


def test_an_export_of_what_runs_changes_nothing(world: Any) -> None:
    """Applied, it leaves every pod and every byte of the pod template; it names what was set."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        await rolled_out(world, ports)
        before = await shown(ports)
        (file,) = await export(ports.cluster, [STAGING], lambda _: None)
        assert (str(file.export.image), file.export.digest) == (
            str(world.ref("two")),
            await ports.registry.resolve(world.ref("two")),
        )
        assert await ports.cluster.apply(file.export.text, STAGING) is False
        assert await shown(ports) == before

    world.run(main)


def test_a_default_that_somebody_writes_down_is_no_change(world: Any) -> None:
    """Kubernetes fills it in anyway, so nothing rolls out, with it or without it."""

    async def main(ports_of: Any) -> None:
        ports = ports_of("operator")
        text = await rolled_out(world, ports)
        text = replace_image(text, "users", str(world.ref("two")))
        before = await shown(ports)
        spelt = text.replace(
            "      containers:\n", "      restartPolicy: Always\n      containers:\n"
        )
        shorter = text.replace("          imagePullPolicy: IfNotPresent\n", "")
        assert len({text, spelt, shorter}) == 3
        for each in (spelt, shorter):
            await ports.cluster.apply(each, STAGING)
            assert await shown(ports) == before

    world.run(main)


@pytest.mark.parametrize("principal", ["user", "observer", "ci"])
def test_who_may_not_apply_may_not_look_at_everything(world: Any, principal: Any) -> None:
    """`Forbidden`: Services belong to it, and nothing less shows them."""

    async def main(ports_of: Any) -> None:
        with pytest.raises(Forbidden):
            await ports_of(principal).cluster.get(STAGING)

    world.run(main)
