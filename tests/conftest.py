"""What all tests share: pytest's own plugin tester, the browser, and what is left out."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]
CHROMIUM = shutil.which("chromium")
BROWSER_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip


def is_set(name: str) -> bool:
    """Whether an environment variable says yes."""
    return os.environ.get(name, "0") not in ("", "0")


def pytest_configure(config: pytest.Config) -> None:
    """A marker of our own: what takes a real cluster minutes."""
    config.addinivalue_line("markers", "slow_kind: minutes on kind; run by `make test-kind-all`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Leave out what takes a real cluster minutes, unless it was asked for; put browsers last.

    Playwright keeps an event loop running in this thread, under which nobody can run another.
    """
    items.sort(key=lambda each: each.get_closest_marker("browser") is not None)
    if CHROMIUM is None and not is_set("CDLAB_REQUIRE_BROWSER"):
        skip = pytest.mark.skip(reason="there is no chromium: apt install chromium")
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(skip)
    if is_set("CDLAB_KIND_ALL"):
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


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium; playwright's own browsers are never downloaded."""
    assert CHROMIUM, "CDLAB_REQUIRE_BROWSER is set, and there is no chromium"
    arguments = list(BROWSER_ARGUMENTS)
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}
