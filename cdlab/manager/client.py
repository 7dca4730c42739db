"""
The HTTP client of the release management API, for the command line and for programs.

In: a URL and a token. Out: the values of `commands.py`; errors of the tree, with what to do next.
Synchronous, and nothing but the standard library.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from cdlab import errors
from cdlab.errors import (
    CdlabError,
    Forbidden,
    ManagerUnavailable,
    NotFound,
    NotUnderstood,
    PortError,
)
from cdlab.manager.asking import fields_of
from cdlab.manager.commands import (
    About,
    Answer,
    Ask,
    AuditEntry,
    Candidate,
    Difference,
    PastRelease,
    WorkloadStatus,
)
from cdlab.manager.wire import read

T = TypeVar("T")

QUESTION_SECONDS = 10.0
ASK_SECONDS = 150.0
"""Longer than the server waits for a command to end."""
LARGEST_ANSWER = 64 * 1024 * 1024
BY_STATUS: dict[int, type[CdlabError]] = {400: NotUnderstood, 404: NotFound}
START_ONE = "cdlab dashboard --substrate sim"


@dataclass(frozen=True, slots=True)
class HttpCommands:
    """The commands and questions, asked over HTTP; the same as `ReleaseCommands`, not async."""

    url: str
    """`http://127.0.0.1:8420`, with nothing behind it."""
    token: str = ""
    """For changes."""
    timeout_seconds: float = QUESTION_SECONDS

    def about(self) -> About:
        """Who answers."""
        return read(About, self._get("about"))

    def ask(self, ask: Ask) -> Answer:
        """
        Do it, or be told why not. Raises Forbidden without the right token, and an error whose
        `definite` is False where the answer did not come and it may have happened all the same.
        """
        unused = {each.name: each.default for each in fields(Ask)}
        takes = fields_of(ask.command)
        body = {
            name: value
            for name, value in asdict(ask).items()
            if name in takes or (name != "command" and value and value != unused[name])
        }
        return read(Answer, self._call("POST", ask.command, body=body))

    def status(self) -> tuple[WorkloadStatus, ...]:
        """Every workload in every environment."""
        return _all(WorkloadStatus, self._get("status"))

    def images(self, workload: str, environment: str) -> tuple[Candidate, ...]:
        """Its images, newest first, each with why it is or is not eligible."""
        return _all(Candidate, self._get("images", workload=workload, environment=environment))

    def history(
        self, workload: str = "", environment: str = "", limit: int = 100
    ) -> tuple[PastRelease, ...]:
        """What was released when, newest first."""
        found = self._get("history", workload=workload, environment=environment, limit=limit)
        return _all(PastRelease, found)

    def diff(self) -> tuple[Difference, ...]:
        """Where the cluster is not what the config repo says."""
        return _all(Difference, self._get("diff"))

    def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Decisions with their reasons, oldest first."""
        return _all(AuditEntry, self._get("audit", after=after, limit=limit))

    def _get(self, name: str, **query: object) -> Any:
        return self._call("GET", f"{name}?{urlencode(query)}" if query else name)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            if self.token:
                headers["Authorization"] = f"Bearer {self.token}"
        text = None if body is None else json.dumps(body)
        connection = self._connection(ASK_SECONDS if method == "POST" else self.timeout_seconds)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise ManagerUnavailable(
                    f"no release management answers at {self.url}: {error.strerror or error}",
                    help=START_ONE,
                ) from error
            connection.request(method, f"/api/v1/{path}", text, headers)
            response = connection.getresponse()
            found = response.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            is_asked = method == "POST"
            raise ManagerUnavailable(
                f"the answer of {self.url} did not come: {error or type(error).__name__}",
                help="cdlab history shows whether it happened" if is_asked else "try again",
                definite=not is_asked,
            ) from error
        finally:
            connection.close()
        return self._understood(response.status, found)

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        is_bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or not is_bare:
            raise NotUnderstood(
                f'"{self.url}" is not the URL of a server', help="--server http://127.0.0.1:8420"
            )
        is_secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
        return kind(parts.hostname, port, timeout=seconds)

    def _understood(self, status: int, body: bytes) -> Any:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if status == 200 and found is not None:
            return found
        if not isinstance(found, dict) or not isinstance(found.get("error"), str):
            raise ManagerUnavailable(
                f"{self.url} answered with status {status}, and nothing that cdlab understands",
                help="--server URL names a dashboard or a release manager",
            )
        raise _error(status, found)


def _error(status: int, problem: dict[str, Any]) -> CdlabError:
    """The exception that the server had, as far as it is one of ours."""
    message, help = problem["error"], str(problem.get("help", ""))
    kind = getattr(errors, str(problem.get("kind", "")), None)
    if isinstance(kind, type) and issubclass(kind, PortError):
        return kind(message, help=help, definite=problem.get("definite") is not False)
    if status in (401, 403):
        return Forbidden(message, help="export CDLAB_TOKEN=…" if status == 401 else help)
    if status in BY_STATUS:
        return BY_STATUS[status](message, help=help)
    return ManagerUnavailable(message, help=help, definite=status < 500)


def _all(kind: type[T], found: Any) -> tuple[T, ...]:
    if not isinstance(found, list):
        raise NotUnderstood(f"the server sent no list of {kind.__name__}")
    return tuple(read(kind, each) for each in found)
