"""
Who may change something: by the token in a header, or by a session that began with it.

In: the token, and requests. Out: whether they may, and the CSRF token of a form. A session is a
random number in a cookie that no script can read and no other site can have sent.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

MOST_SESSIONS = 1000
"""The oldest is forgotten then. Whoever had it logs in again."""
FIRST_HEADER_CHARACTERS = len("Bearer ")


@dataclass(slots=True)
class Session:
    """Somebody who knew the token."""

    user: str
    said: str = ""
    """What the next page tells, once."""


class Sessions:
    """The token, and the sessions that began with it. They end with the process."""

    def __init__(self, token: str) -> None:
        if not token:
            raise ValueError("a server without a token would let everybody change things")
        self._token = token.encode()
        self._secret = secrets.token_bytes(32)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        # A cookie is sent to every port of a host: two dashboards must not share its name.
        self.cookie = f"cdlab_{secrets.token_hex(4)}"

    def is_token(self, given: str) -> bool:
        """Compare in a time that says nothing about the token."""
        return hmac.compare_digest(given.encode(errors="replace"), self._token)

    def has_bearer(self, request: Request) -> bool:
        """Whether the token stands in the request's header."""
        header = request.headers.get("authorization", "")
        is_bearer = header[:FIRST_HEADER_CHARACTERS].lower() == "bearer "
        return is_bearer and self.is_token(header[FIRST_HEADER_CHARACTERS:].strip())

    def of(self, request: Request) -> Session | None:
        """The session of whoever is logged in."""
        return self._sessions.get(request.cookies.get(self.cookie, ""))

    def begin(self, user: str) -> str:
        """Log somebody in under a new number, and return it."""
        number = secrets.token_urlsafe(32)
        self._sessions[number] = Session(user)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return number

    def end(self, request: Request) -> None:
        """Log somebody out."""
        self._sessions.pop(request.cookies.get(self.cookie, ""), None)

    def number_of(self, request: Request) -> str:
        """The number in the cookie; a new one for whoever has none, to be set with the form."""
        return request.cookies.get(self.cookie) or secrets.token_urlsafe(32)

    def set_cookie(self, response: Response, number: str) -> None:
        """Hand out a number. Without `secure`, since a dashboard at home has no certificate."""
        response.set_cookie(self.cookie, number, httponly=True, samesite="strict", path="/")

    def csrf(self, number: str) -> str:
        """What the forms of whoever has that number carry."""
        return hmac.new(self._secret, number.encode(), hashlib.sha256).hexdigest()

    def is_from_our_form(self, request: Request, given: str) -> bool:
        """Whether a form was ours, and this person's."""
        number = request.cookies.get(self.cookie, "")
        wanted = self.csrf(number).encode()
        return bool(number) and hmac.compare_digest(given.encode(errors="replace"), wanted)
