"""What a browser, a neighbour or a commit message may try, and that nothing comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from cdlab.manager.commands import COMMANDS
from cdlab.manager.web.rendering import local_path
from tests.manager_web.conftest import HOSTILE, TOKEN, ScriptedDesk

WHERE = {"workload": "front-end", "environment": "staging", "user": "ana"}
PAGES = (
    "/",
    "/releases",
    "/decisions",
    "/login",
    "/workloads/front-end/production",
    "/ask/release?workload=front-end&environment=production",
    "/ask/rollback?workload=users&environment=staging",
    "/ask/policy?workload=front-end&environment=production",
)


def csrf_of(html: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', html)
    assert found, "every form has one"
    return found[1]


def log_in(client: TestClient) -> str:
    """Log in by the form and return the session's CSRF token."""
    csrf = csrf_of(client.get("/login").text)
    answer = client.post("/login", data={"csrf": csrf, "token": TOKEN, "user": "ana"})
    assert answer.status_code == 303, answer.text
    return csrf_of(client.get("/").text)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", "Bearer é"])
def test_nothing_is_changed_without_the_token(
    client: TestClient, desk: ScriptedDesk, command: str, header: str
) -> None:
    """401 before the body is looked at."""
    headers = {"Authorization": header.encode()} if header else {}
    answer = client.post(f"/api/v1/{command}", json=WHERE, headers=headers)
    assert answer.status_code == 401
    assert desk.commands.asked == []


def test_a_server_without_a_token_does_not_start(
    desk: ScriptedDesk, make_client: Callable[..., TestClient]
) -> None:
    """An empty one would match an empty header."""
    with pytest.raises(ValueError, match="without a token"):
        make_client(desk, token="")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "[::1", "a b"]
)
def test_a_foreign_host_name_is_not_served(client: TestClient, host: str) -> None:
    """A name that somebody made point here is refused, whatever is asked (DNS rebinding)."""
    for path in ("/", "/api/v1/status", "/metrics", "/static/style.css"):
        assert client.get(path, headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9", "[::1]:8420", "LOCALHOST", "cd.lan"])
def test_our_own_names_are_served(
    desk: ScriptedDesk, make_client: Callable[..., TestClient], host: str
) -> None:
    """On any port, and a configured name, too."""
    client = make_client(desk, allowed_hosts=("cd.lan",))
    assert client.get("/api/v1/about", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8420.evil.example"},
        {"Origin": "file://127.0.0.1:8420"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_changes_nothing(
    client: TestClient, desk: ScriptedDesk, authorized: dict[str, str], headers: dict[str, str]
) -> None:
    """Even with the token, and even where a form would be right."""
    csrf = log_in(client)
    answer = client.post("/api/v1/release", json=WHERE, headers={**authorized, **headers})
    assert answer.status_code == 403
    form = {**WHERE, "csrf": csrf, "step": "preview"}
    assert client.post("/ask/release", data=form, headers=headers).status_code == 403
    assert desk.commands.asked == []


def test_our_own_forms_come_from_our_own_origin(client: TestClient) -> None:
    """What a browser sends with them is accepted."""
    headers = {"Origin": "http://127.0.0.1:8420", "Sec-Fetch-Site": "same-origin"}
    form = {**WHERE, "csrf": log_in(client), "step": "preview"}
    assert client.post("/ask/release", data=form, headers=headers).status_code == 200


def test_a_prune_deletes_what_its_preview_listed(client: TestClient, desk: ScriptedDesk) -> None:
    """Where it would be something else by then, that is shown first and nothing is deleted."""
    form = {"has_prune": "on", "user": "ana", "csrf": log_in(client)}
    preview = client.post("/ask/sync", data={**form, "step": "preview"}).text
    assert "<h3>Would be deleted</h3>" in preview
    assert "<code>Deployment/old in dev</code>" in preview
    form |= {"step": "do", "seal": re.findall('name="seal" value="([0-9a-f]+)"', preview)[0]}
    desk.commands.strays = ("Deployment/old in dev", "Deployment/new in dev")
    again = client.post("/ask/sync", data=form)
    assert "has changed since you looked" in again.text
    assert all(each.is_dry_run for each in desk.commands.asked)
    desk.commands.strays = desk.commands.strays[:1]
    answer = client.get(client.post("/ask/sync", data=form).headers["location"]).text
    assert "<h3>Deleted</h3>" in answer
    assert [each.has_prune for each in desk.commands.asked if not each.is_dry_run] == [True]


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "é"])
@pytest.mark.parametrize(
    "path", ["/ask/release", "/playground/delete-cluster", "/logout", "/login"]
)
def test_a_form_without_its_csrf_token_changes_nothing(
    client: TestClient, desk: ScriptedDesk, csrf: str | None, path: str
) -> None:
    """Every form that is posted."""
    log_in(client)
    form = {**WHERE, "step": "do", "token": TOKEN, **({"csrf": csrf} if csrf is not None else {})}
    assert client.post(path, data=form).status_code == 403
    assert desk.commands.asked == []
    assert desk.playground.done == []


def test_the_csrf_token_of_somebody_else_is_none(
    desk: ScriptedDesk, make_client: Callable[..., TestClient]
) -> None:
    """It belongs to the session, and the one from before the login is worth nothing after it."""
    client = make_client(desk)
    before = csrf_of(client.get("/login").text)
    after = log_in(client)
    assert before != after
    form = {**WHERE, "step": "preview", "csrf": before}
    assert client.post("/ask/release", data=form).status_code == 403


def test_a_session_is_a_cookie_that_no_script_reads(client: TestClient) -> None:
    """HttpOnly, SameSite=Strict, a new number at the login, and gone after the logout."""
    client.get("/login")
    number = dict(client.cookies)
    csrf = csrf_of(client.get("/login").text)
    answer = client.post("/login", data={"csrf": csrf, "token": TOKEN, "user": "ana"})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert dict(client.cookies) != number
    client.post("/logout", data={"csrf": csrf_of(client.get("/").text)})
    assert client.get("/ask/sync").headers["location"].startswith("/login")


def test_a_wrong_token_logs_nobody_in(client: TestClient) -> None:
    """It is said, and the form is there again."""
    csrf = csrf_of(client.get("/login").text)
    answer = client.post("/login", data={"csrf": csrf, "token": "guess", "user": "ana"})
    assert answer.status_code == 403
    assert "The token is wrong" in answer.text
    assert client.get("/ask/sync").status_code == 303


@pytest.mark.parametrize("path", ["/api/v1/release", "/ask/release", "/login"])
def test_a_large_body_is_refused(client: TestClient, authorized: dict[str, str], path: str) -> None:
    """413, by its length where it has one, and by counting where it is sent in pieces."""
    large = b"x" * (64 * 1024 + 1)
    assert client.post(path, content=large, headers=authorized).status_code == 413
    pieces = (b"x" * 4096 for _ in range(17))
    assert client.post(path, content=pieces, headers=authorized).status_code == 413
    lying = {**authorized, "Content-Length": "-5"}
    assert client.post(path, content=b"{}", headers=lying).status_code == 400


def test_a_read_only_server_changes_nothing(
    desk: ScriptedDesk, make_client: Callable[..., TestClient], authorized: dict[str, str]
) -> None:
    """403 for the API and the forms, no button on the page, and everything can be read."""
    client = make_client(desk, is_read_only=True)
    csrf = log_in_quietly(client)
    assert client.post("/api/v1/sync", json={"user": "a"}, headers=authorized).status_code == 403
    assert client.post("/ask/sync", data={"csrf": csrf, "step": "do"}).status_code == 403
    assert client.post("/playground/clock", data={"csrf": csrf}).status_code == 403
    page = client.get("/").text
    assert "Read-only" in page
    assert "/ask/" not in page
    assert client.get("/api/v1/about").json()["is_read_only"] is True
    assert desk.commands.asked == []


def log_in_quietly(client: TestClient) -> str:
    csrf = csrf_of(client.get("/login").text)
    client.post("/login", data={"csrf": csrf, "token": TOKEN, "user": "ana"})
    return csrf


@pytest.mark.parametrize("path", PAGES)
def test_hostile_texts_are_shown_inert(make_client: Callable[..., TestClient], path: str) -> None:
    """Reasons, patterns, messages, diffs: no tag begins, no direction turns, nothing runs."""
    desk = ScriptedDesk(HOSTILE)
    client = make_client(desk)
    log_in(client)
    html = client.get(path).text
    if path.startswith("/ask/"):
        query = {key: value for key, (value,) in parse_qs(urlsplit(path).query).items()}
        form = {**query, "user": "ana", "set_tag": "x", "csrf": csrf_of(html), "step": "preview"}
        html += client.post(urlsplit(path).path, data=form).text
    for wrong in ("<script>alert", "<img src=x", "\x1b", "\u202e", "49"):
        assert wrong not in re.sub(r"[0-9a-f]{40,}", "", html)
    if path not in ("/login",):
        assert "&lt;script&gt;alert(1)" in html
    desk.close()


@pytest.mark.parametrize("name", ['"><script>', "a/../../etc", "%2e%2e", "x\r\nSet-Cookie: a=b"])
def test_hostile_names_of_workloads_lead_nowhere(
    desk: ScriptedDesk, make_client: Callable[..., TestClient], name: str
) -> None:
    """They are shown, and asking for them is not understood."""
    from tests.manager_web.conftest import cell

    desk.commands.cells[name, "dev"] = cell("front-end", "dev", "v1", running_tag=name)
    client = make_client(desk)
    log_in(client)
    assert "<script>" not in client.get("/").text.replace('<script src="/static/', "")
    answer = client.get("/ask/release", params={"workload": name, "environment": "dev"})
    assert answer.status_code in (200, 400)
    assert "<script>" not in answer.text.replace('<script src="/static/', "")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd",
     "/static/%00", "/workloads/..%2f..%2fetc/passwd", "/answers/../../etc/passwd"],
)  # fmt: skip
def test_paths_lead_to_no_file(client: TestClient, path: str) -> None:
    """404 or 400, whatever they are made of."""
    assert client.get(path).status_code in (400, 404, 405)


@pytest.mark.parametrize(
    "following",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)",
     "/a\r\nSet-Cookie: x=y", "/\t/evil.example", "/é", ""],
)  # fmt: skip
def test_a_login_leads_to_this_site(client: TestClient, following: str) -> None:
    """Whatever the link said that led to it."""
    assert local_path(following) == "/"
    csrf = csrf_of(client.get("/login", params={"next": following}).text)
    form = {"csrf": csrf, "token": TOKEN, "user": "ana", "next": following}
    assert client.post("/login", data=form).headers["location"] == "/"


@pytest.mark.parametrize(
    "path", [*PAGES, "/nothing", "/api/v1/status", "/api/v1/nothing", "/metrics"]
)
def test_every_answer_is_fenced(client: TestClient, path: str) -> None:
    """A strict policy of contents, and no inline script, style or handler that would need less."""
    log_in(client)
    answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=\"/static/)", answer.text)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", answer.text)
