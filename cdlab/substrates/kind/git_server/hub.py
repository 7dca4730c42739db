"""
The hint hub: numbered hints in memory, and consumers that wait for the next one.

In: what a push moved, what a registry notification says happened. Out: hints above a number.
Who calls it: `server.py`. A hint says "look there", never what is true: hints carry no authority,
can be posted by anybody who reaches the port, and may be lost. git and the registry are asked for
the truth.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

MEMORY_HINTS = 10_000
"""Hints that the hub keeps; a consumer that fell further behind reads the truth anyway."""


class Hub:
    """Numbered hints, the newest `MEMORY_HINTS` of them, and whoever waits for the next."""

    def __init__(self) -> None:
        self._hints: deque[dict[str, Any]] = deque(maxlen=MEMORY_HINTS)
        self._last = 0
        self._news = threading.Condition()

    def post(self, topic: str, repository: str, whats: list[dict[str, str]]) -> None:
        """Append one hint for each of `whats` and wake who waits."""
        with self._news:
            for what in whats:
                self._last += 1
                hint = {"n": self._last, "topic": topic, "repository": repository, "what": what}
                self._hints.append(hint)
            self._news.notify_all()

    def after(self, number: int, topic: str | None, timeout: float) -> dict[str, Any]:
        """Return the hints numbered above `number`, waiting up to `timeout` seconds for one.

        A number that was never given means that the hub restarted: it answers at once, with all
        that it has, and the consumer goes on from `next`.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            is_stranger = number > self._last
            number = 0 if is_stranger else number
            while True:
                found = self._newer(number, topic)
                left = deadline - time.monotonic()
                if found or is_stranger or left <= 0:
                    return {"next": self._last, "hints": found}
                number = self._last
                self._news.wait(left)

    def _newer(self, number: int, topic: str | None) -> list[dict[str, Any]]:
        newer = []
        for hint in reversed(self._hints):
            if hint["n"] <= number:
                break
            if topic in (None, hint["topic"]):
                newer.append(hint)
        return newer[::-1]


def moved_refs(told: bytes, principal: str) -> list[dict[str, str]]:
    """Read what the post-receive hook was told: a line for each ref that a push moved."""
    lines = (line.split() for line in told.decode(errors="replace").splitlines())
    return [
        {"ref": ref[:256], "old": old[:64], "new": new[:64], "principal": principal[:64]}
        for old, new, ref in (line for line in lines if len(line) == 3)
    ]


def pushed_tags(envelope: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (repository, {tag, digest}) of the manifests that a Distribution envelope tells of.

    Pulls, deletions and blobs are skipped. A manifest pushed by digest has the tag "".
    """
    events = envelope.get("events") if isinstance(envelope, dict) else None
    for event in events if isinstance(events, list) else ():
        target = event.get("target") if isinstance(event, dict) else None
        if not isinstance(target, dict) or event.get("action") != "push":
            continue
        repository, tag, digest, media_type = (
            str(target.get(key) or "") for key in ("repository", "tag", "digest", "mediaType")
        )
        if repository and (tag or "manifest" in media_type or "index" in media_type):
            yield repository[:256], {"tag": tag[:128], "digest": digest[:256]}
