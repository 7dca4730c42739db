"""
uvicorn around the application, on a socket that listens already.

In: the application and the socket. Out: nothing; `serve` returns when a signal ends it, what stands
`Beside` a kernel is told. Called by `cdlab dashboard` and by the release manager in the cluster.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Event, Thread

import uvicorn
from starlette.applications import Starlette

GRACE_SECONDS = 2
"""For requests under way when it ends."""
MOST_CONNECTIONS = 256


class Server(uvicorn.Server):
    """Ends those who listen to events first: they would keep it from ending."""

    def __init__(self, app: Starlette, started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                ws="none",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=GRACE_SECONDS,
                h11_max_incomplete_event_size=32 * 1024,
            )
        )
        self._app = app
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so."""
        await super().startup(sockets)
        if self.started:
            self._tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self._app.state.world.changes.close()
        await super().shutdown(sockets)


def serve(app: Starlette, listening: socket.socket, started: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM."""
    Server(app, started).run(sockets=[listening])


class Beside:
    """The same in a thread of its own, beside a kernel that has the main thread."""

    def __init__(self, app: Starlette, port: int, address: str = "") -> None:
        """*port* 0 takes a free one; no *address* means all of this machine's."""
        self._listening = socket.create_server((address, port))
        self.port = int(self._listening.getsockname()[1])
        self._is_ready = Event()
        self._server = Server(app, self._is_ready.set)
        run = self._server.run
        self._thread = Thread(target=run, args=([self._listening],), name="cdlab web", daemon=True)

    def start(self) -> None:
        """Begin to answer; returns when it does."""
        self._thread.start()
        self._is_ready.wait()

    def stop(self) -> None:
        """Answer no more."""
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()
