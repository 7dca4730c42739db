"""
What a rollback costs in the simulator: complete, recorded, and with every measure computed.

Prints scenarios a second and core, bytes of history an event, and where the time goes. Usage:
bench_rollbacks.py [--quick]
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import tracemalloc
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from measuring import clocked, is_quick, loop_seconds

from cdlab import worlds
from cdlab.model import Environment
from cdlab.runner import Run
from cdlab.scenario import Scenario, load

SCENARIOS = Path(__file__).parent.parent / "scenarios"
TARGET_PER_SECOND = 1_000
TARGET_BYTES = 350
ROUNDS, RUNS = (1, 2) if is_quick() else (9, 20)
"""Rounds take turns among the scenarios; what is printed is the median of the rounds."""

AREAS = {
    "YAML and manifests": (
        "safe_yaml", "parsed_files", "manifests", "policies", "environment_policies", "stops",
        "tag_patterns", "dates", "substrates/sim/admission", "substrates/sim/api_fields",
    ),
    "kernel": ("kernel", "waiting"),
    "recording and history": (
        "recording", "recorded_", "history", "witnesses", "fault",
    ),
    "git": ("substrates/sim/git",),
    "registry and builder": (
        "substrates/sim/registry", "substrates/sim/builder", "image_labels",
    ),
    "random numbers and costs": ("random_streams", "substrates/sim/costs"),
    "cluster": ("substrates/sim/",),
    "architecture and manager": (
        "architectures/", "manager/", "release", "rollback_targets", "candidates", "policy_edits",
        "config_layout", "pipelines",
    ),
    "stories": ("stories/", "observed", "sample_services"),
    "runner and garbage": ("runner", "worlds"),
    "measures": (
        "measures", "coupling", "divergence", "incidents", "independence", "influence",
        "manual_work", "rollback_time", "served", "pod_timeline", "grants",
    ),
}  # fmt: skip
"""
Area -> how the names of its modules begin, below `cdlab/`. The first that fits holds.

`worlds.py` turns the garbage collector on again, which then looks at all that a run has made.
"""
OTHER = "other"

Function = tuple[str, int, str]


def complete(scenario: Scenario, seed: int) -> Run:
    """Run a scenario and read everything that can be computed of it."""
    run = worlds.run(replace(scenario, seed=seed))
    assert run.is_finished, f"seed {seed} of {scenario.architecture} was given up"
    assert run.measures["stayed_rolled_back"], "a rollback that is measured has to be one"
    assert run.phases, "and to have phases"
    return run


def scenarios() -> dict[str, Scenario]:
    """The article's rollbacks, and the smallest scenario that still has everything."""
    versions = ("v1", "v2", "v3")
    full = {name: load(SCENARIOS / name / "rollback.yaml") for name in versions}
    smallest = {
        f"{name} smallest": replace(
            scenario, microservices=("front-end",), environments=(Environment("production"),)
        )
        for name, scenario in full.items()
    }
    return full | smallest


def print_speed(all_of_them: dict[str, Scenario]) -> None:
    """A line for each scenario: how many of it a second, and what an event of it takes."""
    loop = loop_seconds()
    found: dict[str, list[float]] = {name: [] for name in all_of_them}
    events: Counter[str] = Counter()
    for number in range(ROUNDS):
        seeds = range(1_000 + number * RUNS, 1_000 + (number + 1) * RUNS)
        for name, scenario in all_of_them.items():
            complete(scenario, 1)

            def work(scenario: Scenario = scenario, seeds: range = seeds) -> int:
                return sum(len(complete(scenario, seed).history) for seed in seeds)

            seconds, count = clocked(work)
            found[name].append(seconds / count)
            events[name] += count
    print(f"{'scenario':14} {'a second':>9} {'events':>7} {'us/event':>9} {'loops/event':>12}")
    for name, times in found.items():
        each, in_a_run = median(times), events[name] / (ROUNDS * RUNS)
        print(
            f"{name:14} {1 / (each * in_a_run):9.0f} {in_a_run:7.0f} {each * 1e6:9.1f}"
            f" {each / loop:12.0f}"
        )
    print(f"target         {TARGET_PER_SECOND:9} a second and core; a loop is {loop * 1e9:.1f} ns")


def bytes_per_event(scenario: Scenario) -> float:
    """
    The memory that is free again when histories are dropped, by tracemalloc.

    What they share with constants and caches is not counted. What only they keep alive is: texts of
    files, names of pods.
    """
    worlds.run(replace(scenario, seed=1_000))
    tracemalloc.start()
    try:
        kept = [worlds.run(replace(scenario, seed=1_001 + n)).history for n in range(RUNS)]
        events = sum(len(each) for each in kept)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        kept.clear()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (before - after) / events


def profiled(scenario: Scenario) -> dict[Function, Any]:
    """The profile of some runs: function -> calls, own time, and the same by caller."""
    complete(scenario, 1)
    profile = cProfile.Profile()
    profile.enable()
    for seed in range(RUNS):
        complete(scenario, 1_000 + seed)
    profile.disable()
    stats: dict[Function, Any] = pstats.Stats(profile).stats
    return stats


def area_of(path: str) -> str | None:
    """The area of a file; None for one that is not ours, whose time is its callers'."""
    if "/yaml/" in path or "_yaml" in path.rpartition("/")[2]:
        return "YAML and manifests"
    if "/cdlab/" not in path:
        return None
    module = path.rpartition("/cdlab/")[2]
    return next((area for area, starts in AREAS.items() if module.startswith(starts)), OTHER)


class Shares:
    """Own time by area. What is not ours, as `len` and `re`, counts for whoever called it."""

    def __init__(self, stats: dict[Function, Any]) -> None:
        self.stats = stats
        self._known: dict[Function, dict[str, float]] = {}

    def by_area(self) -> dict[str, float]:
        """Area -> share of the whole."""
        total: dict[str, float] = defaultdict(float)
        for function, (_, _, own, _, _) in self.stats.items():
            for area, share in self._owners(function).items():
                total[area] += own * share
        whole = sum(total.values())
        return {area: total[area] / whole for area in (*AREAS, OTHER)}

    def _owners(self, function: Function) -> dict[str, float]:
        """Area -> share of a function's own time, by the areas it was called from."""
        if function in self._known:
            return self._known[function]
        area = area_of(function[0])
        # Known before its callers are: functions may call each other in a circle.
        owners = self._known[function] = {area or OTHER: 1.0}
        callers = self.stats[function][4]
        whole = sum(own for _, _, own, _ in callers.values())
        if area is None and whole > 0:
            owners = defaultdict(float)
            for caller, (_, _, own, _) in callers.items():
                for each, share in self._owners(caller).items():
                    owners[each] += share * own / whole
            self._known[function] = owners
        return owners


def print_memory(all_of_them: dict[str, Scenario]) -> None:
    """A line for each architecture."""
    print("\nbytes of an event of a history, free again when that is dropped (tracemalloc)")
    for name, scenario in all_of_them.items():
        print(f"{name} bytes/event {bytes_per_event(scenario):10.0f}")
    print(f"target {TARGET_BYTES:17}")


def print_shares(all_of_them: dict[str, Scenario]) -> None:
    """A column for each architecture."""
    found = {name: Shares(profiled(each)).by_area() for name, each in all_of_them.items()}
    print("\nshare of the time (own time under cProfile, which favours what calls nothing)")
    print(f"{'area':26}" + "".join(f"{name:>6}" for name in found))
    for area in (*AREAS, OTHER):
        print(f"{area:26}" + "".join(f"{shares[area]:6.0%}" for shares in found.values()))


def main() -> None:
    """Measure and print."""
    all_of_them = scenarios()
    full = {name: each for name, each in all_of_them.items() if "smallest" not in name}
    print_speed(all_of_them)
    print_memory(full)
    print_shares(full)


if __name__ == "__main__":
    main()
