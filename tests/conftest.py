"""What all tests share: pytest's own plugin tester."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]


def pytest_configure(config: pytest.Config) -> None:
    """A marker of our own: what takes a real cluster minutes."""
    config.addinivalue_line("markers", "slow_kind: minutes on kind; run by `make test-kind-all`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Leave out what takes a real cluster minutes, unless it was asked for; put browsers last.

    Playwright keeps an event loop running in this thread, under which nobody can run another.
    """
    items.sort(key=lambda each: each.get_closest_marker("browser") is not None)
    if os.environ.get("CDLAB_KIND_ALL", "0") not in ("", "0"):
        return
    slow = [
        item
        for item in items
        if item.get_closest_marker("kind") and item.get_closest_marker("slow_kind")
    ]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


# Everywhere the same examples: what fails on one machine fails on the other. `CDLAB_EXPLORE=1000`
# tries others at random, a thousand where a test says nothing of how many; the failure prints the
# line that tries its example again. How long an example takes says something about the machine.
EXPLORE = int(os.environ.get("CDLAB_EXPLORE") or 0)
settings.register_profile(
    "cdlab",
    max_examples=EXPLORE or 100,
    derandomize=not EXPLORE,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("cdlab")
