"""
A working day in the simulator: 50 microservices, 3 environments, 400 deploys in 8 hours.

Everybody pushes about once an hour, one after the other, and nobody waits. When the last push has
come to its end, the version that was pushed last has to serve everywhere. Usage: bench_day.py
[--quick]
"""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import Any

from measuring import clocked, is_quick

from cdlab import worlds
from cdlab.history import History
from cdlab.measures import measure
from cdlab.model import Environment, Variant
from cdlab.pod_timeline import contents, serving_at
from cdlab.runner import Run
from cdlab.scenario import Scenario

MICROSERVICES, DEPLOYS, HOURS = (5, 10, 1) if is_quick() else (50, 400, 8)
ENVIRONMENTS = ("dev", "staging", "production")
EXECUTORS = 12
"""A build takes five and a half minutes on average, so 400 of them in 8 hours keep 5 busy."""
ROUNDS = 1 if is_quick() else 5
TARGET_SECONDS, AIM_SECONDS = 2, 0.5
PUSH_SECONDS = 2.0
"""About what a clone and a push take."""


def the_day(architecture: str, seed: int = 1) -> Scenario:
    """Pushes in turn, evenly spread, and then the wait for the last of them."""
    names = tuple(f"service-{number + 1}" for number in range(MICROSERVICES))
    last: dict[str, str] = {}
    steps: list[dict[str, Any]] = []
    for number in range(DEPLOYS):
        name = names[number % MICROSERVICES]
        last[name] = f"v{number + 1}"
        steps.append({"push": {"microservice": name, "version": last[name]}})
        steps.append({"wait": {"seconds": HOURS * 3600 / DEPLOYS - PUSH_SECONDS}})
    steps += [
        {"until_serves": {"microservice": name, "environment": each, "version": last[name]}}
        for name in names
        for each in ENVIRONMENTS
    ]
    return Scenario(
        architecture=architecture,
        story="steps",
        microservices=names,
        environments=tuple(Environment(each) for each in ENVIRONMENTS),
        executors=EXECUTORS,
        seed=seed,
        variant=Variant(rollback="command" if architecture == "v3" else "revert"),
        steps=tuple(steps),
    )


def wrong_at_end(history: History) -> list[str]:
    """Where the version that was shipped last does not serve on every replica."""
    source, wanted = contents(history), dict[str, str]()
    for event in history.of("Shipped"):
        wanted[event.resource] = event.detail["content"]
    found = []
    for name, content in wanted.items():
        for environment in ENVIRONMENTS:
            pods = serving_at(history, environment, name, len(history))
            served = [source[digest] for digest in pods.values()]
            if served != [content] * history.settings["replicas"]:
                found.append(f"{name} in {environment}")
    return found


def check(run: Run) -> None:
    """The day came to its end, all deploys were made, and the last ones serve."""
    assert run.is_finished, run.history.of("RunStalled")
    assert not run.history.of("StepFailed"), run.history.of("StepFailed")
    assert len(run.history.of("Shipped")) == DEPLOYS + MICROSERVICES, "all of them, and the first"
    wrong = wrong_at_end(run.history)
    assert not wrong, f"{run.scenario.architecture}, seed {run.scenario.seed}: {', '.join(wrong)}"


def main() -> None:
    """Measure, check and print."""
    hours = f"{DEPLOYS} deploys of {MICROSERVICES} microservices in {HOURS} h of virtual time"
    print(f"{hours}, {len(ENVIRONMENTS)} environments")
    print(f"{'':4} {'seconds':>8} {'range':>14} {'events':>8} {'us/event':>9} {'measures s':>11}")
    for architecture in ("v1", "v2", "v3"):
        seconds, measures, events = [], [], []
        worlds.run(the_day(architecture, seed=0))
        for seed in range(1, ROUNDS + 1):
            took, run = clocked(partial(worlds.run, the_day(architecture, seed)))
            check(run)
            seconds.append(took)
            measures.append(clocked(partial(measure, run.history))[0])
            events.append(len(run.history))
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(
            f"{architecture:4} {median(seconds):8.2f} {spread:>14} {median(events):8.0f}"
            f" {median(seconds) / median(events) * 1e6:9.1f} {median(measures):11.2f}",
            flush=True,
        )
    print(f"target {TARGET_SECONDS} s, aim {AIM_SECONDS} s; the last versions serve everywhere")


if __name__ == "__main__":
    main()
