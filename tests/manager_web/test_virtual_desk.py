"""A desk in front of virtual time: in order, from any thread, and time stands still in between."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from cdlab.errors import ManagerUnavailable, NotFound
from cdlab.kernel import Kernel
from cdlab.manager.virtual_desk import VirtualDesk


async def now_after(kernel: Kernel, seconds: float) -> float:
    await kernel.sleep(seconds)
    return kernel.now()


def test_virtual_time_passes_only_while_somebody_asks() -> None:
    """One after the other, however long the wait between them."""
    kernel = Kernel()
    desk = VirtualDesk(kernel)
    assert desk.submit(now_after(kernel, 60), name="first").result(30) == 60
    assert desk.submit(now_after(kernel, 0), name="second").result(30) == 60
    desk.close()


def test_an_actor_goes_on_while_a_later_question_waits() -> None:
    """What a question began is not cancelled with its end, and time takes it along."""
    kernel = Kernel()
    desk = VirtualDesk(kernel)
    seen: list[float] = []

    async def ticks() -> None:
        while True:
            await kernel.sleep(10)
            seen.append(kernel.now())

    async def begin() -> None:
        kernel.spawn(ticks(), name="ticks", daemon=True)

    desk.submit(begin(), name="begin").result(30)
    assert seen == []
    desk.submit(now_after(kernel, 35), name="wait").result(30)
    assert seen == [10, 20, 30]
    desk.close()


def test_an_error_goes_to_who_asked_and_to_nobody_else() -> None:
    """The desk goes on."""
    kernel = Kernel()
    desk = VirtualDesk(kernel)

    async def fail() -> None:
        raise NotFound("nobody")

    with pytest.raises(NotFound):
        desk.submit(fail(), name="fails").result(30)
    assert desk.submit(now_after(kernel, 1), name="works").result(30) == 1
    desk.close()


def test_questions_of_many_threads_are_all_answered() -> None:
    """Each once, and time is the sum of all waits."""
    kernel = Kernel()
    desk = VirtualDesk(kernel)
    futures: list[Future[float]] = []

    def ask() -> None:
        futures.append(desk.submit(now_after(kernel, 1), name="one of many"))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each.result(30) for each in futures) == list(range(1, 21))
    desk.close()


def test_a_world_that_ended_says_why_to_everybody() -> None:
    """A dead actor ends it; who waited and who comes later hear the reason."""
    kernel = Kernel()
    desk = VirtualDesk(kernel)

    async def die() -> None:
        raise ZeroDivisionError("oops")

    async def begin() -> None:
        kernel.spawn(die(), name="dies")
        await kernel.sleep(1)

    with pytest.raises(ManagerUnavailable, match="oops"):
        desk.submit(begin(), name="begin").result(30)
    with pytest.raises(ManagerUnavailable, match="oops"):
        desk.submit(now_after(kernel, 0), name="later").result(30)
    desk.close()


def test_a_closed_desk_answers_nothing_more() -> None:
    """What was asked before is done first; closing twice is once."""
    kernel = Kernel()
    desk = VirtualDesk(kernel)
    before = desk.submit(now_after(kernel, 5), name="before")
    desk.close()
    desk.close()
    assert before.result(0) == 5
    with pytest.raises(ManagerUnavailable, match="closed"):
        desk.submit(now_after(kernel, 0), name="after").result(0)


def test_a_world_is_prepared_before_anybody_is_served() -> None:
    """On its own kernel."""
    kernel = Kernel()
    desk = VirtualDesk(kernel, prepare=lambda: now_after(kernel, 100))
    assert desk.submit(now_after(kernel, 0), name="first").result(30) == 100
    desk.close()
