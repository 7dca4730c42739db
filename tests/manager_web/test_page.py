"""The page in a real browser: by mouse and by keyboard, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from cdlab.manager.client import HttpCommands
from cdlab.manager.commands import Ask
from tests.manager_web.conftest import HOSTILE, TOKEN, ScriptedDesk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Way:
    """How somebody uses the page."""

    hand: str
    has_script: bool

    def __str__(self) -> str:
        return f"{self.hand}, {'with' if self.has_script else 'without'} script"


MOUSE, KEYBOARD, NO_SCRIPT = Way("mouse", True), Way("keyboard", True), Way("keyboard", False)
PAGES = (
    "/", "/releases", "/decisions", "/login", "/workloads/front-end/production",
    "/ask/rollback?workload=front-end&environment=production", "/ask/policy?environment=dev",
    "/ask/sync", "/nothing",
)  # fmt: skip


class Visitor:
    """Somebody in front of the page, who wants no error on the console and no request elsewhere."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(f"a dialog: {dialog.message}"))
        page.on("response", lambda answer: self._hear(answer.url, answer.status))
        page.on("request", lambda request: self._look_at(request.url))
        page.on(
            "console",
            lambda said: self.faults.append(said.text) if said.type == "error" else None,
        )

    def _hear(self, url: str, status: int) -> None:
        if status >= 400 and not url.endswith("/nothing"):
            self.faults.append(f"{status} for {url}")

    def _look_at(self, url: str) -> None:
        if not url.startswith(f"{self.url}/"):
            self.faults.append(f"a request to {url}")

    def go(self, path: str = "/") -> None:
        self.page.goto(self.url + path)

    def log_in(self) -> None:
        self.go("/login")
        self.page.get_by_label("Token").fill(TOKEN)
        self.page.get_by_label("Your name").fill("ana")
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"{self.url}/")

    def press(self, role: Any, name: str, hand: str) -> None:
        """Use a button or link, by mouse or by nothing but the keyboard."""
        found = self.page.get_by_role(role, name=name, exact=True)
        if hand == "mouse":
            found.click()
            return
        for _ in range(150):
            if found.evaluate("each => each === document.activeElement"):
                self.page.keyboard.press("Enter")
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f'the keyboard never comes to "{name}"')


@pytest.fixture
def visit(
    browser: Browser, desk: ScriptedDesk, serve: Callable[..., str]
) -> Iterator[Callable[..., Visitor]]:
    """Visitors, each with a browser profile of their own; they leave before the desk is closed."""
    visitors = []

    def begin(desk: ScriptedDesk, *, settings: Any = None, **context: Any) -> Visitor:
        page = browser.new_context(**context).new_page()
        page.set_default_timeout(60_000)
        visitors.append(Visitor(page, serve(desk, **(settings or {}))))
        return visitors[-1]

    yield begin
    for each in visitors:
        each.page.context.close()
    assert [each.faults for each in visitors] == [[] for _ in visitors]


def confirm(visitor: Visitor, title: str, way: Way) -> None:
    """Preview where the script has not done so by itself, see the commit, and do it."""
    if not way.has_script:
        visitor.press("button", "Preview", way.hand)
    visitor.page.get_by_role("region", name="Message of the commit").wait_for()
    visitor.press("button", f"{title} now", way.hand)
    visitor.page.wait_for_url(re.compile("/answers/"))
    assert "released" in visitor.page.get_by_role("status").first.inner_text()


@dataclass(frozen=True)
class Stop:
    """A button behind More, and what the matrix shows before and after."""

    title: str
    where: str
    reason: str = ""
    gone: str = ""
    shown: str = ""


@pytest.mark.parametrize("way", [MOUSE, KEYBOARD, NO_SCRIPT, Way("mouse", False)], ids=str)
@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Promote", "Promote front-end from staging to production"),
        ("Roll back", "Roll back users in production"),
    ],
)
def test_a_release_from_the_matrix(
    visit: Callable[..., Visitor], desk: ScriptedDesk, way: Way, title: str, label: str
) -> None:
    """Promote and roll back; what is done is what was previewed, once."""
    visitor = visit(desk, java_script_enabled=way.has_script)
    visitor.log_in()
    visitor.press("link", label, way.hand)
    confirm(visitor, title, way)
    (done,) = [each for each in desk.commands.asked if not each.is_dry_run]
    assert done.command == title.lower().replace(" ", "")
    assert (done.environment, done.user) == ("production", "ana")
    visitor.page.reload()
    assert len([each for each in desk.commands.asked if not each.is_dry_run]) == 1


@pytest.mark.parametrize("way", [MOUSE, KEYBOARD, NO_SCRIPT], ids=str)
@pytest.mark.parametrize(
    "stop",
    [
        Stop("Hold", "users in staging", reason="wait for ben", shown="Held by ana: wait for ben"),
        Stop("Resume", "front-end in production", gone="Held by ana"),
        Stop("Lock", "users in dev", reason="tea", shown="Locked by ana: tea"),
    ],
    ids=lambda stop: stop.title,
)
def test_a_stop_from_the_menu(
    visit: Callable[..., Visitor], desk: ScriptedDesk, way: Way, stop: Stop
) -> None:
    """Hold, resume and lock; the matrix shows it with its reason."""
    visitor = visit(desk, java_script_enabled=way.has_script)
    visitor.log_in()
    page = visitor.page
    page.locator(f"summary[aria-label='More for {stop.where}']").focus()
    page.keyboard.press("Enter")
    visitor.press("link", f"{stop.title} {stop.where}", way.hand)
    if stop.reason:
        page.get_by_label("Why").fill(stop.reason)
    confirm(visitor, stop.title, way)
    visitor.press("link", "Back to the overview", way.hand)
    matrix = page.locator("#matrix")
    matrix.wait_for()
    text = re.sub(r"\s+", " ", matrix.inner_text())
    assert stop.shown in text
    assert not stop.gone or stop.gone not in text


def test_what_changed_since_the_preview_is_previewed_again(
    visit: Callable[..., Visitor], desk: ScriptedDesk
) -> None:
    """Without a script the form can be changed after the preview; nothing unseen is done."""
    visitor = visit(desk, java_script_enabled=False)
    visitor.log_in()
    visitor.go("/ask/release?workload=users&environment=production")
    page = visitor.page
    page.get_by_role("button", name="Preview").click()
    page.get_by_label("Image").select_option("v2")
    page.get_by_role("button", name="Release now").click()
    assert "has changed since you looked" in page.get_by_role("alert").inner_text()
    assert "v2" in page.locator(".diff").inner_text()
    assert all(each.is_dry_run for each in desk.commands.asked)
    page.get_by_role("button", name="Release now").click()
    page.wait_for_url(re.compile("/answers/"))
    assert desk.commands.asked[-1].image == "v2"


def test_a_refusal_is_previewed_and_cannot_be_confirmed(
    visit: Callable[..., Visitor], desk: ScriptedDesk
) -> None:
    """A locked workload: the reason stands where the button would."""
    visitor = visit(desk)
    visitor.log_in()
    visitor.go("/ask/release?workload=orders&environment=production")
    preview = visitor.page.locator("#preview")
    preview.get_by_text("refused").wait_for()
    assert "locked" in preview.inner_text()
    assert preview.get_by_role("button").count() == 0
    visitor.page.get_by_label("Go past a lock").check()
    preview.get_by_role("button", name="Release now").wait_for()


def test_what_somebody_else_does_appears_by_itself(
    visit: Callable[..., Visitor], desk: ScriptedDesk
) -> None:
    """The matrix is updated in place: what is open stays open, and it is announced."""
    visitor = visit(desk)
    visitor.log_in()
    page = visitor.page
    page.locator("#live.on").wait_for()
    more = page.locator("summary[aria-label='More for orders in dev']")
    more.focus()
    page.keyboard.press("Enter")
    ask = Ask(command="hold", user="ben", message="tea", workload="users", environment="dev")
    HttpCommands(visitor.url, TOKEN).ask(ask)
    page.locator("#matrix").get_by_text("by ben: tea").wait_for()
    page.locator("#decisions-title").wait_for()
    assert "hold, users in dev, released, tea" in page.locator("#news").inner_text()
    assert page.locator("details[open]").count() == 1


def test_the_playground_is_played_from_the_page(
    visit: Callable[..., Visitor], desk: ScriptedDesk
) -> None:
    """Push, wait, break, mend; each is said, and a box that is down is shown so."""
    visitor = visit(desk, java_script_enabled=False)
    visitor.log_in()
    page = visitor.page
    page.get_by_label("Version").fill("v9")
    page.get_by_role("button", name="Push a bad one").click()
    assert "Pushed a bad commit to front-end: v9" in page.locator(".said").inner_text()
    page.get_by_role("button", name="Turn the clock by 5 min").click()
    page.get_by_role("button", name="Stop registry").click()
    page.get_by_role("button", name="Restart registry").wait_for()
    page.get_by_role("button", name="Rollout undo").click()
    assert "the registry does not answer" in page.locator(".said").inner_text()
    assert desk.playground.done == [("push", "front-end", "v9", True), ("clock", 300.0)]


@pytest.mark.parametrize(
    ("looks", "pages"),
    [
        ({"color_scheme": "light"}, PAGES),
        ({"color_scheme": "dark"}, PAGES[:1] + PAGES[4:6]),
        ({"viewport": PHONE}, PAGES[:1] + PAGES[4:6]),
    ],
    ids=["light", "dark", "phone"],
)
def test_nothing_bars_anybody(
    visit: Callable[..., Visitor], desk: ScriptedDesk, looks: dict[str, Any],
    pages: tuple[str, ...],
) -> None:  # fmt: skip
    """axe finds nothing on any page, and nothing is wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    visitor = visit(desk, **looks)
    visitor.log_in()
    for path in pages:
        visitor.go(path)
        if path.startswith("/ask/rollback"):
            visitor.page.get_by_role("button", name="Roll back now").wait_for()
        found = Axe().run(visitor.page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert visitor.page.evaluate(wide) == 0, path
    visitor.faults = [each for each in visitor.faults if "404" not in each]  # of /nothing


def test_the_keyboard_skips_to_the_content(
    visit: Callable[..., Visitor], desk: ScriptedDesk
) -> None:
    """The first stop is the link past the navigation, and the focus is seen."""
    visitor = visit(desk)
    visitor.go()
    page = visitor.page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("each => each === document.activeElement")
    assert skip.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator("main").evaluate("each => each === document.activeElement")


def test_hostile_texts_do_nothing_in_a_browser(
    hostile_desk: ScriptedDesk, visit: Callable[..., Visitor]
) -> None:
    """No dialog, no request, no error, on every page and in an update."""
    desk = hostile_desk
    visitor = visit(desk)
    visitor.log_in()
    for path in PAGES[:-1]:
        visitor.go(path)
        assert visitor.page.locator("main script, main img[src='x']").count() == 0
    visitor.go()
    visitor.page.locator("#live.on").wait_for()
    ask = Ask(command="sync", user="ana", message=HOSTILE.replace("\x1b", ""))
    desk.submit(desk.commands.ask(ask), name="a hostile message").result(30)
    HttpCommands(visitor.url, TOKEN).ask(Ask(command="sync", user="ana"))
    visitor.page.locator("#news").get_by_text("sync").wait_for(state="attached")


def test_a_read_only_page_has_no_button(visit: Callable[..., Visitor], desk: ScriptedDesk) -> None:
    """Nothing to press, and it says so."""
    visitor = visit(desk, settings={"is_read_only": True})
    visitor.go()
    assert visitor.page.get_by_role("button").count() == 0
    assert visitor.page.get_by_role("link", name="Roll back").count() == 0
    assert "Read-only" in visitor.page.locator("header").inner_text()
