"""
The notebooks run from top to bottom, offline, and show what is stored.

Their kernels have no network, where this machine lets one be cut. Each is written as a script,
`NAME.py`, and paired with `NAME.ipynb`, which has the outputs. Renew them, and read the difference,
with `.venv/bin/python tests/test_notebooks.py`.
"""

from __future__ import annotations

import copy
import re
import struct
from base64 import b64decode, b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.offline import cut

FOLDER = Path(__file__).parents[1] / "notebooks"
SCRIPTS = sorted(FOLDER.glob("*.py"))
CELLS = 20
LOGIC = ("def ", "class ", "for ", "if ", "while ", "with ", "try")
FIGURES = {"01_v1": 1, "02_v2": 1, "03_v3": 2, "04_rollback_race": 3, "05_your_team": 1}
"""Notebook -> how many figures it has, drawn with Matplotlib."""
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
    with TemporaryDirectory() as sockets:
        nbclient.NotebookClient(
            notebook, kernel_manager_class=without_network(sockets), kernel_name="python3",
            timeout=120, record_timing=False, resources=resources,
        ).execute()  # fmt: skip
    notebook["metadata"].pop("language_info", None)
    return notebook


def without_network(sockets: str) -> Any:
    """Managers of kernels that can reach nothing: they are spoken to through files in a folder."""
    from jupyter_client.manager import AsyncKernelManager

    class Manager(AsyncKernelManager):
        def __init__(self, **settings: Any) -> None:
            super().__init__(transport="ipc", ip=f"{sockets}/kernel", **settings)

        def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
            return [*cut(), *super().format_kernel_cmd(extra_arguments)]

    return Manager


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


def settled(output: Any) -> Any:
    """
    An output as it is compared: everything but the pixels of a PNG, of which its size is left.

    Another build of Matplotlib or FreeType sets other pixels for the same figure. What it says is
    compared exactly: the alt text in the metadata, and the plain text beside it, which has the
    numbers that it was drawn from. That they are drawn as they should be is for `tests/plots`.
    """
    picture = output.get("data", {}).get("image/png")
    if picture is None:
        return output
    start = b64decode(picture)[:24]
    assert start[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", start[16:])
    return {**output, "data": {**output["data"], "image/png": f"{width} x {height} pixels"}}


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


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_the_figures_of_a_notebook_are_there_and_say_what_they_show(script: Path) -> None:
    """Each with words for whoever does not see it, and the numbers it was drawn from as text."""
    pytest.importorskip("nbformat")
    drawn = [each for each in outputs(stored(script)) if "image/png" in each.get("data", {})]
    assert len(drawn) == FIGURES.get(script.stem, 0)
    for each in drawn:
        assert "n = " in each["metadata"]["image/png"]["alt"]
        assert len(each["data"]["text/plain"].splitlines()) > 2


def test_a_figure_of_another_size_or_with_other_words_is_another_output() -> None:
    """And one whose pixels alone differ is the same."""
    output = next(
        each for each in outputs(stored(FOLDER / "02_v2.py")) if "image/png" in each.get("data", {})
    )
    wide, silent, other, redrawn = (copy.deepcopy(output) for _ in range(4))
    picture = b64decode(output["data"]["image/png"])
    silent["metadata"]["image/png"]["alt"] = ""
    other["data"]["text/plain"] += "0"
    for each, data in ((wide, picture[:16] + bytes(8) + picture[24:]), (redrawn, picture[:-1])):
        each["data"]["image/png"] = b64encode(data).decode()
    same = [settled(each) == settled(output) for each in (wide, silent, other, redrawn)]
    assert same == [False, False, False, True]


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
        shown, kept = ([settled(each) for each in cell.get("outputs", [])] for cell in (one, other))
        assert shown == kept, (
            f"cell {number}; renew, if it is meant: python tests/test_notebooks.py"
        )
    assert not [output for output in outputs(found) if output.output_type == "error"]
    kinds = {kind for output in outputs(found) for kind in output.get("data", {})}
    assert kinds & {"text/html", "image/svg+xml"}
    assert "image/png" in kinds or script.stem not in FIGURES


if __name__ == "__main__":
    renew()
