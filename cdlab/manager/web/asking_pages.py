"""
What a button leads to: a form, a preview of the commit, and the answer.

A form is posted twice: to preview and to do. What is done is what was previewed: where it would end
otherwise by then, the new preview is shown first. The answer has a page of its own, so that loading
it again does nothing again. Called by `site.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cdlab.errors import CdlabError, NotFound, NotUnderstood
from cdlab.manager.asking import SUMMARIES, TAKES
from cdlab.manager.commands import Answer, Ask, Command
from cdlab.manager.web.forms import TITLES, Known, ask_of, fields, posted
from cdlab.manager.web.guard import Refused
from cdlab.manager.web.rendering import Pages

MOST_ANSWERS = 200
"""Answers that can be loaded again. The decisions are kept elsewhere."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, for its page."""

    ask: Ask
    answer: Answer


class AskingPages:
    """The handlers."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._world = pages.world
        self._secret = secrets.token_bytes(32)
        self._answers: OrderedDict[str, Kept] = OrderedDict()

    async def form(self, request: Request) -> Response:
        """The form, filled in from the link that led here."""
        command = self._command(request)
        if (session := self._world.sessions.of(request)) is None:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/login?{urlencode({'next': request.url.path + query})}", 303)
        allowed = {*TAKES[command], "message"}
        given = {key: value for key, value in request.query_params.items() if key in allowed}
        return await self._page(request, command, {"user": session.user, **given})

    async def post(self, request: Request) -> Response:
        """Preview it, or do it."""
        command = self._command(request)
        given = await posted(request)
        session = self._world.sessions.of(request)
        if session is None or not self._world.sessions.is_from_our_form(
            request, given.get("csrf", "")
        ):
            raise Refused(403, "the form is not ours, or too old", "log in, and try again")
        try:
            known = await self._known(command, given)
            ask = ask_of(command, given, known, is_dry_run=True)
        except NotUnderstood as error:
            is_done = given.get("step") == "do"  # a preview that says what is missing is no error
            return await self._page(
                request, command, given, mistake=error.message, status=400 if is_done else 200
            )
        session.user = ask.user
        preview = await self._world.ask(ask)
        seal = self._seal(ask, preview)
        if given.get("step") != "do":
            return await self._page(request, command, given, preview=preview, seal=seal)
        if not hmac.compare_digest(given.get("seal", "").encode(), seal.encode()):
            return await self._page(
                request, command, given, preview=preview, seal=seal, is_changed=True
            )
        wanted = replace(ask, is_dry_run=False)
        number = self._keep(Kept(wanted, await self._world.ask(wanted)))
        return RedirectResponse(f"/answers/{number}", 303)

    async def answer(self, request: Request) -> Response:
        """What became of it."""
        kept = self._answers.get(request.path_params["number"])
        if kept is None:
            raise NotFound("that answer is not kept any more", help="see the decisions")
        return await self._pages.render(
            request, "answer.html", ask=kept.ask, answer=kept.answer, title=TITLES[kept.ask.command]
        )

    def _command(self, request: Request) -> Command:
        command = request.path_params["command"]
        if command not in get_args(Command):
            raise NotFound("there is no such command")
        self._world.refuse_if_read_only()
        return cast(Command, command)

    async def _page(
        self, request: Request, command: Command, given: Mapping[str, str], **values: Any
    ) -> Response:
        """The form with a preview, a mistake, or neither."""
        status = values.pop("status", 200)
        shown = {"preview": None, "seal": "", "mistake": "", "is_changed": False, **values}
        try:
            known = await self._known(command, given)
        except NotFound as error:
            known = Known(await self._world.about())
            shown["mistake"], status = shown["mistake"] or error.message, 404
        return await self._pages.render(
            request,
            "ask.html",
            status,
            about=known.about,
            command=command,
            title=TITLES[command],
            summary=SUMMARIES[command],
            fields=fields(command, given, known),
            where=(given.get("workload", ""), given.get("environment", "")),
            **shown,
        )

    async def _known(self, command: Command, given: Mapping[str, str]) -> Known:
        """What the fields of this command can offer."""
        known = Known(await self._world.about())
        workload, environment = given.get("workload", ""), given.get("environment", "")
        try:
            if "image" in TAKES[command] and workload and environment:
                known = replace(known, images=await self._world.images(workload, environment))
            if "to" in TAKES[command] and workload and environment:
                known = replace(known, history=await self._world.history(workload, environment))
            if command == "policy":
                known = replace(known, status=await self._world.status())
        except NotFound:
            raise
        except CdlabError:
            return known  # the form offers less, and the preview says what is down
        return known

    def _seal(self, ask: Ask, preview: Answer) -> str:
        """What was asked and how it would end, so that nobody does what nobody previewed."""
        ends = (preview.status, preview.image, preview.applied, preview.pruned)
        text = repr((ask, ends)).encode(errors="replace")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()

    def _keep(self, kept: Kept) -> str:
        number = secrets.token_urlsafe(12)
        self._answers[number] = kept
        while len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)
        return number
