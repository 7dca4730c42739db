"""The report in a real browser: nothing bars anybody, in light and dark, on a phone, on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("matplotlib")

from cdlab.bench.results import load
from cdlab.bench_report.chapters import Source, document
from cdlab.bench_report.html import html_report
from tests.bench_report.made_up import whole

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    results = whole(folder)
    source = Source(results.name, results.read_text(encoding="utf-8"), load(results))
    (folder / "report.html").write_text(html_report(document([source])), encoding="utf-8")
    return folder / "report.html"


@pytest.mark.parametrize("looks", [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"viewport": {"width": 390, "height": 844}},
], ids=["light", "dark", "phone"])  # fmt: skip
def test_nothing_bars_anybody_from_the_report(
    browser: Browser, page_file: Path, looks: dict[str, Any]
) -> None:
    """axe finds nothing, the page is not wider than the screen, and it asks for nothing else."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(**looks)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) == 0
    assert asked == [page_file.as_uri()]
    context.close()


def test_on_paper_no_table_is_cut(browser: Browser, page_file: Path) -> None:
    """Printed on a page as wide as A4 nothing has to be scrolled."""
    page = browser.new_page(viewport={"width": 720, "height": 1000})
    page.emulate_media(media="print")
    page.goto(page_file.as_uri())
    wide = "[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)"
    assert max(page.evaluate(wide)) <= 1
    page.close()
