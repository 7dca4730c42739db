"""What `cdlab init` writes: all that an exercise or a notebook points to, from a wheel too."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from cdlab.cli import main, writing
from cdlab.substrates.kind.manager_image import NOT_SHIPPED

ROOT = Path(__file__).parents[1]
MADE_BY_THE_SITE = {"reference-cli.md", "reference-modules.md"}


def cdlab(*arguments: str | Path) -> int:
    """Call the program; its exit code."""
    with pytest.raises(SystemExit) as caught:
        main.main([*map(str, arguments)])
    return int(caught.value.code or 0)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A new folder of somebody's."""
    assert cdlab("init", tmp_path / "mine") == 0
    return tmp_path / "mine"


def test_init_writes_what_can_be_run_and_overwrites_nothing(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scenarios, services, notebooks and pages; a second time it refuses."""
    scenario = mine / "scenarios" / "v1" / "rollback.yaml"
    assert (mine / "services" / "users" / "Dockerfile").is_file()
    assert cdlab("run", scenario) == 0
    scenario.write_text("mine")
    assert cdlab("init", mine) == 2
    assert str(mine / "scenarios") in capsys.readouterr().err
    assert scenario.read_text() == "mine"


def test_every_page_that_is_pointed_to_is_brought(mine: Path) -> None:
    """By exercises, notebooks and commands, and by the pages themselves."""
    package = [*ROOT.glob("cdlab/**/*.toml"), *ROOT.glob("cdlab/**/*.py")]
    texts = [each.read_text(encoding="utf-8") for each in (*package, *mine.glob("notebooks/*.py"))]
    named = {name for text in texts for name in re.findall(r"docs/[\w/-]+\.md", text)}
    assert {"docs/advise.md", "docs/stories.md"} <= named
    assert [name for name in sorted(named) if not (mine / name).is_file()] == []
    for page in mine.glob("docs/**/*.md"):
        links = set(re.findall(r"\]\(([^):#]+)[#)]", page.read_text(encoding="utf-8")))
        assert all((page.parent / each).exists() for each in links - MADE_BY_THE_SITE), page


def test_pages_are_text_and_small_pictures(mine: Path) -> None:
    """The raw data of a benchmark, and what only the site needs, stay where they are."""
    files = [path for path in mine.glob("docs/**/*") if path.is_file()]
    assert {path.suffix for path in files} == {".md", ".png"}
    assert sum(path.stat().st_size for path in files) < 1_000_000


def test_a_wheel_has_what_a_checkout_has() -> None:
    """The folders under the names by which `init` looks for them, without what it leaves out."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wheel = tomllib.loads(text)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["sources"] == {name: f"cdlab/_{name}" for name in writing.FOLDERS}
    assert wheel["only-include"] == ["cdlab", *writing.FOLDERS]
    assert [Path(each).name for each in wheel["exclude"]] == [*writing.OF_THE_SITE]
    assert {f"_{name}" for name in writing.FOLDERS} <= set(NOT_SHIPPED)
