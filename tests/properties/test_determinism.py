"""
Same seed, same bytes: across processes, hash seeds, Python versions, and however often.

Whether anybody records it is looked at in `test_recorded_and_not.py`. Invariant 7.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cdlab.architectures import ARCHITECTURES
from cdlab.history import Event, History
from cdlab.model import Environment, Variant
from cdlab.recording import Recorder
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.scenario_text import scenario_text
from cdlab.worlds import run, simulated

WORKER = """
import hashlib, json, sys
from cdlab.scenario import parse
from cdlab.worlds import run
for line in sys.stdin:
    text = run(parse(json.loads(line))).history.to_jsonl()
    print(hashlib.sha256(text.encode()).hexdigest(), flush=True)
"""
"""Runs a scenario for each line, and answers with the digest of its history."""
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")


class Elsewhere:
    """Another process that runs scenarios."""

    def __init__(self, python: str, hash_seed: str) -> None:
        # An interpreter of another version finds cdlab and PyYAML where this one has them.
        found = [str(Path(__file__).parents[2]), str(Path(yaml.__file__).parents[1])]
        settings = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(found)}
        self.process = subprocess.Popen(
            [python, "-W", "ignore", "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **settings},
        )

    def digest(self, scenario: Scenario) -> str:
        """The digest of a run's history there."""
        assert self.process.stdin, "made with a pipe"
        assert self.process.stdout, "made with a pipe"
        self.process.stdin.write(json.dumps(scenario_text(scenario)) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        """Let it go."""
        self.process.kill()
        self.process.communicate()


def digest(scenario: Scenario) -> str:
    """The same here."""
    return sha256(run(scenario).history.to_jsonl().encode()).hexdigest()


def other_pythons() -> list[str]:
    """Interpreters of the versions that cdlab supports, without this one's."""
    places = [shutil.which(f"python{each}") for each in VERSIONS]
    places += [str(each) for each in sorted(Path.home().glob(".pyenv/versions/*/bin/python"))]
    found: dict[str, str] = {}
    for place in filter(None, places):
        with suppress(OSError, subprocess.SubprocessError):
            ask = [place, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            answer = subprocess.run(ask, capture_output=True, text=True, check=True)
            found.setdefault(answer.stdout.strip(), place)
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [found[each] for each in VERSIONS if each in found and each != own]


def in_processes(workers: list[Elsewhere]) -> Iterator[list[Elsewhere]]:
    """Use them, and end them whatever happens."""
    try:
        yield workers
    finally:
        for each in workers:
            each.end()


@pytest.fixture(scope="module")
def processes() -> Iterator[list[Elsewhere]]:
    """Two processes whose sets and dictionaries of texts are in different orders."""
    yield from in_processes([Elsewhere(sys.executable, seed) for seed in ("1", "4242")])


@pytest.fixture(scope="module")
def versions() -> Iterator[list[Elsewhere]]:
    """A process for each other version of Python on this machine."""
    pythons = other_pythons()
    if not pythons:
        pytest.skip(f"no other Python of {VERSIONS[0]} or newer on this machine")
    yield from in_processes([Elsewhere(python, "7") for python in pythons])


STORIES = ("rollback", "roll-back-twice", "newer-commit", "cluster-deleted", "node-lost")


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Any architecture and variant, in some stories and profiles, with a fault or none."""
    architecture = draw(st.sampled_from(sorted(ARCHITECTURES)))
    ways = ARCHITECTURES[architecture].rollbacks
    story = draw(st.sampled_from(STORIES))
    poll = st.sampled_from([None, 20.0]) if architecture == "v3" else st.none()
    is_rollback = story == "rollback"
    rollback = draw(st.sampled_from(ways)) if is_rollback else ways[0]
    # Where automation undoes a revert, people watch for a month.
    is_automated = architecture != "v3" or (rollback == "command" and draw(st.booleans()))
    slow = {"what": "build-slow", "nth": draw(st.integers(1, 3)), "seconds": 30.0}
    return Scenario(
        architecture=architecture,
        story=story,
        microservices=("users", "orders", "front-end")[: draw(st.integers(1, 3))],
        environments=(Environment("staging"), Environment("production", is_automated)),
        variant=Variant(
            rollback=rollback,
            has_build_cache=draw(st.booleans()),
            poll_interval_seconds=draw(poll),
        ),
        profile=draw(st.sampled_from(["lean-ci", "heavy-ci", "constant"])),
        seed=draw(st.integers(0, 10_000)),
        replicas=draw(st.integers(1, 3)),
        executors=draw(st.integers(1, 4)),
        merge=is_rollback and draw(st.booleans()),
        next_push=is_rollback and draw(st.booleans()),
        faults=draw(st.sampled_from([(), (slow,)])),
    )


some = settings(max_examples=settings().max_examples * 2 // 5)


@some
@given(scenarios())
def test_two_processes_write_the_same_bytes(processes: list[Elsewhere], scenario: Scenario) -> None:
    """Nothing depends on the order of a set, on addresses, on the clock or on the process."""
    assert [each.digest(scenario) for each in processes] == [digest(scenario)] * 2


@some
@given(scenarios())
def test_other_versions_of_python_write_the_same_bytes(
    versions: list[Elsewhere], scenario: Scenario
) -> None:
    """Random numbers, hashes and the order of everything are cdlab's own."""
    assert [each.digest(scenario) for each in versions] == [digest(scenario)] * len(versions)


@some
@given(scenarios(), scenarios())
def test_a_second_run_in_a_process_writes_the_same_bytes(one: Scenario, other: Scenario) -> None:
    """No run leaves anything behind for the next one, not even in a cache."""
    first = digest(one)
    digest(other)
    assert digest(one) == first


def scenario(architecture: str, **settings: Any) -> Scenario:
    rollback = ARCHITECTURES[architecture].rollbacks[0]
    return Scenario(architecture=architecture, variant=Variant(rollback=rollback), **settings)


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
