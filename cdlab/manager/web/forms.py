"""
The form behind each button: its fields, what was filled in, and the `Ask` that comes of it.

In: a command, and a query or a posted form. Out: fields for the template, and an `Ask`. Called by
`asking_pages.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from cdlab.errors import NotUnderstood
from cdlab.manager.asking import FORMS, NEEDS, TAKES, read_ask
from cdlab.manager.commands import (
    About,
    Ask,
    Candidate,
    Command,
    PastRelease,
    WorkloadStatus,
)
from cdlab.manager.shown import short
from cdlab.manager.views import clock

MOST_FIELDS = 40

TITLES: dict[Command, str] = {
    "release": "Release",
    "promote": "Promote",
    "rollback": "Roll back",
    "lock": "Lock",
    "unlock": "Unlock",
    "hold": "Hold",
    "resume": "Resume",
    "automate": "Automate",
    "deautomate": "Deautomate",
    "skip": "Skip this image",
    "unskip": "No longer skip this image",
    "policy": "Change the policy",
    "sync": "Sync",
}
FLAGS = {
    "is_image_only": ("Only the image", "Keep the rest of the manifest as it is now."),
    "is_bad": ("This image is bad", "Never release by itself again what is rolled back from."),
    "is_forced": ("Go past a lock", "It is recorded in the commit."),
    "has_prune": ("Prune", "Delete what carries our label and is not in the config repo."),
}
SETTINGS = {
    "tag": ("Tag pattern", "newest, glob:…, semver:… or regexp:…; empty removes it."),
    "branch": ("Branch", "Only images that were built of it; empty: of any."),
    "drift": ("Drift", "Of a whole environment: repair or report."),
}
WHOLE = frozenset({"lock", "unlock", "hold", "resume", "automate", "deautomate", "policy"})
"""Commands that can be about a whole environment."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field, as the template draws it."""

    name: str
    label: str
    kind: str
    """text, area, choice, flag or fixed."""
    value: str = ""
    help: str = ""
    options: tuple[tuple[str, str], ...] = ()
    is_required: bool = False
    longest: int = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What the fields can offer."""

    about: About
    status: Sequence[WorkloadStatus] = ()
    images: Sequence[Candidate] = ()
    history: Sequence[PastRelease] = ()


def fields(command: Command, given: Mapping[str, str], known: Known) -> list[Field]:
    """All fields of a command's form, filled in."""
    made = [_field(name, command, given, known) for name in TAKES[command] if name != "settings"]
    if command == "policy":
        made += _settings(given, known)
    return [*made, *_who_and_why(command, given)]


def _who_and_why(command: Command, given: Mapping[str, str]) -> list[Field]:
    user = Field(
        "user", "Your name", "text", given.get("user", ""), "Stands in the commit.",
        is_required=True, longest=FORMS["user"].longest,
    )  # fmt: skip
    why = Field(
        "message", "Why", "area", given.get("message", ""), "Stands in the commit, too.",
        is_required="message" in NEEDS[command], longest=FORMS["message"].longest,
    )  # fmt: skip
    return [user, why]


def _field(name: str, command: Command, given: Mapping[str, str], known: Known) -> Field:
    value = given.get(name, "")
    if name in FLAGS:
        label, words = FLAGS[name]
        return Field(name, label, "flag", value, words)
    if name in ("workload", "environment", "source"):
        return _place(name, command, value, known.about.environments)
    if name == "image":
        return _image(value, known)
    if name == "to":
        options = _with(value, _releases(known.history), "the last healthy release before")
        return Field(name, "Back to", "choice", value, options=options)
    words = "Empty: until somebody lifts it. Else a time, as 2026-12-24T08:00:00Z."
    return Field(name, "Until", "text", value, words)


def _place(name: str, command: Command, value: str, environments: Iterable[str]) -> Field:
    """Where: to be chosen, or settled by the button."""
    everywhere = [(each, each) for each in environments]
    choices = {
        ("source", "promote"): ("From", everywhere, ""),
        ("environment", "promote"): ("To", everywhere, ""),
        ("environment", "sync"): ("Environment", everywhere, "every environment"),
    }
    if name == "workload" and command in WHOLE:
        label, offered, first = "Workload", [(value, value)] * bool(value), "the whole environment"
    elif (name, command) in choices:
        label, offered, first = choices[name, command]
    else:
        return Field(name, name.capitalize(), "fixed", value)
    options = _with(value, offered, first)
    needed = name in NEEDS[command]
    return Field(name, label, "choice", value, options=options, is_required=needed)


def _image(value: str, known: Known) -> Field:
    wanted = [
        (each.tag, f"{each.tag} ({each.reason})" if each.reason else each.tag)
        for each in known.images
    ]
    words = "the newest that the policy admits"
    return Field("image", "Image", "choice", value, options=_with(value, wanted, words))


def _releases(history: Iterable[PastRelease]) -> list[tuple[str, str]]:
    return [
        (each.revision, f"{short(each.after)} of {clock(each.time)}, {each.revision[:10]}")
        for each in history
        if each.is_healthy and each.after
    ]


def _with(
    value: str, options: Iterable[tuple[str, str]], first: str
) -> tuple[tuple[str, str], ...]:
    """The options, what is chosen whether or not it is known, and the words for no choice."""
    found = dict(options)
    if value:
        found.setdefault(value, value)
    return tuple({**({"": first} if first else {}), **found}.items())


def _settings(given: Mapping[str, str], known: Known) -> list[Field]:
    now = _current(given, known)
    return [
        Field(f"set_{name}", label, "text", given.get(f"set_{name}", now[name]), words)
        for name, (label, words) in SETTINGS.items()
        if name in now
    ]


def _current(given: Mapping[str, str], known: Known) -> dict[str, str]:
    where = (given.get("workload", ""), given.get("environment", ""))
    for each in known.status:
        if (each.workload, each.environment) == where:
            return {"tag": each.pattern, "branch": each.branch}
    modes = [each.drift_mode for each in known.status if each.environment == where[1]]
    return {"tag": "", "branch": "", "drift": "" if where[0] or not modes else modes[0]}


def ask_of(command: Command, given: Mapping[str, str], known: Known, *, is_dry_run: bool) -> Ask:
    """Make the `Ask`. Of the settings only those that somebody changed."""
    values: dict[str, object] = {}
    for name in (*TAKES[command], "user", "message"):
        if name in FLAGS:
            values[name] = bool(given.get(name))
        elif given.get(name):
            values[name] = given[name].replace("\r\n", "\n")
    if command == "policy":
        now = _current(given, known)
        wanted = {name: given.get(f"set_{name}", now[name]) for name in now}
        values["settings"] = {name: value for name, value in wanted.items() if value != now[name]}
    return read_ask(command, {**values, "is_dry_run": is_dry_run})


async def posted(request: Request) -> dict[str, str]:
    """A posted form. Raises NotUnderstood."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise NotUnderstood("the body is not a form")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise NotUnderstood("the form cannot be read") from None
    return dict(pairs)
