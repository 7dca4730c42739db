"""Every benchmark runs; what it measures is for people to read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bench_compare.py", "bench_start.py"])
def test_a_benchmark_runs_and_prints_ratios(name: str) -> None:
    """With the least work: one round."""
    command = [sys.executable, str(BENCHMARKS / name), "1"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(printed.splitlines()) >= 3
