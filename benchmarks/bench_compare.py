"""
How long the simulator takes for one complete, recorded, measured rollback, in relation to a
calibration loop in the same process. Prints runs per second and where the time goes per event.
"""

from __future__ import annotations

import time

from cdlab.comparison import compare


def main() -> None:
    """Measure and print."""
    compare(runs=1)
    begin = time.perf_counter()
    comparison = compare(runs=20)
    took = time.perf_counter() - begin
    runs = [run for result in comparison.results for run in result.runs]
    events = sum(len(run.history) for run in runs)
    begin = time.perf_counter()
    total = 0
    for number in range(5_000_000):
        total += number
    unit = (time.perf_counter() - begin) / 5_000_000
    print(f"{len(runs)} runs, {events} events in {took:.2f} s")
    print(f"{len(runs) / took:.0f} runs a second, {events / took:.0f} events a second")
    print(f"one event costs {took / events / unit:.0f} loop iterations of plain Python")


if __name__ == "__main__":
    main()
