"""
Errors as HTTP answers: a status, and what to do next.

In: an exception of the tree. Out: its status and its JSON, of which `client.py` makes the same
exception again. A refused command is no error: it is answered with 200.
"""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from cdlab.errors import CdlabError, NotFound, NotUnderstood, PortError, WorkloadNotFound
from cdlab.manager.web.guard import Refused

STATUSES: tuple[tuple[type[CdlabError], int], ...] = (
    (NotUnderstood, 400),
    (NotFound, 404),
    (WorkloadNotFound, 404),
    (PortError, 503),
)
"""The first that fits holds; any other error of the tree is a 500."""


def status_of(error: CdlabError) -> int:
    """400 for the request, 404 for a name, 503 for a box that does not answer, else 500."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def problem(error: CdlabError) -> dict[str, Any]:
    """What a program reads."""
    return {
        "error": error.message,
        "help": error.help,
        "kind": type(error).__name__,
        "definite": error.definite if isinstance(error, PortError) else True,
    }


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for an error of the tree."""
    assert isinstance(error, CdlabError)
    return JSONResponse(problem(error), status_of(error))


async def answer_refused(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for a request that went no further."""
    assert isinstance(error, Refused)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse({"error": error.error, "help": error.help}, error.status, headers)


async def answer_http(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    problem = {"error": error.detail, "help": "see /api/v1/openapi.json"}
    return JSONResponse(problem, error.status_code, error.headers)


async def answer_internal(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for the rest. What went wrong is in the log, and not in the answer."""
    return JSONResponse({"error": "internal error", "help": "see the log of the server"}, 500)


HANDLERS = {
    CdlabError: answer_error,
    Refused: answer_refused,
    HTTPException: answer_http,
    Exception: answer_internal,
}
"""Of the whole API."""
