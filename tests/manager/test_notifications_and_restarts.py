"""What the outside is told when a process of the release manager ends and another one begins."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cdlab.errors import Undelivered
from cdlab.history import Event
from cdlab.hosted_manager import HostedManager, Hosting
from cdlab.manager.watching import ManagerIntervals
from cdlab.manager.web.metrics import text_of
from cdlab.model import RollbackRequest, Variant
from cdlab.policies import LOCK
from cdlab.policy_edits import PolicyEdit, hold, set_tag
from cdlab.releases import ReleaseRequest
from cdlab.stops import Lock
from tests.ears import Ears
from tests.hosted_in_sim import Nobody
from tests.manager.conftest import LONG, LOOK, Lab
from tests.prometheus_text import read

INTERVALS = ManagerIntervals(LOOK, sync_seconds=60.0)
ROLLBACK = RollbackRequest(workload="users", environment="staging", message="it is slow")


class Processes:
    """One manager after the other in a lab whose own one was stopped, and one pair of ears."""

    def __init__(self, lab: Lab) -> None:
        lab.queue.stop()
        self.lab, self.ears = lab, Ears(lab.kernel)
        self.count = 0

    async def start(self) -> HostedManager:
        """Begin the next one."""
        self.count += 1
        hosting = Hosting(
            application=self.lab.queue.application,
            variant=Variant(rollback="command"),
            intervals=INTERVALS,
            producer=f"p{self.count}",
            receivers=[self.ears],
        )
        kernel = self.lab.kernel
        self.now = HostedManager(kernel, self.lab.substrate.ports("manager"), hosting)
        await kernel.spawn(self.now.start(), name="process", context=Nobody).join()
        return self.now

    def kill(self) -> None:
        """SIGKILL: nothing of it goes on."""
        self.now.queue.stop()
        self.now.notifier.stop()

    async def kill_when(self, is_moment: Callable[[Event], bool]) -> None:
        """Kill it as soon as it waits after an event, and return when that was."""
        killed = self.lab.kernel.event("the kill")

        async def kill() -> None:
            self.kill()
            killed.set()

        def see(event: Event) -> None:
            if is_moment(event) and not killed.is_set:
                self.lab.kernel.spawn(kill(), name="kill")

        self.now.recorder.listeners.append(see)
        await killed.wait()

    async def change(self, edit: PolicyEdit) -> None:
        request = ReleaseRequest(
            cause="policy", workload="users", environment="staging", user="ann",
            now=self.lab.kernel.timestamp(), edit=edit,
        )  # fmt: skip
        assert (await self.now.queue.release(request)).is_released


def is_released(event: Event) -> bool:
    return (event.kind, event.outcome) == ("Decided", "ok")


def is_committed(event: Event) -> bool:
    return event.kind == "Committed"


def test_a_release_whose_manager_is_killed_before_the_apply_is_told_once(
    new_lab: type[Lab],
) -> None:
    """The next process applies it: neither a release of its own nor drift."""

    async def story(lab: Lab) -> None:
        processes = Processes(lab)
        await processes.start()
        await lab.ship("a")
        await lab.build("b")
        await processes.kill_when(is_released)
        assert (await lab.served(), await lab.tag()) == ("a", "b")
        await processes.start()
        await lab.kernel.sleep(2 * LOOK)
        assert await lab.served() == "b"
        assert processes.ears.kinds == ["released", "released"]
        assert len({each.revision for each in processes.ears.heard}) == 2

    new_lab().play(story)


def test_so_is_one_that_the_next_process_cannot_apply_at_first(new_lab: type[Lab]) -> None:
    """The API server was down when it began: that is told, and no drift when it is back."""

    async def story(lab: Lab) -> None:
        processes = Processes(lab)
        await processes.start()
        await lab.ship("a")
        await lab.build("b")
        await processes.kill_when(is_released)
        await lab.substrate.incidents.stop("api-server")
        await processes.start()
        await lab.kernel.sleep(LOOK)
        await lab.substrate.incidents.restart("api-server")
        await lab.kernel.sleep(LOOK)
        assert await lab.served() == "b"
        found = [(str(each.kind), each.cause) for each in processes.ears.heard]
        assert found == [("released", "automation")] * 2 + [("failed", "sync")]

    new_lab().play(story)


@pytest.mark.parametrize("is_pushed", [False, True])
def test_a_manager_that_is_killed_during_its_push_tells_nothing_twice(
    new_lab: type[Lab], is_pushed: bool
) -> None:
    """What had not arrived is released by the next; what had arrived, and nobody told, is not."""

    async def story(lab: Lab) -> None:
        processes = Processes(lab)
        await processes.start()
        await lab.ship("a")
        processes.ears.heard.clear()
        await lab.build("b")
        await processes.kill_when(is_committed)
        if is_pushed:  # the answer is what was lost
            await arrive(lab, processes)
        await processes.start()
        await lab.kernel.sleep(2 * LOOK)
        assert await lab.served() == await lab.tag() == "b"
        assert processes.ears.kinds == ([] if is_pushed else ["released"])

    new_lab().play(story)


async def arrive(lab: Lab, processes: Processes) -> None:
    """The same commit, from somebody with the same files."""
    (made,) = processes.now.recorder.history.of("Committed")[-1:]
    checkout = await lab.substrate.ports("manager").config_repo.clone()
    for path, text in made.detail["files"].items():
        checkout.write(path, text)
    await checkout.commit(made.detail["message"])
    await checkout.push()


def test_what_stood_before_a_process_began_is_no_news_to_it(new_lab: type[Lab]) -> None:
    """A hold and a lock; another part of the policy may be changed beside them."""

    async def story(lab: Lab) -> None:
        processes = Processes(lab)
        await processes.start()
        await lab.ship("a")
        await processes.change(hold("ann", "sale", now=lab.kernel.timestamp()))
        await lab.kernel.sleep(2 * LOOK)
        assert processes.ears.kinds == ["released", "held"]
        processes.kill()
        await processes.start()
        await processes.change(set_tag("glob:*"))
        await lab.kernel.sleep(2 * LOOK)
        await lab.annotate(LOCK, str(Lock("bob", "audit", "1970-01-01T00:00:00Z")))
        await lab.kernel.sleep(2 * LOOK)
        assert processes.ears.kinds == ["released", "held", "refused"]
        processes.kill()
        await processes.start()
        await lab.kernel.sleep(2 * LOOK)
        assert processes.ears.kinds == ["released", "held", "refused"]

    new_lab().play(story)


def test_every_kind_is_told_by_the_process_in_which_it_happens(new_lab: type[Lab]) -> None:
    """Each once, in its order, by two processes whose notifications have names of their own."""

    async def story(lab: Lab) -> None:
        processes = Processes(lab)
        first = await processes.start()
        await lab.ship("a", "b")
        assert (await first.queue.rollback(ROLLBACK)).is_released
        await lab.kernel.sleep(LONG)
        processes.kill()
        second = await processes.start()
        await lab.kernel.sleep(LONG)
        assert (await second.queue.rollback(ROLLBACK)).status == "refused"
        await lab.substrate.ports("operator").cluster.rollout_undo("users", "staging")
        await lab.kernel.sleep(LOOK)
        await processes.change(hold("ann", "sale", now=lab.kernel.timestamp()))
        await lab.kernel.sleep(LONG)
        await lab.substrate.incidents.stop("config-repo")
        assert (await second.queue.rollback(ROLLBACK)).status == "failed"
        await lab.kernel.sleep(1)
        heard = processes.ears.heard
        found = [(each.id.partition("-")[0], str(each.kind)) for each in heard]
        assert found == [
            *[("p1", each) for each in ("released", "released", "rolled back")],
            *[("p2", each) for each in ("refused", "drift", "held", "failed")],
        ]
        assert len({each.id for each in heard}) == len(heard)

    new_lab().play(story)


def test_who_ends_in_peace_delivers_what_waits(new_lab: type[Lab]) -> None:
    """SIGTERM: within the time that it is given."""

    async def story(lab: Lab) -> None:
        processes = Processes(lab)
        manager = await processes.start()
        await lab.ship("a")
        processes.ears.seconds = 1.2
        asked = [lab.kernel.spawn(manager.queue.rollback(ROLLBACK), name="ann") for _ in range(2)]
        for each in asked:
            assert (await each.join()).status == "refused"
        assert processes.ears.kinds != ["released", "refused", "refused"], "one of them waits"
        before = lab.kernel.now()
        await manager.stop(3.0)
        assert lab.kernel.now() - before < 3.0
        assert processes.ears.kinds == ["released", "refused", "refused"]

    new_lab().play(story)


def test_what_waits_longer_than_that_is_lost_and_counted(new_lab: type[Lab]) -> None:
    """Nobody listens: the process ends in its time all the same, and the next says nothing."""

    async def story(lab: Lab) -> None:
        processes = Processes(lab)
        manager = await processes.start()
        processes.ears.trouble = Undelivered("nobody listens")
        await lab.ship("a")
        for _ in range(3):
            await manager.queue.rollback(ROLLBACK)
        before = lab.kernel.now()
        await manager.stop(3.0)
        assert lab.kernel.now() - before == pytest.approx(3.0, abs=0.1)
        counts = manager.notifier.counts
        assert (counts["released", "failed", "ears"], counts["refused", "dropped", "ears"]) == (
            1,
            2,
        )
        processes.ears.trouble = None
        await processes.start()
        await lab.kernel.sleep(2 * LOOK)
        assert processes.ears.heard == []

    new_lab().play(story)


def test_the_numbers_of_a_process_say_what_it_told(new_lab: type[Lab]) -> None:
    """By kind, by what became of it and by receiver, as text for whoever serves it."""

    async def story(lab: Lab) -> None:
        processes = Processes(lab)
        manager = await processes.start()
        await lab.ship("a")
        processes.ears.trouble = Undelivered("answered with 404", is_final=True)
        await manager.queue.rollback(ROLLBACK)
        await lab.kernel.sleep(1)
        found = read(text_of(manager.metrics()))
        assert {
            tuple(dict(labels).values()): count
            for labels, count in found["cdlab_notifications_total"].items()
        } == {("released", "delivered", "ears"): 1, ("refused", "failed", "ears"): 1}
        assert found["cdlab_commit_duration_seconds_count"] == {(): 1}

    new_lab().play(story)
