"""
The OpenAPI document of the HTTP API, made of the dataclasses and of the tables in `asking.py`.

In: nothing. Out: the document, as `/api/v1/openapi.json` serves it.
"""

from __future__ import annotations

from typing import Any

from cdlab.manager.asking import FORMS, NEEDS, SUMMARIES, fields_of
from cdlab.manager.commands import (
    COMMANDS,
    About,
    Answer,
    Ask,
    AuditEntry,
    Candidate,
    Command,
    Difference,
    PastRelease,
    Stopped,
    WorkloadStatus,
)
from cdlab.manager.wire import hints, schema, schema_of
from cdlab.version import __version__

VALUES = (
    About, Answer, AuditEntry, Candidate, Difference, PastRelease, Stopped, WorkloadStatus,
)  # fmt: skip

QUESTIONS: dict[str, tuple[str, type, bool, dict[str, type]]] = {
    "about": ("What stands behind this API", About, False, {}),
    "status": ("Every workload in every environment", WorkloadStatus, True, {}),
    "images": (
        "The images of one workload, newest first, each with why it is or is not eligible",
        Candidate,
        True,
        {"workload": str, "environment": str},
    ),
    "history": (
        "What was released when, newest first, from git alone",
        PastRelease,
        True,
        {"workload": str, "environment": str, "limit": int},
    ),
    "diff": ("Where the cluster is not what the config repo says", Difference, True, {}),
    "audit": (
        "Decisions with their reasons, oldest first",
        AuditEntry,
        True,
        {"after": int, "limit": int},
    ),
}
"""Path -> what it is, what it answers, whether with several, and the query's parameters."""
REQUIRED = {("images", "workload"), ("images", "environment")}
MOST_ENTRIES = 1000
"""The largest `limit`."""


def document() -> dict[str, Any]:
    """The whole of it."""
    paths: dict[str, Any] = {f"/{name}": {"get": _question(name)} for name in QUESTIONS}
    paths["/events"] = {"get": _events()}
    for command in COMMANDS:
        paths[f"/{command}"] = {"post": _command(command)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cdlab release management",
            "version": __version__,
            "description": "Ask, and be told what became of it. A refusal is an answer: 200.",
        },
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {
            "schemas": {**{each.__name__: schema(each) for each in VALUES}, "Problem": _problem()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["error", "help"],
        "properties": {
            "error": {"type": "string", "description": "What was tried, and what happened."},
            "help": {"type": "string", "description": "What to do next."},
            "kind": {"type": "string", "description": "The condition's name."},
            "definite": {"type": "boolean", "description": "False: it may have happened."},
        },
    }


def _answers(good: dict[str, Any], *problems: str) -> dict[str, Any]:
    words = {
        "400": "Not understood",
        "401": "The token is missing or wrong",
        "403": "Read-only, or from another site",
        "404": "No such workload or environment",
        "413": "Too large",
        "503": "A box does not answer",
    }
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "200": {"description": "The answer", "content": good},
        **{each: {"description": words[each], "content": body} for each in problems},
    }


def _question(name: str) -> dict[str, Any]:
    summary, kind, is_several, parameters = QUESTIONS[name]
    one = schema_of(kind)
    content = {
        "application/json": {"schema": {"type": "array", "items": one} if is_several else one}
    }
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [
            {
                "name": each,
                "in": "query",
                "required": (name, each) in REQUIRED,
                "schema": _number() if hint is int else _text(each),
            }
            for each, hint in parameters.items()
        ],
        "responses": _answers(content, "400", "404", "503"),
    }


def _number() -> dict[str, Any]:
    return {"type": "integer", "minimum": 0}


def _text(name: str) -> dict[str, Any]:
    form = FORMS[name]
    return {"type": "string", "maxLength": form.longest, "description": form.words}


def _events() -> dict[str, Any]:
    number = {"type": "string", "pattern": "^[0-9]+$"}
    return {
        "operationId": "events",
        "summary": "Server-sent events: `decision` with an AuditEntry; `change`: look again",
        "parameters": [
            {"name": "after", "in": "query", "schema": _number()},
            {"name": "Last-Event-ID", "in": "header", "schema": number},
        ],
        "responses": _answers({"text/event-stream": {"schema": {"type": "string"}}}, "400", "503"),
    }


def _command(command: Command) -> dict[str, Any]:
    kinds = hints(Ask)
    properties = {
        name: _text(name) if kinds[name] is str else schema_of(kinds[name])
        for name in fields_of(command)
    }
    body = {
        "type": "object",
        "required": ["user", *NEEDS[command]],
        "properties": properties,
        "additionalProperties": False,
    }
    good = {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}
    return {
        "operationId": command,
        "summary": SUMMARIES[command],
        "security": [{"token": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": _answers(good, "400", "401", "403", "404", "413", "503"),
    }
