"""
The notebooks run from top to bottom, offline, and show what is stored.

Each is written as a script, `NAME.py`, and paired with `NAME.ipynb`, which has the outputs. Renew
them, and read the difference, with `.venv/bin/python tests/test_notebooks.py`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
SCRIPTS = sorted(FOLDER.glob("*.py"))
CELLS = 20
LOGIC = ("def ", "class ", "for ", "if ", "while ", "with ", "try")
LINES = 10
"""Of code in one cell: a notebook shows, it does not compute."""


def name_of(path: Path) -> str:
    """The name of a test's case."""
    return path.stem


def pair(script: Path) -> Path:
    """The notebook of a script."""
    return script.with_suffix(".ipynb")


def written(script: Path) -> Any:
    """The notebook that a script says, with names for its cells that stay the same."""
    import jupytext

    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number:02}"
        cell["metadata"] = {}
    notebook["metadata"] = {"kernelspec": notebook.metadata["kernelspec"]}
    return notebook


def played(script: Path) -> Any:
    """The same with the outputs of a fresh kernel in the notebooks' folder, and no times."""
    import nbclient

    notebook = written(script)
    resources = {"metadata": {"path": str(FOLDER)}}
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=120, record_timing=False, resources=resources
    ).execute()
    notebook["metadata"].pop("language_info", None)
    return notebook


def stored(script: Path) -> Any:
    """The notebook as it is committed."""
    import nbformat

    return nbformat.read(pair(script), as_version=4)


def renew() -> None:
    """Write every notebook anew."""
    import nbformat

    for script in SCRIPTS:
        nbformat.write(played(script), pair(script))


def outputs(notebook: Any) -> list[Any]:
    """What its cells showed, in order."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_every_notebook_has_its_script() -> None:
    """And the other way round; an empty folder would pass every other test."""
    assert len(SCRIPTS) >= 6
    assert sorted(FOLDER.glob("*.ipynb")) == [pair(each) for each in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_notebook_is_short_and_holds_no_logic(script: Path) -> None:
    """No function, class, loop or branch in any of its cells."""
    cells = written(script).cells
    assert len(cells) <= CELLS
    for cell in cells:
        lines = cell.source.splitlines()
        if cell.cell_type == "code":
            assert len(lines) <= LINES
            assert not [line for line in lines if line.startswith(LOGIC)]


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_notebook_leads_from_a_prediction_to_the_next_pain(script: Path) -> None:
    """Predict, run, look, explain, the same on a real cluster, and what is left open."""
    titles = " ".join(
        line.lower()
        for cell in written(script).cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("## ")
    )
    order = ("predict", "run", "look", "explain", "on a real cluster")
    places = [titles.index(word) for word in order]
    assert places == sorted(places)
    assert re.search("pain|left open", titles[places[-1] :])


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_notebook_uses_public_names_only(script: Path) -> None:
    """`cdlab` and the modules that `docs/python-api.md` describes."""
    page = (FOLDER.parent / "docs/python-api.md").read_text(encoding="utf-8")
    code = "\n".join(cell.source for cell in written(script).cells if cell.cell_type == "code")
    assert not re.findall(r"\b_\w+|\._\w+", code)
    modules = re.findall(r"^(?:from|import) (cdlab[\w.]*)(?: import (\w+))?", code, re.M)
    assert modules
    for module, name in modules:
        assert f"`{module}`" in page or f"`{module}.{name}`" in page, (module, name)
    for name in re.findall(r"\bworkshop\.(\w+)", code):
        assert f"`{name}`" in page, name


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
@pytest.mark.filterwarnings("default")
def test_a_notebook_shows_what_is_stored(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs in a fresh kernel without Docker, and its output is the committed one."""
    pytest.importorskip("nbclient")
    pytest.importorskip("jupytext")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    found, wanted = played(script), stored(script)
    assert [cell.source for cell in found.cells] == [cell.source for cell in wanted.cells], (
        "the script was changed; renew: python tests/test_notebooks.py"
    )
    for number, (one, other) in enumerate(zip(found.cells, wanted.cells, strict=True), start=1):
        shown, kept = one.get("outputs"), other.get("outputs")
        assert shown == kept, (
            f"cell {number}; renew, if it is meant: python tests/test_notebooks.py"
        )
    assert not [output for output in outputs(found) if output.output_type == "error"]
    kinds = {kind for output in outputs(found) for kind in output.get("data", {})}
    assert kinds & {"text/html", "image/svg+xml"}


if __name__ == "__main__":
    renew()
