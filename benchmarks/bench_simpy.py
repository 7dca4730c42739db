"""
The simulator beside SimPy: V1's rollback as it is, and written by hand for this one purpose.

`rollback_in_simpy.py` is the model by hand: the same workload, the same costs, an event for each
event of our histories, and nothing recorded. Both take turns, a ratio is of two measurements side
by side, and what is printed is the median of the rounds. The garbage collector is off for both, as
the simulator runs. Usage: bench_simpy.py [--quick]
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import rollback_in_simpy
import simpy
from measuring import clocked, is_quick
from rollback_in_simpy import ENVIRONMENTS, MICROSERVICES, Rollback, serves

from cdlab import worlds
from cdlab.runner import Run
from cdlab.scenario import Scenario, load

SCENARIO = Path(__file__).parent.parent / "scenarios" / "v1" / "rollback.yaml"
TARGET, AIM = 4, 2
ROUNDS, RUNS = (3, 2) if is_quick() else (31, 20)


def ours(scenario: Scenario, seeds: range) -> list[Run]:
    """Recorded runs of the simulator."""
    return [worlds.run(replace(scenario, seed=seed)) for seed in seeds]


def measured(scenario: Scenario, seeds: range) -> list[Run]:
    """The same, with everything computed that can be."""
    runs = ours(scenario, seeds)
    for run in runs:
        assert run.measures, "reading them computes them"
        assert run.phases, "and these"
    return runs


def by_hand(seeds: range) -> list[Rollback]:
    """Runs of the model in SimPy."""
    return [Rollback(seed).run() for seed in seeds]


def check_ours(run: Run) -> None:
    """The comparison is with a run that did its work."""
    assert run.is_finished
    assert set(run.measures["serves_at_end"].values()) == {"good"}, "the good version is back"


def check_by_hand(run: Rollback) -> None:
    """Every workload serves the good version, and the first one a build of the revert."""
    assert set(run.workloads) == {(e, n) for e in ENVIRONMENTS for n in MICROSERVICES}
    for (environment, name), workload in run.workloads.items():
        assert serves(workload, f"good {name}"), f"{name} in {environment}"
        assert len(workload.pods) == rollback_in_simpy.REPLICAS, f"{name} in {environment}"
        assert workload.image[0] == (3 if name == MICROSERVICES[0] else 1), "the commit it runs"
    assert sum(node.pods for node in run.nodes) == 2 * len(run.workloads), "pods that are left"


def print_granularity(scenario: Scenario) -> None:
    """Count events in both, kind by kind, and see that both did their work."""
    seeds = range(RUNS)
    our_runs, their_runs = ours(scenario, seeds), by_hand(seeds)
    our_count: Counter[str] = Counter()
    their_count: Counter[str] = Counter()
    for run in our_runs:
        check_ours(run)
        our_count.update(event.kind for event in run.history)
    for model in their_runs:
        check_by_hand(model)
        their_count.update(model.seen)
    different = [
        f"{kind} {our_count[kind] / RUNS:g} and {their_count[kind] / RUNS:g}"
        for kind in sorted(our_count.keys() | their_count.keys())
        if our_count[kind] != their_count[kind]
    ]
    total, their_total = our_count.total() / RUNS, their_count.total() / RUNS
    assert abs(total - their_total) <= total / 10, f"not as fine: {'; '.join(different)}"
    print(f"events of a run        ours {total:.0f}, SimPy {their_total:.0f}")
    print(f"kinds that differ      {'; '.join(different) or f'none of {len(our_count)}'}")
    our_seconds = median(run.measures["rollback_seconds"] for run in our_runs)
    their_seconds = median(model.rollback_seconds for model in their_runs)
    print(f"virtual rollback time  ours {our_seconds:.1f} s, SimPy {their_seconds:.1f} s (medians)")


def main() -> None:
    """Measure and print."""
    scenario = load(SCENARIO)
    print(f"SimPy {simpy.__version__}, {ROUNDS} rounds of {RUNS} runs, interleaved")
    print_granularity(scenario)
    rounds: list[tuple[float, float, float]] = []
    for number in range(ROUNDS):
        first = 1_000 + 2 * number * RUNS
        seeds, others = range(first, first + RUNS), range(first + RUNS, first + 2 * RUNS)
        theirs = clocked(partial(by_hand, seeds), has_collector=False)[0]
        recorded = clocked(partial(ours, scenario, seeds), has_collector=False)[0]
        # Other seeds, so that nothing is found in a cache that the runs before have filled.
        complete = clocked(partial(measured, scenario, others), has_collector=False)[0]
        rounds.append((theirs, recorded, complete))
    print(f"{'':22} {'ms a run':>9} {'ratio':>6}  range")
    names = ("SimPy, by hand", "ours, recorded", "ours, and measured")
    for name, times in zip(names, zip(*rounds, strict=True), strict=True):
        ratios = sorted(each / base for each, (base, _, _) in zip(times, rounds, strict=True))
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"{name:22} {median(times) / RUNS * 1e3:9.2f} {median(ratios):6.2f}  {spread}")
    print(f"target                 recorded, a ratio of at most {TARGET}; aim {AIM}")


if __name__ == "__main__":
    main()
