"""A figure as a file: the same bytes everywhere, and nothing in it that would need a network."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("matplotlib")

from cdlab import plots
from cdlab.errors import SubstrateUnavailable
from cdlab.installing import install_command
from cdlab.plots.distributions import ecdf
from cdlab.plots.drawing import INK, inline_svg, png, svg

SECONDS: dict[str, list[float | None]] = {'V1 "<&': [4.0, 5.0], "V3": [3.0, None]}
PROGRAM = f"""
import hashlib
from cdlab.plots.distributions import ecdf
from cdlab.plots.drawing import svg
print(hashlib.sha256(svg(ecdf({SECONDS!r})).encode()).hexdigest())
"""


def test_the_same_values_give_the_same_bytes_in_another_process() -> None:
    """No date, no chance, no order of a set."""
    here = hashlib.sha256(svg(ecdf(SECONDS)).encode()).hexdigest()
    for seed in ("1", "4242"):
        there = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert there.strip() == here


def test_a_file_stands_on_white_paper() -> None:
    """Whatever is behind it, and it is a PNG where that is asked for."""
    assert "#ffffff" in svg(ecdf(SECONDS))
    assert INK in svg(ecdf(SECONDS))
    assert png(ecdf(SECONDS)).startswith(b"\x89PNG")


def test_in_a_page_it_has_the_pages_ink_and_ids_of_its_own() -> None:
    """Two figures in one page share no id, and every reference is to one that is there."""
    text = inline_svg(ecdf(SECONDS, name="r1-ecdf"))
    root = ET.fromstring(text)
    assert INK not in text
    assert "currentColor" in text
    ids = {each.get("id") for each in root.iter() if each.get("id")}
    assert ids
    assert all(str(each).startswith("r1-ecdf-") for each in ids)
    asked = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert asked <= ids
    assert root.get("role") == "img"
    assert str(root.get("aria-label")).startswith("A step line")
    assert 'V1 "<&' in str(root.get("aria-label"))


def test_a_missing_matplotlib_is_told_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 3, as for everything that is missing on a machine."""
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(SubstrateUnavailable) as caught:
        plots.require()
    assert caught.value.help == install_command("figures")
