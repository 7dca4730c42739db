"""The documentation site: it builds, loads nothing from elsewhere, and its commands work."""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from cdlab.cli.main import app
from cdlab.cli.reference import reference
from tests.offline import cut

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ("index.md", "tutorial.md", "explanation.md", "workshop.md")
"""Whose blocks of bash are run, one after the other, as a reader types them."""
ALL = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LOADS = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"),
         ("embed", "src"), ("object", "data"), ("video", "src"), ("use", "href")}  # fmt: skip
"""Element and attribute that make a browser load something as soon as it shows the page."""


def steps(page: str) -> list[tuple[str, str]]:
    """Each block of bash with the block of text right behind it, which says what it prints."""
    blocks = FENCE.findall((DOCS / page).read_text(encoding="utf-8"))
    nexts = [*blocks[1:], ("", "")]
    return [
        (text, following if kind == "text" else "")
        for (language, text), (kind, following) in zip(blocks, nexts, strict=True)
        if language == "bash"
    ]


def script(blocks: list[str]) -> str:
    """One script of all blocks: it ends at the first command that fails, and marks their ends."""
    head = 'set -e\ndiff() { command diff "$@" || [ $? = 1 ]; }\n'
    return head + "".join(f"{block}\necho '<<{number}>>'\n" for number, block in enumerate(blocks))


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_works(name: str, tmp_path: Path) -> None:
    """In a new folder, without a network, and what is quoted is printed in that order."""
    if name == "explanation.md":  # it says that it wants them
        (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    blocks = steps(name)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                   "COLUMNS": "80", "NO_COLOR": "1", "HOME": str(tmp_path)}  # fmt: skip
    done = subprocess.run(
        [*cut(), "bash", "-c", script([block for block, _ in blocks])],
        capture_output=True, text=True, cwd=tmp_path, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    rest = done.stdout
    for number, (_, quoted) in enumerate(blocks):
        said, _, rest = rest.partition(f"<<{number}>>")
        lines = iter(said.splitlines())
        for line in quoted.splitlines():
            assert line in lines, f"{name}: nothing prints, in this order: {line}"


@pytest.mark.parametrize("name", ALL)
def test_every_command_in_the_prose_exists(name: str) -> None:
    """What cannot be run here, too: it needs a network, Docker or a browser."""
    text = (DOCS / name).read_text(encoding="utf-8")
    command: Any = typer.main.get_command(app)
    for line in re.findall(r"(?:^|`)cdlab ([a-z]+(?: [^`\n]*)?)(?:$|`)", text, re.MULTILINE):
        first, *rest = line.partition("#")[0].split()
        found = command.commands[first]
        if hasattr(found, "commands"):
            found = found.commands[rest.pop(0)]
        known = {option for each in found.params for option in (*each.opts, *each.secondary_opts)}
        assert {each for each in rest if each.startswith("--")} <= known, line


def test_every_page_is_in_the_menu() -> None:
    """What is not there is found by nobody; the report of a benchmark is linked from its page."""
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page for page in ALL if page not in menu and not page.startswith("results/2")] == []


def test_the_reference_of_the_command_line_has_every_command() -> None:
    """With its options, and hidden ones left out."""
    text = reference(app)
    assert "\n### `cdlab learn check`\n" in text
    assert "\n## `cdlab demo`\n" in text
    assert "--pace SECONDS" in text
    hidden = [each.name for each in app.registered_commands if each.hidden]
    assert not [each for each in hidden if f"`cdlab {each}`" in text]


class Loads(html.parser.HTMLParser):
    """Collects what a browser would load from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name, value in attrs:
            is_load = (tag, name) in LOADS and given.get("rel") != "canonical"
            if is_load and re.match(r"(https?:)?//", value or ""):
                self.found.append(str(self.get_starttag_text()))
        if "mermaid" in (given.get("class") or "").split():
            self.found.append("a drawing whose program the theme loads from elsewhere")


@pytest.fixture(scope="session")  # browsers come last, after other modules
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does, without a network; a warning is an error."""
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [
        *cut(),
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_nothing_in_the_site_is_loaded_from_another_host(site: Path) -> None:
    """Neither by the pages nor by their styles."""
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert loads.found == [], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text()), style.name


@pytest.mark.slow
def test_the_site_has_the_pictures_and_references_that_are_made_for_it(site: Path) -> None:
    """No comment that asks for one is left, and every docstring page has its modules."""
    explanation = (site / "explanation.html").read_text(encoding="utf-8")
    assert "<!-- picture" not in explanation
    assert explanation.count("<svg") > 3
    assert "release manager │" in explanation
    assert "V3 command, no hold" in explanation
    modules = (site / "reference-modules.html").read_text(encoding="utf-8")
    assert 'id="cdlab.workshop.lanes"' in modules
    assert "cdlab prefetch" in (site / "reference-cli.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("start", ["index.html", "decisions/0001-own-coroutine-kernel.html"])
def test_the_search_finds_a_page_where_the_site_is_opened_from_a_folder(
    site: Path, start: str, browser: Browser
) -> None:
    """As from a stick: no server, no network, no fault; and what is found opens."""
    page = browser.new_context(offline=True).new_page()
    faults: list[str] = []
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.goto((site / start).as_uri())
    page.get_by_role("textbox", name="Search").click()
    page.get_by_text("Type to start searching").wait_for()
    page.keyboard.type("sandbox probe")  # the theme hears keys, and no text put in at once
    page.locator(".md-search-result a", has_text="A pod needs a sandbox").click()
    page.wait_for_url("**/decisions/0013-a-pod-needs-a-sandbox.html*")
    page.get_by_role("heading", level=1).filter(has_text="sandbox").wait_for()
    page.context.close()
    assert faults == []
