"""Same seed, same bytes: across processes, hash seeds, and with or without watching."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from cdlab.architectures import ARCHITECTURES
from cdlab.history import Event, History
from cdlab.model import Variant
from cdlab.recording import Recorder
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.worlds import run, simulated

PROGRAM = """
import sys, hashlib
from cdlab import Scenario, run
from cdlab.architectures import ARCHITECTURES
from cdlab.model import Variant
for name, each in ARCHITECTURES.items():
    for rollback in each.rollbacks:
        scenario = Scenario(
            architecture=name, seed=3, next_push=True, variant=Variant(rollback=rollback)
        )
        text = run(scenario).history.to_jsonl()
        print(name, rollback, hashlib.sha256(text.encode()).hexdigest())
"""


def scenario(architecture: str, **settings: Any) -> Scenario:
    rollback = ARCHITECTURES[architecture].rollbacks[0]
    return Scenario(architecture=architecture, variant=Variant(rollback=rollback), **settings)


def hashes(hash_seed: str) -> str:
    """The digest of each history, from a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout


def test_two_processes_write_the_same_bytes() -> None:
    """Nothing depends on the order of a set, on addresses, on the clock or on the process."""
    first, second = hashes("1"), hashes("4242")
    ways = sum(len(each.rollbacks) for each in ARCHITECTURES.values())
    assert len(first.splitlines()) == ways, "every way to roll back of every architecture"
    assert first == second


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_second_run_in_a_process_writes_the_same_bytes(architecture: str) -> None:
    """No run leaves anything behind for the next one, not even in a cache."""
    first = run(scenario(architecture)).history.to_jsonl()
    run(scenario(architecture, seed=2))
    assert run(scenario(architecture)).history.to_jsonl() == first


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_another_seed_gives_other_times(architecture: str) -> None:
    """The seed is used: times differ, what happens does not."""
    found = [run(scenario(architecture, seed=seed)) for seed in (1, 2)]
    first, second = (each.measures["rollback_seconds"] for each in found)
    assert first != second


def essence(history: History, *, has_pods: bool) -> list[tuple[Any, ...]]:
    """The events without their numbers; causes by what they point at."""

    def plain(event: Event) -> tuple[Any, ...]:
        causes = [essential(history[cause]) for cause in event.causes]
        return (*essential(event), causes)

    def essential(event: Event) -> tuple[Any, ...]:
        return (*event._replace(seq=0, causes=(), detail={}), repr(event.detail))

    return [plain(event) for event in history if has_pods or event.op != "observe"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_watching_the_pods_changes_nothing(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the recorder's pod events all the others are the same, at the same instants."""
    what = scenario(architecture, microservices=("users", "orders"))
    watched = run(what).history
    monkeypatch.setattr(Recorder, "pod_changed", lambda self, change: None)
    unwatched = run(what).history
    assert not [event for event in unwatched if event.op == "observe"]
    assert essence(unwatched, has_pods=True) == essence(watched, has_pods=False)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_order_among_equals_does_not_decide_what_happens(architecture: str) -> None:
    """Shuffling who goes first at one instant changes no count of the story."""

    def counts(tie_seed: int | None) -> dict[str, Any]:
        what = scenario(architecture, profile="constant")
        world = replace(simulated(what, tie_seed=tie_seed), look_phase=0.3)
        measures = run_in(world, what).measures
        return {name: value for name, value in measures.items() if "seconds" not in name}

    assert counts(1) == counts(2) == counts(None)
