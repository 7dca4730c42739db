"""
Notifications to a webhook: HTTP POST of JSON, signed where there is a secret.

In: a URL, perhaps a secret, notifications. Out: one request for each attempt, with no redirect
followed, no proxy asked and no credentials sent. Made by `in_cluster.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
from functools import partial
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from cdlab.errors import NotUnderstood, Undelivered
from cdlab.kernel import Kernel
from cdlab.notifications import Notification
from cdlab.version import __version__

SIGNATURE, DELIVERY = "X-Cdlab-Signature-256", "X-Cdlab-Delivery"
"""Headers: `sha256=` and the HMAC of the body in hexadecimal digits; the notification's id."""
ANSWER_SECONDS = 5.0
"""For the connection, and for each piece of the answer."""
LONGEST_URL = 2_000
AGAIN = (408, 425, 429)
"""Refusals that are meant for now only. Those of the server, from 500 on, are too."""


def checked_url(text: str) -> SplitResult:
    """Read a webhook's URL; `NotUnderstood` for one that could mean something else."""
    if "@" in text.partition("//")[2].partition("/")[0]:
        _refuse("…", "has a user or a password in it, which everybody would see in the ConfigMap")
    if len(text) > LONGEST_URL or not (text.isascii() and text.isprintable()) or " " in text:
        _refuse(text, f"has a blank, no ASCII, or more than {LONGEST_URL} characters")
    try:
        url = urlsplit(text)
        port, host = url.port, (url.hostname or "").encode("idna")
    except ValueError as error:
        _refuse(text, f"cannot be read: {error}")
    if url.scheme not in ("http", "https"):
        _refuse(text, "begins with neither http:// nor https://")
    if not host or port == 0:
        _refuse(text, "names no host, or port 0")
    if "#" in text:
        _refuse(text, "has a fragment, which nobody would be sent")
    return url


def _refuse(text: str, what: str) -> NoReturn:
    raise NotUnderstood(
        f'the webhook "{text[:80]}" {what}', help="give one such as https://hooks.example/cdlab"
    )


class Webhook:
    """A `Receiver` behind a URL."""

    name = "webhook"

    def __init__(self, kernel: Kernel, url: str, secret: str = "") -> None:
        """Raises `NotUnderstood` for a URL that is none. Without *secret* nothing is signed."""
        self.kernel = kernel
        self._url = checked_url(url)
        self._secret = secret.encode()
        self._path = (self._url.path or "/") + f"?{self._url.query}" * bool(self._url.query)

    async def take(self, notification: Notification) -> None:
        """Post it. Delivered is what was answered with a status from 200 to 299."""
        what = f"POST to {self._url.hostname}"
        await self.kernel.offload(partial(self._post, notification, what), what=what)

    def _post(self, notification: Notification, what: str) -> None:
        body = notification.to_json().encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"cdlab/{__version__}",
            DELIVERY: notification.id,
        }
        if self._secret:
            headers[SIGNATURE] = (
                f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
            )
        connection = self._connection()
        try:
            connection.request("POST", self._path, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise Undelivered(f"{what}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            is_final = status < 500 and status not in AGAIN
            raise Undelivered(f"{what}: answered with {status}", is_final=is_final)

    def _connection(self) -> http.client.HTTPConnection:
        is_encrypted = self._url.scheme == "https"
        make = http.client.HTTPSConnection if is_encrypted else http.client.HTTPConnection
        return make(self._url.hostname or "", self._url.port, timeout=ANSWER_SECONDS)
