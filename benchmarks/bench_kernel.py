"""
Compare the kernel's speed with SimPy's on the same models, written for both.

Run it with `python benchmarks/bench_kernel.py` where SimPy is installed. The two take turns within
one run, so that a busy machine slows both; a round's ratio is of two measurements side by side, and
what is printed is the median of the rounds. An event is a step of the model (a sleep, a slot taken,
a wake-up, a cancellation), counted alike for both; a ratio of 2 is twice SimPy's events a second.
"""

from __future__ import annotations

import gc
import statistics
import sys
from collections.abc import Callable, Generator
from random import Random
from time import perf_counter
from typing import Any

import simpy

from cdlab.kernel import Cancelled, Event, Kernel, Resource

ROUNDS = 7
ACTORS = 200
STEPS = 200

Process = Generator[Any, Any, None]


def delays(seed: int) -> list[float]:
    """Return one actor's delays in seconds, whole milliseconds so that both round alike."""
    random = Random(seed)
    return [random.randrange(1, 10_000) / 1000 for _ in range(STEPS)]


DELAYS = [delays(seed) for seed in range(ACTORS)]


def timeouts_simpy() -> int:
    """Actors that only sleep."""
    environment = simpy.Environment()

    def actor(mine: list[float]) -> Process:
        for delay in mine:
            yield environment.timeout(delay)

    for mine in DELAYS:
        environment.process(actor(mine))
    environment.run()
    return ACTORS * STEPS


def timeouts_ours() -> int:
    """Actors that only sleep."""
    kernel = Kernel()

    async def actor(mine: list[float]) -> None:
        for delay in mine:
            await kernel.sleep(delay)

    async def main() -> None:
        actors = [kernel.spawn(actor(mine), name="actor") for mine in DELAYS]
        for each in actors:
            await each.join()

    kernel.run(main())
    return ACTORS * STEPS


def ties_simpy() -> int:
    """Actors that all wake at the same instants."""
    environment = simpy.Environment()

    def actor() -> Process:
        for _ in range(STEPS):
            yield environment.timeout(1)

    for _ in range(ACTORS):
        environment.process(actor())
    environment.run()
    return ACTORS * STEPS


def ties_ours() -> int:
    """Actors that all wake at the same instants."""
    kernel = Kernel()

    async def actor() -> None:
        for _ in range(STEPS):
            await kernel.sleep(1)

    async def main() -> None:
        actors = [kernel.spawn(actor(), name="actor") for _ in range(ACTORS)]
        for each in actors:
            await each.join()

    kernel.run(main())
    return ACTORS * STEPS


def resource_simpy() -> int:
    """Actors that contend for four executors."""
    environment = simpy.Environment()
    executors = simpy.Resource(environment, capacity=4)

    def actor(mine: list[float]) -> Process:
        for delay in mine:
            with executors.request() as request:
                yield request
                yield environment.timeout(delay)

    for mine in DELAYS:
        environment.process(actor(mine))
    environment.run()
    return 2 * ACTORS * STEPS


def resource_ours() -> int:
    """Actors that contend for four executors."""
    kernel = Kernel()
    executors: Resource = kernel.resource("executors", 4)

    async def actor(mine: list[float]) -> None:
        for delay in mine:
            async with executors:
                await kernel.sleep(delay)

    async def main() -> None:
        actors = [kernel.spawn(actor(mine), name="actor") for mine in DELAYS]
        for each in actors:
            await each.join()

    kernel.run(main())
    return 2 * ACTORS * STEPS


def events_simpy() -> int:
    """Waiters on one-shot events; every second one is interrupted instead of served."""
    environment = simpy.Environment()

    def waiter(event: simpy.Event) -> Process:
        try:  # noqa: SIM105 suppress() costs as much as an event
            yield event
        except simpy.Interrupt:
            pass

    def director(mine: list[float]) -> Process:
        for number, delay in enumerate(mine):
            event = environment.event()
            process = environment.process(waiter(event))
            yield environment.timeout(delay)
            if number % 2:
                process.interrupt()
            else:
                event.succeed(number)
            yield process

    for mine in DELAYS:
        environment.process(director(mine))
    environment.run()
    return 4 * ACTORS * STEPS


def events_ours() -> int:
    """Waiters on one-shot events; every second one is cancelled instead of served."""
    kernel = Kernel()

    async def waiter(event: Event) -> None:
        try:  # noqa: SIM105 suppress() costs as much as an event
            await event.wait()
        except Cancelled:
            pass

    async def director(mine: list[float]) -> None:
        for number, delay in enumerate(mine):
            event = kernel.event("served")
            process = kernel.spawn(waiter(event), name="waiter")
            await kernel.sleep(delay)
            if number % 2:
                process.cancel()
            else:
                event.set(number)
            await process.join()

    async def main() -> None:
        directors = [kernel.spawn(director(mine), name="director") for mine in DELAYS]
        for each in directors:
            await each.join()

    kernel.run(main())
    return 4 * ACTORS * STEPS


CASES: dict[str, tuple[Callable[[], int], Callable[[], int]]] = {
    "timeouts": (timeouts_simpy, timeouts_ours),
    "resource contention": (resource_simpy, resource_ours),
    "events and cancellation": (events_simpy, events_ours),
    "equal-time ties": (ties_simpy, ties_ours),
}


def events_per_second(model: Callable[[], int]) -> float:
    """Time one run of a model, with the garbage of the one before out of the way."""
    gc.collect()
    start = perf_counter()
    events = model()
    return events / (perf_counter() - start)


def main() -> None:
    """Print one line a case, and the median of the cases."""
    versions = f"Python {sys.version.split()[0]}, SimPy {simpy.__version__}"
    print(f"{versions}, {ROUNDS} rounds, interleaved")
    print(f"{'case':26} {'SimPy k/s':>10} {'ours k/s':>10} {'ratio':>6}  {'range'}")
    medians = []
    for name, (theirs, ours) in CASES.items():
        rounds = [(events_per_second(theirs), events_per_second(ours)) for _ in range(ROUNDS)]
        ratios = sorted(our / their for their, our in rounds)
        medians.append(statistics.median(ratios))
        their_speed = statistics.median(their for their, _ in rounds) / 1000
        our_speed = statistics.median(our for _, our in rounds) / 1000
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"{name:26} {their_speed:10.0f} {our_speed:10.0f} {medians[-1]:6.2f}  {spread}")
    print(f"{'median of the cases':26} {'':10} {'':10} {statistics.median(medians):6.2f}")


if __name__ == "__main__":
    main()
