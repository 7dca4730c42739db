"""What holds for every program that the kernel runs."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdlab.kernel import Actor, Cancelled, Kernel, Queue, Resource

Timeline = list[tuple[int, str]]

PROGRAMS = st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=6)
"""For each actor, how many microseconds it sleeps before each of its steps."""


def timeline_of(program: list[list[int]], tie_seed: int | None = None) -> Timeline:
    """Run a program, and note each step and each hand-over through a queue of one consumer."""
    kernel = Kernel(tie_seed=tie_seed)
    timeline: Timeline = []
    queue = kernel.queue("steps")

    async def actor(number: int, naps: list[int]) -> None:
        for step, nap in enumerate(naps):
            await kernel.sleep_us(nap)
            timeline.append((kernel.now_us, f"{number} {step}"))
            queue.put(f"{number} {step} consumed")

    async def consumer() -> None:
        while True:
            timeline.append((kernel.now_us, await queue.get()))

    async def main() -> None:
        kernel.spawn(consumer(), name="consumer")
        actors = [kernel.spawn(actor(*each), name="actor") for each in enumerate(program)]
        for each in actors:
            await each.join()
        await kernel.sleep_us(1)

    kernel.run(main())
    return [(now, what) for now, what in timeline if "consumed" not in what]


@given(PROGRAMS, st.none() | st.integers())
def test_the_same_program_always_leaves_the_same_timeline(
    program: list[list[int]], tie_seed: int | None
) -> None:
    """Nothing but the program and the tie seed decides what happens."""
    assert timeline_of(program, tie_seed) == timeline_of(program, tie_seed)


@given(PROGRAMS, st.integers())
def test_shuffled_ties_change_the_order_only_within_an_instant(
    program: list[list[int]], tie_seed: int
) -> None:
    """Every step happens at the time it has without shuffling; each actor keeps its own order."""
    in_turn, shuffled = timeline_of(program), timeline_of(program, tie_seed)
    assert sorted(shuffled) == sorted(in_turn)
    assert [now for now, _ in shuffled] == [now for now, _ in in_turn]
    for number in range(len(program)):
        own = [what for _, what in shuffled if what.startswith(f"{number} ")]
        assert own == [f"{number} {step}" for step in range(len(own))]


def test_shuffling_reaches_every_order_of_three() -> None:
    """All six orders of three equal due times come up in a hundred seeds."""
    orders = set()
    for seed in range(100):  # asleep since three different instants, due at one
        timeline = timeline_of([[1, 2], [2, 1], [3]], seed)
        orders.add(tuple(what for now, what in timeline if now == 3))
    assert len(orders) == math.factorial(3)


WAITING = st.integers(0, 5)
"""How many actors wait before the first move."""

MOVES = st.lists(
    st.tuples(st.sampled_from(["start", "put", "cancel", "pause"]), st.integers(0, 5)), max_size=30
)


def cancel_one(actors: list[Actor], number: int) -> None:
    if actors:
        actors[number % len(actors)].cancel()


@given(WAITING, MOVES, st.none() | st.integers())
def test_no_item_is_lost_when_takers_are_cancelled(
    waiting: int, moves: list[tuple[str, int]], tie_seed: int | None
) -> None:
    """Each item is taken once or still there, even if its taker was cancelled at that instant."""
    kernel = Kernel(tie_seed=tie_seed)
    queue: Queue = kernel.queue("items")
    taken: list[int] = []

    async def taker() -> None:
        taken.append(await queue.get())

    async def main() -> int:
        takers = [kernel.spawn(taker(), name="taker") for _ in range(waiting)]
        await kernel.sleep_us(1)
        items = 0
        for move, number in moves:
            if move == "start":
                takers.append(kernel.spawn(taker(), name="taker"))
            elif move == "put":
                queue.put(items)
                items += 1
            elif move == "cancel":
                cancel_one(takers, number)
            else:
                await kernel.sleep_us(number)
        await kernel.sleep_us(1)
        left = [await queue.get() for _ in range(len(queue))]
        assert sorted(taken + left) == list(range(items))
        assert not (left and any(not each.done for each in takers))
        return items

    kernel.run(main())


@given(WAITING, MOVES, st.none() | st.integers())
def test_no_slot_is_lost_when_users_are_cancelled(
    waiting: int, moves: list[tuple[str, int]], tie_seed: int | None
) -> None:
    """No more users than slots; and when all users are gone, all slots are free."""
    kernel = Kernel(tie_seed=tie_seed)
    resource: Resource = kernel.resource("executors", 2)
    inside: list[int] = []

    async def user(number: int) -> None:
        async with resource:
            inside.append(number)
            assert len(inside) <= resource.in_use <= 2
            try:
                await kernel.sleep_us(number)
            finally:
                inside.remove(number)

    async def main() -> None:
        users = [kernel.spawn(user(1), name="user") for _ in range(waiting)]
        await kernel.sleep_us(1)
        for move, number in moves:
            if move in ("start", "put"):
                users.append(kernel.spawn(user(number), name="user"))
            elif move == "cancel":
                cancel_one(users, number)
            else:
                await kernel.sleep_us(number)
        for each in users:
            with contextlib.suppress(Cancelled):
                await each.join()
        assert (resource.in_use, resource.waiting) == (0, 0)

    kernel.run(main())


@given(st.integers())
def test_a_cancelled_caller_of_a_timeout_ends_cancelled(tie_seed: int) -> None:
    """Even if at the same instant the work ends and the time is over, in whatever order."""
    kernel = Kernel(tie_seed=tie_seed)

    async def call() -> None:
        try:
            await kernel.timeout(kernel.sleep_us(3), 3e-6, what="work")
        except TimeoutError:
            outcomes.append("late")
        except Cancelled:
            outcomes.append("cancelled")
        else:
            outcomes.append("in time")

    async def main() -> None:
        caller = kernel.spawn(call(), name="caller")
        await kernel.sleep_us(3)
        was_done = caller.done
        caller.cancel()
        await caller.join()
        assert was_done or outcomes == ["cancelled"]

    outcomes: list[str] = []
    kernel.run(main())
    assert len(outcomes) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12), st.integers())
def test_time_limits_leave_nothing_running(pairs: list[tuple[int, int]], tie_seed: int) -> None:
    """Whatever ends first, no actor and no alarm outlives a timeout, and each outcome is one."""
    kernel = Kernel(tie_seed=tie_seed)
    outcomes: list[Any] = []

    async def limited(work_us: int, limit_us: int) -> None:
        try:
            await kernel.timeout(kernel.sleep_us(work_us), limit_us / 1e6, what="work")
            outcomes.append(work_us <= max(limit_us, 1))
        except TimeoutError:
            outcomes.append(work_us >= limit_us)

    async def main() -> None:
        for actor in [kernel.spawn(limited(*pair), name="limited") for pair in pairs]:
            await actor.join()
        assert len(kernel._actors) == 1
        assert not any(kernel._sleepers.values())

    kernel.run(main())
    assert outcomes == [True] * len(pairs)
