"""What the clock promises, on every substrate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.contracts.conftest import PortsOf, World


def test_a_timestamp_goes_on_with_time_and_agrees_with_the_dates_of_commits(world: World) -> None:
    """So that what policies say of time means the same to git and to the manager."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        before, began = ports.clock.timestamp(), ports.clock.now()
        await ports.clock.sleep(0.05)
        checkout = await ports.config_repo.clone()
        checkout.write("README.md", "Hello\n")
        await checkout.commit("Say hello")
        (commit,) = checkout.log()
        after = ports.clock.timestamp()
        assert after - before >= 0.05 - 0.001
        assert abs((after - before) - (ports.clock.now() - began)) < 1
        assert before - 1 <= commit.time_us / 1e6 <= after, "git keeps whole seconds"

    world.run(main)


def test_time_never_goes_back_and_a_sleep_lets_others_act(world: World) -> None:
    """Seconds since the run began; a sleep takes at least as long as it was asked for."""
    acted: list[str] = []

    async def other() -> None:
        acted.append("other")

    async def main(ports_of: PortsOf) -> None:
        clock = ports_of("operator").clock
        began = clock.now()
        assert began >= 0
        world.kernel.spawn(other(), name="other")
        await clock.sleep(0)
        await clock.sleep(0.05)
        assert acted == ["other"]
        assert clock.now() - began >= 0.05

    world.run(main)
