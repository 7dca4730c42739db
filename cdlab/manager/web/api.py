"""
The HTTP API, version 1: the questions by GET, the commands by POST, changes as server-sent events.

In: JSON. Out: JSON of the values in `commands.py`, or a problem with its help. A command that was
refused is answered with 200, since a refusal is an answer. Called by `app.py`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cdlab.errors import CdlabError, NotUnderstood
from cdlab.manager.asking import check, read_ask
from cdlab.manager.commands import COMMANDS, Command
from cdlab.manager.web.guard import Refused
from cdlab.manager.web.openapi import MOST_ENTRIES, document
from cdlab.manager.web.world import World
from cdlab.manager.wire import plain

HEARTBEAT_SECONDS = 15.0
"""A line that says nothing, so that no proxy takes the connection for a dead one."""
LOOK_SECONDS = 1.0
"""Until it looks whether the reader is still there: places are few."""
MOST_LISTENERS = 64
AT_ONCE = 100
"""Decisions that are asked for together."""
LARGEST_NUMBER = 2**53


def routes(world: World) -> list[Route]:
    """Everything below `/api/v1`."""
    api = Api(world)
    questions: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "about": api.about,
        "status": api.status,
        "images": api.images,
        "history": api.history,
        "diff": api.diff,
        "audit": api.audit,
        "events": api.events,
        "openapi.json": api.openapi,
    }
    found = [Route(f"/{name}", handler) for name, handler in questions.items()]
    found += [Route(f"/{name}", api.command(name), methods=["POST"]) for name in COMMANDS]
    return found


class Api:
    """The handlers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._document = document()
        self._listeners = 0

    async def openapi(self, request: Request) -> Response:
        """The API's own description."""
        return JSONResponse(self._document)

    async def about(self, request: Request) -> Response:
        """Who answers."""
        return JSONResponse(plain(await self._world.about()))

    async def status(self, request: Request) -> Response:
        """The matrix."""
        return JSONResponse(plain(await self._world.status()))

    async def images(self, request: Request) -> Response:
        """What the registry has for one workload."""
        workload, environment = (_name(request, each) for each in ("workload", "environment"))
        if not (workload and environment):
            raise NotUnderstood("images needs a workload and an environment")
        return JSONResponse(plain(await self._world.images(workload, environment)))

    async def history(self, request: Request) -> Response:
        """What was released when."""
        workload, environment = (_name(request, each) for each in ("workload", "environment"))
        limit = _number(request, "limit", 100, MOST_ENTRIES)
        return JSONResponse(plain(await self._world.history(workload, environment, limit)))

    async def diff(self, request: Request) -> Response:
        """Drift."""
        return JSONResponse(plain(await self._world.diff()))

    async def audit(self, request: Request) -> Response:
        """Decisions."""
        after = _number(request, "after", 0, LARGEST_NUMBER)
        limit = _number(request, "limit", 100, MOST_ENTRIES)
        return JSONResponse(plain(await self._world.audit(after, limit)))

    def command(self, command: Command) -> Callable[[Request], Awaitable[Response]]:
        """The handler of one command."""

        async def handle(request: Request) -> Response:
            self._world.refuse_if_read_only()
            if not self._world.sessions.has_bearer(request):
                raise Refused(401, "the token is missing or wrong", "Authorization: Bearer TOKEN")
            ask = read_ask(command, await _json(request))
            return JSONResponse(plain(await self._world.ask(ask)))

        return handle

    async def events(self, request: Request) -> Response:
        """Decisions and changes as they happen, from where the reader left off."""
        last = request.headers.get("last-event-id", "")
        if last.isascii() and last.isdigit():
            after = min(int(last[:20]), LARGEST_NUMBER)
        else:
            newest = (await self._world.about()).newest
            after = _number(request, "after", newest, LARGEST_NUMBER)
        if self._listeners >= MOST_LISTENERS:
            raise Refused(503, f"{MOST_LISTENERS} readers listen already", "ask for the audit")
        return StreamingResponse(self._counted(request, after), media_type="text/event-stream")

    async def _counted(self, request: Request, after: int) -> AsyncIterator[str]:
        self._listeners += 1
        try:
            async for each in self._stream(request, after):
                yield each
        finally:
            self._listeners -= 1

    async def _stream(self, request: Request, after: int) -> AsyncIterator[str]:
        changes, seen, silent = self._world.changes, -1, 0.0
        yield "retry: 2000\n\n"
        while not (changes.is_closed or await request.is_disconnected()):
            silent += LOOK_SECONDS
            if changes.count > seen:
                seen = changes.count
                try:
                    while entries := await self._world.audit(after, AT_ONCE):
                        for entry in entries:
                            yield _event("decision", plain(entry), entry.number)
                        after = entries[-1].number
                except CdlabError as error:
                    yield _event("trouble", {"error": error.message})
                yield _event("change", {"count": seen})
            elif await changes.after(seen, LOOK_SECONDS) == seen and silent > HEARTBEAT_SECONDS:
                silent = 0.0
                yield ": still here\n\n"


def _event(name: str, data: Any, number: int | None = None) -> str:
    """One event. JSON has no line breaks of its own, so no text can end it early."""
    start = "" if number is None else f"id: {number}\n"
    return f"{start}event: {name}\ndata: {json.dumps(data)}\n\n"


def _name(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    check(name, value)
    return value


def _number(request: Request, name: str, default: int, greatest: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise NotUnderstood(f'"{name}" is not a whole number')
    return min(int(text), greatest)


async def _json(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "the body is not JSON", "Content-Type: application/json")
    try:
        found = json.loads(await request.body(), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise NotUnderstood("the body is not JSON") from None
    if not isinstance(found, dict):
        raise NotUnderstood("the body is not a JSON object")
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotUnderstood("the body names a field twice")
    return found
