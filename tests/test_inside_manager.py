"""A release manager in a process of its own makes the same history as one in the run's process."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdlab import worlds
from cdlab.equality import differences
from cdlab.errors import ManagerUnavailable, SubstrateUnavailable
from cdlab.history import History
from cdlab.inside_manager import InsideManager
from cdlab.kernel import Kernel
from cdlab.manager.messages import Body
from cdlab.model import Environment, Variant
from cdlab.recording import Recorder
from cdlab.scenario import Scenario, load
from tests.hosted_in_sim import played_inside

SCENARIOS = Path(__file__).parent.parent / "scenarios" / "v3"
STORIES = (
    *("rollback", "roll-back-twice-config-revert", "cluster-deleted", "newer-image", "outage"),
    "move-from-v1",
)


def causes_are_earlier_and_of_the_same_intent(history: History) -> bool:
    return all(
        cause < event.seq and history[cause].intent == event.intent
        for event in history
        for cause in event.causes
    )


@pytest.mark.parametrize("name", STORIES)
def test_the_counts_are_the_same_wherever_the_manager_records(name: str) -> None:
    """Its events come as a stream, and every one is on behalf of whom it would have been."""
    scenario = load(SCENARIOS / f"{name}.yaml")
    inside = played_inside(scenario)
    assert inside.is_finished
    assert differences(worlds.run(scenario).history, inside.history) == []
    assert causes_are_earlier_and_of_the_same_intent(inside.history)
    assert inside.disagreements == []


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 2),
    is_automated=st.booleans(),
    poll=st.sampled_from([None, 20.0]),
    rollback=st.sampled_from(["command", "config-revert"]),
)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_the_counts_are_the_same_for_any_application(
    seed: int, n: int, is_automated: bool, poll: float | None, rollback: str
) -> None:
    """Any seed, size, policy and trigger."""
    scenario = Scenario(
        architecture="v3",
        microservices=("users", "orders")[:n],
        environments=(Environment("staging"), Environment("production", is_automated)),
        variant=Variant(rollback=rollback, poll_interval_seconds=poll),
        seed=seed,
    )
    history = played_inside(scenario).history
    assert differences(worlds.run(scenario).history, history) == []
    assert [event.t_us for event in history] == sorted(event.t_us for event in history)


def test_no_credentials_are_outside_when_the_manager_is_inside() -> None:
    """The measure knows it from the first event; the scenario is judged by that."""
    scenario = load(SCENARIOS / "rollback.yaml")
    assert worlds.run(scenario).measures["cluster_credentials_outside"] == 2
    assert played_inside(scenario).measures["cluster_credentials_outside"] == 0
    assert worlds.expected(scenario, manager="inside").expect["cluster_credentials_outside"] == 0
    assert worlds.expected(scenario, manager="outside").expect == scenario.expect


def test_the_rebuild_begins_with_the_manager_itself() -> None:
    """It was lost with the cluster: it is put up again, which the history has, and applies."""
    history = played_inside(load(SCENARIOS / "cluster-deleted.yaml")).history
    rebuild = [event.kind for event in history.cone("rebuild-1")]
    assert rebuild.index("BoxRestarted") < rebuild.index("ManifestsApplied")


def test_a_manager_in_the_simulators_cluster_is_refused() -> None:
    """There is one process only."""
    with pytest.raises(SubstrateUnavailable, match="simulator"):
        worlds.run(Scenario(architecture="v3"), manager="inside")
    with pytest.raises(SubstrateUnavailable, match="upstairs"):
        worlds.expected(Scenario(architecture="v3"), manager="upstairs")


def test_who_asks_a_manager_that_was_stopped_is_told_so() -> None:
    """As where it runs in the run's own process: the outage is refused, not waited for."""
    run = played_inside(Scenario(architecture="v3", story="outage", outage="manager",
                                 operation="rollback", microservices=("users",)))  # fmt: skip
    (attempt,) = run.history.of("OutageAttempted")
    assert attempt.because.startswith(ManagerUnavailable.__name__)


def test_a_busy_manager_is_asked_for_events_at_most_twenty_times_a_second() -> None:
    """However much is new each time: answering would cost it more than what it tells of."""
    kernel, asked = Kernel(), list[str]()

    class Busy:
        """It always has something to tell, and tells it within a millisecond."""

        async def start(self) -> Busy:
            return self

        async def stop(self) -> None:
            """Nothing runs."""

        async def ask(self, path: str, body: Body) -> Body:
            asked.append(path)
            await kernel.sleep(0.001)
            return {"producer": "p1", "now_us": kernel.now_us, "events": []}

        def hang_up(self) -> None:
            """Nothing waits."""

    async def main() -> None:
        recorder, people = Recorder(kernel, History()), None
        await InsideManager(Busy(), recorder, people, Variant()).start()  # type: ignore[arg-type]
        await kernel.sleep(1.0)

    kernel.run(main())
    assert 10 < asked.count("events") <= 20
