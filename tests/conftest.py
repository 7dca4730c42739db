"""What all tests share: pytest's own plugin tester."""

from __future__ import annotations

pytest_plugins = ["pytester"]
