"""What all tests share: pytest's own plugin tester."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["pytester"]

# How long an example takes says something about the machine, not about the code.
settings.register_profile("cdlab", deadline=None)
settings.load_profile("cdlab")
