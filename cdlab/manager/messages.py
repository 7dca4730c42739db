"""
What goes between a run and its release manager elsewhere, as plain values for JSON.

`Channel` is how a run asks; `answer` in `hosted_manager.py` is who is asked. Paths: `rollback`,
`promote` and `rebuild` with the id of a request, `events` after a number, `clock`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Protocol

from cdlab.model import ImageRef, Outcome

PREFIX = "/internal/v1/"
"""Of the paths over HTTP. Private: whoever asks is the run that installed the manager."""
Body = Mapping[str, Any]


class Channel(Protocol):
    """A way to a release manager that runs elsewhere."""

    async def ask(self, path: str, body: Body) -> Body:
        """
        Its answer. `ManagerUnavailable` when there is none.

        That is definite only where the request never left.
        """

    def hang_up(self) -> None:
        """End a wait for events, from the kernel's thread. The next question opens it again."""


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain values, without the commit: whoever wants that has the config repo."""
    plain = asdict(outcome)
    return {each.name: plain[each.name] for each in fields(Outcome)}


def outcome_of(body: Body) -> Outcome:
    """And back."""
    image = body.get("image")
    return Outcome(**{**body, "image": ImageRef(**image) if image else None})
