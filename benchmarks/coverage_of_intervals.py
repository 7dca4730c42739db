"""
How often the intervals of `cdlab bench` cover the true ratio: with a fixed number of blocks, and
when it stops at the first narrow one. Prints the tables of docs/benchmark.md; takes some minutes.

Not one of `make bench`'s: it times nothing. `python benchmarks/coverage_of_intervals.py [RUNS]`
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy

from cdlab.bench.stopping import HALF_WIDTH, half_width
from cdlab.paired import Pairing, paired

Draw = Callable[[numpy.random.Generator, int], numpy.ndarray]
TRUE_RATIO = 1.5
LEAST, MOST = 10, 30
DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda generator, n: generator.normal(size=n),
    "Student's t, 3 degrees": lambda generator, n: generator.standard_t(3, size=n) / 1.3,
    # Skewed, and shifted so that its median is 0.
    "exponential": lambda generator, n: generator.exponential(size=n) - math.log(2),
}


def compared(noise: numpy.ndarray) -> Pairing:
    """A pairing of runs whose log ratios are the truth and this noise."""
    found = paired([1.0] * len(noise), list(TRUE_RATIO * numpy.exp(noise)))
    assert found is not None
    return found


def covers(found: Pairing) -> bool:
    """Whether the true ratio lies in the interval."""
    return (
        found.low is not None and found.high is not None and found.low <= TRUE_RATIO <= found.high
    )


def stopped(noise: numpy.ndarray) -> Pairing:
    """The pairing at the block at which the default mode stops."""
    for blocks in range(LEAST, MOST):
        found = compared(noise[:blocks])
        width = half_width(found)
        if width is not None and width <= HALF_WIDTH:
            return found
    return compared(noise)


def main(runs: int) -> None:
    """Print both tables."""
    generator = numpy.random.default_rng(20)
    print(f"{runs} simulations a row; standard error of a share of 95 %:", end=" ")
    print(f"{100 * math.sqrt(0.95 * 0.05 / runs):.1f} %\n\nfixed number of blocks")
    for name, draw in DISTRIBUTIONS.items():
        for blocks in (10, 30, 60):
            share = sum(covers(compared(0.2 * draw(generator, blocks))) for _ in range(runs)) / runs
            print(f"  {name:24} {blocks:3} blocks: {share:6.1%}", flush=True)
    print(f"\nstopped at the first interval within ±{HALF_WIDTH:.0%}, {LEAST} to {MOST} blocks")
    for spread in (0.03, 0.06, 0.08, 0.10, 0.15):
        ends = [stopped(spread * DISTRIBUTIONS["normal"](generator, MOST)) for _ in range(runs)]
        share = sum(map(covers, ends)) / runs
        blocks = sum(each.pairs for each in ends) / runs
        print(f"  normal, sd {spread:.2f}: {share:6.1%} after {blocks:.1f} blocks", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
