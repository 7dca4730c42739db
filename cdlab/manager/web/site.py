"""
The page: the matrix, releases, decisions, one workload, and logging in and out.

In: requests of browsers, with or without JavaScript. Out: HTML. The forms behind the buttons are in
`asking_pages.py`, the playground's in `playing_pages.py`. Called by `app.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cdlab.errors import CdlabError, NotFound, NotUnderstood, PortError
from cdlab.manager.asking import check
from cdlab.manager.views import cell, columns, matrix
from cdlab.manager.web.asking_pages import AskingPages
from cdlab.manager.web.forms import posted
from cdlab.manager.web.guard import Refused
from cdlab.manager.web.playing_pages import PlayingPages
from cdlab.manager.web.problems import status_of
from cdlab.manager.web.rendering import Pages, local_path
from cdlab.manager.web.world import World

FEW = 8
"""Releases and decisions on the front page."""
MANY = 200

T = TypeVar("T")


class Missing:
    """What a page lacks because a box does not answer. The rest is shown all the same."""

    def __init__(self) -> None:
        self.troubles: list[str] = []

    async def or_nothing(self, question: Awaitable[tuple[T, ...]]) -> tuple[T, ...]:
        """The answer; nothing, and why, where a box does not answer."""
        try:
            return await question
        except PortError as error:
            if error.message not in self.troubles:
                self.troubles.append(error.message)
            return ()


class Site:
    """All pages of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pages = Pages(world)
        self._asking = AskingPages(self._pages)
        self._playing = PlayingPages(self._pages)

    def routes(self) -> list[Route]:
        """Everything that a browser asks for."""
        return [
            Route("/", self.overview),
            Route("/releases", self.releases),
            Route("/decisions", self.decisions),
            Route("/workloads/{workload}/{environment}", self.workload),
            Route("/ask/{command}", self._asking.form),
            Route("/ask/{command}", self._asking.post, methods=["POST"]),
            Route("/answers/{number}", self._asking.answer),
            Route("/playground/{action}", self._playing.post, methods=["POST"]),
            Route("/login", self.login),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    def exception_handlers(self) -> dict[Any, Any]:
        """Errors as pages."""

        async def tree(request: Request, error: CdlabError) -> Response:
            status = status_of(error)
            return await self._pages.render_error(request, status, error.message, error.help)

        async def refused(request: Request, error: Refused) -> Response:
            return await self._pages.render_error(request, error.status, error.error, error.help)

        async def http(request: Request, error: HTTPException) -> Response:
            words = "there is no such page" if error.status_code == 404 else error.detail
            return await self._pages.render_error(request, error.status_code, words, "")

        return {CdlabError: tree, Refused: refused, HTTPException: http}

    async def overview(self, request: Request) -> Response:
        """The matrix, and what happened last."""
        world = self._world
        about = await world.about()
        missing = Missing()
        status, drift, releases = await asyncio.gather(  # each waits for another box
            missing.or_nothing(world.status()),
            missing.or_nothing(world.diff()),
            missing.or_nothing(world.history(limit=FEW)),
        )
        said, session = "", world.sessions.of(request)
        if session and "hx-request" not in request.headers:  # an update in place shows no news
            said, session.said = session.said, ""
        return await self._pages.render(
            request,
            "overview.html",
            about=about,
            rows=matrix(about, status) if status else [],
            environments=columns(about, status),
            drift=drift,
            releases=releases,
            decisions=(await missing.or_nothing(world.audit(max(0, about.newest - FEW), FEW)))[
                ::-1
            ],
            boxes=await self._playing.boxes(about),
            said=said,
            troubles=missing.troubles,
        )

    async def releases(self, request: Request) -> Response:
        """The timeline, of everything or of one workload or environment."""
        chosen = {}
        for name in ("workload", "environment"):
            chosen[name] = request.query_params.get(name, "")
            check(name, chosen[name])
        found = await self._world.history(chosen["workload"], chosen["environment"], MANY)
        return await self._pages.render(request, "releases.html", releases=found, chosen=chosen)

    async def decisions(self, request: Request) -> Response:
        """Every decision with its reason, newest first."""
        about = await self._world.about()
        found = await self._world.audit(max(0, about.newest - MANY), MANY)
        return await self._pages.render(
            request, "decisions.html", about=about, decisions=found[::-1]
        )

    async def workload(self, request: Request) -> Response:
        """One workload in one environment: its images, its releases, every button."""
        where = request.path_params["workload"], request.path_params["environment"]
        about = await self._world.about()
        for each in await self._world.status():
            if (each.workload, each.environment) == where:
                break
        else:
            raise NotFound("there is no such workload in that environment")
        missing = Missing()
        return await self._pages.render(
            request,
            "workload.html",
            about=about,
            cell=cell(about, each),
            images=await missing.or_nothing(self._world.images(*where)),
            releases=await missing.or_nothing(self._world.history(*where, 50)),
            troubles=missing.troubles,
        )

    async def login(self, request: Request, mistake: str = "", status: int = 200) -> Response:
        """The form."""
        following = local_path(request.query_params.get("next", "/"))
        return await self._pages.render(
            request, "login.html", status, following=following, mistake=mistake
        )

    async def log_in(self, request: Request) -> Response:
        """Begin a session under a new number."""
        given = await posted(request)
        sessions = self._world.sessions
        if not sessions.is_from_our_form(request, given.get("csrf", "")):
            raise Refused(403, "the form is not ours, or too old", "load the page again")
        user = given.get("user", "").strip()
        try:
            check("user", user)
        except NotUnderstood as error:
            return await self.login(request, error.message, 400)
        if not sessions.is_token(given.get("token", "").strip()):
            return await self.login(request, "The token is wrong.", 403)
        response = RedirectResponse(local_path(given.get("next", "/")), 303)
        sessions.set_cookie(response, sessions.begin(user))
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        given = await posted(request)
        if not self._world.sessions.is_from_our_form(request, given.get("csrf", "")):
            raise Refused(403, "the form is not ours, or too old", "load the page again")
        self._world.sessions.end(request)
        response = RedirectResponse("/", 303)
        response.delete_cookie(self._world.sessions.cookie, path="/")
        return response
