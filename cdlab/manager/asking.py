"""
Which fields each command takes, which it needs, and what may stand in them.

In: a command and what somebody sent or typed. Out: an `Ask`, or NotUnderstood with the field and
what would be right. Called by the HTTP API, which describes itself by the same tables, by the
forms of the page and by the command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cdlab.errors import NotUnderstood
from cdlab.manager.commands import Ask, Command
from cdlab.manager.wire import hints, read_value

EVERY = ("user", "message", "is_dry_run")
"""Fields that every command takes."""

TAKES: dict[Command, tuple[str, ...]] = {
    "release": ("workload", "environment", "image", "is_forced"),
    "promote": ("workload", "source", "environment", "is_forced"),
    "rollback": (
        "workload", "environment", "to", "until", "is_image_only", "is_bad", "is_forced",
    ),
    "lock": ("workload", "environment", "until"),
    "unlock": ("workload", "environment"),
    "hold": ("workload", "environment", "until"),
    "resume": ("workload", "environment"),
    "automate": ("workload", "environment"),
    "deautomate": ("workload", "environment"),
    "skip": ("workload", "environment", "image"),
    "unskip": ("workload", "environment", "image"),
    "policy": ("workload", "environment", "settings"),
    "sync": ("environment", "has_prune"),
}  # fmt: skip
"""What each takes beside that."""

NEEDS: dict[Command, tuple[str, ...]] = {
    "release": ("workload", "environment"),
    "promote": ("workload", "source", "environment"),
    "rollback": ("workload", "environment"),
    "lock": ("environment", "message"),
    "unlock": ("environment",),
    "hold": ("environment", "message"),
    "resume": ("environment",),
    "automate": ("environment",),
    "deautomate": ("environment",),
    "skip": ("workload", "environment", "message"),
    "unskip": ("workload", "environment"),
    "policy": ("environment", "settings"),
    "sync": (),
}
"""What has to be there, beside the user. Without a workload it is about the whole environment."""

SUMMARIES: dict[Command, str] = {
    "release": "Release an image, or the newest that the policy admits",
    "promote": "Release to one environment what runs and is healthy in another",
    "rollback": "Go back to the last healthy release, and hold it there, in one commit",
    "lock": "Refuse every release until it is unlocked",
    "unlock": "Let releases go on",
    "hold": "Stop automated releases until they are resumed",
    "resume": "Let automated releases go on",
    "automate": "Release new images by themselves",
    "deautomate": "Release only what somebody asks for",
    "skip": "Never release this image by itself",
    "unskip": "Let this image be released by itself again",
    "policy": "Set which images are released by themselves",
    "sync": "Make the cluster what the config repo says, now",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What may stand in a field of text."""

    longest: int
    """In characters."""
    pattern: str
    """The whole value matches it. Empty values are never held to it."""
    words: str
    """The same for people."""


NAME = Form(63, r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", "letters, digits, '-', '.', '_'")
IMAGE = Form(512, r"[A-Za-z0-9_][A-Za-z0-9._:/@+-]*", "a tag, a digest or an image reference")
LINE = Form(200, r"[^\x00-\x1f\x7f\u2028\u2029-][^\x00-\x1f\x7f\u2028\u2029]*", "one line of text")
TEXT = Form(2000, r"(?:[^\x00-\x08\x0b-\x1f\x7f])+", "text without control characters")

FORMS: dict[str, Form] = {
    "user": Form(100, LINE.pattern, LINE.words),
    "message": TEXT,
    "workload": NAME,
    "environment": NAME,
    "source": NAME,
    "image": IMAGE,
    "to": IMAGE,
    "until": LINE,
    "settings": LINE,
}
"""Field -> what may stand in it. Nothing begins with a dash: nothing is an option of git."""
MOST_SETTINGS = 10


def fields_of(command: Command) -> tuple[str, ...]:
    """All that a command takes, in the order of a form."""
    return (*TAKES[command], *EVERY)


def read_ask(command: Command, given: Mapping[str, object]) -> Ask:
    """Make an `Ask` of what somebody sent. Raises NotUnderstood at the first mistake."""
    takes = fields_of(command)
    if unknown := sorted(set(given) - set(takes)):
        raise NotUnderstood(
            f'{command} has no field "{unknown[0][:100]}"', help=f"it takes {', '.join(takes)}"
        )
    kinds = hints(Ask)
    values = {name: read_value(kinds[name], value, name) for name, value in given.items()}
    for name, value in values.items():
        check(name, value)
    for name in ("user", *NEEDS[command]):
        if not values.get(name):
            raise NotUnderstood(f'{command} needs "{name}"', help="see /api/v1/openapi.json")
    return Ask(command=command, **values)


def check(name: str, value: object) -> None:
    """Raise NotUnderstood where a text is too long or holds what it must not."""
    if isinstance(value, Mapping):
        if len(value) > MOST_SETTINGS:
            raise NotUnderstood(f'"{name}" has more than {MOST_SETTINGS} entries')
        texts = [*value, *value.values()]
    else:
        texts = [value] if isinstance(value, str) else []
    for text in filter(None, texts):
        form = FORMS[name]
        if len(text) > form.longest:
            raise NotUnderstood(f'"{name}" is longer than {form.longest} characters')
        if not re.fullmatch(form.pattern, text):
            raise NotUnderstood(f'"{name}" is not {form.words}')
