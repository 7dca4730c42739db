"""
What the simulator costs: complete, recorded, measured rollbacks, a row of the comparison each.

Times are processor seconds of this process, in relation to a loop of plain Python in the same run,
because machines differ and are shared. Usage: bench_compare.py [SEEDS]
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from cdlab import worlds
from cdlab.comparison import Sample, rows

LOOPS = 2_000_000


def main() -> None:
    """Measure and print."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    begin = time.process_time()
    for _ in range(LOOPS):
        pass
    loop = (time.process_time() - begin) / LOOPS
    total = 0.0
    print(f"{'row':28} {'ms':>6} {'events':>7} {'us/event':>9} {'loops/event':>12}")
    for row in rows("rollback", profile="lean-ci", seed=1):
        worlds.run(row.scenario)
        begin, events = time.process_time(), 0
        for seed in range(seeds):
            run = worlds.run(replace(row.scenario, seed=1000 + seed))
            Sample.of(run)
            events += len(run.history)
        took = time.process_time() - begin
        total += took
        name = f"{row.scenario.architecture} {row.label}"
        each = took / events
        print(
            f"{name:28} {took / seeds * 1e3:6.1f} {events // seeds:7} {each * 1e6:9.1f}"
            f" {each / loop:12.0f}"
        )
    count = seeds * len(rows("rollback", profile="lean-ci", seed=1))
    print(f"{count / total:.0f} runs a second and core")


if __name__ == "__main__":
    main()
