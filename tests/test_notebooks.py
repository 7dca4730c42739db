"""The notebooks run from top to bottom, offline, and are stored without output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CELLS = 15
LOGIC = ("def ", "class ", "for ", "if ", "while ", "with ", "try")
LINES = 8
"""Of code in one cell: a notebook shows, it does not compute."""


def read(path: Path) -> Any:
    """A notebook as plain values."""
    return json.loads(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    """The name of a test's case."""
    return path.name


def test_there_are_notebooks() -> None:
    """An empty folder would pass every other test."""
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_short_and_holds_no_logic(path: Path) -> None:
    """At most 15 cells; no function, class, loop or branch in any of them."""
    cells = read(path)["cells"]
    assert len(cells) <= CELLS
    for cell in cells:
        lines = "".join(cell["source"]).splitlines()
        if cell["cell_type"] == "code":
            assert len(lines) <= LINES
            assert not [
                x for x in lines if x.startswith(("def ", "class ", "for ", "if ", "while "))
            ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_stored_without_output(path: Path) -> None:
    """Outputs are made where it is read: clear them before you commit."""
    for cell in read(path)["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
@pytest.mark.filterwarnings("default")
def test_a_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs in a fresh kernel, in the notebook's folder, without Docker."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=120,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("text/html" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type == "error"]
