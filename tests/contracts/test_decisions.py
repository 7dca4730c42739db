"""What the record of decisions promises, on every substrate."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from cdlab.model import Decision, ImageRef, Outcome, OutcomeStatus, Principal

if TYPE_CHECKING:
    from tests.contracts.conftest import PortsOf, World

PRINCIPALS: tuple[Principal, ...] = ("user", "observer", "ci", "manager", "operator")


def test_recording_a_decision_never_fails(world: World) -> None:
    """Whoever decided, however it ended, whatever it is about and whatever is down."""

    async def main(ports_of: PortsOf) -> None:
        image = ImageRef("nowhere.test/nothing", "a\nb", None)
        outcomes = [
            Outcome(status, "ünsaid\n\0", None, image) for status in get_args(OutcomeStatus)
        ]
        await world.substrate.incidents.stop("config-repo")
        for principal in PRINCIPALS:
            for outcome in outcomes:
                decision = Decision("automation", "no such workload", "nowhere", outcome)
                await ports_of(principal).decisions.record(decision)
        await world.substrate.incidents.restart("config-repo")

    world.run(main)


def test_recording_a_decision_changes_nothing(world: World) -> None:
    """No repository, no tag, no workload: it is written beside the world."""

    async def main(ports_of: PortsOf) -> None:
        ports = ports_of("operator")
        released = Outcome("released", "because", None, world.ref("never-built"))
        await ports.decisions.record(Decision("release", "users", "staging", released))
        assert await ports.config_repo.head() is None
        assert await ports.code_repos["users"].head() is None
        assert await ports.registry.list_tags(world.ref("").repository) == ()
        assert await ports.cluster.running("staging") == ()

    world.run(main)
