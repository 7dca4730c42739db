"""When users saw the bad content for the last time."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdlab import worlds
from cdlab.bench.probing import recovery_by_pods, recovery_seconds, told
from cdlab.scenario import load

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(0, "bad"), (1_000_000, "bad"), (3_500_000, "bad"), (3_600_000, "good")], 2.5),
        ([(2_000_000, "bad"), (2_100_000, "good"), (2_200_000, "bad"), (2_300_000, "good")], 1.2),
        ([(2_000_000, "bad"), (2_100_000, ""), (2_200_000, "good"), (2_300_000, "")], 1.0),
        ([(900_000, "bad"), (1_100_000, "good")], 0.0),
        ([(2_000_000, "bad"), (9_000_000, "bad")], None),
        ([(2_000_000, "good"), (9_000_000, "bad"), (9_100_000, "")], None),
        ([(2_000_000, ""), (9_000_000, "")], None),
        ([(900_000, "good")], None),
        ([], None),
    ],
)
def test_users_have_recovered_with_the_last_bad_answer(
    answers: list[tuple[int, str]], expected: float | None
) -> None:
    """Asked at 1 s: the last bad one counts, no answer says nothing, to end with bad is none."""
    assert recovery_seconds(answers, 1_000_000, "bad") == expected


@pytest.mark.parametrize("name", ["v1/rollback", "v2/rollback", "v3/rollback", "v1/image-patch"])
def test_the_last_bad_pod_ends_no_later_than_the_rollback(name: str) -> None:
    """In the simulator nobody probes; the pods say when the last one stopped serving it."""
    run = worlds.run(load(ROOT / f"scenarios/{name}.yaml"))
    found = recovery_by_pods(run.history)
    assert found is not None
    assert 0 < found <= run.measures["rollback_seconds"]


def test_a_rollback_that_was_undone_has_no_recovery() -> None:
    """Without a hold V3's automation brings the bad image back, and users see it to the end."""
    run = worlds.run(load(ROOT / "scenarios/v3/rollback-without-hold.yaml"))
    assert recovery_by_pods(run.history) is None


def test_a_probe_tells_how_often_it_asked_and_when_it_knew_nothing() -> None:
    """Asked at 1 s; gaps before that do not count, and no answer fills none."""
    answers = [(0, ""), (1_100_000, "bad"), (1_500_000, ""), (2_000_000, "good"), (2_100_000, "")]
    assert told(answers, 1_000_000, 0.25) == {
        "requests": 5, "unanswered": 3, "seconds": 2.1, "longest_gap_seconds": 0.9,
        "cpu_seconds": 0.25,
    }  # fmt: skip
    assert told([], 1_000_000, 0.0)["longest_gap_seconds"] == 0
