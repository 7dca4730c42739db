"""The numbers of a release manager at work, and their text as Prometheus reads it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from cdlab.manager.metering import BOUNDS, ManagerMetrics
from cdlab.manager.process_metrics import process_metrics
from cdlab.manager.watching import ManagerIntervals
from cdlab.manager.web.metrics import text_of
from cdlab.model import Environment
from tests.manager.conftest import LONG, LOOK, Lab
from tests.prometheus_text import Samples, read

SOON = ManagerIntervals(LOOK, phase=0.9, sync_seconds=60.0)
PLACE = (("environment", "staging"), ("microservice", "users"))


def counted(
    new_lab: type[Lab], story: Callable[[Lab, Callable[[], dict[str, Samples]]], Awaitable[None]]
) -> None:
    """Play a story that looks at the numbers."""

    async def with_numbers(lab: Lab) -> None:
        metrics = ManagerMetrics(lab.kernel, lab.queue, lab.queue.application)
        lab.recorder.listeners.append(metrics.see)
        await story(lab, lambda: read(text_of(metrics())))

    environments = (Environment("staging"), Environment("production", is_automated=False))
    new_lab(intervals=SOON, environments=environments).play(with_numbers)


def test_a_commit_takes_from_its_turn_until_it_is_pushed(new_lab: type[Lab]) -> None:
    """Clone and push, by the events of the history; the apply comes after it."""

    async def story(lab: Lab, numbers: Callable[[], dict[str, Samples]]) -> None:
        await lab.ship("a")
        (pushed,) = (e for e in lab.history.of("CommitPushed") if e.principal == "manager")
        cloned = [e for e in lab.history.of("RepositoryCloned") if e.t_us < pushed.t_us][-1]
        found = numbers()
        took = (pushed.t_us - cloned.began_us) / 1e6
        assert found["cdlab_commit_duration_seconds_count"] == {(): 1}
        assert found["cdlab_commit_duration_seconds_sum"] == {(): pytest.approx(took)}
        assert found["cdlab_push_attempts_total"] == {
            (("outcome", "pushed"),): 1, (("outcome", "rejected"),): 0, (("outcome", "failed"),): 0,
        }  # fmt: skip

    counted(new_lab, story)


def test_lost_races_and_outages_count_as_attempts(new_lab: type[Lab]) -> None:
    """A commit that needs three pushes is one, and takes as long as all of them."""
    races = iter("xx")

    async def story(lab: Lab, numbers: Callable[[], dict[str, Samples]]) -> None:
        await lab.ship("a")
        before = numbers()["cdlab_commit_duration_seconds_sum"][()]

        async def race() -> None:
            number = next(races, None)
            if number:
                await lab.edit(lambda text: f"{text}# {number}\n")

        lab.race = race
        await lab.ship("b")
        found = numbers()
        assert found["cdlab_push_attempts_total"][(("outcome", "rejected"),)] == 2
        assert found["cdlab_commit_duration_seconds_count"] == {(): 2}
        assert found["cdlab_commit_duration_seconds_sum"][()] > 4 * before

    counted(new_lab, story)


def test_who_waits_is_counted_while_and_after(new_lab: type[Lab]) -> None:
    """A rollback waits for the release under way, and a release behind it for both."""

    async def story(lab: Lab, numbers: Callable[[], dict[str, Samples]]) -> None:
        await lab.ship("a", "b")
        assert numbers()["cdlab_queue_length"] == {(): 0}
        asked = [lab.kernel.spawn(lab.roll_back(), name="ann") for _ in range(3)]
        await lab.kernel.sleep(0.5)
        assert numbers()["cdlab_queue_length"] == {(): 2}, "and one has its turn"
        for each in asked:
            await each.join()
        found = numbers()
        waits = found["cdlab_queue_wait_seconds_count"]
        assert waits[(("request", "rollback"),)] == 3
        at_once = (("request", "rollback"), ("le", str(BOUNDS[0])))
        assert found["cdlab_queue_wait_seconds_bucket"][at_once] == 1
        assert {dict(labels)["request"] for labels in waits} == {"rollback", "automation", "sync"}

    counted(new_lab, story)


def test_a_scan_and_a_sync_leave_their_time(new_lab: type[Lab]) -> None:
    """When the tags were listed last; how long the comparisons took that came to an end."""

    async def story(lab: Lab, numbers: Callable[[], dict[str, Samples]]) -> None:
        await lab.ship("a")
        await lab.kernel.sleep(2 * LOOK)
        found = numbers()
        listed = lab.history.of("TagsListed")[-1]
        at = found["cdlab_last_scan_timestamp_seconds"]
        assert at == {(("microservice", "users"),): pytest.approx(listed.t_us / 1e6)}
        assert found["cdlab_sync_duration_seconds_count"][()] > 0
        before = found["cdlab_sync_duration_seconds_count"]
        await lab.substrate.incidents.stop("config-repo")
        await lab.kernel.sleep(2 * LOOK)
        lab.queue.sync()
        await lab.kernel.sleep(10)
        assert numbers()["cdlab_sync_duration_seconds_count"] == before

    counted(new_lab, story)


def test_drift_has_an_age_until_it_is_repaired(new_lab: type[Lab]) -> None:
    """Of every workload; 0 where nothing differs, also after a release was applied late."""

    async def story(lab: Lab, numbers: Callable[[], dict[str, Samples]]) -> None:
        await lab.ship("a", "b")
        assert set(numbers()["cdlab_drift_age_seconds"].values()) == {0}
        operator = lab.substrate.ports("operator")
        await operator.cluster.rollout_undo("users", "staging")
        await lab.substrate.incidents.stop("api-server")
        await lab.kernel.sleep(LOOK)
        ages = numbers()["cdlab_drift_age_seconds"]
        assert LOOK - 70 < ages[PLACE] <= LOOK
        assert len(ages) == 2
        await lab.substrate.incidents.restart("api-server")
        await lab.kernel.sleep(LONG)
        assert set(numbers()["cdlab_drift_age_seconds"].values()) == {0}

    counted(new_lab, story)


def test_the_process_tells_what_it_uses() -> None:
    """CPU time goes up with work, a child's included; memory with what is kept."""
    before = read(text_of(process_metrics()))
    kept = bytearray(b"x" * (32 << 20))
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    after = read(text_of(process_metrics()))
    seconds, size = "process_cpu_seconds_total", "process_resident_memory_bytes"
    assert after[seconds][()] >= before[seconds][()] + 0.02
    assert after[size][()] >= before[size][()] + len(kept) / 2
