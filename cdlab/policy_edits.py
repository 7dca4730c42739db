"""
Changes of a workload's policy as values: hold, resume, lock, automate, skip an image and so on.

An edit says what is wanted; `on` tells which annotations that changes on those that are there, so
that it can be planned again on a manifest that somebody else changed in the meantime. The manager's
commands and people with git use the same ones. Pure; called by the planner and the stories.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cdlab.dates import rfc3339
from cdlab.model import Digest, ImageRef
from cdlab.policies import AUTOMATED, BRANCH, HOLD, LOCK, PREFIX, SKIP, TAG
from cdlab.stops import Hold, Lock, Skip, parsed, skips_from, skips_text

Annotations = Mapping[str, str | None]
"""Annotation -> what it becomes; None: it goes."""
DRIFT = PREFIX + "drift"
"""No annotation but a key of an environment's policy, of which an edit speaks as if it were one."""
MIXED = "Change the policy of"
"""How the subject of an edit begins that has no word of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyEdit:
    """What somebody wants to change."""

    annotations: Annotations = field(default_factory=dict)
    skip: Skip | None = None
    """An image to add to those that are not chosen. It takes the place of an older entry."""
    unskip: Digest | None = None
    """An image to take from them."""
    tag: str = ""
    """What people call the image that is skipped or not any more."""

    def on(self, annotations: Mapping[str, str]) -> dict[str, str | None]:
        """
        What changes on these annotations: nothing where they say the same already.

        A lock or a hold says the same where only the date differs. Raises ValueError if skipped
        images are to be changed and those that are there cannot be read.
        """
        wanted = dict(self.annotations)
        if self.skip or self.unskip:
            wanted[SKIP] = self._skips(annotations.get(SKIP))
        return {
            key: text
            for key, text in wanted.items()
            if _meaning(key, text) != _meaning(key, annotations.get(key))
        }

    def on_environment(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """
        The same on the keys of an environment's policy: they are the annotations without prefix.

        Raises ValueError for an annotation that cannot be read.
        """
        texts = {
            PREFIX + str(key): value if isinstance(value, str) else json.dumps(value)
            for key, value in settings.items()
        }
        return {key.removeprefix(PREFIX): _value(key, text) for key, text in self.on(texts).items()}

    def _skips(self, text: str | None) -> str | None:
        skips = list(skips_from(text)) if text else []
        if self.unskip:
            skips = [each for each in skips if each.image != self.unskip]
        if self.skip and _undated(self.skip) not in map(_undated, skips):
            skips = [each for each in skips if each.image != self.skip.image]
            skips.append(self.skip)
        return skips_text(skips) if skips else None

    def subject(self, workload: str, environment: str) -> str:
        """The first line of the commit that does it. No workload: of the whole environment."""
        name, where = self.tag[:12], f"{workload} in {environment}" if workload else environment
        verbs = [_verb(key, text) for key, text in self.annotations.items()]
        if self.skip:
            verbs.append(f"Skip {name} of")
        if self.unskip:
            verbs.append(f"Choose {name} again of")
        return f"{verbs[0] if len(verbs) == 1 else MIXED} {where}"

    @property
    def identity(self) -> str:
        """The same for a repeated attempt: what is wanted, without when."""
        skip = _undated(self.skip) if self.skip else None
        meanings = {key: _meaning(key, text) for key, text in sorted(self.annotations.items())}
        return f"{meanings} {skip} {self.unskip}"


def hold(user: str, reason: str, *, now: float, until: str = "resumed") -> PolicyEdit:
    """Stop automation. `until`: `resumed`, `newer than sha256:…` or a time as RFC 3339."""
    return PolicyEdit(annotations={HOLD: str(Hold(user, reason, rfc3339(now), until))})


def resume() -> PolicyEdit:
    """Lift a hold."""
    return PolicyEdit(annotations={HOLD: None})


def lock(user: str, reason: str, *, now: float, until: str = "unlocked") -> PolicyEdit:
    """Refuse every release. `until`: `unlocked` or a time as RFC 3339."""
    return PolicyEdit(annotations={LOCK: str(Lock(user, reason, rfc3339(now), until))})


def unlock() -> PolicyEdit:
    """Lift a lock, of what the edit is made on: a workload's or the whole environment's."""
    return PolicyEdit(annotations={LOCK: None})


def automate() -> PolicyEdit:
    """Release new images with no further decision."""
    return PolicyEdit(annotations={AUTOMATED: "true"})


def deautomate() -> PolicyEdit:
    """Have new images wait for somebody."""
    return PolicyEdit(annotations={AUTOMATED: "false"})


def skip(image: ImageRef, user: str, reason: str, *, now: float) -> PolicyEdit:
    """Never choose this image, which is named by its digest; the tag is for people."""
    digest = image.digest or Digest("")
    return PolicyEdit(skip=Skip(digest, user, reason, rfc3339(now)), tag=_called(image))


def unskip(image: ImageRef) -> PolicyEdit:
    """Let it be chosen again."""
    return PolicyEdit(unskip=image.digest or Digest(""), tag=_called(image))


def set_tag(pattern: str | None) -> PolicyEdit:
    """Which tags count; None: as the environment says."""
    return PolicyEdit(annotations={TAG: pattern})


def set_branch(pattern: str | None) -> PolicyEdit:
    """Which branches images must come from; None: as the environment says."""
    return PolicyEdit(annotations={BRANCH: pattern})


def _called(image: ImageRef) -> str:
    return image.tag or (image.digest or "").removeprefix("sha256:")


def _verb(key: str, text: str | None) -> str:
    if key == AUTOMATED:
        return {"true": "Automate", "false": "Deautomate"}.get(text or "", MIXED)
    lifted, set_ = {HOLD: ("Resume", "Hold"), LOCK: ("Unlock", "Lock")}.get(key, (MIXED, MIXED))
    return lifted if text is None else set_


def _value(key: str, text: str | None) -> Any:
    """What stands in an environment's policy for the text of an annotation."""
    return text if text is None or key in (TAG, BRANCH, DRIFT) else parsed(text)


def _undated(skip: Skip) -> Skip:
    return replace(skip, since="")


def _meaning(key: str, text: str | None) -> object:
    """What an annotation says, without when it was written."""
    if text is None or key not in (HOLD, LOCK):
        return text
    try:
        value = parsed(text)
    except ValueError:
        return text
    return {**value, "since": ""} if isinstance(value, dict) else value
