"""What waits to be told: in order, bounded, tried again, given up, counted. And the last line."""

from __future__ import annotations

import logging

import pytest

from cdlab.errors import Undelivered
from cdlab.history import Event
from cdlab.kernel import Kernel
from cdlab.manager.notifier import ATTEMPTS, HELD_SECONDS, MOST_WAITING, Notifier
from cdlab.model import Outcome
from cdlab.notifications import Kind, Notification, Receiver
from tests.ears import Ears

COMMIT = "Hold users in staging\n\nEnvironment: staging\nWorkload: users\nHold: {what?\n"


def decided(seq: int, **more: object) -> Event:
    """Ann is refused a rollback."""
    detail = {"what": "rollback", "workload": "users", "status": "refused", "image": ""}
    fields = {"outcome": "refused", "because": f"for reason {seq}", **more}
    return Event(
        seq, 0, 0, "Decided", "manager", "decide", "staging", principal="manager",
        detail={**detail, "user": "ann"}, **fields,
    )  # type: ignore[arg-type]  # fmt: skip


def tell(kernel: Kernel, receivers: list[Receiver], count: int, seconds: float) -> Notifier:
    """Have so many things happen at once, and wait that long."""
    told = Notifier(kernel, receivers, "p1")

    async def main() -> None:
        told.start()
        for seq in range(count):
            told.see(decided(seq))
        await kernel.sleep(seconds)

    kernel.run(main())
    return told


def test_they_are_delivered_in_order() -> None:
    """One after the other, however long each takes."""
    kernel = Kernel()
    ears = Ears(kernel, seconds=2.0)
    told = tell(kernel, [ears], 5, 11.0)
    assert [each.id for each in ears.heard] == [f"p1-{seq}" for seq in range(5)]
    assert told.is_idle


def test_a_receiver_that_is_away_keeps_nobody_else_from_hearing() -> None:
    """Each has its own line."""
    kernel = Kernel()
    deaf, ears = Ears(kernel), Ears(kernel)
    deaf.trouble = Undelivered("nobody listens")
    told = tell(kernel, [deaf, ears], 3, 1.0)
    assert len(ears.heard) == 3
    assert not told.is_idle


def test_it_is_tried_again_after_pauses_that_double_and_then_given_up() -> None:
    """At 0, 1, 3, 7, 15 and 31 s; then the next one has its turn."""
    kernel = Kernel()
    tries: list[tuple[float, str]] = []

    class Away(Ears):
        async def take(self, notification: Notification) -> None:
            tries.append((kernel.now(), notification.id))
            raise Undelivered("nobody listens")

    told = tell(kernel, [Away(kernel)], 2, 31.5)
    assert tries == [*((at, "p1-0") for at in (0, 1, 3, 7, 15, 31)), (31, "p1-1")]
    assert len(tries) == ATTEMPTS + 1
    assert dict(told.counts) == {("refused", "failed", "ears"): 1}


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    """Each has its one attempt."""
    kernel = Kernel()
    ears = Ears(kernel)
    ears.trouble = Undelivered("answered with 404", is_final=True)
    told = tell(kernel, [ears], 4, 0.5)
    assert dict(told.counts) == {("refused", "failed", "ears"): 4}


def test_of_more_than_can_wait_the_oldest_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """Counted, and a line in the log for each. The one under way is not among them."""
    kernel = Kernel()
    ears = Ears(kernel, seconds=1.0)
    told = Notifier(kernel, [ears], "p1")

    async def main() -> None:
        told.start()
        told.see(decided(0))
        await kernel.sleep(0.5)
        for seq in range(1, MOST_WAITING + 11):
            told.see(decided(seq))
        await kernel.sleep(MOST_WAITING + 2)

    with caplog.at_level(logging.WARNING, "cdlab.notifications"):
        kernel.run(main())
    assert [each.id for each in ears.heard] == [
        f"p1-{seq}" for seq in (0, *range(11, MOST_WAITING + 11))
    ]
    assert told.counts["refused", "dropped", "ears"] == 10
    assert len(caplog.records) == 10
    assert "for reason 1" in caplog.messages[0]


def test_what_cannot_be_made_a_notification_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The recorder calls in the middle of a release: it is logged, and the next one is told."""
    kernel = Kernel()
    ears = Ears(kernel)
    told = Notifier(kernel, [ears], "p1")
    made = {"revision": "0" * 40, "message": COMMIT, "files": {}}
    committed = Event(
        0, 0, 0, "Committed", "config-repo", "notify", principal="manager", detail=made
    )

    async def main() -> None:
        told.start()
        told.see(committed)
        told.see(decided(1, outcome="ok"))
        told.see(decided(2))
        await kernel.sleep(1.0)

    kernel.run(main())
    assert [each.id for each in ears.heard] == ["p1-2"]
    assert "event 1" in caplog.text


def test_a_receiver_with_a_mistake_in_it_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It counts as failed, and the next one is tried."""
    kernel = Kernel()

    class Broken(Ears):
        async def take(self, notification: Notification) -> None:
            raise ZeroDivisionError(notification.id)

    told = tell(kernel, [Broken(kernel)], 2, 1.0)
    assert dict(told.counts) == {("refused", "failed", "ears"): 2}
    assert "ZeroDivisionError: p1-1" in caplog.text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"user": "ana"}, "refused: users in staging, rollback by ana"),
        ({"image": "h:1/users:v2"}, "refused: users in staging, v2, rollback"),
        ({"image": f"h:1/users@sha256:{7:064x}"},
         "refused: users in staging, sha256:000000000000, rollback"),
        ({"reason": "it\n is\tbad"}, "refused: users in staging, rollback: it is bad"),
        ({"cause": "automation", "user": "automation"}, "refused: users in staging, automation"),
        ({"environment": "", "microservice": ""}, "refused: config repo, rollback"),
    ],
)  # fmt: skip
def test_the_line_for_people_leaves_out_what_is_not_known(
    fields: dict[str, str], text: str
) -> None:
    """And is one line, whatever somebody wrote as the reason."""
    values = {"environment": "staging", "microservice": "users", "cause": "rollback", **fields}
    found = Notification(id="p1-1", kind=Kind.REFUSED, time="1970-01-01T00:00:00Z", **values)
    assert found.text == text


@pytest.mark.parametrize(("sync_seconds", "heard_after"), [(1.0, 1.0), (60.0, HELD_SECONDS)])
def test_nothing_is_told_in_the_way_of_a_sync(sync_seconds: float, heard_after: float) -> None:
    """It waits for the end of it, and of one that takes long no more than some seconds."""
    kernel = Kernel()
    ears = Ears(kernel)
    told = Notifier(kernel, [ears], "p1")

    async def main() -> None:
        told.start()
        told.taken("sync", 0.0)
        told.see(decided(1))
        kernel.spawn(end(), name="sync", daemon=True)
        while not ears.heard:
            await kernel.sleep(0.01)
        assert heard_after <= kernel.now() <= heard_after + 0.2

    async def end() -> None:
        await kernel.sleep(sync_seconds)
        told.ended("sync", Outcome("released"))

    kernel.run(main())
