"""
The private door of a hosted release manager: what the run that installed it asks.

In: `POST /internal/v1/<path>` with JSON, `GET /events?after=N` for people with curl, and the
installation's token. Out: JSON. What answers is a coroutine on the kernel; who hangs up does not
end it. Called by `app.py` where somebody gives an `answer`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cdlab.errors import CdlabError
from cdlab.manager.messages import PREFIX, Body
from cdlab.manager.web.world import World

Answer = Callable[[str, Body], Coroutine[Any, Any, Body]]
"""(path, body) -> what `HostedManager.answer` says."""


def routes(world: World, answer: Answer) -> list[Route]:
    """The door."""
    door = _Door(world, answer)
    return [
        Route(f"{PREFIX}{{path:path}}", door.ask, methods=["POST"]),
        Route("/events", door.events),
    ]


class _Door:
    """The handlers."""

    def __init__(self, world: World, answer: Answer) -> None:
        self._world, self._answer = world, answer

    async def ask(self, request: Request) -> Response:
        """A question, whose body is a JSON object."""
        if not self._world.sessions.has_bearer(request):
            return _refused()
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return JSONResponse({"error": "the body is not a JSON object"}, 400)
        return await self._answered(request.path_params["path"], body)

    async def events(self, request: Request) -> Response:
        """The stream, for people."""
        if not self._world.sessions.has_bearer(request):
            return _refused()
        return await self._answered("events", dict(request.query_params))

    async def _answered(self, path: str, body: Mapping[str, Any]) -> Response:
        try:
            found = await self._world.asking(self._answer(path, body), name=f"answers {path}")
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
        except CdlabError as error:
            is_definite = getattr(error, "definite", True)
            return JSONResponse({"error": error.message, "definite": is_definite}, 503)
        return JSONResponse(dict(found))


def _refused() -> Response:
    return JSONResponse({"error": "the installation's token is needed"}, 401)
