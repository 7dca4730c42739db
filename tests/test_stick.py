"""
A laptop that has nothing but Python and a stick: from the stick's README to a notebook's figure.

The stick is filled as `cdlab prefetch` does it, with what the index of packages has. Where pip
reaches none the test is left out, unless `CDLAB_REQUIRE_INDEX=1` says that there has to be one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cdlab.cli import main
from cdlab.errors import SubstrateUnavailable
from cdlab.version import __version__
from cdlab.wheelhouse import gather
from tests.offline import cut
from tests.test_page_commands import blocks

NOTEBOOK = "mine/notebooks/01_v1.ipynb"
OPENS = "jupyter lab mine"
"""The last line for participants, in whose place the notebook is run from top to bottom."""


@pytest.fixture
def laptop() -> Iterator[Path]:
    """A folder with a full stick in it. It is gone afterwards: an installation is 700 MB."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            gather(folder / "stick/wheels")
        except SubstrateUnavailable as error:
            if os.environ.get("CDLAB_REQUIRE_INDEX", "0") not in ("", "0"):
                raise
            pytest.skip(f"no stick can be filled without an index of packages: {error}")
        yield folder


def type_in(folder: Path, lines: list[str]) -> str:
    """What one who types these lines reads, without a network, a home or a setting of pip's."""
    programs = folder / "programs"
    programs.mkdir()  # the Python that gathered, and nothing of the environment that it did it in
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    settings = {"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder),
                "PIP_COMPILE": "0"}  # fmt: skip  # half a minute for modules that nobody imports
    done = subprocess.run(
        [*cut(), "bash", "-c", "\n".join(["set -e", *lines])], capture_output=True, text=True,
        cwd=folder, env=settings, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def figures(notebook: dict[str, Any]) -> list[str]:
    """The alt texts of what its cells drew."""
    outputs = [each for cell in notebook["cells"] for each in cell.get("outputs", [])]
    drawn = [each["metadata"] for each in outputs if "image/png" in each.get("data", {})]
    return [str(each["image/png"]["alt"]) for each in drawn]


def as_readme_says(stick: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines for participants on Linux and macOS, in the README that `cdlab prefetch` writes."""
    monkeypatch.setattr("cdlab.cli.prefetch._wheels", lambda folder: None)  # they are there
    with pytest.raises(SystemExit) as caught:
        main.main(["prefetch", str(stick), "--only", "wheels"])
    assert not caught.value.code
    text = (stick / "README.txt").read_text(encoding="utf-8").partition("The real cluster")[0]
    lines = re.findall(r"^    (.*)$", text, re.MULTILINE)
    return [each for each in lines if not re.search(r"HOST|\\|^py ", each)]


def as_page_says(stick: Path) -> str:
    """What is typed the week before beside the file that was sent; the stick is pip's index."""
    *environment, install = next(
        each.splitlines() for each in blocks("workshop.md", "console") if "activate" in each
    )
    assert environment == ["python3 -m venv cdlab-venv", "source cdlab-venv/bin/activate"]
    name = f"cdlab-{__version__}-py3-none-any.whl"
    shutil.copy(stick / "wheels" / name, stick.parent)
    return f"PIP_NO_INDEX=1 PIP_FIND_LINKS=stick/wheels PIP_DRY_RUN=1 {install}"


@pytest.mark.slow
def test_a_laptop_gets_from_the_stick_to_the_first_figure(
    laptop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the lines of its README, and on the way what is installed without it, from one file."""
    venv, activate, install, *use = as_readme_says(laptop / "stick", monkeypatch)
    assert use.pop() == OPENS
    empty = f"jupyter nbconvert --clear-output --inplace {NOTEBOOK} 2>&1"
    run = f"jupyter execute --inplace {NOTEBOOK} 2>&1"
    where = "python -c 'import cdlab; print(cdlab.__file__)'"
    ways = [as_page_says(laptop / "stick"), install]
    said = type_in(laptop, [venv, activate, *ways, *use, f"{OPENS} --version", empty, run, where])
    (would,) = re.findall("^Would install .*", said, re.MULTILINE)
    for wanted in ("cdlab", "starlette", "docker", "jupyterlab", "scipy"):
        assert f" {wanted}-" in would
    assert said.splitlines()[-1].startswith(f"{laptop}/cdlab-venv/")
    here = Path(__file__).parents[1] / "notebooks/01_v1.ipynb"
    found, committed = (json.loads(each.read_text()) for each in (laptop / NOTEBOOK, here))
    assert figures(found) == figures(committed) != []
