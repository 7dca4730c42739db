"""
Locks, holds and skipped images: who stopped what, why, since when, and what lifts it.

In the config repo each is a line of JSON in an annotation, or a mapping in an environment's policy.
Reading is strict: what is not understood is a ValueError that says what is wrong, and the caller
adds file and line. Pure; called by `policies`, `environment_policies` and `policy_edits`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from cdlab.dates import seconds_of
from cdlab.model import Digest

NEWER_THAN = "newer than "
"""How the lift rule of a hold begins that an image newer than a bad one lifts."""
SHORT = len(f"{NEWER_THAN}sha256:") + 12
"""As much of that rule as a person needs to know the image again."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

S = TypeVar("S", bound="Stop")


@dataclass(frozen=True, slots=True)
class Stop:
    """What locks and holds have in common. `str` gives the annotation's text."""

    user: str
    reason: str
    since: str = ""
    """RFC 3339. Empty where somebody wrote it by hand and left it out; git's log has it."""
    until: str = ""
    """The lift rule. A lock and a hold have rules of their own."""

    def __str__(self) -> str:
        return json.dumps(_plain(self))

    @property
    def words(self) -> str:
        """Who and why, for the reason of an outcome; and until when if it ends by itself."""
        is_timed, is_for_newer = seconds_of(self.until) is not None, NEWER_THAN in self.until
        ends = self.until if is_timed else f"{self.until[:SHORT]}…" if is_for_newer else ""
        return f"{self.user}: {self.reason}" + (f", until {ends}" if ends else "")

    def is_over(self, now: float) -> bool:
        """Whether its time has passed. A rule that names no time is never over by itself."""
        end = seconds_of(self.until)
        return end is not None and end <= now


@dataclass(frozen=True, slots=True)
class Lock(Stop):
    """Refuses every release, until somebody unlocks or a time has come."""

    until: str = "unlocked"


@dataclass(frozen=True, slots=True)
class Hold(Stop):
    """Stops automation, until somebody resumes, a newer image is there, or a time has come."""

    until: str = "resumed"

    @property
    def bad(self) -> Digest | None:
        """The image that only a newer one lifts the hold of."""
        found = self.until.startswith(NEWER_THAN)
        return Digest(self.until.removeprefix(NEWER_THAN)) if found else None


@dataclass(frozen=True, slots=True)
class Skip:
    """An image that neither automation nor a release of the newest one may choose."""

    image: Digest
    user: str
    reason: str
    since: str = ""

    @property
    def words(self) -> str:
        """Who and why."""
        return f"{self.user}: {self.reason}"


def newer_than(image: Digest) -> str:
    """The lift rule that only an image newer than a bad one meets."""
    return f"{NEWER_THAN}{image}"


def stop_from(value: object, kind: type[S]) -> S:
    """Make a lock or a hold of a JSON object or a YAML mapping."""
    found = _texts(value, needs=("user", "reason"), may=("since", "until"))
    stop = kind(**found)
    is_moment = seconds_of(stop.until) is not None
    default = kind(user="", reason="").until
    bad = stop.bad if isinstance(stop, Hold) else None
    if not (is_moment or stop.until == default or (bad and _DIGEST.fullmatch(bad))):
        rules = f'"{default}", a time as RFC 3339'
        more = f' and "{NEWER_THAN}sha256:…"' if kind is Hold else ""
        raise ValueError(f'no lift rule is called "{stop.until[:80]}"; there are {rules}{more}')
    return stop


def skips_from(text: str) -> tuple[Skip, ...]:
    """Read the annotation of skipped images: a JSON list."""
    value = parsed(text)
    if not isinstance(value, list):
        raise ValueError('wants a list of {"image": "sha256:…", "user": …, "reason": …}')
    found = []
    for each in value:
        texts: dict[str, Any] = _texts(each, needs=("image", "user", "reason"), may=("since",))
        if not _DIGEST.fullmatch(texts["image"]):
            raise ValueError(f'"{each["image"][:80]}" is not a digest: sha256: and 64 digits')
        found.append(Skip(**texts))
    return tuple(found)


def skips_text(skips: Sequence[Skip]) -> str:
    """The annotation's text: one line of JSON."""
    return json.dumps([_plain(each) for each in skips])


def parsed(text: str) -> Any:
    """JSON, with a ValueError for whatever is wrong with it, a key that stands twice included."""
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _texts(value: object, *, needs: Sequence[str], may: Sequence[str]) -> dict[str, str]:
    """A mapping's values, all of them text: those it needs, those it may have, and no others."""
    wanted = ", ".join([*needs, *(f"{each}?" for each in may)])
    if not isinstance(value, Mapping) or not set(needs) <= set(value) <= {*needs, *may}:
        raise ValueError(f"wants {wanted}, and nothing else")
    for key, text in value.items():
        if not isinstance(text, str):
            raise ValueError(f"{key} is not text")
        text.encode()  # half a surrogate pair is a ValueError: nothing could be written of it
    if not value["user"].strip():
        raise ValueError("user is empty")
    when = value.get("since", "")
    if "since" in value and seconds_of(when) is None:
        raise ValueError(f'since is not a time as RFC 3339: "{when[:80]}"')
    return dict(value)


def _plain(stop: Stop | Skip) -> dict[str, str]:
    found = {each.name: getattr(stop, each.name) for each in fields(stop)}
    return {key: value for key, value in found.items() if value or key != "since"}
