"""
The web application: guard, API, page, health and metrics around one desk.

In: a desk and settings. Out: an ASGI application for uvicorn or a test. Called by
`cdlab dashboard` and by the release manager in the cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from cdlab.errors import CdlabError
from cdlab.manager.web import api, channel, metrics
from cdlab.manager.web.desk import Desk
from cdlab.manager.web.guard import HEALTH, Guard
from cdlab.manager.web.problems import HANDLERS
from cdlab.manager.web.site import Site
from cdlab.manager.web.world import WebSettings, World

STATIC = Path(__file__).parent / "static"
HEALTH_SECONDS = 2.0


def make_app(desk: Desk, settings: WebSettings, answer: channel.Answer | None = None) -> Starlette:
    """
    Put it together. `app.state.world` is what it works with.

    With *answer* it has a door for the run that installed the release manager, too.
    """
    world = World(desk, settings)
    site = Site(world)
    ends = _Ends(world)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        listening = None
        if settings.changes_by_itself:
            listening = asyncio.create_task(world.changes.listen(world.asking, world.commands))
        yield
        world.changes.close()
        if listening is not None:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    app = Starlette(
        routes=[
            Route(HEALTH, ends.healthz),
            Route("/metrics", ends.metrics),
            Mount("/static", StaticFiles(directory=STATIC)),
            Mount(
                "/api/v1",
                Starlette(routes=api.routes(world), exception_handlers=HANDLERS),
            ),
            *(channel.routes(world, answer) if answer else ()),
            *site.routes(),
        ],
        middleware=[Middleware(Guard, hosts=settings.allowed_hosts)],
        exception_handlers=site.exception_handlers(),
        lifespan=lifespan,
    )
    app.state.world = world
    return app


class _Ends:
    """What machines look at."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def healthz(self, request: Request) -> Response:
        """Whether the kernel still turns."""

        async def beat() -> bool:
            return True

        try:
            await asyncio.wait_for(self._world.asking(beat(), name="health"), HEALTH_SECONDS)
        except (CdlabError, TimeoutError) as error:
            return PlainTextResponse(f"unhealthy: {type(error).__name__}\n", 503)
        return PlainTextResponse("ok\n")

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        found = self._world.settings.metrics
        text = metrics.text_of(found() if found else ())
        return Response(text, media_type=metrics.CONTENT_TYPE)
