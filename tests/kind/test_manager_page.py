"""The release manager's own page and API in the cluster: what people do there happens."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import pytest

from cdlab import worlds
from cdlab.errors import NotFound
from cdlab.inside_manager import InsideManager
from cdlab.manager.channel_client import HttpChannel
from cdlab.manager.client import HttpCommands
from cdlab.manager.commands import Answer, Ask, WorkloadStatus
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.stories import Lab
from cdlab.stories.actions import Change, bootstrap, push_change
from cdlab.stories.lab import Shipped
from cdlab.testing.failure_story import failure_story

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAME = "users"
SMALL = Scenario(architecture="v3", microservices=(NAME,))
pytestmark = [pytest.mark.kind, pytest.mark.usefixtures("cdlab_lab")]


class Door:
    """Where the manager of a run answers, for somebody who was given its address and token."""

    def __init__(self, lab: Lab) -> None:
        channel = cast(HttpChannel, cast(InsideManager, lab.delivery)._channel)
        self.lab, self.url = lab, channel.url
        self.token = channel._headers["Authorization"].removeprefix("Bearer ")
        self.commands = HttpCommands(self.url, self.token, 60.0)

    async def ask(self, **fields: Any) -> Answer:
        ask = Ask(user="ana", workload=NAME, **fields)
        return await self.lab.kernel.offload(lambda: self.commands.ask(ask), what="a command")

    async def cell(self, environment: str) -> WorkloadStatus:
        found = await self.lab.kernel.offload(self.commands.status, what="a look")
        return next(each for each in found if each.environment == environment)


def play(story: Callable[[Lab, Shipped], Any]) -> None:
    """With the manager in the cluster, and the first version running everywhere."""

    async def whole(lab: Lab) -> None:
        first = await bootstrap(lab)
        await story(lab, first[NAME])

    run = run_in(worlds.real(SMALL, manager="inside"), SMALL, whole)
    assert run.is_finished, failure_story(run.history) + str(run.evidence)


def test_commands_over_the_api_are_done_in_the_cluster() -> None:
    """Promote, roll back with a hold, hold against automation, resume: `cdlab …` would say so."""

    async def story(lab: Lab, first: Shipped) -> None:
        door = Door(lab)
        about = door.commands.about()
        assert (about.architecture, about.substrate) == ("v3", "kind")
        second = await push_change(lab, NAME, Change(version="2.0"))
        await lab.until_serves(NAME, "staging", second.content)
        await lab.ports("operator").cluster.rollout_status(NAME, "staging")
        planned = await door.ask(
            command="promote", source="staging", environment="production", is_dry_run=True
        )
        assert planned.status == "planned"
        assert second.revision in planned.diff
        assert second.revision not in (await door.cell("production")).desired
        done = await door.ask(command="promote", source="staging", environment="production")
        assert done.status == "released", done.reason
        await lab.until_serves(NAME, "production", second.content)
        back = await door.ask(command="rollback", environment="staging", message="2.0 is bad")
        assert back.status == "released", back.reason
        held = await door.cell("staging")
        assert held.hold is not None
        assert (held.hold.user, second.revision in held.desired) == ("ana", False)
        (newest, *_) = door.commands.history(NAME, "staging")
        assert (newest.cause, newest.user) == ("rollback", "ana")
        assert (await door.ask(command="resume", environment="staging")).status == "released"
        assert (await door.cell("staging")).hold is None
        with pytest.raises(NotFound, match="there is no workload"):
            door.commands.images("nobody", "staging")

    play(story)


def test_without_its_token_nothing_changes_and_no_other_host_is_answered() -> None:
    """Behind the NodePort as on a laptop."""

    async def story(lab: Lab, first: Shipped) -> None:
        door = Door(lab)
        bearer = {"Authorization": f"Bearer {door.token}"}
        assert answered(door.url, "POST", "/api/v1/sync", {}) == 401
        assert answered(door.url, "POST", "/internal/v1/rebuild", {}) == 401
        assert answered(door.url, "GET", "/", {}) == 200
        assert answered(door.url, "GET", "/healthz", {"Host": "rebound.example"}) == 200
        assert answered(door.url, "GET", "/", {**bearer, "Host": "rebound.example"}) == 421

    play(story)


def answered(url: str, method: str, path: str, headers: dict[str, str]) -> int:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        body = "{}" if method == "POST" else None
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.browser
def test_somebody_rolls_back_and_resumes_in_a_browser(browser: Browser) -> None:
    """On the manager's own page: a preview of the commit, the hold on the matrix, its end."""

    async def story(lab: Lab, first: Shipped) -> None:
        door = Door(lab)
        second = await push_change(lab, NAME, Change(version="2.0"))
        await lab.until_serves(NAME, "staging", second.content)
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{door.url}/login")
        page.get_by_label("Token").fill(door.token)
        page.get_by_label("Your name").fill("ana")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{door.url}/")
        press(page, f"Roll back {NAME} in staging", "Roll back", "Cause: rollback")
        assert (await door.cell("staging")).hold is not None
        page.goto(f"{door.url}/")
        assert "Held by ana" in matrix(page)
        await lab.until_serves(NAME, "staging", first.content)
        page.locator(f"summary[aria-label='More for {NAME} in staging']").click()
        press(page, f"Resume {NAME} in staging", "Resume", "Cause: policy")
        page.goto(f"{door.url}/")
        assert "Held by ana" not in matrix(page)

    play(story)


def matrix(page: Page) -> str:
    """What it says, in one line."""
    return " ".join(page.locator("#matrix").inner_text().split())


def press(page: Page, label: str, title: str, said: str) -> None:
    """A button of the matrix, the preview, and the deed."""
    page.get_by_role("link", name=label, exact=True).click()
    preview = page.get_by_role("region", name="Message of the commit")
    preview.wait_for()
    assert said in preview.inner_text()
    page.get_by_role("button", name=f"{title} now", exact=True).click()
    page.wait_for_url("**/answers/**")
    assert "released" in page.get_by_role("status").first.inner_text()
