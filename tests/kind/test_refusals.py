"""What the grants do not give is refused: every "may not" of `grants.toml`, attempted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from cdlab import worlds
from cdlab.errors import Forbidden
from cdlab.grants import grants_of
from cdlab.manifests import replace_image
from cdlab.model import PRINCIPALS, Application, Environment, ImageRef, Microservice, Principal
from cdlab.ports import GitRepository, Ports, Substrate
from cdlab.sample_services import source
from cdlab.scenario import Scenario

WRITERS = {"write", "set-image", "apply", "prune", "admin"}
Attempt = Callable[[Ports, Ports, str], Awaitable[object]]


async def push_code(able: Ports, who: Ports, image: str) -> None:
    await push(who.code_repos["users"])


async def push_config(able: Ports, who: Ports, image: str) -> None:
    await push(who.config_repo)


async def push(repository: GitRepository) -> None:
    checkout = await repository.clone()
    checkout.write("attempt", "1\n")
    await checkout.commit("Attempt")
    await checkout.push()


async def push_image(able: Ports, who: Ports, image: str) -> None:
    """Build what somebody else committed, for a builder knows no principals, and push that."""
    checkout = await able.code_repos["users"].clone()
    for path, text in FILES.items():
        checkout.write(path, text)
    await checkout.commit("Add users")
    await who.registry.push(await who.builder.build(checkout, ImageRef(image, "attempt")))


async def change_workload(able: Ports, who: Ports, image: str) -> None:
    await who.cluster.apply(replace_image(FILES["service.yaml"], "users", image), "staging")


FILES = source("users", version="1", colour="red", run="refusals")
ATTEMPTS: dict[str, Attempt] = {
    "code_repos": push_code,
    "config_repo": push_config,
    "registry": push_image,
    "environments": change_workload,
}


DEADLINES = {"sim": 1_000_000.0, "kind": 240.0}


def forbidden(architecture: str) -> list[tuple[Principal, str]]:
    """Every (principal, box) that the grants of an architecture give no write to."""
    rights = {grant.principal: grant for grant in grants_of(architecture)}
    return [
        (principal, box)
        for principal in PRINCIPALS
        for box in ATTEMPTS
        if getattr(rights.get(principal), box, "none") not in WRITERS
    ]


@pytest.mark.parametrize("substrate", ["sim", pytest.param("kind", marks=pytest.mark.kind)])
@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
def test_every_may_not_is_a_refused_attempt(architecture: str, substrate: str) -> None:
    """Each principal tries each write that it was not granted, with its own credentials."""
    scenario = Scenario(architecture=architecture, profile="constant")
    world = worlds.simulated(scenario) if substrate == "sim" else worlds.real(scenario)
    tried: list[tuple[Principal, str]] = []

    async def attempt_all(made: Substrate) -> None:
        image = made.image_repository("users")
        application = Application((Microservice("users", image),), (Environment("staging"),))
        await made.create(application, grants_of(architecture))
        for principal, box in forbidden(architecture):
            with pytest.raises(Forbidden):
                await ATTEMPTS[box](made.ports("developer"), made.ports(principal), image)
            tried.append((principal, box))

    try:
        world.kernel.run(attempt_all(world.substrate), deadline_seconds=DEADLINES[substrate])
    finally:
        world.kernel.run(world.substrate.destroy())
    assert tried == forbidden(architecture)
    assert len(tried) >= 12, "most principals may do little"
