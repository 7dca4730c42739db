"""Every benchmark runs; what it measures is for people to read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
VERSIONS = ("v1", "v2", "v3")


def printed(name: str, *arguments: str) -> str:
    """What a benchmark prints; it fails where its own checks fail."""
    command = [sys.executable, str(BENCHMARKS / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def numbers(text: str, start: str) -> list[float]:
    """The numbers in the one line that begins so."""
    (line,) = (each for each in text.splitlines() if each.startswith(start))
    return [float(each) for each in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", line[len(start) :])]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bench_compare.py", "bench_start.py"])
def test_a_benchmark_runs_and_prints_ratios(name: str) -> None:
    """With the least work: one round."""
    assert len(printed(name, "1").splitlines()) >= 3


@pytest.mark.slow
def test_the_rollbacks_benchmark_says_what_a_rollback_costs_and_where() -> None:
    """Scenarios a second, bytes an event, and shares of the time that add up to all of it."""
    text = printed("bench_rollbacks.py", "--quick")
    for version in VERSIONS:
        per_second, events, us_per_event, _ = numbers(text, f"{version}   ")[:4]
        assert per_second * events * us_per_event == pytest.approx(1e6, rel=0.05)
        assert numbers(text, f"{version} smallest")[1] < events
        assert 100 < numbers(text, f"{version} bytes/event")[0] < 10_000
    assert "1000 a second" in text
    shares = [line for line in text.splitlines() if line.count("%") == len(VERSIONS)]
    for column in zip(*(re.findall(r"(\d+)%", line) for line in shares), strict=True):
        assert 95 <= sum(map(int, column)) <= 105, "rounded to whole percents"


@pytest.mark.slow
def test_the_scale_benchmark_prints_a_line_for_each_size() -> None:
    """Three sizes of each architecture, with the ratio to the smallest."""
    text = printed("bench_scale.py", "--quick")
    for version in VERSIONS:
        events = [numbers(text, f"{version}   {size:13}")[0] for size in (3, 10, 30)]
        assert events == sorted(events)
        assert text.count(f"\n{version} ") == 3
    assert "at most 1.25" in text


@pytest.mark.slow
def test_the_simpy_benchmark_compares_what_is_as_fine_as_ours() -> None:
    """As many events of each kind in both, and the ratio of the two."""
    pytest.importorskip("simpy")
    text = printed("bench_simpy.py", "--quick")
    ours, theirs = numbers(text, "events of a run")
    assert abs(ours - theirs) <= ours / 10
    assert "none of" in text, "the kinds that differ"
    assert numbers(text, "SimPy, by hand")[1] == 1
    assert numbers(text, "ours, recorded")[1] > 0


@pytest.mark.slow
def test_the_day_benchmark_ends_with_the_last_versions_everywhere() -> None:
    """The script checks what serves; the more an architecture does, the more events it has."""
    text = printed("bench_day.py", "--quick")
    events = [numbers(text, f"{version} ")[3] for version in VERSIONS]
    assert events == sorted(events)
    assert "the last versions serve everywhere" in text


@pytest.mark.slow
def test_the_room_benchmark_clicks_in_every_way_and_counts_what_is_late() -> None:
    """Nobody reads: two people, a second, percentiles in their order."""
    text = printed("bench_room.py", "--quick")
    count, p50, p95, p99, longest = numbers(text, "all ")
    assert count >= 2
    assert 0 < p50 <= p95 <= p99 <= longest
    late, of = numbers(text, "slower than 200 ms:")
    assert 0 <= late <= of == count


@pytest.mark.slow
def test_the_workshops_benchmark_times_each_notebook_and_the_documentation() -> None:
    """One notebook is enough to see that it does."""
    text = printed("bench_workshop.py", "00_pieces")
    (first,), (together,) = (
        numbers(text, name)[:1] for name in ("00_pieces", "notebooks together")
    )
    assert first == together > 0
    assert numbers(text, "documentation")[0] > 0
